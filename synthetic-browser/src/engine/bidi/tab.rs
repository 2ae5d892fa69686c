//! A top-level browsing context of Firefox.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::connection::{Connection, Failure};
use super::router::Router;
use super::script::{self, Returned};
use super::state::{Outcome, Status, TabState, lock};
use super::{context, input, network};
use crate::engine::{
    Decision, DocumentId, EngineError, Event, FrameId, Handle, KeyAction, MouseAction, Navigation, RequestId, Result,
    Shot, Tab, World,
};

pub(super) struct BidiTab {
    connection: Arc<Connection>,
    router: Arc<Router>,
    state: Arc<TabState>,
    /// Where the mouse is.
    mouse: Mutex<(f64, f64)>,
}

impl BidiTab {
    pub(super) fn new(connection: Arc<Connection>, router: Arc<Router>, state: Arc<TabState>) -> Self {
        Self { connection, router, state, mouse: Mutex::default() }
    }

    fn id(&self) -> &str {
        &self.state.main.0
    }

    /// Sends a command, and gives up as soon as the tab has no page any more.
    async fn command(&self, method: &str, parameters: Value) -> Result<Value> {
        self.send(method, parameters).await?.map_err(|failure| script::error(method, failure))
    }

    async fn send(&self, method: &str, parameters: Value) -> Result<Result<Value, Failure>> {
        tokio::select! {
            biased;
            // First, so that a tab that is lost already is asked nothing.
            lost = self.state.lost() => Err(lost),
            result = self.connection.send(method, parameters) => Ok(result),
        }
    }

    /// Calls a wrapped function in a document, and gives up when the document goes.
    async fn run(&self, frame: &FrameId, world: World, function: &str, arguments: Value) -> Result<Value> {
        let mut document = self.router.document(frame)?;
        let calling = async {
            match self.run_once(frame, world, function, arguments.clone()).await? {
                Returned::Value(value) => return Ok(value),
                Returned::NoLibrary => {}
            }
            self.run_once(frame, world, &script::library(), json!([])).await?;
            match self.run_once(frame, world, function, arguments).await? {
                Returned::Value(value) => Ok(value),
                Returned::NoLibrary => {
                    Err(EngineError::Script("the script library does not define `canary`".to_owned()))
                }
            }
        };
        tokio::select! {
            biased;
            result = calling => result,
            // It never has a value: it ends with its sender, which is dropped with the document.
            _ = document.changed() => match self.state.status() {
                Status::Crashed => Err(EngineError::Crashed),
                Status::Open | Status::Closed => Err(EngineError::Stale("it was navigated away".to_owned())),
            },
        }
    }

    async fn run_once(&self, frame: &FrameId, world: World, function: &str, arguments: Value) -> Result<Returned> {
        let parameters = script::parameters(&frame.0, world, function, arguments);
        script::returned(self.command("script.callFunction", parameters).await?)
    }

    async fn actions(&self, sources: Value) -> Result<()> {
        self.focus().await?;
        self.command("input.performActions", json!({ "context": self.id(), "actions": sources })).await?;
        Ok(())
    }

    /// Takes the focus, unless the tab has it: events of the focus come only to the one that has.
    async fn focus(&self) -> Result<()> {
        if !self.router.activate(&self.state.main) {
            self.command("browsingContext.activate", json!({ "context": self.id() })).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Tab for BidiTab {
    fn main_frame(&self) -> FrameId {
        self.state.main.clone()
    }

    async fn navigate(&self, url: &str) -> Result<Navigation> {
        const METHOD: &str = "browsingContext.navigate";
        self.state.take_answer();
        let parameters = json!({ "context": self.id(), "url": url, "wait": "none" });
        let failure = match self.send(METHOD, parameters).await? {
            Ok(result) => {
                let id = result["navigation"].as_str().unwrap_or_default();
                let outcome = tokio::select! {
                    biased;
                    outcome = self.state.outcome(id) => outcome,
                    lost = self.state.lost() => return Err(lost),
                };
                return Ok(match outcome {
                    Outcome::Committed => Navigation::Document(DocumentId(id.into())),
                    Outcome::Within => Navigation::Within,
                    Outcome::Download => Navigation::Nothing,
                    Outcome::Failed(word) => Navigation::Failed(word),
                });
            }
            Err(failure) => failure,
        };
        match failure {
            Failure::Refused(refusal) if refusal.code == "unknown error" && refusal.message.starts_with("Error: ") => {
                let word = network::error_word(&refusal.message);
                // "No content" leaves the page as it is.
                if word == "NS_BINDING_ABORTED" && matches!(self.state.take_answer(), Some(204 | 205)) {
                    return Ok(Navigation::Nothing);
                }
                Ok(Navigation::Failed(word))
            }
            other => Err(script::error(METHOD, other)),
        }
    }

    async fn reload(&self) -> Result<()> {
        let parameters = json!({ "context": self.id(), "wait": "none" });
        self.command("browsingContext.reload", parameters).await.map(|_| ())
    }

    async fn history(&self, delta: i32) -> Result<bool> {
        const METHOD: &str = "browsingContext.traverseHistory";
        match self.send(METHOD, json!({ "context": self.id(), "delta": delta })).await? {
            Ok(_) => Ok(true),
            Err(Failure::Refused(refusal)) if refusal.code == "no such history entry" => Ok(false),
            Err(failure) => Err(script::error(METHOD, failure)),
        }
    }

    async fn call(&self, frame: &FrameId, world: World, function: &str, arguments: &[Value]) -> Result<Value> {
        let wrapped = script::returning_json(world, function);
        script::json_value(&self.run(frame, world, &wrapped, script::text_argument(arguments)).await?)
    }

    async fn element(&self, frame: &FrameId, function: &str, arguments: &[Value]) -> Result<Option<Handle>> {
        let wrapped = script::returning_element(function);
        let value = self.run(frame, World::Ours, &wrapped, script::text_argument(arguments)).await?;
        if value["type"] == "null" {
            return Ok(None);
        }
        match value["sharedId"].as_str() {
            Some(id) => Ok(Some(Handle { frame: frame.clone(), id: id.to_owned() })),
            None => Err(EngineError::Script(format!("what it returned is a {}, no element", value["type"]))),
        }
    }

    async fn frame_of(&self, element: &Handle) -> Result<Option<FrameId>> {
        let arguments = json!([{ "sharedId": element.id }]);
        let value =
            self.run(&element.frame, World::Ours, "element => element.contentWindow ?? null", arguments).await?;
        let id = (value["type"] == "window").then(|| value["value"]["context"].as_str()).flatten();
        Ok(id.map(|id| FrameId(id.into())))
    }

    async fn set_files(&self, element: &Handle, paths: &[PathBuf]) -> Result<()> {
        let parameters = json!({ "context": &*element.frame.0, "element": { "sharedId": element.id }, "files": paths });
        self.command("input.setFiles", parameters).await.map(|_| ())
    }

    async fn mouse(&self, actions: &[MouseAction]) -> Result<()> {
        let commands = input::mouse(actions, &mut lock(&self.mouse));
        for sources in commands {
            self.actions(sources).await?;
        }
        Ok(())
    }

    async fn keys(&self, actions: &[KeyAction]) -> Result<()> {
        self.actions(input::keys(actions)?).await
    }

    async fn insert_text(&self, text: &str) -> Result<()> {
        // Returns the frame that has the focus instead of inserting, when it is another.
        const INSERT: &str = "text => {
            const element = document.activeElement;
            if (element && /^i?frame$/i.test(element.localName)) return element.contentWindow;
            if (document.execCommand('insertText', false, text)) return true;
            return !(element && (element.isContentEditable || /^(input|textarea)$/.test(element.localName)));
        }";
        self.focus().await?;
        let mut frame = self.state.main.clone();
        loop {
            let arguments = json!([{ "type": "string", "value": text }]);
            let value = self.run(&frame, World::Ours, INSERT, arguments).await?;
            match value["value"]["context"].as_str() {
                Some(id) => frame = FrameId(id.into()),
                // Such as a date, which has parts.
                None if value["value"] == false => return self.actions(input::typed(text)).await,
                None => return Ok(()),
            }
        }
    }

    async fn screenshot(&self, shot: &Shot) -> Result<Bytes> {
        let origin = if shot.full_page { "document" } else { "viewport" };
        let mut parameters = json!({ "context": self.id(), "origin": origin });
        if let Some(clip) = shot.clip {
            parameters["clip"] =
                json!({ "type": "box", "x": clip.x, "y": clip.y, "width": clip.width, "height": clip.height });
        }
        const METHOD: &str = "browsingContext.captureScreenshot";
        let result = self.command(METHOD, parameters).await?;
        decode(METHOD, result["data"].as_str().unwrap_or_default())
    }

    fn mark(&self, taken: oneshot::Sender<()>) {
        self.state.tell(Event::Mark(taken));
    }

    async fn answer_dialog(&self, accept: bool, text: Option<&str>) -> Result<()> {
        let mut parameters = json!({ "context": self.id(), "accept": accept });
        // Firefox takes a missing text for an empty one; who presses "OK" answers what is there.
        let there = lock(&self.state.prompt).take();
        if let Some(text) = text.map(str::to_owned).or(there) {
            parameters["userText"] = text.into();
        }
        self.command("browsingContext.handleUserPrompt", parameters).await.map(|_| ())
    }

    async fn add_script(&self, source: &str) -> Result<()> {
        let parameters = json!({ "functionDeclaration": format!("() => {{ {source}\n}}"), "contexts": [self.id()] });
        self.command("script.addPreloadScript", parameters).await.map(|_| ())
    }

    async fn set_viewport(&self, width: u32, height: u32, scale: f64) -> Result<()> {
        let parameters = json!({ "context": self.id(), "viewport": { "width": width, "height": height },
            "devicePixelRatio": scale });
        self.command("browsingContext.setViewport", parameters).await.map(|_| ())
    }

    async fn set_extra_headers(&self, headers: &[(String, String)]) -> Result<()> {
        let parameters = json!({ "headers": context::headers(headers), "contexts": [self.id()] });
        self.command("network.setExtraHeaders", parameters).await.map(|_| ())
    }

    async fn hold_requests(&self, hold: bool) -> Result<()> {
        if hold {
            if lock(&self.state.intercept).is_some() {
                return Ok(());
            }
            let parameters = json!({ "phases": ["beforeRequestSent"], "contexts": [self.id()] });
            let result = self.command("network.addIntercept", parameters).await?;
            *lock(&self.state.intercept) = result["intercept"].as_str().map(str::to_owned);
            return Ok(());
        }
        let Some(intercept) = lock(&self.state.intercept).take() else { return Ok(()) };
        self.command("network.removeIntercept", json!({ "intercept": intercept })).await?;
        let held: Vec<String> = lock(&self.state.held).drain().collect();
        for request in held {
            self.decide(&request, Decision::Continue).await?;
        }
        Ok(())
    }

    async fn decide(&self, held: &str, decision: Decision) -> Result<()> {
        lock(&self.state.held).remove(held);
        let (method, parameters) = match decision {
            Decision::Continue => ("network.continueRequest", json!({ "request": held })),
            Decision::Abort => ("network.failRequest", json!({ "request": held })),
            Decision::Answer { status, headers, body } => {
                let body = json!({ "type": "base64", "value": STANDARD.encode(&body) });
                let headers = context::headers(&headers);
                (
                    "network.provideResponse",
                    json!({ "request": held, "statusCode": status, "headers": headers, "body": body }),
                )
            }
        };
        self.command(method, parameters).await.map(|_| ())
    }

    async fn body(&self, request: &RequestId) -> Result<Option<Bytes>> {
        const METHOD: &str = "network.getData";
        match self.send(METHOD, json!({ "dataType": "response", "request": &*request.0 })).await? {
            Ok(result) => {
                let value = result["bytes"]["value"].as_str().unwrap_or_default();
                if result["bytes"]["type"] == "base64" {
                    return decode(METHOD, value).map(Some);
                }
                Ok(Some(Bytes::copy_from_slice(value.as_bytes())))
            }
            Err(Failure::Refused(refusal))
                if matches!(refusal.code.as_str(), "no such network data" | "unavailable network data") =>
            {
                Ok(None)
            }
            Err(failure) => Err(script::error(METHOD, failure)),
        }
    }

    async fn raw(&self, method: &str, mut parameters: Value) -> Result<Value> {
        // Most commands name the tab that they are for.
        if let Value::Object(fields) = &mut parameters
            && ["browsingContext.", "input."].iter().any(|module| method.starts_with(module))
            && !method.ends_with(".getTree")
        {
            fields.entry("context").or_insert_with(|| self.id().into());
        }
        self.command(method, parameters).await
    }

    async fn close(&self) -> Result<()> {
        const METHOD: &str = "browsingContext.close";
        match self.connection.send(METHOD, json!({ "context": self.id() })).await {
            Ok(_) => Ok(()),
            // Someone was faster: the page itself, or the end of its context.
            Err(Failure::Refused(refusal)) if refusal.code == "no such frame" => Ok(()),
            Err(failure) => Err(script::error(METHOD, failure)),
        }
    }
}

impl fmt::Debug for BidiTab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BidiTab").field("id", &self.id()).finish_non_exhaustive()
    }
}

fn decode(method: &str, base64: &str) -> Result<Bytes> {
    STANDARD.decode(base64).map(Bytes::from).map_err(|error| EngineError::Refused {
        method: method.to_owned(),
        message: format!("its result is no base64: {error}"),
    })
}
