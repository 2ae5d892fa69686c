//! How a part of a body is named and shown in a list of differences.

use std::fmt::Write;

use serde_json::Value;
use synthetic_core::expect::Show;
#[cfg(feature = "schema")]
use synthetic_core::expect::push_name;

/// How many characters of a value a line shows.
const LONGEST: usize = 120;

/// Returns a value as JSON on one line, its beginning if it is long.
pub(super) fn brief(value: &Value) -> String {
    let shown = Show(value).to_string();
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", &shown[..end]),
        None => shown,
    }
}

/// Appends the step to an element to a JSON path: `[3]`.
pub(super) fn push_index(path: &mut String, index: usize) {
    let _ = write!(path, "[{index}]");
}

/// Returns the JSON path of what a JSON pointer (RFC 6901) leads to in a value.
#[cfg(feature = "schema")]
pub(super) fn path_of(root: &Value, pointer: &str) -> String {
    let (mut path, mut value) = ("$".to_owned(), Some(root));
    for token in pointer.split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        match value {
            Some(Value::Array(array)) => {
                let index = name.parse().unwrap_or(usize::MAX);
                push_index(&mut path, index);
                value = array.get(index);
            }
            object => {
                push_name(&mut path, &name);
                value = object.and_then(|object| object.get(&name));
            }
        }
    }
    path
}

/// Joins lines under a heading that counts them, and leaves out what is too much.
pub(super) fn listed(lines: &[String], most: usize, count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    let mut text = format!("{count} {what}{s}");
    for line in lines.iter().take(most) {
        let _ = write!(text, "\n{line}");
    }
    if count > most {
        let _ = write!(text, "\nand {} more", count - most);
    }
    text
}
