//! A point in time as messages write it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A point in time, in milliseconds since 1970. Its `Display` is RFC 3339 in UTC: `2027-01-15T08:00:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Moment(pub(super) i64);

impl Moment {
    /// Returns how long ago `earlier` was; zero when it was not.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Returns the moment that is so much later.
    pub(super) fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        let millis = |by: Duration| i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => millis(after),
            Err(before) => -millis(before.duration()),
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => f.write_str("out of range"),
        }
    }
}

/// Shows how long something has lasted, as a person says it: `47 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub(super) struct Lasted(pub(super) Duration);

impl fmt::Display for Lasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
        match seconds {
            0..60 => write!(f, "{seconds} s"),
            60..3_600 => write!(f, "{minutes} min"),
            3_600..86_400 => write!(f, "{hours} h {} min", minutes % 60),
            _ => write!(f, "{days} d {} h", hours % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_and_one_out_of_range_does_not_panic() {
        assert_eq!(Moment(1_800_000_000_000).to_string(), "2027-01-15T08:00:00Z");
        assert_eq!(Moment(1_800_000_000_050).to_string(), "2027-01-15T08:00:00.05Z");
        assert_eq!(Moment::from(UNIX_EPOCH - Duration::from_secs(1)).to_string(), "1969-12-31T23:59:59Z");
        assert_eq!(Moment(i64::MAX).after(Duration::MAX).to_string(), "out of range");
        assert_eq!(Moment(0).since(Moment(1)), Duration::ZERO);
    }

    #[test]
    fn a_duration_is_said_as_people_say_it() {
        let said = |seconds| Lasted(Duration::from_secs(seconds)).to_string();
        let all = [0, 59, 60, 3_599, 3_600, 11_100, 86_400, 187_200].map(said);
        assert_eq!(all, ["0 s", "59 s", "1 min", "59 min", "1 h 0 min", "3 h 5 min", "1 d 0 h", "2 d 4 h"]);
    }
}
