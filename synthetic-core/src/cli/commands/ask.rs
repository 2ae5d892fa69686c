//! `status`, `runs`, `pause`, `resume`, `trigger`, `reschedule` and `health`: speak to a monitor that runs.

use std::path::Path;

use super::show;
use crate::cli::control::{Answer, Request, ask};
use crate::cli::line::What;
use crate::cli::output::OutputFlags;
use crate::cli::{Refused, terminal};
use crate::monitor::{Exit, Summary};

/// How an answer is shown.
enum Shown<'a> {
    Table,
    Json,
    As(&'a OutputFlags),
}

pub(super) async fn of_a_running_one(command: &What, control: Option<&Path>) -> Option<Result<Exit, Refused>> {
    let (request, shown) = match command {
        What::Status { json } => (Request::Status, if *json { Shown::Json } else { Shown::Table }),
        What::Health => (Request::Health, Shown::Table),
        What::Runs { name, most, output } => (Request::Runs { name: name.clone(), most: *most }, Shown::As(output)),
        What::Pause { names } => (Request::Pause { names: names.clone() }, Shown::Table),
        What::Resume { names } => (Request::Resume { names: names.clone() }, Shown::Table),
        What::Trigger { names } => (Request::Trigger { names: names.clone() }, Shown::Table),
        What::Reschedule { name, schedule } => {
            (Request::Reschedule { name: name.clone(), schedule: schedule.clone() }, Shown::Table)
        }
        What::Run { .. }
        | What::Once { .. }
        | What::List { .. }
        | What::Validate { .. }
        | What::Alerts { .. }
        | What::Dashboard { .. }
        | What::Sweep { .. }
        | What::Schema { .. } => {
            return None;
        }
    };
    Some(match ask(control, &request).await {
        Ok(answer) => show_answer(answer, &shown),
        Err(refused) => Err(refused),
    })
}

fn show_answer(answer: Answer, shown: &Shown<'_>) -> Result<Exit, Refused> {
    match (answer, shown) {
        (Answer::Canaries { canaries }, Shown::Json) => {
            terminal::out(&serde_json::to_string_pretty(&canaries).map_err(Refused::error)?);
        }
        (Answer::Canaries { canaries }, _) => terminal::out(&show::status(&canaries)),
        (Answer::Runs { runs }, Shown::As(output)) => {
            output.check()?;
            output.write(&runs, &Summary::of(&runs))?;
        }
        (Answer::Health { healthy, text }, _) => {
            terminal::out(&text);
            return Ok(if healthy { Exit::Passed } else { Exit::Failed });
        }
        (Answer::Done, _) => terminal::out("done"),
        (answer, _) => return Err(Refused::error(format!("its answer does not fit the question: {answer:?}"))),
    }
    Ok(Exit::Passed)
}
