//! Where time comes from: [`Clock`], the one reader of the system's wall clock.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Tells the time of a run: a wall clock that never jumps, because it is read once and then counted on monotonically.
///
/// Under a paused tokio clock it stands still and advances with it.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use synthetic_core::Clock;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let clock = Clock::starting_at(SystemTime::UNIX_EPOCH);
/// tokio::time::sleep(Duration::from_secs(90)).await;
/// assert_eq!(clock.now(), SystemTime::UNIX_EPOCH + Duration::from_secs(90));
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    wall: SystemTime,
    started: Instant,
}

/// Returns the moment that is so much later; in thirty years when that is too far away to be told. `Duration::MAX` is what
/// people write for "never", and a moment that is none panics.
pub(crate) fn later(moment: Instant, by: Duration) -> Instant {
    const FAR_AWAY: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    moment.checked_add(by).unwrap_or_else(|| moment + FAR_AWAY)
}

impl Clock {
    /// Reads the system's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else takes time from")]
    pub fn system() -> Self {
        Self::starting_at(SystemTime::now())
    }

    /// Starts at a given time, for tests that compare whole reports.
    #[must_use]
    pub fn starting_at(wall: SystemTime) -> Self {
        Self { wall, started: Instant::now() }
    }

    /// Returns the wall-clock time.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.wall + self.elapsed()
    }

    /// Returns how long ago the clock was started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Returns the wall-clock time of a moment; of one before the clock was started, the time at which it was started.
    #[must_use]
    pub fn wall_at(&self, moment: Instant) -> SystemTime {
        self.wall + moment.saturating_duration_since(self.started)
    }

    /// Returns the moment at which the clock was started.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }
}
