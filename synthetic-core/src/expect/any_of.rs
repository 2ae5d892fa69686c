//! `any_of`: at least one of several things.

use std::fmt::{self, Write};

use super::{Matcher, Parts, Sense, explained, parts};

/// Matches what at least one of `parts` matches: a tuple of up to eight matchers, an array or a `Vec`.
///
/// An empty list of matchers is a [defect](Matcher::defect).
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{any_of, check, ge, is_null};
///
/// let matcher = any_of((is_null(), ge(1)));
/// assert_eq!(check(&json!(null), &matcher), Ok(()));
/// assert_eq!(
///     check(&json!(0), &matcher).unwrap_err().to_string(),
///     "expected either is null or is at least 1, actual 0, which is 1 too few",
/// );
/// ```
#[must_use]
pub const fn any_of<P>(parts: P) -> AnyOf<P> {
    AnyOf { parts }
}

/// Matches when at least one of several matchers does; made by [`any_of`].
#[derive(Debug, Clone)]
pub struct AnyOf<P> {
    parts: P,
}

impl<T: ?Sized, P: Parts<T>> Matcher<T> for AnyOf<P> {
    fn matches(&self, actual: &T) -> bool {
        self.parts.parts().iter().any(|part| part.matches(actual))
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        f.write_str(sense.pick("either ", ""))?;
        parts::join(&self.parts.parts(), sense.pick("or", "and"), sense, f)
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        let mut clauses: Vec<_> = self.parts.parts().iter().map(|part| explained(*part, actual)).collect();
        clauses.retain(|clause| !clause.is_empty());
        clauses.dedup();
        f.write_str(&clauses.join(" and "))
    }

    /// Returns that it matches as soon as one part says so, and that it does not match only when no part does.
    fn matches_missing(&self) -> Option<bool> {
        let verdicts: Vec<_> = self.parts.parts().iter().map(|part| part.matches_missing()).collect();
        if verdicts.contains(&Some(true)) {
            Some(true)
        } else if verdicts.is_empty() || verdicts.contains(&None) {
            None
        } else {
            Some(false)
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
            eq, exists, gt, lt, matches, not,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn it_matches_when_one_part_does() {
        passes(7, any_of((lt(1), gt(5))));
        passes(json!("a"), any_of(["a", "b"]));
        passes(json!("a"), any_of(("a", 5)));
        passes("b", any_of(vec![eq("a"), eq("b")]));
        passes(3, not(any_of((lt(1), gt(5)))));
    }

    #[test]
    fn it_says_what_was_wrong_with_each() {
        fails(
            3,
            any_of((lt(1), gt(5))),
            "expected either is less than 1 or is greater than 5, actual 3, which is 3 too many and which is 3 too few",
        );
        fails(json!("c"), any_of(["a", "b"]), r#"expected either is equal to "a" or is equal to "b", actual "c""#);
        fails(7, not(any_of((lt(1), gt(5)))), "expected is not less than 1 and is not greater than 5, actual 7");
    }

    #[test]
    fn what_is_missing_is_judged_in_three_values() {
        let missing = |matcher: &dyn Matcher<i32>| matcher.matches_missing();
        assert_eq!(missing(&any_of((not(exists()), gt(1)))), Some(true));
        assert_eq!(missing(&any_of((exists(), gt(1)))), None);
        assert_eq!(missing(&any_of((exists(), exists()))), Some(false));
        assert_eq!(missing(&any_of(Vec::<i32>::new())), None);
    }

    #[test]
    fn a_defect_of_a_part_and_no_parts_fail() {
        assert!(Matcher::<&str>::defect(&not(any_of((eq("a"), matches("("))))).is_some());
        fails(1, not(any_of(Vec::<i32>::new())), "expected nothing, actual 1, but there are no matchers to judge it");
    }
}
