//! `is_empty`: nothing in it.

use std::fmt::{self, Write};

use super::{Countable, Matcher, Sense};

/// Matches an empty text, list or map, and an empty JSON string, array or object.
///
/// Any other JSON value, `null` too, is not empty.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, is_empty};
///
/// assert_eq!(check("", &is_empty()), Ok(()));
/// assert_eq!(check(&[1, 2], &is_empty()).unwrap_err().to_string(), "expected is empty, actual [1, 2], which has length 2");
/// ```
#[must_use]
pub const fn is_empty() -> IsEmpty {
    IsEmpty { _private: () }
}

/// Matches what is empty; made by [`is_empty`].
#[derive(Debug, Clone)]
pub struct IsEmpty {
    _private: (),
}

impl<T: Countable + ?Sized> Matcher<T> for IsEmpty {
    fn matches(&self, actual: &T) -> bool {
        actual.count() == Ok(0)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        f.write_str(sense.pick("is empty", "is not empty"))
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        match actual.count() {
            Ok(length) => write!(f, "which has length {length}"),
            Err("null") => Ok(()),
            Err(kind) => write!(f, "which is {kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use serde_json::json;

    use super::{
        super::{
            not,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn it_matches_what_has_nothing_in_it() {
        passes("", is_empty());
        passes(String::new(), is_empty());
        passes(Vec::<u8>::new(), is_empty());
        passes(&[0_u8; 0][..], is_empty());
        passes(HashMap::<u8, u8>::new(), is_empty());
        passes(BTreeMap::<u8, u8>::new(), is_empty());
        for value in [json!(""), json!([]), json!({})] {
            passes(value, is_empty());
        }
        passes("a", not(is_empty()));
    }

    #[test]
    fn it_says_how_much_is_in_it() {
        fails("äö", is_empty(), r#"expected is empty, actual "äö", which has length 2"#);
        fails(json!({"a": 1}), is_empty(), r#"expected is empty, actual {"a": 1}, which has length 1"#);
        fails("", not(is_empty()), r#"expected is not empty, actual """#);
    }

    #[test]
    fn what_has_no_length_is_not_empty() {
        fails(json!(0), is_empty(), "expected is empty, actual 0, which is a number");
        fails(json!(null), is_empty(), "expected is empty, actual null");
    }
}
