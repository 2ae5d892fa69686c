//! What CloudWatch takes, and what it refuses or drops without a word.
//!
//! Source: the API reference of `PutMetricData` and `MetricDatum`, and "CloudWatch concepts",
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html>.

use std::time::{Duration, SystemTime};

use super::Reason;

/// How old a value may be.
const OLDEST: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How far ahead a value may be.
const FURTHEST: Duration = Duration::from_secs(2 * 60 * 60);
/// The length of a dimension's value in characters.
const LONGEST_VALUE: usize = 1024;

/// Says why a value cannot be sent.
pub(crate) fn check<'a>(
    value: f64,
    at: SystemTime,
    now: SystemTime,
    mut dimensions: impl Iterator<Item = &'a str>,
) -> Result<(), Reason> {
    if !value.is_finite() {
        return Err(Reason::NotFinite);
    }
    if now.duration_since(at).is_ok_and(|age| age > OLDEST) {
        return Err(Reason::TooOld);
    }
    if at.duration_since(now).is_ok_and(|ahead| ahead > FURTHEST) {
        return Err(Reason::TooFarAhead);
    }
    if dimensions.all(is_dimension_value) { Ok(()) } else { Err(Reason::Dimension) }
}

/// Returns whether it is 1 to 1024 characters of ASCII, without control characters, and more than blanks.
pub(super) fn is_dimension_value(value: &str) -> bool {
    value.len() <= LONGEST_VALUE && is_text(value)
}

/// Returns whether it is ASCII, without control characters, and more than blanks.
pub(super) fn is_text(text: &str) -> bool {
    text.bytes().all(|c| c == b' ' || c.is_ascii_graphic()) && text.bytes().any(|c| c != b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cloudwatch_would_refuse_or_lose_is_told_apart() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (longest, too_long) = ("x".repeat(1024), "x".repeat(1025));
        let (second, instant) = (Duration::from_secs(1), Duration::from_millis(1));
        let cases = [
            ("a plain value", 100.0, now, "shop", Ok(())),
            ("not a number", f64::NAN, now, "shop", Err(Reason::NotFinite)),
            ("infinity", f64::INFINITY, now, "shop", Err(Reason::NotFinite)),
            ("less than everything", f64::NEG_INFINITY, now, "shop", Err(Reason::NotFinite)),
            ("two weeks ago", 1.0, now - OLDEST, "shop", Ok(())),
            ("just before that", 1.0, now - OLDEST - instant, "shop", Err(Reason::TooOld)),
            ("in two hours", 1.0, now + FURTHEST, "shop", Ok(())),
            ("just after that", 1.0, now + FURTHEST + second, "shop", Err(Reason::TooFarAhead)),
            ("the longest dimension", 1.0, now, &longest, Ok(())),
            ("one that is too long", 1.0, now, &too_long, Err(Reason::Dimension)),
            ("one without a character", 1.0, now, "", Err(Reason::Dimension)),
            ("one of blanks", 1.0, now, "  ", Err(Reason::Dimension)),
            ("one that is not ASCII", 1.0, now, "Prüfung", Err(Reason::Dimension)),
            ("one with a line break", 1.0, now, "a\nb", Err(Reason::Dimension)),
            ("one with quotes and a tag", 1.0, now, "\"<script>'\\", Ok(())),
        ];
        for (case, value, at, dimension, expected) in cases {
            assert_eq!(check(value, at, now, std::iter::once(dimension)), expected, "{case}");
        }
        assert_eq!(check(1.0, now, now, std::iter::empty()), Ok(()), "no dimension at all");
    }
}
