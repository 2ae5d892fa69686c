//! What a tab's sessions tell: what is kept of it, and what whoever has the tab is told.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{DocumentId, EngineError, Event, FrameId, World};
use super::connection::SessionId;
use super::json::Fields as _;
use super::page::{Dialog, Page};
use super::setup::{Reach, WORLD};
use super::{console, network, script};

pub(super) fn take(page: &Arc<Page>, session: &SessionId, reach: Reach, method: &str, parameters: Value) {
    if let Some(event) = method.strip_prefix("Network.") {
        network::take(page, event, &parameters);
        return;
    }
    match method {
        "Runtime.executionContextCreated" => world_created(page, session, &parameters["context"]),
        "Runtime.executionContextDestroyed" => {
            page.state().frames.world_destroyed(parameters.text("executionContextUniqueId"));
        }
        "Runtime.executionContextsCleared" => page.state().frames.worlds_cleared(session),
        "Runtime.consoleAPICalled" => {
            if let Some(message) = console::message(&parameters) {
                page.tell(Event::Console(message));
            }
        }
        "Runtime.exceptionThrown" => page.tell(exception(&parameters["exceptionDetails"])),
        "Log.entryAdded" => page.tell(Event::Console(console::entry(&parameters["entry"]))),
        "Page.frameAttached" => {
            let parent = FrameId(parameters.text("parentFrameId").into());
            page.state().frames.attached(&frame(&parameters), Some(parent), session);
            page.frames_changed();
        }
        "Page.frameDetached" if parameters.text("reason") != "swap" => {
            let removed = page.state().frames.removed(&frame(&parameters));
            self::removed(page, removed);
        }
        "Page.frameNavigated" => navigated(page, session, &parameters),
        "Page.navigatedWithinDocument" => {
            let url = parameters.text("url").to_owned();
            page.tell(Event::NavigatedWithin { frame: frame(&parameters), url });
        }
        "Page.lifecycleEvent" => {
            let (frame, document) = (frame(&parameters), document(&parameters));
            match parameters.text("name") {
                "DOMContentLoaded" => page.tell(Event::DomLoaded { frame, document }),
                "load" => page.tell(Event::Loaded { frame, document }),
                _ => {}
            }
        }
        "Page.javascriptDialogOpening" => {
            let default = parameters.text("defaultPrompt").to_owned();
            page.state().dialog = Some(Dialog { session: Arc::clone(session), default: default.clone() });
            page.tell(Event::DialogOpened {
                kind: parameters.text("type").to_owned(),
                message: parameters.text("message").to_owned(),
                default,
            });
        }
        "Page.javascriptDialogClosed" => {
            page.state().dialog = None;
            page.tell(Event::DialogClosed);
        }
        "Inspector.targetCrashed" => crashed(page, session, reach),
        "Fetch.requestPaused" => paused(page, session, &parameters),
        "Fetch.authRequired" => challenged(page, session, &parameters),
        _ => {}
    }
}

/// Tells of frames that are no more.
pub(super) fn removed(page: &Page, frames: Vec<FrameId>) {
    page.frames_changed();
    for frame in frames {
        page.tell(Event::FrameRemoved { frame });
    }
}

fn frame(parameters: &Value) -> FrameId {
    FrameId(parameters.text("frameId").into())
}

fn document(parameters: &Value) -> DocumentId {
    DocumentId(parameters.text("loaderId").into())
}

fn world_created(page: &Page, session: &SessionId, context: &Value) {
    let about = &context["auxData"];
    let world = if about.holds("isDefault") {
        World::Page
    } else if context.text("name") == WORLD {
        World::Ours
    } else {
        return;
    };
    // A worker has no frame.
    if about["frameId"].is_string() {
        page.state().frames.world_created(&frame(about), world, context.text("uniqueId"), session);
        page.frames_changed();
    }
}

fn navigated(page: &Page, session: &SessionId, parameters: &Value) {
    let navigated = &parameters["frame"];
    let frame = FrameId(navigated.text("id").into());
    let parent = navigated["parentId"].as_str().map(|parent| FrameId(parent.into()));
    let document = document(navigated);
    {
        let mut state = page.state();
        state.frames.attached(&frame, parent, session);
        if frame.0 == page.target {
            state.documents += 1;
            state.document = Some(document.clone());
        }
    }
    page.frames_changed();
    let url = format!("{}{}", navigated.text("url"), navigated.text("urlFragment"));
    page.tell(Event::Navigated { frame: frame.clone(), document: document.clone(), url });
    // It comes from the history as it was left: loaded, and nothing tells so.
    if parameters["type"] == "BackForwardCacheRestore" {
        page.tell(Event::DomLoaded { frame: frame.clone(), document: document.clone() });
        page.tell(Event::Loaded { frame, document });
    }
}

fn exception(details: &Value) -> Event {
    let frames = details["stackTrace"].items("callFrames");
    let first = frames.first().unwrap_or(details);
    Event::Exception {
        text: script::thrown(details),
        url: first.text("url").to_owned(),
        line: console::line(first),
        column: first.count("columnNumber") as u32 + 1,
        stack: console::stack(frames),
    }
}

fn crashed(page: &Page, session: &SessionId, reach: Reach) {
    if reach == Reach::Tab {
        page.end(&EngineError::Crashed);
        page.tell(Event::Crashed);
    } else {
        page.state().frames.worlds_cleared(session);
        page.connection.end_session(session, &EngineError::Stale("the frame crashed".to_owned()));
        page.frames_changed();
    }
}

fn paused(page: &Page, session: &SessionId, parameters: &Value) {
    let id = parameters.text("requestId");
    // It was held for the sake of credentials alone.
    if !page.shared().hold {
        drop(page.connection.send(Some(session), "Fetch.continueRequest", json!({ "requestId": id })));
        return;
    }
    let request = network::held(parameters);
    page.state().held.insert(id.to_owned(), Arc::clone(session));
    page.tell(Event::Held { held: id.to_owned(), request });
}

fn challenged(page: &Page, session: &SessionId, parameters: &Value) {
    let id = parameters.text("requestId");
    let credentials = page.settings.options.credentials.as_ref();
    // A proxy is not who they are for.
    let challenge = &parameters["authChallenge"];
    let credentials =
        credentials.filter(|ours| challenge.text("source") != "Proxy" && ours.are_for(challenge.text("origin")));
    let answer = match credentials {
        Some(ours) if page.state().answered.insert(id.to_owned()) => {
            json!({ "response": "ProvideCredentials", "username": ours.user, "password": ours.password.expose() })
        }
        _ => json!({ "response": "CancelAuth" }),
    };
    let parameters = json!({ "requestId": id, "authChallengeResponse": answer });
    drop(page.connection.send(Some(session), "Fetch.continueWithAuth", parameters));
}
