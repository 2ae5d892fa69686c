//! What a monitor is asked, and what it answers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::monitor::{CanaryStatus, ControlError, Handle};
use crate::report::Report;
use crate::schedule::Schedule;

/// What a monitor is asked.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(in crate::cli) enum Request {
    Status,
    Health,
    Runs { name: String, most: usize },
    Pause { names: Vec<String> },
    Resume { names: Vec<String> },
    Trigger { names: Vec<String> },
    Reschedule { name: String, schedule: String },
}

/// What a monitor answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(in crate::cli) enum Answer {
    /// It is done.
    Done,
    /// It is not done, and nothing was changed.
    Refused {
        why: String,
    },
    Canaries {
        canaries: Vec<CanaryStatus>,
    },
    Runs {
        runs: Vec<Arc<Report>>,
    },
    Health {
        healthy: bool,
        text: String,
    },
}

/// Does what a monitor is asked. Of several canaries, all are done or none.
pub(in crate::cli) fn answer(handle: &Handle, request: Request) -> Answer {
    let done = match request {
        Request::Status => return Answer::Canaries { canaries: handle.list() },
        Request::Health => {
            let health = handle.health();
            return Answer::Health { healthy: health.is_healthy(), text: health.to_string() };
        }
        Request::Runs { name, most } => handle.runs(&name).map(|mut runs| {
            runs.truncate(most);
            Answer::Runs { runs }
        }),
        Request::Pause { names } => each(handle, &names, Handle::pause),
        Request::Resume { names } => each(handle, &names, Handle::resume),
        Request::Trigger { names } => each(handle, &names, Handle::trigger),
        Request::Reschedule { name, schedule } => match schedule.parse::<Schedule>() {
            Ok(schedule) => handle.reschedule(&name, schedule).map(|()| Answer::Done),
            Err(why) => return Answer::Refused { why: why.to_string() },
        },
    };
    done.unwrap_or_else(|error| Answer::Refused { why: error.to_string() })
}

fn each(
    handle: &Handle,
    names: &[String],
    act: impl Fn(&Handle, &str) -> Result<(), ControlError>,
) -> Result<Answer, ControlError> {
    // A name that is wrong is found before anything is done.
    names.iter().try_for_each(|name| handle.runs(name).map(drop))?;
    names.iter().try_for_each(|name| act(handle, name))?;
    Ok(Answer::Done)
}
