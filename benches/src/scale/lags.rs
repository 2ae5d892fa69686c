//! [`Lags`]: a sink that keeps count of how late runs start.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use synthetic_core::sink::DeliveryError;
use synthetic_core::{Outcome, Report, Sink};

/// Each power of two is cut into so many classes: what is said of a time is at most 1/64 too much.
const CLASSES: u64 = 64;
/// The number of classes up to the longest time.
const ALL: usize = (64 - CLASSES.ilog2() as usize + 1) * CLASSES as usize;

/// A sink that keeps count of how late runs start. All of its memory is there from the beginning, so that what a monitor
/// takes can be measured beside it.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// synthetic_core::testing::check_sink_contract(|| async { synthetic_benches::scale::Lags::default() }).await;
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Lags(Arc<Mutex<Seen>>);

impl Lags {
    /// Returns what has come so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Sink for Lags {
    fn name(&self) -> &'static str {
        "lags"
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for report in reports {
            // A run cannot start before it is due; a wall clock that was set in between could say so.
            let lag = report.started_at.duration_since(report.scheduled_at).unwrap_or_default();
            seen.add(lag, report.outcome == Outcome::Passed);
        }
        Ok(())
    }
}

/// How late so many runs started.
#[derive(Clone)]
pub struct Seen {
    /// How many there are of each class of microseconds.
    classes: Box<[u64]>,
    runs: u64,
    not_passed: u64,
    max: Duration,
}

impl Seen {
    fn add(&mut self, lag: Duration, passed: bool) {
        let micros = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
        self.classes[class(micros)] += 1;
        self.runs += 1;
        self.not_passed += u64::from(!passed);
        self.max = self.max.max(lag);
    }

    /// Returns how many runs there were.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Returns how many runs did not pass.
    #[must_use]
    pub fn not_passed(&self) -> u64 {
        self.not_passed
    }

    /// Returns the longest lag.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Returns a lag that this share of the runs did not exceed; zero when there were none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = (self.runs as f64 * share).ceil() as u64;
        let mut so_far = 0;
        let found = self.classes.iter().position(|runs| {
            so_far += runs;
            so_far >= rank
        });
        Duration::from_micros(longest(found.unwrap_or_default())).min(self.max)
    }
}

impl Default for Seen {
    fn default() -> Self {
        // Not zeroed but written: pages that are first touched later would count as growth.
        let classes = (0..ALL).map(|n| u64::from(n > ALL)).collect();
        Self { classes, runs: 0, not_passed: 0, max: Duration::ZERO }
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("runs", &self.runs).field("max", &self.max).finish_non_exhaustive()
    }
}

/// Returns the class of a time.
fn class(micros: u64) -> usize {
    let shift = u64::from((micros | CLASSES).ilog2() - CLASSES.ilog2());
    (shift * CLASSES + (micros >> shift)) as usize
}

/// Returns the longest time of a class, in microseconds.
fn longest(class: usize) -> u64 {
    let class = class as u64;
    let shift = (class / CLASSES).saturating_sub(1);
    let first = (class - shift * CLASSES) << shift;
    first + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_class_whose_longest_is_at_most_a_64th_longer() {
        let times = (0..2_000).chain((0..64).flat_map(|n| [(1 << n) - 1, 1 << n, (1 << n) + 1])).chain([u64::MAX]);
        for time in times {
            let longest = longest(class(time));
            assert!(class(time) < ALL, "{time}");
            assert!(longest >= time && longest - time <= time / 64, "{time}: {longest}");
            assert_eq!(class(longest), class(time));
        }
    }

    #[test]
    fn a_quantile_is_what_so_many_did_not_exceed() {
        let mut seen = Seen::default();
        assert_eq!(seen.quantile(0.99), Duration::ZERO);
        for micros in 1..=100 {
            seen.add(Duration::from_micros(micros), true);
        }
        seen.add(Duration::from_millis(7), false);
        assert_eq!((seen.runs(), seen.not_passed()), (101, 1));
        assert_eq!((seen.quantile(0.5), seen.quantile(0.99)), (Duration::from_micros(51), Duration::from_micros(100)));
        assert_eq!((seen.quantile(1.0), seen.max()), (Duration::from_millis(7), Duration::from_millis(7)));
    }
}
