//! `is_iso_date`: a day or a moment in the form that APIs exchange.

use std::fmt::{self, Write};

use jiff::{Timestamp, civil::Date};

use super::{Matcher, Sense, Text};

/// Matches a text, or a JSON string, that is a calendar date (`2026-11-02`, ISO 8601) or a moment with its offset
/// (`2026-11-02T12:30:00.5Z`, `2026-11-02T12:30:00+01:00`, RFC 3339).
///
/// The day and the time must exist; a leap second may.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, is_iso_date};
///
/// assert_eq!(check("2026-11-02T12:30:00Z", &is_iso_date()), Ok(()));
/// assert_eq!(
///     check("2026-02-30", &is_iso_date()).unwrap_err().to_string(),
///     r#"expected is an ISO date, actual "2026-02-30", which is a day or time that does not exist"#,
/// );
/// ```
#[must_use]
pub const fn is_iso_date() -> IsIsoDate {
    IsIsoDate { _private: () }
}

/// Matches a date or a moment; made by [`is_iso_date`].
#[derive(Debug, Clone)]
pub struct IsIsoDate {
    _private: (),
}

impl<T: Text + ?Sized> Matcher<T> for IsIsoDate {
    fn matches(&self, actual: &T) -> bool {
        actual.text().is_ok_and(|text| judge(text).is_ok())
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        f.write_str(sense.pick("is an ISO date", "is not an ISO date"))
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        match actual.text().map(judge) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(clause)) => f.write_str(clause),
            Err(kind) => write!(f, "which is {kind}"),
        }
    }
}

/// Returns what is wrong with a text as a date.
///
/// The shape is checked first because `jiff` also reads forms that are neither of the two.
fn judge(text: &str) -> Result<(), &'static str> {
    const SHAPE: &str = "which is not written as 2026-11-02 or 2026-11-02T12:30:00Z";
    const DATE: &str = "dddd-dd-dd";
    const TIME: &str = "Tdd:dd:dd";
    let exists = if has_shape(text, DATE) {
        text.parse::<Date>().is_ok()
    } else {
        let (date, rest) = text.split_at_checked(DATE.len()).ok_or(SHAPE)?;
        let (time, rest) = rest.split_at_checked(TIME.len()).ok_or(SHAPE)?;
        if !has_shape(date, DATE) || !has_shape(time, TIME) {
            return Err(SHAPE);
        }
        let offset = match rest.strip_prefix('.') {
            Some(fraction) => {
                let offset = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
                if !(1..=9).contains(&(fraction.len() - offset.len())) {
                    return Err(SHAPE);
                }
                offset
            }
            None => rest,
        };
        if offset.is_empty() {
            return Err("which has no offset such as Z or +01:00");
        }
        if !has_shape(offset, "Z") && !has_shape(offset, "+dd:dd") {
            return Err(SHAPE);
        }
        text.parse::<Timestamp>().is_ok()
    };
    if exists { Ok(()) } else { Err("which is a day or time that does not exist") }
}

/// Returns whether a text has a shape, in which `d` is a digit, `+` a sign, and a letter stands for both cases.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            b'+' => byte == b'+' || byte == b'-',
            other => byte.eq_ignore_ascii_case(&other),
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            not,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn it_matches_dates_and_moments() {
        for text in [
            "2026-11-02",
            "2024-02-29",
            "2026-11-02T12:30:00Z",
            "2026-11-02t12:30:00z",
            "2026-11-02T12:30:00.123456789Z",
            "2026-11-02T12:30:00+01:00",
            "2026-11-02T00:00:00.5-05:30",
            "2016-12-31T23:59:60Z",
        ] {
            passes(text, is_iso_date());
            passes(json!(text), is_iso_date());
        }
    }

    #[test]
    fn it_matches_no_other_form() {
        for text in [
            "",
            "2026",
            "2026-11",
            "20261102",
            "2026-W45-1",
            "2026-11-02 12:30:00Z",
            "2026-11-02T12:30Z",
            "2026-11-02T12:30:00.Z",
            "2026-11-02T12:30:00+0100",
            "2026-11-02T12:30:00Z[UTC]",
            "02.11.2026",
            "äääää",
            "2026-11-0ä",
            "2026-02-30T00:00:00Z",
            "2026-11-02T25:00:00Z",
        ] {
            passes(text, not(is_iso_date()));
        }
    }

    #[test]
    fn it_says_what_is_wrong_with_it() {
        fails(
            "yesterday",
            is_iso_date(),
            r#"expected is an ISO date, actual "yesterday", which is not written as 2026-11-02 or 2026-11-02T12:30:00Z"#,
        );
        fails(
            "2026-11-02T12:30:00",
            is_iso_date(),
            r#"expected is an ISO date, actual "2026-11-02T12:30:00", which has no offset such as Z or +01:00"#,
        );
        fails(
            "2026-13-01",
            is_iso_date(),
            r#"expected is an ISO date, actual "2026-13-01", which is a day or time that does not exist"#,
        );
        fails(json!(1), is_iso_date(), "expected is an ISO date, actual 1, which is a number");
        fails("2026-11-02", not(is_iso_date()), r#"expected is not an ISO date, actual "2026-11-02""#);
    }
}
