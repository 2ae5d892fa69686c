//! Who gets which event: what the browser has told of its tabs and their frames, kept in the order in which it came.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use super::connection::{Connection, Events};
use super::state::{Outcome, Redirect, Status, TabState, User, lock};
use super::tab::BidiTab;
use super::{log, network};
use crate::engine::{DocumentId, EngineError, Event, FrameId, NewTab, Result};

/// How long an answer that redirects may be kept for the request that it leads to. A script may fetch without following.
const REDIRECT: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Router {
    state: Mutex<State>,
    connection: OnceLock<Weak<Connection>>,
    /// How many tabs of ours are open.
    live: AtomicUsize,
    /// How many tabs were asked for that may not be open yet.
    asked: AtomicUsize,
    /// The tab that has the focus, as far as we know.
    active: Mutex<Option<FrameId>>,
}

#[derive(Debug, Default)]
struct State {
    users: HashMap<String, Arc<User>>,
    frames: HashMap<String, Frame>,
    /// Tabs that are open, by their main frame.
    tabs: HashMap<String, Arc<TabState>>,
    /// The events of tabs that we have asked for, until the answer says which they are.
    unclaimed: HashMap<String, mpsc::UnboundedReceiver<Event>>,
}

#[derive(Debug)]
struct Frame {
    tab: Arc<TabState>,
    document: DocumentId,
    /// Dropped with the document, which wakes whoever waits for something in it.
    alive: watch::Sender<()>,
}

impl Router {
    pub(super) fn attach(&self, connection: &Arc<Connection>) {
        let _ = self.connection.set(Arc::downgrade(connection));
    }

    pub(super) fn add_user(&self, user: &Arc<User>) {
        self.state().users.insert(user.id.clone(), Arc::clone(user));
    }

    pub(super) fn remove_user(&self, id: &str) {
        self.state().users.remove(id);
    }

    /// Notes that a tab is asked for, until [`was_opened`](Self::was_opened), and returns whether it is the only one: no other is
    /// open, or asked for.
    pub(super) fn asks_for_the_only(&self) -> bool {
        // In this order, one that is opened at this moment may be counted twice, but never not at all.
        self.asked.fetch_add(1, Ordering::SeqCst) + self.live.load(Ordering::SeqCst) == 0
    }

    /// Notes that a tab that was asked for is open, or will not be.
    pub(super) fn was_opened(&self) {
        self.asked.fetch_sub(1, Ordering::SeqCst);
    }

    /// Notes that a tab gets the focus, and returns whether it had it before.
    pub(super) fn activate(&self, tab: &FrameId) -> bool {
        lock(&self.active).replace(tab.clone()).as_ref() == Some(tab)
    }

    /// Returns a tab that was asked for, and its events since it is there.
    pub(super) fn claim(&self, user: &Arc<User>, id: &str) -> (Arc<TabState>, mpsc::UnboundedReceiver<Event>) {
        let mut state = self.state();
        if let (Some(tab), Some(events)) = (state.tabs.get(id).map(Arc::clone), state.unclaimed.remove(id)) {
            return (tab, events);
        }
        self.open(&mut state, user, id)
    }

    /// Returns what ends when the frame's document does; an error when the frame is no more.
    pub(super) fn document(&self, frame: &FrameId) -> Result<watch::Receiver<()>> {
        match self.state().frames.get(&*frame.0) {
            Some(frame) => Ok(frame.alive.subscribe()),
            None => Err(EngineError::Stale("the frame was removed".to_owned())),
        }
    }

    fn open(&self, state: &mut State, user: &Arc<User>, id: &str) -> (Arc<TabState>, mpsc::UnboundedReceiver<Event>) {
        let (events, receiver) = mpsc::unbounded_channel();
        let tab = Arc::new(TabState::new(id, user, events));
        state.tabs.insert(id.to_owned(), Arc::clone(&tab));
        state.frames.insert(id.to_owned(), Frame::new(&tab));
        self.live.fetch_add(1, Ordering::SeqCst);
        (tab, receiver)
    }

    fn created(self: &Arc<Self>, event: &Value) {
        let Some(id) = event["context"].as_str() else { return };
        let mut state = self.state();
        if let Some(parent) = event["parent"].as_str() {
            if let Some(tab) = state.frames.get(parent).map(|frame| Arc::clone(&frame.tab)) {
                state.frames.insert(id.to_owned(), Frame::new(&tab));
            }
            return;
        }
        let Some(user) = event["userContext"].as_str().and_then(|user| state.users.get(user)).map(Arc::clone) else {
            return;
        };
        if state.tabs.contains_key(id) {
            return;
        }
        let opener = event["originalOpener"].as_str().and_then(|opener| state.frames.get(opener));
        let opener = match opener.map(|frame| Arc::clone(&frame.tab)) {
            // A link with `noopener` opens a tab too.
            None if user.creating.load(Ordering::Relaxed) == 0 => {
                state.tabs.values().find(|tab| tab.user.id == user.id).map(Arc::clone)
            }
            opener => opener,
        };
        let (tab, events) = self.open(&mut state, &user, id);
        match (opener, self.connection.get().and_then(Weak::upgrade)) {
            (Some(opener), Some(connection)) => {
                let tab = BidiTab::new(connection, Arc::clone(self), tab);
                opener.tell(Event::Popup(NewTab { tab: Arc::new(tab), events }));
            }
            _ => {
                state.unclaimed.insert(id.to_owned(), events);
            }
        }
    }

    fn destroyed(&self, event: &Value) {
        let Some(id) = event["context"].as_str() else { return };
        let mut state = self.state();
        if let Some(tab) = state.tabs.remove(id) {
            state.frames.retain(|_, frame| !Arc::ptr_eq(&frame.tab, &tab));
            state.unclaimed.remove(id);
            self.live.fetch_sub(1, Ordering::SeqCst);
            let mut active = lock(&self.active);
            if active.as_ref() == Some(&tab.main) {
                *active = None;
            }
            tab.status.send_replace(Status::Closed);
            tab.tell(Event::Closed);
            return;
        }
        for id in with_children(event) {
            if let Some(frame) = state.frames.remove(&id) {
                frame.tab.tell(Event::FrameRemoved { frame: FrameId(id.into()) });
            }
        }
    }

    fn committed(&self, event: &Value) {
        let (Some(id), Some(url)) = (event["context"].as_str(), event["url"].as_str()) else { return };
        let mut state = self.state();
        let Some(frame) = state.frames.get_mut(id) else { return };
        let tab = Arc::clone(&frame.tab);
        let document = DocumentId(event["navigation"].as_str().unwrap_or_default().into());
        let of_main = tab.main.0.as_ref() == id;
        if is_crash(url, of_main && !document.0.is_empty() && document == frame.document) {
            if tab.status.send_replace(Status::Crashed) == Status::Open {
                tab.tell(Event::Crashed);
            }
            return;
        }
        frame.document = document.clone();
        frame.alive = watch::Sender::new(());
        drop(state);
        if of_main && !url.starts_with("about:neterror") && !url.starts_with("about:certerror") {
            tab.remember(event, Outcome::Committed);
        }
        tab.tell(Event::Navigated { frame: FrameId(id.into()), document, url: url.to_owned() });
    }

    /// Calls a function with the tab and the frame of an event, and what its document is called.
    fn with_frame(&self, context: &Value, then: impl FnOnce(&Arc<TabState>, FrameId, DocumentId)) {
        let Some(id) = context.as_str() else { return };
        let found = self.state().frames.get(id).map(|frame| (Arc::clone(&frame.tab), frame.document.clone()));
        if let Some((tab, document)) = found {
            then(&tab, FrameId(id.into()), document);
        }
    }

    fn request_event(&self, method: &str, event: &Value, tab: &Arc<TabState>) {
        let id = network::id(event);
        let key = id.0.to_string();
        match method {
            "network.beforeRequestSent" => {
                let redirect = lock(&tab.redirects).remove(&key).map(|redirect| redirect.response);
                let request = network::request(event, redirect);
                tab.tell(Event::Request(request.clone()));
                if event["isBlocked"] == true {
                    if lock(&tab.intercept).is_some() {
                        lock(&tab.held).insert(key.clone());
                        tab.tell(Event::Held { held: key, request });
                    } else {
                        self.command("network.continueRequest", json!({ "request": key }));
                    }
                }
            }
            "network.responseStarted" => {
                let response = network::response(event);
                if event["navigation"].is_string() && event["context"].as_str() == Some(&tab.main.0) {
                    *lock(&tab.answer) = Some(response.status);
                }
                if network::is_redirect(&response) {
                    lock(&tab.redirects).insert(key, Redirect { response, finished: None });
                } else if response.status != 401 || event["response"]["authChallenges"].is_null() {
                    tab.tell(Event::Response(response));
                }
            }
            "network.responseCompleted" => {
                let (at, transferred) = network::finished(event);
                let timing = network::timing(event);
                if let Some(redirect) = lock(&tab.redirects).get_mut(&key) {
                    redirect.finished = Some((at, transferred, timing));
                    tokio::spawn(give_up_redirect(Arc::clone(tab), key));
                    return;
                }
                // An answer that asked for credentials and got none is the answer after all.
                if event["response"]["authChallenges"].is_array() && event["response"]["status"] == 401 {
                    tab.tell(Event::Response(network::response(event)));
                }
                lock(&tab.challenged).remove(&key);
                tab.tell(Event::Finished { id, at, transferred, timing });
            }
            "network.fetchError" => {
                lock(&tab.redirects).remove(&key);
                lock(&tab.challenged).remove(&key);
                let error = network::error_word(event["errorText"].as_str().unwrap_or_default());
                let cancelled = matches!(error.as_str(), "NS_BINDING_ABORTED" | "NS_ERROR_ABORT");
                let at = event["timestamp"].as_f64().unwrap_or_default();
                tab.tell(Event::Failed { id, at, error, cancelled });
            }
            _ => {}
        }
    }

    /// Gives the credentials of the context once; a second challenge says that they do not satisfy.
    fn challenged(&self, event: &Value) {
        let key = network::id(event).0.to_string();
        let mut credentials = None;
        self.with_frame(&event["context"], |tab, _, _| {
            if lock(&tab.challenged).insert(key.clone()) {
                let url = event["request"]["url"].as_str().unwrap_or_default();
                // A proxy is not who they are for.
                let asked_by_target = event["response"]["status"] != 407;
                credentials = tab.user.credentials.clone().filter(|ours| asked_by_target && ours.are_for(url));
            }
        });
        self.command(
            "network.continueWithAuth",
            match credentials {
                Some(ours) => json!({ "request": key, "action": "provideCredentials",
                    "credentials": { "type": "password", "username": ours.user, "password": ours.password.expose() } }),
                // The page is what the server sent along with the challenge.
                None => json!({ "request": key, "action": "cancel" }),
            },
        );
    }

    /// Sends a command that nobody waits for.
    fn command(&self, method: &'static str, parameters: Value) {
        let Some(connection) = self.connection.get().and_then(Weak::upgrade) else { return };
        tokio::spawn(async move {
            if let Err(failure) = connection.send(method, parameters).await {
                tracing::debug!(?failure, "{method} failed");
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Events for Arc<Router> {
    fn gone(&self) {
        // Whoever waits for an answer is told that the browser is gone, which says more than that its tab is.
        self.state().tabs.values().for_each(|tab| tab.tell(Event::Closed));
    }

    fn event(&self, method: &str, event: Value) {
        match method {
            "browsingContext.contextCreated" => self.created(&event),
            "browsingContext.contextDestroyed" => self.destroyed(&event),
            "browsingContext.navigationCommitted" => self.committed(&event),
            "network.authRequired" => self.challenged(&event),
            "log.entryAdded" => self.with_frame(&event["source"]["context"], |tab, _, _| tab.tell(log::event(&event))),
            _ if method.starts_with("network.") => {
                if network::is_network(&event) {
                    self.with_frame(&event["context"], |tab, _, _| self.request_event(method, &event, tab));
                }
            }
            _ => self.with_frame(&event["context"], |tab, frame, current| {
                context_event(method, &event, tab, frame, current);
            }),
        }
    }
}

fn context_event(method: &str, event: &Value, tab: &Arc<TabState>, frame: FrameId, current: DocumentId) {
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let document = || event["navigation"].as_str().map_or(current, |id| DocumentId(id.into()));
    // A download is called what the navigation is that became it; one that a script began has no navigation.
    let download = || event["navigation"].as_str().unwrap_or(event["url"].as_str().unwrap_or_default()).to_owned();
    tab.tell(match method {
        "browsingContext.domContentLoaded" => Event::DomLoaded { frame, document: document() },
        "browsingContext.load" => Event::Loaded { frame, document: document() },
        "browsingContext.fragmentNavigated" => {
            tab.remember(event, Outcome::Within);
            Event::NavigatedWithin { frame, url: text("url") }
        }
        "browsingContext.historyUpdated" => Event::NavigatedWithin { frame, url: text("url") },
        "browsingContext.navigationFailed" => {
            tab.remember(event, Outcome::Failed("NS_BINDING_ABORTED".to_owned()));
            return;
        }
        "browsingContext.userPromptOpened" => {
            *lock(&tab.prompt) = event["defaultValue"].as_str().map(str::to_owned);
            Event::DialogOpened { kind: text("type"), message: text("message"), default: text("defaultValue") }
        }
        "browsingContext.userPromptClosed" => Event::DialogClosed,
        "browsingContext.downloadWillBegin" => {
            tab.remember(event, Outcome::Download);
            Event::DownloadBegan { id: download(), url: text("url"), name: text("suggestedFilename") }
        }
        "browsingContext.downloadEnd" => {
            let path = (event["status"] == "complete").then(|| event["filepath"].as_str()).flatten();
            Event::DownloadEnded { id: download(), path: path.map(Into::into) }
        }
        _ => return,
    });
}

/// Firefox has no event for a crash. It shows a page of its own then, after an empty one, which it may leave at when nobody looks at
/// the tab: known by that it belongs to the navigation of the document that was there.
fn is_crash(url: &str, same_navigation: bool) -> bool {
    url.starts_with("about:tabcrashed")
        || url.starts_with("about:framecrashed")
        || (url == "about:blank" && same_navigation)
}

/// Says that a redirect was the end after all, when no request has come of it.
async fn give_up_redirect(tab: Arc<TabState>, key: String) {
    tokio::time::sleep(REDIRECT).await;
    let redirect = lock(&tab.redirects).remove(&key);
    if let Some(Redirect { response, finished: Some((at, transferred, timing)) }) = redirect {
        let id = response.id.clone();
        tab.tell(Event::Response(response));
        tab.tell(Event::Finished { id, at, transferred, timing });
    }
}

fn with_children(context: &Value) -> Vec<String> {
    let children = context["children"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut ids: Vec<String> = children.iter().flat_map(with_children).collect();
    ids.extend(context["context"].as_str().map(str::to_owned));
    ids
}

impl Frame {
    fn new(tab: &Arc<TabState>) -> Self {
        Self { tab: Arc::clone(tab), document: DocumentId("".into()), alive: watch::Sender::new(()) }
    }
}
