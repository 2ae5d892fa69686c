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

    /// TEMP
    pub(crate) fn due(&self, origin: &Origin, last: Option<Duration>, now: Duration, _failing: bool) -> Option<Due> {
        let earliest =
            last.map_or(0, |last| if last < origin.offset { 0 } else { self.last_due(origin.offset, last) + 1 });
        let n = self.last_due(origin.offset, now).max(earliest);
        Some(Due { at: self.nth(origin.offset, n), missed: n - earliest })
    }

    /// TEMP
    pub(crate) fn problems(&self) -> Vec<String> {
        if self.period.is_zero() {
            vec!["its interval is zero: give it one, such as every(mins(1))".to_owned()]
        } else {
            Vec::new()
        }
    }

    /// TEMP
    pub(crate) fn shortest_gap(&self) -> Option<Duration> {
        Some(self.period)
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

/// Returns what is random about a canary of a monitor, the same in every process.
pub(crate) fn seed(monitor: &str, canary: &str) -> u64 {
    let hash = |text: &str| u64::from(crc32fast::hash(text.as_bytes()));
    hash(canary) << 32 | hash(monitor)
}

/// TEMP
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) wall: std::time::SystemTime,
    pub(crate) offset: Duration,
    pub(crate) seed: u64,
}

/// TEMP
pub(crate) struct Due {
    pub(crate) at: Duration,
    pub(crate) missed: u64,
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "every {:?}", self.period)
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
