//! `all_of`: several things at once.

use std::fmt::{self, Write};

use super::{Matcher, Parts, Sense, described, explained, parts};

/// Matches what all of `parts` match: a tuple of up to eight matchers, an array or a `Vec`.
///
/// An empty list of matchers is a [defect](Matcher::defect).
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{all_of, check, ends_with, starts_with};
///
/// let matcher = all_of((starts_with("order-"), ends_with("-eu")));
/// assert_eq!(check("order-42-eu", &matcher), Ok(()));
/// assert_eq!(
///     check("order-42-us", &matcher).unwrap_err().to_string(),
///     r#"expected starts with "order-" and ends with "-eu", actual "order-42-us", which does not end with "-eu""#,
/// );
/// ```
#[must_use]
pub const fn all_of<P>(parts: P) -> AllOf<P> {
    AllOf { parts }
}

/// Matches when all of several matchers do; made by [`all_of`].
#[derive(Debug, Clone)]
pub struct AllOf<P> {
    parts: P,
}

impl<T: ?Sized, P: Parts<T>> Matcher<T> for AllOf<P> {
    fn matches(&self, actual: &T) -> bool {
        self.parts.parts().iter().all(|part| part.matches(actual))
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        f.write_str(sense.pick("", "either "))?;
        parts::join(&self.parts.parts(), sense.pick("and", "or"), sense, f)
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        let parts = self.parts.parts();
        for (at, part) in parts.iter().filter(|part| !part.matches(actual)).enumerate() {
            let and = if at == 0 { "" } else { " and " };
            write!(f, "{and}which {}", described(*part, Sense::Not))?;
            let clause = explained(*part, actual);
            if !clause.is_empty() {
                write!(f, " ({clause})")?;
            }
        }
        Ok(())
    }

    /// Returns that it does not match as soon as one part says so, and that it matches only when all parts do.
    fn matches_missing(&self) -> Option<bool> {
        let verdicts: Vec<_> = self.parts.parts().iter().map(|part| part.matches_missing()).collect();
        if verdicts.contains(&Some(false)) {
            Some(false)
        } else if verdicts.is_empty() || verdicts.contains(&None) {
            None
        } else {
            Some(true)
        }
    }

    fn defect(&self) -> Option<String> {
        parts::defect(&self.parts.parts())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            contains, eq, exists, gt, is_string, len, lt, matches, not, starts_with,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn it_matches_when_all_parts_do() {
        passes(3, all_of((gt(1), lt(5))));
        passes("abc", all_of([contains("a"), contains("b")]));
        passes("abc", all_of(vec![starts_with("a")]));
        passes(json!("abc"), all_of((is_string(), "abc", len(3))));
        passes(4, all_of((gt(1), gt(1), gt(1), gt(1), gt(1), gt(1), gt(1), not(eq(5)))));
        passes(7, not(all_of((gt(1), lt(5)))));
    }

    #[test]
    fn it_names_the_part_that_failed() {
        fails(
            7,
            all_of((gt(1), lt(5))),
            "expected is greater than 1 and is less than 5, actual 7, which is not less than 5 (which is 3 too many)",
        );
        fails(
            "c",
            all_of([contains("a"), contains("b")]),
            r#"expected contains "a" and contains "b", actual "c", which does not contain "a" and which does not contain "b""#,
        );
        fails(3, not(all_of((gt(1), lt(5)))), "expected either is not greater than 1 or is not less than 5, actual 3");
    }

    #[test]
    fn what_is_missing_is_judged_in_three_values() {
        let missing = |matcher: &dyn Matcher<i32>| matcher.matches_missing();
        assert_eq!(missing(&all_of((exists(), exists()))), Some(false));
        assert_eq!(missing(&all_of((exists(), gt(1)))), Some(false));
        assert_eq!(missing(&all_of((not(exists()), gt(1)))), None);
        assert_eq!(missing(&all_of((not(exists()), not(exists())))), Some(true));
        assert_eq!(missing(&all_of(Vec::<i32>::new())), None);
    }

    #[test]
    fn a_defect_of_a_part_and_no_parts_fail() {
        assert!(Matcher::<str>::defect(&not(all_of((contains("a"), matches("("))))).is_some());
        fails(1, all_of(Vec::<i32>::new()), "expected nothing, actual 1, but there are no matchers to judge it");
    }
}
