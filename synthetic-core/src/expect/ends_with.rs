//! `ends_with`: the end of a text.

use std::fmt::{self, Write};

use super::{Matcher, Sense, Show, Text};

/// Matches a text, or a JSON string, that ends with `suffix`.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, ends_with};
///
/// assert_eq!(check("report.pdf", &ends_with(".pdf")), Ok(()));
/// assert_eq!(
///     check("report.txt", &ends_with(".pdf")).unwrap_err().to_string(),
///     r#"expected ends with ".pdf", actual "report.txt""#,
/// );
/// ```
#[must_use]
pub fn ends_with(suffix: impl Into<String>) -> EndsWith {
    EndsWith { suffix: suffix.into() }
}

/// Matches what ends with a text; made by [`ends_with`].
#[derive(Debug, Clone)]
pub struct EndsWith {
    suffix: String,
}

/// How many characters of the end of a longer text are shown.
const SHOWN: usize = 40;

impl<T: Text + ?Sized> Matcher<T> for EndsWith {
    fn matches(&self, actual: &T) -> bool {
        actual.text().is_ok_and(|text| text.ends_with(&self.suffix))
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        write!(f, "{} {}", sense.pick("ends with", "does not end with"), Show(&self.suffix))
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        match actual.text() {
            Ok(text) if text.to_lowercase().ends_with(&self.suffix.to_lowercase()) => {
                f.write_str("which ends with it in another case")
            }
            // A long text is shown without its end, which is what this is about.
            Ok(text) => match text.char_indices().nth_back(SHOWN - 1) {
                Some((at, _)) if at > 0 => write!(f, "which ends with {:?}", format!("…{}", &text[at..])),
                _ => Ok(()),
            },
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
    fn it_matches_the_end_of_any_text() {
        passes("abc", ends_with("bc"));
        passes("abc".to_owned(), ends_with("bc".to_owned()));
        let owned = "abc".to_owned();
        passes(&owned, ends_with(""));
        passes(json!("abc"), ends_with("bc"));
        passes("abc", not(ends_with("b")));
    }

    #[test]
    fn it_says_what_was_there_instead() {
        fails("abc", ends_with("x"), r#"expected ends with "x", actual "abc""#);
        fails("abc", not(ends_with("bc")), r#"expected does not end with "bc", actual "abc""#);
        fails("ABC", ends_with("bc"), r#"expected ends with "bc", actual "ABC", which ends with it in another case"#);
        fails(json!(1), ends_with("x"), r#"expected ends with "x", actual 1, which is a number"#);
    }

    #[test]
    fn the_end_of_a_long_text_is_shown() {
        let (long, end) = ("ä".repeat(50), "ä".repeat(40));
        fails(
            long.clone(),
            ends_with("y"),
            &format!(r#"expected ends with "y", actual "{long}", which ends with "…{end}""#),
        );
    }
}
