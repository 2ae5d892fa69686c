//! When a canary runs: pure functions from a start to moments.

use std::time::Duration;

pub use crate::expect::{Every, every};

/// # A cadence
///
/// ```
/// use synthetic_core::prelude::*;
/// assert_eq!(every(mins(1)).period(), secs(60));
/// ```
impl Every<Duration> {
    /// Returns the time from one start to the next.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.element
    }
}

/// When a canary runs: the nth start is `offset + n · period` after the monitor's start, however long a run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a schedule does nothing until it is given to a monitor"]
pub struct Schedule {
    period: Duration,
}

impl From<Every<Duration>> for Schedule {
    fn from(every: Every<Duration>) -> Self {
        Self { period: every.period() }
    }
}

impl Schedule {
    /// Returns the time from one start to the next.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// Returns the number of the last start that is due by `elapsed`; 0 when none is. Starts are nominal: a late one moves
    /// none after it.
    pub(crate) fn last_due(&self, offset: Duration, elapsed: Duration) -> u64 {
        let since = elapsed.saturating_sub(offset).as_nanos();
        u64::try_from(since / self.period.as_nanos().max(1)).unwrap_or(u64::MAX)
    }

    /// Returns when the nth start is.
    pub(crate) fn nth(&self, offset: Duration, n: u64) -> Duration {
        offset.saturating_add(nanos(u128::from(n) * self.period.as_nanos()))
    }
}

/// Spreads the first starts of `count` canaries of one period, so that they do not all start at once: the nth starts
/// n · min(period / count, 60 s) after the first.
///
/// The rule is cloudprober's inter-probe wait.
pub(crate) fn stagger(period: Duration, count: usize, n: usize) -> Duration {
    let gap = (period.as_nanos() / count.max(1) as u128).min(Duration::from_secs(60).as_nanos());
    nanos(gap * n as u128)
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_of_one_period_are_spread_over_it() {
        let (secs, mins) = (Duration::from_secs, |n: u64| Duration::from_secs(60 * n));
        for (period, count, gap) in [
            (secs(5), 20, Duration::from_millis(250)),
            (secs(30), 12, Duration::from_millis(2500)),
            (mins(5), 4, secs(60)),
            (mins(60), 12, secs(60)),
        ] {
            assert_eq!(stagger(period, count, 1), gap);
            assert!(stagger(period, count, count - 1) < period);
        }
        assert_eq!(stagger(Duration::ZERO, 0, 3), Duration::ZERO);
    }

    #[test]
    fn starts_are_nominal_whenever_they_are_asked_for() {
        let schedule = Schedule::from(every(Duration::from_secs(10)));
        let offset = Duration::from_secs(3);
        for (elapsed, due, at) in [(0, 0, 3), (3, 0, 3), (12, 0, 3), (13, 1, 13), (14, 1, 13), (55, 5, 53)] {
            assert_eq!(schedule.last_due(offset, Duration::from_secs(elapsed)), due);
            assert_eq!(schedule.nth(offset, due), Duration::from_secs(at));
        }
    }
}
