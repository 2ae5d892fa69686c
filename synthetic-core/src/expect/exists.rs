//! `exists`: presence.

use std::fmt::{self, Write};

use super::{Matcher, Sense};

/// Matches whatever is there, a JSON `null` too; only what is missing does not match.
///
/// `not(exists())` wants a JSON path to find nothing.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{JsonPath, check_json, exists, not};
///
/// let path = JsonPath::parse("$.error")?;
/// assert_eq!(check_json(&json!({"error": null}), &path, &exists()), Ok(()));
/// assert_eq!(check_json(&json!({"id": 7}), &path, &not(exists())), Ok(()));
/// assert_eq!(
///     check_json(&json!({"id": 7}), &path, &exists()).unwrap_err().to_string(),
///     r#"expected exists, actual nothing at $.error; $ has the key "id""#,
/// );
/// # Ok::<(), synthetic_core::expect::JsonPathError>(())
/// ```
#[must_use]
pub const fn exists() -> Exists {
    Exists { _private: () }
}

/// Matches what is there; made by [`exists`].
#[derive(Debug, Clone)]
pub struct Exists {
    _private: (),
}

impl<T: ?Sized> Matcher<T> for Exists {
    fn matches(&self, _: &T) -> bool {
        true
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        f.write_str(sense.pick("exists", "does not exist"))
    }

    fn matches_missing(&self) -> Option<bool> {
        Some(false)
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
    fn what_is_there_exists() {
        passes(json!(null), exists());
        passes("", exists());
        assert_eq!(Matcher::<str>::matches_missing(&exists()), Some(false));
    }

    #[test]
    fn it_says_what_should_not_be_there() {
        fails(json!("boom"), not(exists()), r#"expected does not exist, actual "boom""#);
    }
}
