//! Words that several matchers use.

use std::fmt::{self, Debug, Write};

use serde_json::Value;

use super::{Show, show::shorten};

/// The longest text of one item in a list, in characters.
const LONGEST_ITEM: usize = 100;

/// Returns what sort of JSON value this is, with its article.
pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Returns a count and its noun: `1 element`, `2 elements`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Returns a clause that says that none of the elements matched.
pub(super) fn none_matches(count: usize) -> String {
    match count {
        0 => "which is empty".to_owned(),
        1 => "whose only element does not match".to_owned(),
        _ => format!("of whose {count} elements none matches"),
    }
}

/// Writes items separated by commas, at most `most` of them, and says how many were left out.
pub(super) fn list<T: Debug>(items: impl ExactSizeIterator<Item = T>, most: usize, f: &mut dyn Write) -> fmt::Result {
    if items.len() == 0 {
        return f.write_str("nothing");
    }
    let left_out = items.len().saturating_sub(most);
    for (at, item) in items.take(most).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{}", shorten(&Show(&item).to_string(), LONGEST_ITEM))?;
    }
    if left_out > 0 { write!(f, " and {left_out} more") } else { Ok(()) }
}

/// Says what is inside of a JSON value: `has the keys "a", "b"`, `has 2 elements`, `is a string`.
pub(super) fn contents(value: &Value) -> String {
    match value {
        Value::Object(object) if object.is_empty() => "is an empty object".to_owned(),
        Value::Object(object) => {
            let mut text = format!("has the {} ", if object.len() == 1 { "key" } else { "keys" });
            let _ = list(object.keys(), 10, &mut text);
            text
        }
        Value::Array(array) => format!("has {}", counted(array.len(), "element")),
        other => format!("is {}", kind(other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_bounded() {
        let mut text = String::new();
        list([1, 2, 3].iter(), 2, &mut text).unwrap();
        assert_eq!(text, "1, 2 and 1 more");
    }

    #[test]
    fn contents_are_said_for_every_kind() {
        assert_eq!(contents(&json!({})), "is an empty object");
        assert_eq!(contents(&json!({"a": 1})), r#"has the key "a""#);
        assert_eq!(contents(&json!({"a": 1, "b": 2})), r#"has the keys "a", "b""#);
        assert_eq!(contents(&json!([])), "has 0 elements");
        assert_eq!(contents(&json!([1])), "has 1 element");
        assert_eq!(contents(&json!(null)), "is null");
        assert_eq!(contents(&json!(1)), "is a number");
    }
}
