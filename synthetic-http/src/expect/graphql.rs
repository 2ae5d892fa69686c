//! That an answer is one of GraphQL, and has no errors.

use serde_json::Value;
use synthetic_core::expect::Mismatch;

use super::{Expectation, that};
use crate::response::Response;

/// How many errors of an answer a failure shows.
const SHOWN: usize = 8;
/// How many characters of each.
const LONGEST: usize = 300;

/// Expects an answer as GraphQL has it, with `data`, and without `errors` unless they are allowed.
pub(crate) fn no_errors(allowed: bool) -> Expectation {
    that("GraphQL answer", move |answer| judge(answer, allowed))
}

fn judge(answer: &Response, allowed: bool) -> Result<(), Mismatch> {
    let expected = if allowed { "has data or errors" } else { "has data and no errors" };
    let refused = |actual: String| Err(Mismatch::new(expected, actual));
    let root = match answer.value() {
        Ok(Value::Object(root)) => root,
        Ok(_) => return refused("JSON that is no object".to_owned()),
        Err(why) => return refused(format!("a body that is not JSON: {why}")),
    };
    match root.get("errors") {
        None | Some(Value::Null) if root.get("data").is_some_and(|data| !data.is_null()) => Ok(()),
        None | Some(Value::Null) => refused("an object with neither data nor errors".to_owned()),
        Some(Value::Array(errors)) if allowed && !errors.is_empty() => Ok(()),
        Some(Value::Array(errors)) => {
            let mut lines: Vec<String> = errors.iter().take(SHOWN).map(shown).collect();
            if errors.len() > SHOWN {
                lines.push(format!("and {} more", errors.len() - SHOWN));
            }
            let count = match errors.len() {
                0 => "an empty list of errors, which no answer may have".to_owned(),
                1 => "1 error".to_owned(),
                more => format!("{more} errors"),
            };
            let beside = if root.get("data").is_some_and(|data| !data.is_null()) { " beside data" } else { "" };
            let separator = if lines.is_empty() { "" } else { ": " };
            refused(format!("{count}{beside}{separator}{}", lines.join("; ")))
        }
        Some(_) => refused("errors that are no list".to_owned()),
    }
}

/// Returns an error with its path and its locations: `"not found" at order.items[0] (line 3, column 5)`.
fn shown(error: &Value) -> String {
    let message = match error.get("message") {
        Some(Value::String(message)) => format!("{message:?}"),
        _ => format!("an error without a message ({error})"),
    };
    let mut path = String::new();
    for segment in error.get("path").and_then(Value::as_array).into_iter().flatten() {
        match segment {
            Value::String(name) if path.is_empty() => path.push_str(name),
            Value::String(name) => path.push_str(&format!(".{name}")),
            index => path.push_str(&format!("[{index}]")),
        }
    }
    let locations = error.get("locations").and_then(Value::as_array).into_iter().flatten();
    let locations: Vec<String> = locations
        .map(|location| match (location.get("line"), location.get("column")) {
            (Some(line), Some(column)) => format!("line {line}, column {column}"),
            _ => location.to_string(),
        })
        .collect();
    let at = if path.is_empty() { String::new() } else { format!(" at {path}") };
    let of = if locations.is_empty() { String::new() } else { format!(" ({})", locations.join("; ")) };
    let whole = message + &at + &of;
    match whole.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{} …", &whole[..cut]),
        None => whole,
    }
}
