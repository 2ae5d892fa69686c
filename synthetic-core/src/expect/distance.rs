//! How far a number or a duration is from its limit, in words.

use std::time::Duration;

/// On which side of its limit a value went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Low,
    High,
}

/// Returns a clause on how far `actual` is from `limit`, if both are shown as integers or as durations.
///
/// `strict` says that the limit itself is wrong too. This works on what is shown because a type that can be compared
/// need not be one that can be subtracted.
pub(super) fn clause(actual: &str, limit: &str, wrong: Wrong, strict: bool) -> Option<String> {
    if let (Ok(actual), Ok(limit)) = (actual.parse::<i128>(), limit.parse::<i128>()) {
        let distance = actual.checked_sub(limit)?.unsigned_abs() + u128::from(strict);
        return Some(format!("which is {distance} too {}", if wrong == Wrong::Low { "few" } else { "many" }));
    }
    if let (Some(actual), Some(limit)) = (duration(actual), duration(limit)) {
        let distance = actual.abs_diff(limit);
        return Some(if distance.is_zero() {
            "which is exactly that".to_owned()
        } else {
            format!("which is {distance:?} too {}", if wrong == Wrong::Low { "short" } else { "long" })
        });
    }
    (actual == limit).then(|| "which is exactly that".to_owned())
}

/// Reads the `Debug` form of a duration, such as `1.2s`.
fn duration(text: &str) -> Option<Duration> {
    let (number, nanos_each) = [("ns", 1), ("µs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000_u128)]
        .into_iter()
        .find_map(|(unit, nanos)| Some((text.strip_suffix(unit)?, nanos)))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut nanos = whole.parse::<u64>().ok().map(u128::from)? * nanos_each;
    let mut worth = nanos_each;
    for digit in fraction.chars() {
        worth /= 10;
        nanos += u128::from(digit.to_digit(10)?) * worth;
    }
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_read_back() {
        for nanos in [0, 1, 999, 1_000, 1_500, 2_000_001, 300_000_000, 1_200_000_000, 61_000_000_007] {
            let duration_ = Duration::from_nanos(nanos);
            assert_eq!(duration(&format!("{duration_:?}")), Some(duration_));
        }
        assert_eq!(duration(&format!("{:?}", Duration::MAX)), Some(Duration::MAX));
        assert_eq!(duration("s"), None);
        assert_eq!(duration("\"5s\""), None);
    }

    #[test]
    fn a_strict_limit_counts_itself() {
        assert_eq!(clause("5", "5", Wrong::High, true).unwrap(), "which is 1 too many");
        assert_eq!(clause("3", "5", Wrong::Low, false).unwrap(), "which is 2 too few");
        assert_eq!(clause("300ms", "300ms", Wrong::High, true).unwrap(), "which is exactly that");
        assert_eq!(clause("1.5", "1.5", Wrong::High, true).unwrap(), "which is exactly that");
        assert_eq!(clause("1.5", "1.0", Wrong::High, true), None);
        assert_eq!(clause(&i128::MAX.to_string(), "-1", Wrong::High, true), None);
    }
}
