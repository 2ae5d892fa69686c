//! `matches`: a regular expression.

use std::fmt::{self, Write};

use regex::Regex;

use super::{Matcher, Sense, Show, Text};

/// Matches a text, or a JSON string, in which the regular expression `pattern` is found.
///
/// The pattern may match anywhere; `^` and `$` tie it to the ends. The syntax is that of the `regex` crate, which takes
/// time linear in the text, whatever the pattern.
///
/// A pattern that is not valid is a [defect](Matcher::defect): every check fails and says why, also when negated.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, matches};
///
/// assert_eq!(check("order-42", &matches("^order-[0-9]+$")), Ok(()));
/// assert_eq!(
///     check("cart-42", &matches("^order-[0-9]+$")).unwrap_err().to_string(),
///     r#"expected matches the pattern "^order-[0-9]+$", actual "cart-42""#,
/// );
/// ```
#[must_use]
pub fn matches(pattern: impl AsRef<str>) -> Matches {
    let pattern = pattern.as_ref();
    Matches { regex: Regex::new(pattern).map_err(|error| reason(&error)), pattern: pattern.to_owned() }
}

/// Matches text by a regular expression; made by [`matches()`].
#[derive(Debug, Clone)]
pub struct Matches {
    pattern: String,
    regex: Result<Regex, String>,
}

impl<T: Text + ?Sized> Matcher<T> for Matches {
    fn matches(&self, actual: &T) -> bool {
        match (&self.regex, actual.text()) {
            (Ok(regex), Ok(text)) => regex.is_match(text),
            _ => false,
        }
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        let matches = sense.pick("matches the pattern", "does not match the pattern");
        // Quoted, but not escaped: a pattern with doubled backslashes is not the one that was written.
        write!(f, "{matches} \"{}\"", self.pattern)
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        match actual.text() {
            Ok(_) => Ok(()),
            Err(kind) => write!(f, "which is {kind}"),
        }
    }

    fn defect(&self) -> Option<String> {
        let reason = self.regex.as_ref().err()?;
        Some(format!("the pattern {} is invalid: {reason}", Show(&self.pattern)))
    }
}

/// Returns why a pattern is invalid, on one line and without the drawing of where.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
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
    fn it_is_found_anywhere_in_any_text() {
        passes("abc", matches("b"));
        passes("abc".to_owned(), matches("^a.c$"));
        passes(json!("äöü"), matches(r"^\w{3}$"));
        passes("abc", not(matches("^b")));
    }

    #[test]
    fn it_says_the_pattern() {
        fails("abc", matches(r"^\d+$"), r#"expected matches the pattern "^\d+$", actual "abc""#);
        fails("123", not(matches(r"^\d+$")), r#"expected does not match the pattern "^\d+$", actual "123""#);
        fails(json!(1), matches("1"), r#"expected matches the pattern "1", actual 1, which is a number"#);
    }

    #[test]
    fn an_invalid_pattern_fails_in_both_senses_and_says_why() {
        let clause = r#"actual "a", but the pattern "(" is invalid: unclosed group"#;
        fails("a", matches("("), &format!(r#"expected matches the pattern "(", {clause}"#));
        fails("a", not(matches("(")), &format!(r#"expected does not match the pattern "(", {clause}"#));
    }

    #[test]
    fn a_pattern_that_would_be_too_large_says_so() {
        let defect = Matcher::<str>::defect(&matches("(a{1000}){1000}")).unwrap();
        assert!(defect.contains("exceeds size limit"), "{defect}");
    }
}
