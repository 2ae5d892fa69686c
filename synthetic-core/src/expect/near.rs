//! `near`: a number within a tolerance.

use std::fmt::{self, Write};

use serde_json::Value;

use super::{Matcher, Sense, words::kind};

/// Matches a number at most `tolerance` away from `value`: an `f64`, an `f32` or a JSON number.
///
/// `NaN` is near to nothing. A tolerance that is negative or `NaN` is a [defect](Matcher::defect), and so is a `value`
/// that is `NaN`.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, near};
///
/// assert_eq!(check(&(0.1 + 0.2), &near(0.3, 1e-9)), Ok(()));
/// assert_eq!(
///     check(&10.5, &near(10.0, 0.25)).unwrap_err().to_string(),
///     "expected is within 0.25 of 10, actual 10.5, which is 0.5 away",
/// );
/// ```
#[must_use]
pub const fn near(value: f64, tolerance: f64) -> Near {
    Near { value, tolerance }
}

/// Matches numbers within a tolerance; made by [`near`].
#[derive(Debug, Clone)]
pub struct Near {
    value: f64,
    tolerance: f64,
}

impl Near {
    fn holds(&self, actual: f64) -> bool {
        // Infinity minus itself is not a number.
        actual == self.value || (actual - self.value).abs() <= self.tolerance
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        write!(f, "{} {} of {}", sense.pick("is within", "is not within"), self.tolerance, self.value)
    }

    fn explain(&self, actual: f64, f: &mut dyn Write) -> fmt::Result {
        let distance = (actual - self.value).abs();
        if distance.is_nan() {
            return Ok(());
        }
        // Six digits: `0.30000000000000004 away` says no more than `0.3 away`.
        write!(f, "which is {} away", format!("{distance:.5e}").parse().unwrap_or(distance))
    }

    fn defect(&self) -> Option<String> {
        if self.value.is_nan() {
            Some("nothing is near to NaN".to_owned())
        } else if self.tolerance >= 0.0 {
            None
        } else {
            Some(format!("the tolerance {} is not zero or above", self.tolerance))
        }
    }
}

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl Matcher<$float> for Near {
            fn matches(&self, actual: &$float) -> bool {
                self.holds(f64::from(*actual))
            }
            fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
                self.describe(sense, f)
            }
            fn explain(&self, actual: &$float, f: &mut dyn Write) -> fmt::Result {
                self.explain(f64::from(*actual), f)
            }
            fn defect(&self) -> Option<String> {
                self.defect()
            }
        }
    )*};
}

floats!(f32 f64);

impl Matcher<Value> for Near {
    fn matches(&self, actual: &Value) -> bool {
        actual.as_f64().is_some_and(|actual| self.holds(actual))
    }
    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        self.describe(sense, f)
    }
    fn explain(&self, actual: &Value, f: &mut dyn Write) -> fmt::Result {
        match actual {
            Value::Null => Ok(()),
            Value::Number(number) => number.as_f64().map_or(Ok(()), |actual| self.explain(actual, f)),
            other => write!(f, "which is {}", kind(other)),
        }
    }
    fn defect(&self) -> Option<String> {
        self.defect()
    }
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
    fn it_matches_within_the_tolerance() {
        passes(10.25, near(10.0, 0.25));
        passes(9.75_f32, near(10.0, 0.25));
        passes(json!(10), near(10.0, 0.0));
        passes(f64::INFINITY, near(f64::INFINITY, 1.0));
        passes(10.26, not(near(10.0, 0.25)));
        passes(json!("10"), not(near(10.0, 0.25)));
    }

    #[test]
    fn it_says_how_far_away_it_was() {
        fails(10.3, near(10.0, 0.25), "expected is within 0.25 of 10, actual 10.3, which is 0.3 away");
        fails(json!(12), near(10.0, 0.25), "expected is within 0.25 of 10, actual 12, which is 2 away");
        fails(json!("1"), near(1.0, 0.5), r#"expected is within 0.5 of 1, actual "1", which is a string"#);
        fails(10.1, not(near(10.0, 0.25)), "expected is not within 0.25 of 10, actual 10.1");
    }

    #[test]
    fn nan_is_near_to_nothing() {
        fails(f64::NAN, near(1.0, f64::INFINITY), "expected is within inf of 1, actual NaN");
        fails(f64::NAN, near(f64::NAN, 1.0), "expected is within 1 of NaN, actual NaN, but nothing is near to NaN");
    }

    #[test]
    fn a_tolerance_below_zero_fails_in_both_senses() {
        let clause = "actual 5.0, but the tolerance -1 is not zero or above";
        fails(5.0, near(1.0, -1.0), &format!("expected is within -1 of 1, {clause}"));
        fails(5.0, not(near(1.0, -1.0)), &format!("expected is not within -1 of 1, {clause}"));
    }
}
