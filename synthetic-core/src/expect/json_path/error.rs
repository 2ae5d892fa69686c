//! Why a text is not a JSONPath query.

use super::super::show::shorten;

/// Says where and why a text is not a JSONPath query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("JSON path {path:?} is invalid at character {position}: {reason}")]
pub struct JsonPathError {
    path: String,
    position: usize,
    reason: String,
}

/// The longest path that an error shows, in characters.
const LONGEST: usize = 200;

impl JsonPathError {
    /// Makes an error about the character that begins at or before the byte `at`.
    pub(super) fn new(path: &str, at: usize, reason: String) -> Self {
        let position = path.char_indices().take_while(|(start, _)| *start < at).count() + 1;
        Self { path: shorten(path, LONGEST), position, reason }
    }

    /// Puts the error of the parser into words that help.
    pub(super) fn of(path: &str, error: &serde_json_path::ParseError) -> Self {
        let message = error.message();
        let at = error.position();
        let rest = path.get(at..).unwrap_or_default();
        let name_wanted = "must start with lowercase alpha or '_'";
        let reason = if !path.starts_with('$') {
            "a path begins with $".to_owned()
        } else if message.ends_with("parser error") {
            match rest.chars().next() {
                Some(_) => format!("{:?} was not expected", shorten_plainly(rest)),
                None => "the path ends too early".to_owned(),
            }
        } else if message.ends_with("expected closing ']'") {
            "a closing ] or another selector was expected".to_owned()
        } else if message.ends_with(name_wanted) {
            "a name was expected, which begins with a letter or _; other names are written ['…']".to_owned()
        } else if message.ends_with("expected an ending quote") {
            "a closing quote was expected, or an escape in the string is invalid".to_owned()
        } else {
            message.strip_prefix("in long-hand segment, ").unwrap_or(message).to_owned()
        };
        Self::new(path, at, reason)
    }

    /// Returns the path as it was written, shortened if it is very long.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns which character, counted from 1, does not fit.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Returns why it does not fit.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Returns the first characters of a text.
fn shorten_plainly(text: &str) -> String {
    const SHOWN: usize = 10;
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::JsonPath;

    fn check(path: &str, text: &str) {
        assert_eq!(JsonPath::parse(path).unwrap_err().to_string(), format!("JSON path {path:?} is invalid at {text}"));
    }

    #[test]
    fn an_error_says_where_and_why() {
        check("", "character 1: a path begins with $");
        check(" $.a", "character 1: a path begins with $");
        check("orders[0]", "character 1: a path begins with $");
        check("$.a b", r#"character 4: " b" was not expected"#);
        check("$.ä-b", r#"character 4: "-b" was not expected"#);
        check("$.a[", r#"character 4: "[" was not expected"#);
        check("$.", "character 3: a name was expected, which begins with a letter or _; other names are written ['…']");
        check(
            "$..",
            "character 4: a name was expected, which begins with a letter or _; other names are written ['…']",
        );
        check("$['a", "character 5: a closing quote was expected, or an escape in the string is invalid");
        check("$[?@.a == ]", "character 8: a closing ] or another selector was expected");
        check("$[?foo(@)]", "character 4: function name 'foo' is not defined");
        check("$.items[99999999999999999999].something", r#"character 8: "[999999999…" was not expected"#);
    }

    #[test]
    fn its_parts_can_be_asked_for() {
        let error = JsonPath::parse("$.a b").unwrap_err();
        assert_eq!((error.path(), error.position(), error.reason()), ("$.a b", 4, r#"" b" was not expected"#));
    }

    #[test]
    fn a_very_long_path_is_shortened() {
        let error = JsonPath::parse(&"a".repeat(5000)).unwrap_err();
        assert_eq!(error.path().chars().count(), 200 + " … (4800 characters left out)".chars().count());
        assert_eq!((error.position(), error.reason()), (4097, "it is 5000 bytes long, more than 4096"));
    }
}
