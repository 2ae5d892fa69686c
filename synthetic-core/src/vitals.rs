//! What a monitor sees of itself: how late runs start, how long they wait, what did not start.

use std::time::Duration;

/// The upper bounds of the classes into which times are sorted.
const BOUNDS: [Duration; 10] = [
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];

/// Says how many times were how long, in classes with fixed bounds: what a histogram in Prometheus needs.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use synthetic_core::monitor::Distribution;
///
/// let none = Distribution::default();
/// assert_eq!((none.count(), none.max()), (0, Duration::ZERO));
/// assert_eq!(none.buckets().next(), Some((Duration::from_millis(1), 0)));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Distribution {
    classes: [u64; BOUNDS.len() + 1],
    sum: Duration,
    max: Duration,
}

impl Distribution {
    pub(crate) fn add(&mut self, time: Duration) {
        self.classes[BOUNDS.partition_point(|bound| *bound < time)] += 1;
        self.sum = self.sum.saturating_add(time);
        self.max = self.max.max(time);
    }

    /// Returns how many times there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Returns all times together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns the longest.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Returns for each bound how many times were at most as long, as Prometheus counts them; the bound that is infinite is
    /// left out, its number is [`count`](Self::count).
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let so_far = self.classes.iter().scan(0, |sum, class| {
            *sum += class;
            Some(*sum)
        });
        BOUNDS.into_iter().zip(so_far)
    }
}

/// What a monitor sees of itself, counted from its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many runs have started; those that were skipped before they did are counted below.
    pub started: u64,
    /// How many runs go on now.
    pub in_flight: u64,
    /// How many starts wait for a place now.
    pub waiting: u64,
    /// How long after the moment that their schedule names runs were noticed: the lag of the monitor itself.
    pub lag: Distribution,
    /// How long runs then waited for a place, see [`Builder::concurrency`](crate::monitor::Builder::concurrency).
    pub queue_wait: Distribution,
    /// How many starts were missed, because the run before was not done by then, or waited.
    pub missed: u64,
    /// How many starts were skipped, because too many waited already; each has a report.
    pub queue_full: u64,
    /// How many starts were skipped, because the monitor's own network was down; each has a report.
    pub no_connectivity: u64,
    /// How many runs waited for a place until the next start that their schedule names had come.
    pub starved: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_up_to_each_bound() {
        let mut seen = Distribution::default();
        for ms in [0, 1, 2, 10, 11, 70_000] {
            seen.add(Duration::from_millis(ms));
        }
        let buckets: Vec<u64> = seen.buckets().map(|(_, count)| count).collect();
        assert_eq!(buckets, [2, 3, 4, 5, 5, 5, 5, 5, 5, 5]);
        assert_eq!((seen.count(), seen.max(), seen.sum()), (6, Duration::from_secs(70), Duration::from_millis(70_024)));
    }
}
