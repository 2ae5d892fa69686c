//! What scripts said: console messages, and errors that nobody caught.

use serde_json::Value;

use crate::engine::{ConsoleMessage, Event};

/// Reads a `log.entryAdded`.
pub(super) fn event(entry: &Value) -> Event {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let frames = entry["stackTrace"]["callFrames"].as_array().map(Vec::as_slice).unwrap_or_default();
    let top = frames.first().unwrap_or(&Value::Null);
    if entry["type"] == "javascript" && entry["level"] == "error" {
        let stack: Vec<String> = frames.iter().map(line).collect();
        return Event::Exception {
            text: text(&entry["text"]),
            url: text(&top["url"]),
            line: from_one(&top["lineNumber"]),
            column: from_one(&top["columnNumber"]),
            stack: stack.join("\n"),
        };
    }
    let level = match (entry["method"].as_str(), entry["level"].as_str()) {
        (Some("log"), _) => "log",
        (_, Some("warn")) => "warning",
        (_, Some(level)) => level,
        (_, None) => "log",
    };
    Event::Console(ConsoleMessage {
        at: entry["timestamp"].as_f64().unwrap_or_default(),
        level: level.to_owned(),
        text: text(&entry["text"]),
        url: text(&top["url"]),
        line: from_one(&top["lineNumber"]),
    })
}

/// Writes a line of a stack as browsers print it: `buy (https://shop.example/app.js:12:7)`.
fn line(frame: &Value) -> String {
    let function = frame["functionName"].as_str().filter(|name| !name.is_empty()).unwrap_or("<anonymous>");
    let url = frame["url"].as_str().unwrap_or_default();
    format!("{function} ({url}:{}:{})", from_one(&frame["lineNumber"]), from_one(&frame["columnNumber"]))
}

/// The protocol counts lines and columns from 0, people from 1.
fn from_one(number: &Value) -> u32 {
    number.as_u64().and_then(|number| u32::try_from(number).ok()).map_or(0, |number| number.saturating_add(1))
}
