//! `is_null`: JSON `null`.

use std::fmt::{self, Write};

use serde_json::Value;

use super::{Matcher, Sense};

/// Matches the JSON value `null`.
///
/// What is missing is not `null`, and not anything else either: `not(is_null())` fails on it too.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{check, is_null};
///
/// assert_eq!(check(&json!(null), &is_null()), Ok(()));
/// assert_eq!(check(&json!(0), &is_null()).unwrap_err().to_string(), "expected is null, actual 0");
/// ```
#[must_use]
pub const fn is_null() -> IsNull {
    IsNull { _private: () }
}

/// Matches `null`; made by [`is_null`].
#[derive(Debug, Clone)]
pub struct IsNull {
    _private: (),
}

impl Matcher<Value> for IsNull {
    fn matches(&self, actual: &Value) -> bool {
        actual.is_null()
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        f.write_str(sense.pick("is null", "is not null"))
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
    fn only_null_is_null() {
        passes(json!(null), is_null());
        passes(json!(0), not(is_null()));
        assert_eq!(not(is_null()).matches_missing(), None);
    }

    #[test]
    fn it_says_what_was_there_instead() {
        fails(json!({}), is_null(), "expected is null, actual {}");
        fails(json!(null), not(is_null()), "expected is not null, actual null");
    }
}
