//! `len`: how much is in it.

use std::fmt::{self, Write};

use super::{Countable, Matcher, Sense, described, explained};

/// Matches a value whose length is as `length` wants it: a number, or a matcher for one.
///
/// The length of a text is its characters, not bytes; of a list its elements; of a map and a JSON object its entries. A
/// JSON number, boolean or `null` has none and does not match.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, ge, len};
///
/// assert_eq!(check("äöü", &len(3)), Ok(()));
/// assert_eq!(check(&[1, 2], &len(ge(1))), Ok(()));
/// assert_eq!(
///     check(&[1, 2], &len(3)).unwrap_err().to_string(),
///     "expected has a length that is equal to 3, actual [1, 2], which has length 2",
/// );
/// ```
#[must_use]
pub const fn len<M: Matcher<usize>>(length: M) -> Len<M> {
    Len { length }
}

/// Matches by length; made by [`len`].
#[derive(Debug, Clone)]
pub struct Len<M> {
    length: M,
}

impl<T: Countable + ?Sized, M: Matcher<usize>> Matcher<T> for Len<M> {
    fn matches(&self, actual: &T) -> bool {
        actual.count().is_ok_and(|length| self.length.matches(&length))
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        write!(f, "has a length that {}", described(&self.length, sense))
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        match actual.count() {
            Ok(length) => {
                write!(f, "which has length {length}")?;
                let clause = explained(&self.length, &length);
                if clause.is_empty() { Ok(()) } else { write!(f, ", {clause}") }
            }
            Err("null") => f.write_str("which has no length"),
            Err(kind) => write!(f, "which is {kind} and has no length"),
        }
    }

    fn defect(&self) -> Option<String> {
        self.length.defect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use serde_json::json;

    use super::{
        super::{
            between, eq, gt, le, not,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn it_counts_characters_elements_and_entries() {
        passes("äöü", len(3));
        passes("äöü".to_owned(), len(eq(3)));
        passes(vec![1], len(1));
        passes(&[1, 2][..], len(gt(1)));
        passes(HashMap::from([(1, 2)]), len(1));
        passes(BTreeMap::from([(1, 2)]), len(1));
        passes(json!("äö"), len(2));
        passes(json!([1, 2]), len(2));
        passes(json!({"a": 1, "b": 2}), len(2));
        passes("a", not(len(2)));
    }

    #[test]
    fn it_says_the_length() {
        fails("abc", len(2), r#"expected has a length that is equal to 2, actual "abc", which has length 3"#);
        fails(
            vec![1, 2, 3],
            len(le(1)),
            "expected has a length that is at most 1, actual [1, 2, 3], which has length 3, which is 2 too many",
        );
        fails(json!([]), not(len(0)), "expected has a length that is not equal to 0, actual []");
    }

    #[test]
    fn what_has_no_length_does_not_match() {
        fails(
            json!(3),
            len(1),
            "expected has a length that is equal to 1, actual 3, which is a number and has no length",
        );
        fails(json!(null), len(0), "expected has a length that is equal to 0, actual null, which has no length");
    }

    #[test]
    fn a_defect_of_the_length_is_passed_on() {
        assert!(Matcher::<str>::defect(&len(between(2, 1))).is_some());
    }
}
