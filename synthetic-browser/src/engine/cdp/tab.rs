//! The commands of a tab.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::super::{
    ContextOptions, Decision, DocumentId, EngineError, Event, FrameId, Handle, KeyAction, MouseAction, Navigation,
    RequestId, Result, Shot, Tab, World,
};
use super::connection::Reply;
use super::json::Fields as _;
use super::page::{Dialog, Page, Shared};
use super::{input, screenshot, script, setup};

#[derive(Debug)]
struct CdpTab {
    page: Arc<Page>,
}

pub(super) fn tab(page: Arc<Page>) -> Arc<dyn Tab> {
    Arc::new(CdpTab { page })
}

/// Returns what the first tab of a context is told.
pub(super) fn shared(options: &ContextOptions) -> Shared {
    Shared { headers: options.headers.clone(), viewport: options.viewport, ..Shared::default() }
}

/// Returns what becomes of a command to a tab that was closed.
pub(super) fn closed() -> EngineError {
    EngineError::Refused { method: "the command".to_owned(), message: "the tab was closed".to_owned() }
}

#[async_trait]
impl Tab for CdpTab {
    fn main_frame(&self) -> FrameId {
        FrameId(Arc::clone(&self.page.target))
    }

    async fn navigate(&self, url: &str) -> Result<Navigation> {
        self.page.check()?;
        let page = &self.page;
        let reply = page.connection.send(Some(&page.session), "Page.navigate", json!({ "url": url }));
        let mut underway = Underway { page, done: false };
        let answer = reply.await;
        underway.done = true;
        let answer = answer.map_err(|error| page.why(error))?;
        Ok(match (answer["errorText"].as_str(), answer["loaderId"].as_str()) {
            // What the browser itself gives up: there is no document to show. 204, a download, or another navigation.
            (Some("net::ERR_ABORTED"), _) => Navigation::Nothing,
            (Some(error), _) if !error.is_empty() => Navigation::Failed(error.to_owned()),
            _ if answer.holds("isDownload") => Navigation::Nothing,
            (_, Some(loader)) => {
                let document = DocumentId(loader.into());
                // What is asked next is asked of that document, not of the one before.
                page.arrived(&document).await?;
                Navigation::Document(document)
            }
            (_, None) => Navigation::Within,
        })
    }

    async fn reload(&self) -> Result<()> {
        self.page.ask("Page.reload", json!({})).await.map(drop)
    }

    async fn history(&self, delta: i32) -> Result<bool> {
        let answer = self.page.ask("Page.getNavigationHistory", json!({})).await?;
        let wanted = answer.count("currentIndex") as i64 + i64::from(delta);
        let entry = usize::try_from(wanted).ok().and_then(|index| answer.items("entries").get(index));
        let Some(entry) = entry else { return Ok(false) };
        self.page.ask("Page.navigateToHistoryEntry", json!({ "entryId": entry.count("id") })).await?;
        Ok(true)
    }

    async fn call(&self, frame: &FrameId, world: World, function: &str, arguments: &[Value]) -> Result<Value> {
        script::value(&self.page, frame, world, function, arguments).await
    }

    async fn element(&self, frame: &FrameId, function: &str, arguments: &[Value]) -> Result<Option<Handle>> {
        script::element(&self.page, frame, function, arguments).await
    }

    async fn frame_of(&self, element: &Handle) -> Result<Option<FrameId>> {
        let answer = self.ask_in(&element.frame, "DOM.describeNode", json!({ "objectId": element.id })).await?;
        Ok(answer["node"]["frameId"].as_str().map(|frame| FrameId(frame.into())))
    }

    async fn set_files(&self, element: &Handle, paths: &[PathBuf]) -> Result<()> {
        let parameters = json!({ "objectId": element.id, "files": paths });
        self.ask_in(&element.frame, "DOM.setFileInputFiles", parameters).await.map(drop)
    }

    async fn mouse(&self, actions: &[MouseAction]) -> Result<()> {
        self.page.check()?;
        self.all(input::mouse(&self.page, actions)).await
    }

    async fn keys(&self, actions: &[KeyAction]) -> Result<()> {
        self.page.check()?;
        self.all(input::keys(&self.page, actions)?).await
    }

    async fn insert_text(&self, text: &str) -> Result<()> {
        self.page.ask("Input.insertText", json!({ "text": text })).await.map(drop)
    }

    async fn screenshot(&self, shot: &Shot) -> Result<Bytes> {
        screenshot::take(&self.page, shot).await
    }

    fn mark(&self, taken: oneshot::Sender<()>) {
        self.page.tell(Event::Mark(taken));
    }

    async fn answer_dialog(&self, accept: bool, text: Option<&str>) -> Result<()> {
        self.page.check()?;
        let none = || Dialog { session: Arc::clone(&self.page.session), default: String::new() };
        let Dialog { session, default } = self.page.state().dialog.clone().unwrap_or_else(none);
        // Without a text the browser would empty a prompt.
        let parameters = json!({ "accept": accept, "promptText": text.unwrap_or(&default) });
        let reply = self.page.connection.send(Some(&session), "Page.handleJavaScriptDialog", parameters);
        reply.await.map(drop).map_err(|error| self.page.why(error))
    }

    async fn add_script(&self, source: &str) -> Result<()> {
        self.page.shared().scripts.push(source.to_owned());
        self.page.ask_all("Page.addScriptToEvaluateOnNewDocument", setup::script(source)).await.map(drop)
    }

    async fn set_viewport(&self, width: u32, height: u32, scale: f64) -> Result<()> {
        self.page.shared().viewport = Some((width, height, scale));
        let parameters = setup::viewport((width, height, scale));
        self.page.ask("Emulation.setDeviceMetricsOverride", parameters).await.map(drop)
    }

    async fn set_extra_headers(&self, headers: &[(String, String)]) -> Result<()> {
        self.page.shared().headers = headers.to_vec();
        self.page.ask_all("Network.setExtraHTTPHeaders", setup::headers(headers)).await.map(drop)
    }

    async fn hold_requests(&self, hold: bool) -> Result<()> {
        let fetch = {
            let mut shared = self.page.shared();
            shared.hold = hold;
            setup::fetch(&self.page.settings, &shared)
        };
        if !hold {
            // What is held goes on: nobody is going to decide.
            let held = std::mem::take(&mut self.page.state().held);
            for (id, session) in held {
                let parameters = json!({ "requestId": id });
                drop(self.page.connection.send(Some(&session), "Fetch.continueRequest", parameters));
            }
        }
        self.page.ask_all("Fetch.enable", fetch).await.map(drop)
    }

    async fn decide(&self, held: &str, decision: Decision) -> Result<()> {
        self.page.check()?;
        let session = self.page.state().held.remove(held);
        let session = session.ok_or_else(|| EngineError::Stale(format!("no request is held as {held}")))?;
        let (method, parameters) = match decision {
            Decision::Continue => ("Fetch.continueRequest", json!({ "requestId": held })),
            Decision::Abort => ("Fetch.failRequest", json!({ "requestId": held, "errorReason": "BlockedByClient" })),
            Decision::Answer { status, headers, body } => {
                let headers: Vec<Value> =
                    headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
                let parameters = json!({
                    "requestId": held, "responseCode": status, "responseHeaders": headers,
                    "body": BASE64_STANDARD.encode(body),
                });
                ("Fetch.fulfillRequest", parameters)
            }
        };
        match self.page.connection.send(Some(&session), method, parameters).await {
            // The page went elsewhere in the meantime, and the request with it.
            Err(EngineError::Refused { message, .. }) if message.starts_with("Invalid InterceptionId") => Ok(()),
            answer => answer.map(drop).map_err(|error| self.page.why(error)),
        }
    }

    async fn body(&self, request: &RequestId) -> Result<Option<Bytes>> {
        self.page.check()?;
        let mut sessions = vec![Arc::clone(&self.page.session)];
        sessions.extend(self.page.state().others.iter().cloned());
        // A request of a frame or worker of another process is known there only.
        for session in sessions {
            let parameters = json!({ "requestId": &*request.0 });
            match self.page.connection.send(Some(&session), "Network.getResponseBody", parameters).await {
                Ok(answer) => return decoded(&answer).map(Some),
                Err(EngineError::Refused { .. } | EngineError::Stale(_)) => {}
                Err(error) => return Err(self.page.why(error)),
            }
        }
        self.page.check()?;
        Ok(None)
    }

    async fn raw(&self, method: &str, parameters: Value) -> Result<Value> {
        // What is about the whole browser is refused in a tab.
        if method.starts_with("SystemInfo.") || ["Target.getBrowserContexts", "Target.getTargets"].contains(&method) {
            self.page.check()?;
            return self.page.connection.send(None, method, parameters).await;
        }
        self.page.ask(method, parameters).await
    }

    async fn close(&self) -> Result<()> {
        let parameters = json!({ "targetId": &*self.page.target });
        match self.page.connection.send(None, "Target.closeTarget", parameters).await {
            // It is closed already.
            Err(EngineError::Refused { message, .. }) if message.starts_with("No target with given id") => Ok(()),
            answer => answer.map(drop),
        }
    }
}

impl CdpTab {
    async fn ask_in(&self, frame: &FrameId, method: &str, parameters: Value) -> Result<Value> {
        self.page.check()?;
        let session = self.page.state().frames.session(frame).cloned();
        let session = session.ok_or_else(|| EngineError::Stale("the frame was removed".to_owned()))?;
        self.page.connection.send(Some(&session), method, parameters).await.map_err(|error| self.page.why(error))
    }

    /// Waits for all answers, and returns the first error.
    async fn all(&self, replies: Vec<Reply>) -> Result<()> {
        for reply in replies {
            reply.await.map_err(|error| self.page.why(error))?;
        }
        Ok(())
    }
}

/// A navigation that nobody waits for any more is given up, so that it does not come in late.
struct Underway<'a> {
    page: &'a Page,
    done: bool,
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if !self.done {
            drop(self.page.connection.send(Some(&self.page.session), "Page.stopLoading", json!({})));
        }
    }
}

fn decoded(answer: &Value) -> Result<Bytes> {
    let body = answer.text("body");
    if !answer.holds("base64Encoded") {
        return Ok(Bytes::copy_from_slice(body.as_bytes()));
    }
    from_base64("Network.getResponseBody", body)
}

pub(super) fn from_base64(method: &str, text: &str) -> Result<Bytes> {
    BASE64_STANDARD.decode(text).map(Bytes::from).map_err(|error| EngineError::Refused {
        method: method.to_owned(),
        message: format!("the browser sent what is not base64: {error}"),
    })
}
