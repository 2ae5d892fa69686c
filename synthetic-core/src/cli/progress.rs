//! Shows how far `once` and a drain are: on a terminal in one line that changes, elsewhere in plain lines.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::terminal;
use crate::monitor::{Activity, Handle};
use crate::outcome::Outcome;
use crate::report::{Report, Took};
use crate::sink::{DeliveryError, Sink};

/// How often a terminal is refreshed.
const FRAME: Duration = Duration::from_millis(200);
/// How many names of canaries fit into a line.
const NAMES: usize = 3;

/// What `once` has seen so far. It is one of the monitor's sinks.
#[derive(Clone)]
pub(super) struct Progress(Arc<Seen>);

struct Seen {
    total: usize,
    done: AtomicUsize,
    bad: AtomicUsize,
    /// What stands on the terminal is one line: who writes, holds this.
    line: Mutex<()>,
    watched: bool,
}

impl Progress {
    pub(super) fn of(total: usize) -> Self {
        let (done, bad) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self(Arc::new(Seen { total, done, bad, line: Mutex::new(()), watched: terminal::is_watched() }))
    }

    /// Shows on a terminal what goes on, until it is dropped.
    pub(super) fn watch(&self, handle: Handle) -> Watch {
        let seen = Arc::clone(&self.0);
        let frames = async move {
            loop {
                seen.draw(&handle);
                sleep(FRAME).await;
            }
        };
        Watch {
            _frames: self.0.watched.then(|| AbortOnDropHandle::new(tokio::spawn(frames))),
            seen: Arc::clone(&self.0),
        }
    }
}

impl Seen {
    fn draw(&self, handle: &Handle) {
        let (done, bad) = (self.done.load(Ordering::Relaxed), self.bad.load(Ordering::Relaxed));
        let mut line = format!("{done} of {} done", self.total);
        if bad > 0 {
            let _ = write!(line, ", {bad} not passed");
        }
        let running = running(handle);
        if !running.is_empty() {
            let _ = write!(line, ": {running}");
        }
        let _one = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        terminal::show(&line);
    }
}

/// Names those who run now: `a, b and 3 more`.
fn running(handle: &Handle) -> String {
    let all = handle.list();
    let names: Vec<&str> =
        all.iter().filter(|canary| canary.activity == Activity::Running).map(|canary| &*canary.name).collect();
    let shown = names.iter().take(NAMES).copied().collect::<Vec<_>>().join(", ");
    if names.len() > NAMES { format!("{shown} and {} more", names.len() - NAMES) } else { shown }
}

#[async_trait]
impl Sink for Progress {
    fn name(&self) -> &'static str {
        "progress"
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        for report in reports {
            let done = self.0.done.fetch_add(1, Ordering::Relaxed) + 1;
            if report.outcome != Outcome::Passed {
                self.0.bad.fetch_add(1, Ordering::Relaxed);
            }
            let why = report.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            let line = format!("{:<8}  {}  {}{why}", report.outcome, report.canary, Took(report.duration));
            let _one = self.0.line.lock().unwrap_or_else(PoisonError::into_inner);
            if self.0.watched {
                terminal::show("");
                terminal::err(&line);
            } else {
                terminal::err(&format!("{line}  [{done}/{}]", self.0.total));
            }
        }
        Ok(())
    }
}

/// A terminal that shows what goes on. What is left of it goes when this is dropped.
pub(super) struct Watch {
    _frames: Option<AbortOnDropHandle<()>>,
    seen: Arc<Seen>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.seen.watched {
            let _one = self.seen.line.lock().unwrap_or_else(PoisonError::into_inner);
            terminal::show("");
        }
    }
}

/// Says what a drain waits for, until it is dropped: at once, then every five seconds; on a terminal in one line that changes.
pub(super) async fn watch_drain(handle: Handle, grace: Duration) {
    let (started, watched) = (Instant::now(), terminal::is_watched());
    loop {
        let in_flight = handle.stats().in_flight;
        let left = grace.saturating_sub(started.elapsed()).as_secs();
        let line = match in_flight {
            0 => "draining: delivering what is queued".to_owned(),
            n => format!(
                "draining: {n} runs go on ({}), at most {left} s more; once more to end at once",
                running(&handle)
            ),
        };
        if watched {
            terminal::show(&line);
            sleep(FRAME).await;
        } else {
            terminal::err(&line);
            sleep(Duration::from_secs(5)).await;
        }
    }
}
