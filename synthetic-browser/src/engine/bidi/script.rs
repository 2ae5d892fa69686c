//! How a function is called in a document, and what came of it. JSON text goes in and comes out, so that nothing depends on how
//! the protocol writes values.

use serde_json::{Value, json};

use super::connection::{Failure, Refusal};
use crate::engine::{EngineError, LIBRARY, World};

/// The name of our world. The page's scripts cannot see it.
const SANDBOX: &str = "canary";
/// What a wrapper returns when the document has no library yet: no JSON value.
const NO_LIBRARY: &str = "no library";

/// What a wrapped function returned.
#[derive(Debug)]
pub(super) enum Returned {
    /// A remote value, as the protocol writes it.
    Value(Value),
    /// It was not called: the library is missing. A preload script does not reach a document that was never loaded, such as the
    /// first of a tab, or that of an `iframe` without an address.
    NoLibrary,
}

/// Returns the parameters of `script.callFunction`.
pub(super) fn parameters(context: &str, world: World, function: &str, arguments: Value) -> Value {
    let target = match world {
        World::Page => json!({ "context": context }),
        World::Ours => json!({ "context": context, "sandbox": SANDBOX }),
    };
    json!({
        "target": target,
        "functionDeclaration": function,
        "arguments": arguments,
        "awaitPromise": true,
        "resultOwnership": "none",
        "serializationOptions": { "maxDomDepth": 0, "maxObjectDepth": 0 },
    })
}

/// Returns arguments for a function that takes JSON text.
pub(super) fn text_argument(values: &[Value]) -> Value {
    json!([{ "type": "string", "value": Value::from(values).to_string() }])
}

/// Wraps a function so that it takes and returns JSON text.
pub(super) fn returning_json(world: World, function: &str) -> String {
    format!(
        "async text => {{ {check}const result = await ({function}\n)(...JSON.parse(text)); \
         const json = JSON.stringify(result); return json === undefined ? 'null' : json; }}",
        check = check(world)
    )
}

/// Wraps a function of our world so that it takes JSON text and returns an element.
pub(super) fn returning_element(function: &str) -> String {
    format!(
        "async text => {{ {check}return (await ({function}\n)(...JSON.parse(text))) ?? null; }}",
        check = check(World::Ours)
    )
}

/// Returns a function that defines the library: a preload script, and the remedy for [`Returned::NoLibrary`].
pub(super) fn library() -> String {
    format!("() => {{ {LIBRARY}\n}}")
}

pub(super) fn sandbox() -> &'static str {
    SANDBOX
}

fn check(world: World) -> String {
    match world {
        World::Page => String::new(),
        World::Ours => format!("if (typeof globalThis.canary === 'undefined') return '{NO_LIBRARY}'; "),
    }
}

/// Reads the result of `script.callFunction`.
pub(super) fn returned(mut result: Value) -> Result<Returned, EngineError> {
    if result["type"] == "exception" {
        let text = result["exceptionDetails"]["text"].as_str().unwrap_or("an exception without a text");
        return Err(EngineError::Script(text.to_owned()));
    }
    let value = result["result"].take();
    if value["value"] == NO_LIBRARY {
        return Ok(Returned::NoLibrary);
    }
    Ok(Returned::Value(value))
}

/// Returns the JSON value that a function wrapped by [`returning_json`] has returned.
pub(super) fn json_value(value: &Value) -> Result<Value, EngineError> {
    let text = value["value"].as_str().unwrap_or("null");
    serde_json::from_str(text).map_err(|error| EngineError::Script(format!("what it returned is no JSON: {error}")))
}

/// Says what a failed command means.
pub(super) fn error(method: &str, failure: Failure) -> EngineError {
    match failure {
        Failure::Gone(why) => EngineError::Gone(why),
        Failure::Refused(refusal) if is_stale(&refusal) => EngineError::Stale(refusal.text()),
        Failure::Refused(refusal) => EngineError::Refused { method: method.to_owned(), message: refusal.text() },
    }
}

/// Firefox has a code for most of what a navigation takes away, and for some only the text of what went wrong inside.
fn is_stale(refusal: &Refusal) -> bool {
    const CODES: &[&str] =
        &["no such frame", "no such node", "no such handle", "stale element reference", "discarded browsing context"];
    const TEXTS: &[&str] =
        &["AbortError", "Actor '", "destroyed before query", "DiscardedBrowsingContextError", "dead object"];
    CODES.contains(&refusal.code.as_str()) || TEXTS.iter().any(|text| refusal.message.contains(text))
}

impl Refusal {
    /// Returns the browser's text with its code, where that says more.
    pub(super) fn text(&self) -> String {
        let message = self.message.trim();
        match (self.code.as_str(), message) {
            ("unknown error" | "", _) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, _) => format!("{code}: {message}"),
        }
    }
}
