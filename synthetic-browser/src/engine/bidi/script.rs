//! How a function is called in a document, and what came of it. JSON text goes in and comes out, so that nothing depends on how
//! the protocol writes values.

use serde_json::{Value, json};

use super::connection::{Failure, Refusal};
use crate::engine::{EngineError, LIBRARY, World, message};

/// The name of our world. The page's scripts cannot see it.
const SANDBOX: &str = "canary";

/// What a wrapped function returned.
#[derive(Debug)]
pub(super) enum Returned {
    /// A remote value, as the protocol writes it.
    Value(Value),
    /// It was not called: the library is missing. A preload script does not reach a document that was never loaded, such as the
    /// first of a tab, or that of an `iframe` without an address.
    NoLibrary,
}

/// How a wrapper begins what it returns as text: it was not called, it threw, or it is a value.
const NO_LIBRARY: &str = "?";
const THREW: &str = "!";
const VALUE: &str = "=";

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
    wrapped(world, function, &format!("const json = JSON.stringify(result); return '{VALUE}' + (json ?? 'null');"))
}

/// Wraps a function of our world so that it takes JSON text and returns an element.
pub(super) fn returning_element(function: &str) -> String {
    wrapped(World::Ours, function, "return result ?? null;")
}

/// What is thrown is caught and told: of a promise that is rejected without a stack Firefox says nothing but that it has none.
fn wrapped(world: World, function: &str, end: &str) -> String {
    let check = match world {
        World::Page => String::new(),
        World::Ours => format!("if (typeof globalThis.canary === 'undefined') return '{NO_LIBRARY}';"),
    };
    format!(
        "async text => {{ {check} try {{ const result = await ({function}\n)(...JSON.parse(text)); {end} }} \
         catch (error) {{ return '{THREW}' + error; }} }}"
    )
}

/// Returns a function that defines the library: a preload script, and the remedy for [`Returned::NoLibrary`].
pub(super) fn library() -> String {
    format!("() => {{ {LIBRARY}\n}}")
}

pub(super) fn sandbox() -> &'static str {
    SANDBOX
}

/// Reads the result of `script.callFunction`.
pub(super) fn returned(mut result: Value) -> Result<Returned, EngineError> {
    if result["type"] == "exception" {
        let text = result["exceptionDetails"]["text"].as_str().unwrap_or("an exception without a text");
        return Err(EngineError::Script(text.to_owned()));
    }
    let value = result["result"].take();
    match value["value"].as_str() {
        Some(NO_LIBRARY) => Ok(Returned::NoLibrary),
        Some(text) if text.starts_with(THREW) => Err(EngineError::Script(text[THREW.len()..].to_owned())),
        _ => Ok(Returned::Value(value)),
    }
}

/// Returns the JSON value that a function wrapped by [`returning_json`] has returned.
pub(super) fn json_value(value: &Value) -> Result<Value, EngineError> {
    let text = value["value"].as_str().and_then(|text| text.strip_prefix(VALUE)).unwrap_or("null");
    message::read(text.as_bytes()).map_err(|error| EngineError::Script(format!("what it returned is no JSON: {error}")))
}

/// Says what a failed command means.
pub(super) fn error(method: &str, failure: Failure) -> EngineError {
    match failure {
        Failure::Gone(why) => EngineError::Gone(why),
        Failure::Refused(refusal) if is_stale(&refusal) => EngineError::Stale(refusal.text()),
        Failure::Refused(refusal) if is_crashed(&refusal) => EngineError::Crashed,
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

/// Of all documents that a tab of ours gets, only the one that tells of a crash is not in a process of its own.
fn is_crashed(refusal: &Refusal) -> bool {
    refusal.message.contains("not supported for parent process browsing contexts")
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
