//! How a value is shown in a failure: short, on one line, JSON as JSON.

use std::fmt;

use serde_json::Value;

/// The name of the type of JSON values.
const JSON: &str = "serde_json::value::Value";

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
        f.write_str(&shorten(&whole(self.0), LONGEST))
    }
}

/// Shows a value like [`Show`], but whole.
pub(crate) fn whole<T: fmt::Debug + ?Sized>(value: &T) -> String {
    let text = format!("{value:?}");
    // `serde_json::Value` prints its Rust constructors (`String("up")`), which nobody wants to read in an alert.
    // `T` may borrow, so it cannot be downcast; its name tells whether there is JSON in it.
    if std::any::type_name::<T>().contains(JSON) { without_constructors(&text) } else { text }
}

/// Returns whether `T` is a JSON value or a reference to one, going by its name: good for words, not for verdicts.
pub(crate) fn is_json<T: ?Sized>() -> bool {
    std::any::type_name::<T>().trim_start_matches('&') == JSON
}

/// Returns the text that `shown` quotes, if it is one quoted text and nothing else.
pub(crate) fn unquoted(shown: &str) -> Option<String> {
    if shown.len() < 2 || !shown.starts_with('"') || string_end(shown) != shown.len() {
        return None;
    }
    let inner = &shown[1..shown.len() - 1];
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next()? {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            '0' => out.push('\0'),
            'u' => {
                let (code, tail) = rest.as_str().strip_prefix('{')?.split_once('}')?;
                out.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
                rest = tail.chars();
            }
            other => out.push(other),
        }
    }
    Some(out)
}

/// Reads back a JSON value, a number, a boolean or a text from how it is shown.
pub(crate) fn to_json(shown: &str) -> Option<Value> {
    let mut json = String::with_capacity(shown.len());
    let mut rest = shown;
    while let Some(start) = rest.find('"') {
        let end = start + string_end(&rest[start..]);
        json.push_str(&rest[..start]);
        json.push_str(&Value::String(unquoted(&rest[start..end])?).to_string());
        rest = &rest[end..];
    }
    json.push_str(rest);
    serde_json::from_str(&json).ok()
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
        check(
            &json!({"a": [1, "Null", {"b": false}], "c": "String(\"x\")"}),
            r#"{"a": [1, "Null", {"b": false}], "c": "String(\"x\")"}"#,
        );
        check(&Some(json!("x")), r#"Some("x")"#);
        check(&vec![json!(1), json!([])], "[1, []]");
        check(&(&json!("by reference")), r#""by reference""#);
    }

    #[test]
    fn what_only_looks_like_json_is_left_alone() {
        check(&"Null String(1)", r#""Null String(1)""#);
    }

    #[test]
    fn a_quoted_text_is_read_back() {
        for text in ["", "a", "\"\\ \n\r\t\0 'ä \u{7f}\u{200b}"] {
            assert_eq!(unquoted(&format!("{text:?}")).as_deref(), Some(text));
        }
        assert_eq!(unquoted("1"), None);
        assert_eq!(unquoted(r#""a", "b""#), None);
    }

    #[test]
    fn json_is_read_back() {
        for value in
            [json!({"a\u{7f}\"b": [1, 2.5, {"c": "\n\0"}], "d": null, "e": [true]}), json!("x"), json!(u64::MAX)]
        {
            assert_eq!(to_json(&whole(&value)), Some(value));
        }
        assert_eq!(to_json(&whole(&7u8)), Some(json!(7)));
        assert_eq!(to_json("Some(1)"), None);
    }

    #[test]
    fn the_type_of_a_json_value_is_known() {
        assert!(is_json::<Value>() && is_json::<&Value>());
        assert!(!is_json::<Option<Value>>() && !is_json::<str>());
    }

    #[test]
    fn a_long_text_is_cut_on_a_character() {
        assert_eq!(shorten("äöü", 2), "äö … (1 characters left out)");
        assert_eq!(shorten("äöü", 3), "äöü");
    }
}
