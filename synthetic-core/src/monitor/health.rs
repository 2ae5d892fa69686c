//! Who watches the monitor: whether it lives, whether it is ready, and which canaries have gone silent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::board::Board;
use super::slot::Slot;
use super::state::Life;

/// How long the scheduler may be silent: it wakes every five seconds.
const PULSE: Duration = Duration::from_secs(30);

/// Says whether a monitor does what it is there for, for probes of a platform and for an alarm of its own.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_core::testing::RecordingSink;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
/// let stuck = canary(Spec::new("stuck").timeout(secs(9)), |_run: Run| std::future::pending());
/// let monitor = Monitor::named("shop").canary(every(secs(10)), stuck).sink(RecordingSink::new()).build()?;
/// let handle = monitor.handle();
/// assert!(!handle.health().is_ready());
///
/// let running = tokio::spawn(monitor.run_until(tokio::time::sleep(mins(1))));
/// tokio::time::sleep(secs(30)).await;
/// assert!(handle.health().is_healthy(), "it fails, and says so in time");
/// # running.await.unwrap();
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The scheduler is at work: it was awake within the last half minute. When it is not, restart the process.
    pub live: bool,
    /// The monitor keeps its schedules, and was not told to stop.
    pub ready: bool,
    /// The canaries that have concluded no run for too long, by name; those that are paused are not meant to.
    pub silent: Vec<Silent>,
    /// The canaries whose start waits for a place for longer than their interval, by name.
    pub starved: Vec<Arc<str>>,
}

/// A canary that has concluded no run for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Silent {
    /// Its name.
    pub canary: Arc<str>,
    /// For how long: since its last run ended, or since it was added, rescheduled or let go on after a pause.
    pub since: Duration,
}

impl Health {
    /// Returns whether it lives, and no canary is silent or starved: answer a liveness probe by [`live`](Self::live) alone, and
    /// wake somebody by this.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.live && self.silent.is_empty() && self.starved.is_empty()
    }

    /// Returns whether it lives and keeps its schedules: what a readiness probe asks.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.live && self.ready
    }

    /// Looks at a board. A canary is silent when it has concluded nothing for so many of its intervals.
    pub(super) fn of(board: &Board, intervals: u32) -> Self {
        let Some(now) = board.elapsed() else {
            return Self { live: true, ready: false, silent: Vec::new(), starved: Vec::new() };
        };
        let state = board.lock();
        let live = state.life != Life::Running || now.saturating_sub(state.beat) <= PULSE;
        let counted = |slot: &&Slot| state.life == Life::Running && !slot.paused && !slot.removed;
        let silent = state.slots().filter(counted).filter(|slot| slot.is_silent(state.wall, now, intervals));
        let silent = silent.map(|slot| Silent {
            canary: slot.canary.spec().shared_name(),
            since: now.saturating_sub(slot.quiet_since()),
        });
        let starved = state.waiting().filter(|(slot, since)| slot.is_overtaken(state.wall, *since, now));
        let mut health = Self {
            live,
            ready: state.life == Life::Running,
            silent: silent.collect(),
            starved: starved.map(|(slot, _)| slot.canary.spec().shared_name()).collect(),
        };
        drop(state);
        health.silent.sort_by(|a, b| a.canary.cmp(&b.canary));
        health.starved.sort();
        health
    }
}

/// One line: `healthy`, or what is wrong.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut wrong = Vec::new();
        if !self.live {
            wrong.push(
                "the scheduler has not been awake for half a minute: a canary or the app blocks its threads".to_owned(),
            );
        }
        wrong.extend(
            self.silent
                .iter()
                .map(|silent| format!("{} has concluded no run for {} s", silent.canary, silent.since.as_secs())),
        );
        wrong.extend(
            self.starved.iter().map(|canary| format!("{canary} waits for a place for longer than its interval")),
        );
        match (wrong.is_empty(), self.ready) {
            (true, true) => f.write_str("healthy"),
            (true, false) => f.write_str("not running"),
            (false, _) => write!(f, "unhealthy: {}", wrong.join("; ")),
        }
    }
}
