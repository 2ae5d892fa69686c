//! `starts_with`: the beginning of a text.

use std::fmt::{self, Write};

use super::{Matcher, Sense, Show, Text};

/// Matches a text, or a JSON string, that starts with `prefix`.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, starts_with};
///
/// assert_eq!(check("max-age=60", &starts_with("max-age")), Ok(()));
/// assert_eq!(
///     check("no-store", &starts_with("max-age")).unwrap_err().to_string(),
///     r#"expected starts with "max-age", actual "no-store""#,
/// );
/// ```
#[must_use]
pub fn starts_with(prefix: impl Into<String>) -> StartsWith {
    StartsWith { prefix: prefix.into() }
}

/// Matches what starts with a text; made by [`starts_with`].
#[derive(Debug, Clone)]
pub struct StartsWith {
    prefix: String,
}

impl<T: Text + ?Sized> Matcher<T> for StartsWith {
    fn matches(&self, actual: &T) -> bool {
        actual.text().is_ok_and(|text| text.starts_with(&self.prefix))
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        write!(f, "{} {}", sense.pick("starts with", "does not start with"), Show(&self.prefix))
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        match actual.text() {
            Ok(text) if text.to_lowercase().starts_with(&self.prefix.to_lowercase()) => {
                f.write_str("which starts with it in another case")
            }
            Ok(_) => Ok(()),
            Err(kind) => write!(f, "which is {kind}"),
        }
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
    fn it_matches_the_beginning_of_any_text() {
        passes("abc", starts_with("ab"));
        passes("abc".to_owned(), starts_with("ab".to_owned()));
        let owned = "abc".to_owned();
        passes(&owned, starts_with(""));
        passes(json!("abc"), starts_with("ab"));
        passes("abc", not(starts_with("b")));
    }

    #[test]
    fn it_says_what_was_there_instead() {
        fails("abc", starts_with("x"), r#"expected starts with "x", actual "abc""#);
        fails("abc", not(starts_with("ab")), r#"expected does not start with "ab", actual "abc""#);
        fails(
            "ABC",
            starts_with("ab"),
            r#"expected starts with "ab", actual "ABC", which starts with it in another case"#,
        );
        fails(json!(1), starts_with("x"), r#"expected starts with "x", actual 1, which is a number"#);
    }
}
