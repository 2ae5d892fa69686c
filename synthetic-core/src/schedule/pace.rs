//! How often a schedule starts, for alerts that say when it does not.

use std::time::{Duration, SystemTime};

use super::{Beat, Schedule};

/// How many starts are looked at: those of a week and more, when there is one every ten seconds.
const STARTS: usize = 70_000;
/// For how long at most: a year and a day.
const HORIZON: Duration = Duration::from_secs(366 * 24 * 3600);

/// How often a schedule starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The shortest time from one start to the next, jitter and windows apart.
    pub(crate) interval: Duration,
    /// The longest time that so many starts in a row take, from the one before them.
    pub(crate) longest: Duration,
}

impl Schedule {
    /// Returns how often it starts, and how long it takes at most until `starts` more have come. Nothing when it does not
    /// repeat. Found from a fixed moment on, so that it is the same every day.
    pub(crate) fn pace(&self, starts: u32, seed: u64) -> Option<Pace> {
        let interval = self.cadence()?;
        let more = self.more.as_deref();
        if let Beat::Every(period) = self.beat
            && more.is_none_or(|more| more.only.is_empty() && more.except.is_empty())
        {
            let share = more.map_or(0.0, |more| more.jitter.clamp(0.0, 1.0));
            let jitter = Duration::try_from_secs_f64(period.as_secs_f64() * share).unwrap_or(Duration::MAX);
            return Some(Pace { interval, longest: period.saturating_mul(starts).saturating_add(jitter) });
        }
        // A Monday.
        let origin = SystemTime::UNIX_EPOCH + Duration::from_secs(4 * 24 * 3600);
        let all: Vec<_> =
            self.upcoming(origin, seed).take(STARTS).take_while(|start| *start < origin + HORIZON).collect();
        let apart = usize::try_from(starts).unwrap_or(usize::MAX);
        let spans = all.iter().zip(all.iter().skip(apart)).filter_map(|(from, to)| to.duration_since(*from).ok());
        Some(Pace { interval, longest: spans.max().unwrap_or(HORIZON) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use crate::schedule::window;

    #[test]
    fn a_pace_knows_the_longest_wait_for_the_next_starts() {
        let pace = |schedule: Schedule| schedule.pace(3, 1).map(|pace| (pace.interval, pace.longest));
        assert_eq!(pace(every(mins(1)).into()), Some((mins(1), mins(3))));
        assert_eq!(pace(every(mins(10)).jitter(0.1)), Some((mins(10), mins(31))));
        assert_eq!(pace(every(mins(10)).while_failing(mins(1))), Some((mins(10), mins(30))));
        assert_eq!(pace(Schedule::once()), None);
        let by_day = every(mins(30)).only(window("08:00", "18:00"));
        assert_eq!(pace(by_day), Some((mins(30), mins(15 * 60))), "from six to nine");
    }
}
