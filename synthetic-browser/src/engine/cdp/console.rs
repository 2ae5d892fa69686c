//! What pages write to the console, as the console of the browser shows it.

use serde_json::Value;

use super::super::ConsoleMessage;
use super::json::Fields as _;

/// Returns what a script wrote; `None` for calls that write nothing.
pub(super) fn message(parameters: &Value) -> Option<ConsoleMessage> {
    let level = match parameters.text("type") {
        "clear" | "endGroup" => return None,
        "error" | "assert" => "error",
        "warning" => "warning",
        "info" => "info",
        "debug" => "debug",
        _ => "log",
    };
    let nowhere = Value::Null;
    let first = parameters["stackTrace"].items("callFrames").first().unwrap_or(&nowhere);
    Some(ConsoleMessage {
        at: parameters.number("timestamp"),
        level: level.to_owned(),
        text: text(parameters.items("args")),
        url: first.text("url").to_owned(),
        line: line(first),
    })
}

/// Returns what the browser itself wrote: a request that failed, what a policy forbade.
pub(super) fn entry(entry: &Value) -> ConsoleMessage {
    let level = match entry.text("level") {
        "verbose" => "debug",
        level => level,
    };
    ConsoleMessage {
        at: entry.number("timestamp"),
        level: level.to_owned(),
        text: entry.text("text").to_owned(),
        url: entry.text("url").to_owned(),
        line: line(entry),
    }
}

/// Returns the line of a place, from 1 on as people count; 0 where there is none.
pub(super) fn line(place: &Value) -> u32 {
    if place["lineNumber"].is_null() { 0 } else { place.count("lineNumber") as u32 + 1 }
}

/// Returns calls one a line: `    at check (https://shop.example/app.js:12:5)`.
pub(super) fn stack(frames: &[Value]) -> String {
    let lines: Vec<String> = frames
        .iter()
        .map(|frame| {
            let place = format!("{}:{}:{}", frame.text("url"), line(frame), frame.count("columnNumber") + 1);
            match frame.text("functionName") {
                "" => format!("    at {place}"),
                name => format!("    at {name} ({place})"),
            }
        })
        .collect();
    lines.join("\n")
}

/// Returns a value in words: what `console.log` shows of it.
pub(super) fn rendered(value: &Value) -> String {
    match value.text("type") {
        "string" => value.text("value").to_owned(),
        "undefined" => "undefined".to_owned(),
        "object" | "function" if value["preview"].is_object() && value["subtype"] != "error" => {
            preview(&value["preview"])
        }
        _ => match (value["unserializableValue"].as_str(), value["description"].as_str(), &value["value"]) {
            (Some(text), _, _) | (None, Some(text), _) => text.to_owned(),
            (None, None, plain) => plain.to_string(),
        },
    }
}

/// Puts arguments together: what the first asks for by `%s` and its like, then the others, separated by spaces.
///
/// <https://console.spec.whatwg.org/#formatter>
fn text(arguments: &[Value]) -> String {
    let (Some(first), mut rest) = (arguments.first(), arguments.iter().skip(1)) else { return String::new() };
    let mut text = String::new();
    let mut format = match first["value"].as_str() {
        Some(format) if arguments.len() > 1 => format,
        _ => {
            text = rendered(first);
            ""
        }
    };
    while let Some((before, after)) = format.split_once('%') {
        text.push_str(before);
        let kind = after.chars().next();
        match kind {
            Some('%') => text.push('%'),
            Some('s' | 'd' | 'i' | 'f' | 'o' | 'O' | 'c') if rest.len() > 0 => {
                let argument = rest.next().unwrap_or(&Value::Null);
                match kind {
                    // A style: it is not shown.
                    Some('c') => {}
                    Some('d' | 'i') => text.push_str(&whole(argument)),
                    _ => text.push_str(&rendered(argument)),
                }
            }
            _ => {
                text.push('%');
                format = after;
                continue;
            }
        }
        format = &after[1..];
    }
    text.push_str(format);
    for argument in rest {
        text.push(' ');
        text.push_str(&rendered(argument));
    }
    text
}

fn whole(argument: &Value) -> String {
    match argument["value"].as_f64() {
        Some(number) => format!("{}", number.trunc()),
        None => rendered(argument),
    }
}

fn preview(preview: &Value) -> String {
    let list = preview["subtype"] == "array" || preview["subtype"] == "typedarray";
    let entries = preview.items("entries");
    let mut parts: Vec<String> = preview
        .items("properties")
        .iter()
        // That of a map or a set with entries is their number.
        .filter(|property| property["type"] != "accessor" && entries.is_empty())
        .map(|property| {
            let value = property_text(property);
            if list && property.text("name").parse::<u32>().is_ok() {
                value
            } else {
                format!("{}: {value}", property.text("name"))
            }
        })
        .collect();
    for entry in entries {
        let value = preview_or_text(&entry["value"]);
        parts.push(match &entry["key"] {
            Value::Null => value,
            key => format!("{} => {value}", preview_or_text(key)),
        });
    }
    if preview.holds("overflow") {
        parts.push("…".to_owned());
    }
    let parts = parts.join(", ");
    match preview.text("description") {
        _ if list => format!("[{parts}]"),
        // These say all by themselves: a function, a date, an expression, an element.
        description
            if matches!(preview.text("subtype"), "date" | "regexp" | "node" | "error" | "promise")
                || preview["type"] == "function" =>
        {
            description.to_owned()
        }
        "Object" | "" => format!("{{{parts}}}"),
        description => format!("{description} {{{parts}}}"),
    }
}

fn preview_or_text(value: &Value) -> String {
    match value.text("type") {
        "string" => format!("{:?}", value.text("description")),
        "object" => preview(value),
        _ => value.text("description").to_owned(),
    }
}

fn property_text(property: &Value) -> String {
    match property.text("type") {
        "string" => format!("{:?}", property.text("value")),
        "function" => "ƒ".to_owned(),
        _ => property.text("value").to_owned(),
    }
}
