//! Values that are texts, and where two texts part.

use std::borrow::Cow;

use serde_json::Value;

use super::words::kind;

/// Gives the text of a value, for matchers about text such as [`starts_with`](super::starts_with).
pub trait Text {
    /// Returns the text.
    ///
    /// # Errors
    ///
    /// Returns what the value is instead, such as `a number`, when it is JSON but not a string.
    fn text(&self) -> Result<&str, &'static str>;
}

impl Text for str {
    fn text(&self) -> Result<&str, &'static str> {
        Ok(self)
    }
}

impl Text for String {
    fn text(&self) -> Result<&str, &'static str> {
        Ok(self)
    }
}

impl Text for Cow<'_, str> {
    fn text(&self) -> Result<&str, &'static str> {
        Ok(self)
    }
}

impl Text for Value {
    fn text(&self) -> Result<&str, &'static str> {
        self.as_str().ok_or_else(|| kind(self))
    }
}

impl<T: Text + ?Sized> Text for &T {
    fn text(&self) -> Result<&str, &'static str> {
        (**self).text()
    }
}

/// Texts up to this many characters on one line are compared by eye.
const SHORT: usize = 40;

/// How many characters are shown from where two texts part.
const EXCERPT: usize = 20;

/// Returns a clause about how `actual` differs from `expected`, where that is hard to see.
pub(super) fn difference(expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    if expected.to_lowercase() == actual.to_lowercase() {
        return Some("which differs only in case".to_owned());
    }
    if expected.trim() == actual.trim() {
        return Some("which differs only in white space around it".to_owned());
    }
    let lines = expected.contains('\n') || actual.contains('\n');
    if !lines && expected.chars().count() <= SHORT && actual.chars().count() <= SHORT {
        return None;
    }
    let same: usize = expected.chars().zip(actual.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let (before, wanted, got) = (&expected[..same], &expected[same..], &actual[same..]);
    Some(if wanted.is_empty() {
        format!("which goes on after {} with {}", position(before, lines, 0), excerpt(got, same))
    } else if got.is_empty() {
        format!("which ends after {}, before {}", position(before, lines, 0), excerpt(wanted, same))
    } else {
        format!(
            "which first differs at {}: {} instead of {}",
            position(before, lines, 1),
            excerpt(got, same),
            excerpt(wanted, same)
        )
    })
}

/// Returns the position of the last character of `before`, or of the one `beyond` it: `character 12`.
fn position(before: &str, lines: bool, beyond: usize) -> String {
    let line = before.matches('\n').count() + 1;
    let character = before.rsplit('\n').next().unwrap_or_default().chars().count() + beyond;
    if lines { format!("line {line}, character {character}") } else { format!("character {character}") }
}

/// Returns the beginning of a text in quotes. A `…` says that something stands before it, and that something follows: by
/// them a secret is known that is shown in part.
fn excerpt(text: &str, before: usize) -> String {
    let front = if before > 0 { "…" } else { "" };
    let (shown, back) = match text.char_indices().nth(EXCERPT) {
        None => (text, ""),
        Some((end, _)) => (&text[..end], "…"),
    };
    format!("{:?}", format!("{front}{shown}{back}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, actual: &str, clause: &str) {
        assert_eq!(difference(expected, actual).unwrap_or_default(), clause);
    }

    #[test]
    fn short_texts_are_compared_by_eye() {
        check("a", "b", "");
        check("a", "a", "");
    }

    #[test]
    fn the_first_difference_of_long_texts_is_found() {
        let (a, b) = ("ä".repeat(50), "ä".repeat(11));
        check(
            &a,
            &(b.clone() + "x"),
            r#"which first differs at character 12: "…x" instead of "…ääääääääääääääääääää…""#,
        );
        check(&a, &b, r#"which ends after character 11, before "…ääääääääääääääääääää…""#);
        check(&b, &(b.clone() + &"z".repeat(50)), r#"which goes on after character 11 with "…zzzzzzzzzzzzzzzzzzzz…""#);
    }

    #[test]
    fn lines_are_counted() {
        check("one\ntwo", "one\ntoo", r#"which first differs at line 2, character 2: "…oo" instead of "…wo""#);
    }

    #[test]
    fn what_the_eye_misses_is_named() {
        check("Up", "up", "which differs only in case");
        check("up", "up\n", "which differs only in white space around it");
    }
}
