//! How a value is shown in a failure: short, on one line, JSON as JSON.

use std::fmt;

/// The longest text of a value that a failure shows, in characters. The rest is left out, and said to be.
pub(crate) const LONGEST: usize = 1024;

/// Shows a value in a failure: its `Debug` form on one line, JSON values as compact JSON, at most 1,024 characters.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::Show;
///
/// assert_eq!(Show(&"up").to_string(), r#""up""#);
/// assert_eq!(Show(&serde_json::json!({"db": "up"})).to_string(), r#"{"db": "up"}"#);
/// assert_eq!(Show(&"x".repeat(2000)).to_string().chars().count(), 1024 + " … (978 characters left out)".chars().count());
/// ```
#[derive(Debug)]
pub struct Show<'a, T: ?Sized>(pub &'a T);

impl<T: fmt::Debug + ?Sized> fmt::Display for Show<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!("{:?}", self.0);
        // `serde_json::Value` prints its Rust constructors (`String("up")`), which nobody wants to read in an alert.
        // `T` may borrow, so it cannot be downcast; its name tells whether there is JSON in it.
        if std::any::type_name::<T>().contains("serde_json::value::Value") {
            text = without_constructors(&text);
        }
        f.write_str(&shorten(&text, LONGEST))
    }
}

/// Cuts a text after `longest` characters and says how many were left out.
pub(crate) fn shorten(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => {
            format!("{} … ({} characters left out)", &text[..end], text[end..].chars().count())
        }
    }
}

/// Turns the `Debug` form of JSON values, wherever they stand in `text`, into JSON.
fn without_constructors(text: &str) -> String {
    const WRAPPED: [&str; 3] = ["String(", "Number(", "Bool("];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut depth_of_wrappers = Vec::new();
    let mut depth = 0usize;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = string_end(rest);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if let Some(word) = WRAPPED.iter().find(|word| rest.starts_with(**word)) {
            depth_of_wrappers.push(depth);
            depth += 1;
            rest = &rest[word.len()..];
        } else if let Some(tail) = rest.strip_prefix("Array [").or_else(|| rest.strip_prefix("Object {")) {
            out.push(if rest.starts_with('A') { '[' } else { '{' });
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("Null") {
            out.push_str("null");
            rest = tail;
        } else {
            match c {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    if depth_of_wrappers.last() == Some(&depth) {
                        depth_of_wrappers.pop();
                        rest = &rest[1..];
                        continue;
                    }
                }
                _ => {}
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Returns where the quoted string that `text` begins with ends, its closing quote included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(value: &impl fmt::Debug, expected: &str) {
        assert_eq!(Show(value).to_string(), expected);
    }

    #[test]
    fn json_is_shown_as_json() {
        check(&json!(null), "null");
        check(&json!("a\"b"), r#""a\"b""#);
        check(&json!(1.5), "1.5");
        check(&json!(true), "true");
        check(&json!({"a": [1, "Null", {"b": false}], "c": "String(\"x\")"}), r#"{"a": [1, "Null", {"b": false}], "c": "String(\"x\")"}"#);
        check(&Some(json!("x")), r#"Some("x")"#);
        check(&vec![json!(1), json!([])], "[1, []]");
        check(&(&json!("by reference")), r#""by reference""#);
    }

    #[test]
    fn what_only_looks_like_json_is_left_alone() {
        check(&"Null String(1)", r#""Null String(1)""#);
    }

    #[test]
    fn a_long_text_is_cut_on_a_character() {
        assert_eq!(shorten("äöü", 2), "äö … (1 characters left out)");
        assert_eq!(shorten("äöü", 3), "äöü");
    }
}
