//! `between`: a range with both ends.

use std::{
    cmp::Ordering,
    fmt::{self, Debug, Write},
};

use super::{Comparable, Matcher, Sense, Show, compare, distance::Wrong};

/// Matches a value from `low` to `high`, both included.
///
/// A `low` above `high` is a [defect](Matcher::defect): every check fails and says so.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{between, check};
///
/// assert_eq!(check(&5, &between(1, 5)), Ok(()));
/// assert_eq!(check(&7, &between(1, 5)).unwrap_err().to_string(), "expected is between 1 and 5, actual 7, which is 2 too many");
/// ```
#[must_use]
pub const fn between<E>(low: E, high: E) -> Between<E> {
    Between { low, high }
}

/// Matches what is in a range; made by [`between`].
#[derive(Debug, Clone)]
pub struct Between<E> {
    low: E,
    high: E,
}

impl<A, E> Matcher<A> for Between<E>
where
    A: Comparable<E> + Debug + ?Sized,
    E: PartialOrd + Debug + Send + Sync,
{
    fn matches(&self, actual: &A) -> bool {
        matches!(actual.compare(&self.low), Some(Ordering::Greater | Ordering::Equal))
            && matches!(actual.compare(&self.high), Some(Ordering::Less | Ordering::Equal))
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        let is = sense.pick("is between", "is not between");
        write!(f, "{is} {} and {}", Show(&self.low), Show(&self.high))
    }

    fn explain(&self, actual: &A, f: &mut dyn Write) -> fmt::Result {
        match actual.compare(&self.low) {
            Some(Ordering::Greater | Ordering::Equal) => {
                compare::explain(actual.compare(&self.high), actual, &self.high, Wrong::High, false, f)
            }
            order => compare::explain(order, actual, &self.low, Wrong::Low, false, f),
        }
    }

    fn defect(&self) -> Option<String> {
        let ordered = matches!(self.low.partial_cmp(&self.high), Some(Ordering::Less | Ordering::Equal));
        (!ordered).then(|| format!("the lower end {} is not below the upper end {}", Show(&self.low), Show(&self.high)))
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
    fn it_matches_both_ends_and_what_is_between() {
        for value in [1, 3, 5] {
            passes(value, between(1, 5));
            passes(json!(value), between(1, 5));
        }
        passes(1.5, between(1.0, 2.0));
        passes("b", between("a", "c"));
        passes(0, not(between(1, 5)));
    }

    #[test]
    fn it_says_how_far_off_it_was() {
        fails(0, between(1, 5), "expected is between 1 and 5, actual 0, which is 1 too few");
        fails(json!(7), between(1, 5), "expected is between 1 and 5, actual 7, which is 2 too many");
        fails(json!([]), between(1, 5), "expected is between 1 and 5, actual [], which is an array");
        fails(3, not(between(1, 5)), "expected is not between 1 and 5, actual 3");
    }

    #[test]
    fn ends_in_the_wrong_order_fail_in_both_senses() {
        let clause = "but the lower end 5 is not below the upper end 1";
        fails(3, between(5, 1), &format!("expected is between 5 and 1, actual 3, {clause}"));
        fails(3, not(between(5, 1)), &format!("expected is not between 5 and 1, actual 3, {clause}"));
    }
}
