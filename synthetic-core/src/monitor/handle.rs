//! [`Handle`]: what a monitor is asked and told while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::board::Board;
use super::config_error::{ConfigError, List, Problem};
use super::health::Health;
use super::slot::{Id, Phase, Slot};
use super::state::{Life, State};
use super::status::{Activity, CanaryStatus};
use super::validate;
use crate::canary::AnyCanary;
use crate::report::Report;
use crate::schedule::{Schedule, seed};
use crate::sink::{MonitorView, SinkStats};
use crate::vitals::Stats;

/// Asks a monitor what it does, and tells it what to do: to list its canaries, to pause one, to run one now, to add one. Cheap to
/// clone; it may outlive the monitor.
///
/// What CloudWatch Synthetics calls DescribeCanaries is [`list`](Self::list), GetCanaryRuns is [`runs`](Self::runs), StopCanary
/// and StartCanary are [`pause`](Self::pause) and [`resume`](Self::resume), UpdateCanary is [`reschedule`](Self::reschedule),
/// CreateCanary and DeleteCanary are [`add`](Self::add) and [`remove`](Self::remove).
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_core::testing::RecordingSink;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = canary(Spec::new("health"), |run: Run| async move { run.expect("up", true, eq(true)) });
/// let monitor = Monitor::named("shop").canary(every(mins(1)), health).sink(RecordingSink::new()).build()?;
/// let handle = monitor.handle();
/// let running = tokio::spawn(monitor.run_until(tokio::time::sleep(mins(10))));
///
/// tokio::time::sleep(secs(90)).await;
/// assert_eq!(handle.runs("health")?.len(), 2);
/// handle.pause("health")?;
/// tokio::time::sleep(mins(5)).await;
/// handle.trigger("health")?;
/// tokio::time::sleep(secs(1)).await;
/// assert_eq!(handle.runs("health")?.len(), 3, "it runs when it is told to, also when it is paused");
/// assert!(handle.get("health").is_some_and(|health| health.paused));
/// # running.await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Handle {
    board: Arc<Board>,
    monitor: Arc<str>,
    location: Option<Arc<str>>,
    intervals: u32,
}

/// Says why a monitor does not do what it is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is no canary of this name.
    #[error("there is no canary {name:?}{}", there_are(known))]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<Arc<str>>,
    },
    /// The canary runs, or waits for its place: it never runs twice side by side.
    #[error("canary {0:?} runs now, or waits for its place: it never runs twice side by side")]
    Busy(String),
    /// The monitor was not started yet, or was told to stop.
    #[error("the monitor does not run: {0}")]
    NotRunning(&'static str),
    /// What is to be added, or when it is to run, cannot work.
    #[error("the monitor goes on as it was:{}", List(.0.problems()))]
    Config(ConfigError),
}

fn there_are(known: &[Arc<str>]) -> String {
    const SHOWN: usize = 10;
    let names = known.iter().take(SHOWN).map(|name| &**name).collect::<Vec<_>>().join(", ");
    match known.len() {
        0 => ": there is none at all".to_owned(),
        n if n > SHOWN => format!(": there are {names} and {} more", n - SHOWN),
        _ => format!(": there are {names}"),
    }
}

impl Handle {
    pub(super) fn new(board: Arc<Board>, monitor: Arc<str>, location: Option<Arc<str>>, intervals: u32) -> Self {
        Self { board, monitor, location, intervals }
    }

    pub(super) fn monitor(&self) -> &str {
        &self.monitor
    }

    /// Returns every canary, by name.
    #[must_use]
    pub fn list(&self) -> Vec<CanaryStatus> {
        let start = self.board.start_time();
        let state = self.board.lock();
        let mut all: Vec<_> = state.slots().filter(|slot| !slot.removed).map(|slot| status(slot, start)).collect();
        drop(state);
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Returns one canary, if it is there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<CanaryStatus> {
        let start = self.board.start_time();
        let state = self.board.lock();
        state.find(name).and_then(|id| state.slot(id)).map(|slot| status(slot, start))
    }

    /// Returns the runs of a canary that are remembered, the newest first: a bounded number, see
    /// [`Builder::history`](super::Builder::history). Runs that did not pass outlive those that did.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::Unknown`] when there is no such canary.
    pub fn runs(&self, name: &str) -> Result<Vec<Arc<Report>>, ControlError> {
        let state = self.board.lock();
        let id = find(&state, name)?;
        Ok(state.slot(id).map(|slot| slot.history.newest_first()).unwrap_or_default())
    }

    /// Lets a canary start no more by its schedule, until [`resume`](Self::resume). A run that goes on is not touched; a start
    /// that waits for its place is given up.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::Unknown`] when there is no such canary.
    pub fn pause(&self, name: &str) -> Result<(), ControlError> {
        self.change(name, |state, id, now, _| {
            state.leave_queue(id);
            if let Some(slot) = state.slot_mut(id) {
                slot.paused = true;
            }
            state.plan(id, now);
            Ok(())
        })
    }

    /// Lets a canary start by its schedule again: next at the next start that its schedule names. Starts while it was paused
    /// do not count as missed.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::Unknown`] when there is no such canary.
    pub fn resume(&self, name: &str) -> Result<(), ControlError> {
        self.change(name, |state, id, now, _| {
            let has_started = state.life != Life::NotStarted;
            let Some(slot) = state.slot_mut(id).filter(|slot| slot.paused) else { return Ok(()) };
            slot.paused = false;
            if has_started {
                slot.go_on_at(now);
            }
            if slot.phase == Phase::Idle {
                state.plan(id, now);
            }
            Ok(())
        })
    }

    /// Lets a canary run now, also when it is paused. Its schedule stays as it is.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::Unknown`] when there is no such canary, [`ControlError::Busy`] when it runs or waits already, and
    /// [`ControlError::NotRunning`] when the monitor does not run.
    pub fn trigger(&self, name: &str) -> Result<(), ControlError> {
        self.running()?;
        self.change(name, |state, id, now, started| {
            if state.slot(id).is_some_and(|slot| slot.phase != Phase::Idle) {
                return Err(ControlError::Busy(name.to_owned()));
            }
            state.trigger(id, now, started);
            Ok(())
        })
    }

    /// Gives a canary another schedule, which counts from now on.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::Unknown`] when there is no such canary, and [`ControlError::Config`] with what is wrong with the
    /// schedule; the canary keeps the one that it has then.
    pub fn reschedule(&self, name: &str, schedule: impl Into<Schedule>) -> Result<(), ControlError> {
        let schedule = schedule.into();
        self.change(name, |state, id, now, _| {
            let Some(slot) = state.slot_mut(id) else { return Ok(()) };
            self.accept(validate::timing(&schedule, slot.canary.spec()), name)?;
            slot.schedule = schedule;
            slot.begin_at(now);
            if slot.phase == Phase::Idle {
                state.plan(id, now);
            }
            Ok(())
        })
    }

    /// Adds a canary, which runs from now on. Where every canary runs [once](super::Monitor::once), so does this one.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::Config`] with everything that is wrong with it: what
    /// [`Builder::build`](super::Builder::build) refuses, and a name that is there already. Returns
    /// [`ControlError::Busy`] when one of this name was removed, and its run still goes on, and
    /// [`ControlError::NotRunning`] when the monitor does not run.
    pub fn add(&self, schedule: impl Into<Schedule>, canary: impl Into<AnyCanary>) -> Result<(), ControlError> {
        self.running()?;
        let (schedule, canary) = (schedule.into(), canary.into());
        let name = canary.spec().shared_name();
        self.board.change(|state, now, _| {
            let mut problems = validate::canary(&schedule, canary.spec(), &|class| state.class(class).is_some());
            if state.find(&name).is_some() {
                problems.push(validate::TWICE.to_owned());
            }
            self.accept(problems, &name)?;
            if state.is_leaving(&name) {
                return Err(ControlError::Busy(name.to_string()));
            }
            let class = state.class(canary.spec().class_name()).unwrap_or_default();
            let mut slot = Slot::new(canary, schedule, class, seed(&self.monitor, &name));
            slot.begin_at(now);
            state.add(slot, now);
            Ok(())
        })
    }

    /// Removes a canary. A run that goes on is not touched, and its report is delivered.
    ///
    /// # Errors
    ///
    /// Returns [`ControlError::Unknown`] when there is no such canary.
    pub fn remove(&self, name: &str) -> Result<(), ControlError> {
        self.change(name, |state, id, _, _| {
            state.remove(id);
            Ok(())
        })
    }

    /// Returns what the monitor sees of itself: how late runs start, how long they wait, what did not start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.board.lock().stats.clone()
    }

    /// Returns what became of the reports so far, by sink, in the order in which they were added; nothing before the monitor is
    /// started.
    #[must_use]
    pub fn sinks(&self) -> Vec<SinkStats> {
        self.board.sinks()
    }

    /// Returns whether the monitor does what it is there for.
    #[must_use]
    pub fn health(&self) -> Health {
        Health::of(&self.board, self.intervals)
    }

    fn running(&self) -> Result<(), ControlError> {
        match self.board.lock().life {
            Life::Running | Life::Once => Ok(()),
            Life::NotStarted => Err(ControlError::NotRunning("it was not started")),
            Life::Draining | Life::Ended => Err(ControlError::NotRunning("it was told to stop")),
        }
    }

    fn change(
        &self,
        name: &str,
        change: impl FnOnce(&mut State, Id, Duration, Instant) -> Result<(), ControlError>,
    ) -> Result<(), ControlError> {
        self.board.change(|state, now, started| {
            let id = find(state, name)?;
            change(state, id, now, started)
        })
    }

    fn accept(&self, problems: Vec<String>, canary: &str) -> Result<(), ControlError> {
        if problems.is_empty() {
            return Ok(());
        }
        let problem = |text| Problem { canary: Some(canary.to_owned()), text };
        let problems = problems.into_iter().map(problem).collect();
        Err(ControlError::Config(ConfigError::new(Arc::clone(&self.monitor), problems)))
    }
}

impl MonitorView for Handle {
    fn name(&self) -> &str {
        &self.monitor
    }

    fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    fn has_canary(&self, name: &str) -> bool {
        self.board.lock().find(name).is_some()
    }

    fn canaries(&self) -> Vec<Arc<str>> {
        let state = self.board.lock();
        state.slots().filter(|slot| !slot.removed).map(|slot| slot.canary.spec().shared_name()).collect()
    }

    fn stats(&self) -> Stats {
        Self::stats(self)
    }

    fn sinks(&self) -> Vec<SinkStats> {
        Self::sinks(self)
    }
}

fn find(state: &State, name: &str) -> Result<Id, ControlError> {
    state.find(name).ok_or_else(|| {
        let mut known: Vec<_> =
            state.slots().filter(|slot| !slot.removed).map(|slot| slot.canary.spec().shared_name()).collect();
        known.sort();
        ControlError::Unknown { name: name.to_owned(), known }
    })
}

fn status(slot: &Slot, start: Option<SystemTime>) -> CanaryStatus {
    let spec = slot.canary.spec();
    CanaryStatus {
        name: spec.shared_name(),
        tags: spec.shared_tags(),
        class: spec.class_name().to_owned(),
        schedule: slot.schedule.to_string(),
        timeout: spec.time(),
        activity: match slot.phase {
            Phase::Idle => Activity::Idle,
            Phase::Waiting => Activity::Waiting,
            Phase::Running => Activity::Running,
        },
        paused: slot.paused,
        next: slot.next.zip(start).and_then(|(next, start)| start.checked_add(next)),
        last: slot.last_run,
        summary: slot.counts.into(),
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("monitor", &self.monitor).finish_non_exhaustive()
    }
}
