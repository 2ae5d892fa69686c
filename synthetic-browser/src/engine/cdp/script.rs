//! Calling functions in a document.

use serde_json::{Value, json};

use super::super::{EngineError, FrameId, Handle, Result, World};
use super::console;
use super::json::Fields as _;
use super::page::Page;

/// Calls a function, and returns its JSON value.
pub(super) async fn value(
    page: &Page,
    frame: &FrameId,
    world: World,
    function: &str,
    arguments: &[Value],
) -> Result<Value> {
    let mut answer = call(page, frame, world, function, arguments, true).await?;
    if let Some(unserializable) = answer["unserializableValue"].as_str() {
        return Err(EngineError::Script(format!("the function returned {unserializable}, which JSON cannot say")));
    }
    // There is no value for `undefined`.
    Ok(answer["value"].take())
}

/// Calls a function that returns an element.
pub(super) async fn element(
    page: &Page,
    frame: &FrameId,
    function: &str,
    arguments: &[Value],
) -> Result<Option<Handle>> {
    let answer = call(page, frame, World::Ours, function, arguments, false).await?;
    match (answer.text("subtype"), answer["objectId"].as_str()) {
        ("node", Some(id)) => Ok(Some(Handle { frame: frame.clone(), id: id.to_owned() })),
        ("null", _) => Ok(None),
        _ => Err(EngineError::Script(format!("the function returned {}, not an element", console::rendered(&answer)))),
    }
}

async fn call(
    page: &Page,
    frame: &FrameId,
    world: World,
    function: &str,
    arguments: &[Value],
    by_value: bool,
) -> Result<Value> {
    let mut place = page.place(frame, world).await?;
    let arguments: Vec<Value> = arguments.iter().map(|argument| json!({ "value": argument })).collect();
    // The browser puts it in parentheses: a comment at its end must not take the last one with it.
    let function = format!("{function}\n");
    let parameters = json!({
        "functionDeclaration": function, "uniqueContextId": &*place.context, "arguments": arguments,
        "awaitPromise": true, "returnByValue": by_value, "objectGroup": "canary",
    });
    let reply = page.connection.send(Some(&place.session), "Runtime.callFunctionOn", parameters);
    // A promise of a document that went away is sometimes answered, sometimes not.
    let answer = tokio::select! {
        biased;
        answer = reply => answer,
        () = place.gone() => Err(EngineError::Stale("the document was left while the script ran".to_owned())),
    };
    let mut answer = answer.map_err(|error| page.why(error))?;
    match &answer["exceptionDetails"] {
        Value::Null => Ok(answer["result"].take()),
        details => Err(EngineError::Script(thrown(details))),
    }
}

/// Returns what was thrown, in words: `Error: no such thing`, without the stack.
pub(super) fn thrown(details: &Value) -> String {
    let exception = &details["exception"];
    if let Some(description) = exception["description"].as_str().filter(|_| exception["subtype"] == "error") {
        let end = description.find("\n    at ").unwrap_or(description.len());
        return description[..end].to_owned();
    }
    match exception {
        Value::Null => details.text("text").to_owned(),
        _ => format!("{} {}", details.text("text"), console::rendered(exception)),
    }
}
