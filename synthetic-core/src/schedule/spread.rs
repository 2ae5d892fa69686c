//! What keeps canaries from starting all at once: stagger, jitter, and the seed that both derive from.

use std::time::Duration;

/// Canaries that are spread start within so long of each other.
const A_MINUTE: Duration = Duration::from_secs(60);

/// Returns what is random about a canary of a monitor: the same in every process and version.
pub(crate) fn seed(monitor: &str, canary: &str) -> u64 {
    let hash = |text: &str| u64::from(crc32fast::hash(text.as_bytes()));
    hash(canary) << 32 | hash(monitor)
}

/// Spreads the first starts of `count` canaries of one period, so that they do not all start at once: the nth starts
/// n · min(period / count, 60 s) after the first.
///
/// The rule is cloudprober's inter-probe wait.
pub(crate) fn stagger(period: Duration, count: usize, n: usize) -> Duration {
    let gap = (period.as_nanos() / count.max(1) as u128).min(A_MINUTE.as_nanos());
    nanos(gap * n as u128)
}

/// Returns by how much the `count` canaries of one period start later than those of another, so that the first of all periods,
/// and whatever falls together later, do not start at once: less than a second, and less than the gap between two of them.
///
/// cloudprober waits for up to a minute here; who starts a monitor wants to see something.
pub(crate) fn apart(seed: u64, period: Duration, count: usize) -> Duration {
    stagger(period, count, 1).min(Duration::from_secs(1)).mul_f64(share(seed, 0))
}

/// Returns a moment that is a canary's own, within a minute and its period.
pub(crate) fn within_a_minute(seed: u64, period: Duration) -> Duration {
    period.min(A_MINUTE).mul_f64(share(seed, 0))
}

/// Returns by how much the nth start of a canary is delayed, at most by this share of the time to the next one.
pub(super) fn delay(seed: u64, n: u64, most: f64, gap: Duration) -> Duration {
    // Shares that are none are refused before anything runs.
    if most > 0.0 && most <= 1.0 { gap.mul_f64(most * share(seed, n)) } else { Duration::ZERO }
}

/// Returns a number from 0 to 1, 1 excluded, that is evenly spread over n and seeds.
fn share(seed: u64, n: u64) -> f64 {
    // A generator is as good as its seed; two numbers that differ by one are no good ones.
    fastrand::Rng::with_seed(seed ^ n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).f64()
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
    fn canaries_of_different_periods_start_less_than_a_second_apart() {
        let second = Duration::from_secs(1);
        for (seed, period, count, most) in [
            (1, Duration::from_secs(3600), 3, second),
            (2, Duration::from_secs(5), 20, Duration::from_millis(250)),
            (3, Duration::from_millis(1), 1, Duration::from_millis(1)),
        ] {
            let by = apart(seed, period, count);
            assert!(Duration::ZERO < by && by < most, "{by:?}");
        }
        assert_eq!(apart(7, Duration::ZERO, 0), Duration::ZERO);
        assert_ne!(apart(1, second, 1), apart(2, second, 1));
    }

    #[test]
    fn a_canary_has_a_moment_of_its_own_within_a_minute_and_its_period() {
        assert_eq!(within_a_minute(7, Duration::ZERO), Duration::ZERO);
        let own = |canary: &str| within_a_minute(seed("shop", canary), Duration::from_secs(3600));
        assert!((0..1000).all(|n| own(&format!("canary-{n}")) < A_MINUTE));
        assert_ne!(own("checkout"), own("search"));
        assert_eq!(own("checkout"), own("checkout"));
        assert!(within_a_minute(7, Duration::from_secs(5)) < Duration::from_secs(5));
    }

    #[test]
    fn delays_are_evenly_spread() {
        let second = Duration::from_secs(1);
        let mean: f64 = (0..10_000).map(|n| delay(3, n, 1.0, second).as_secs_f64()).sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
        let mean: f64 = (0..10_000).map(|seed| delay(seed, 3, 0.5, second).as_secs_f64()).sum::<f64>() / 10_000.0;
        assert!((0.24..0.26).contains(&mean), "{mean}");
    }
}
