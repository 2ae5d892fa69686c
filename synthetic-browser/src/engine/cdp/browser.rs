//! The browser itself: which tabs, frames and workers there are, and which tab an event is for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::super::{EngineError, Event, FrameId, NewTab};
use super::connection::{Connection, Listener, Reply, SessionId};
use super::json::Fields as _;
use super::page::{Page, Settings};
use super::setup::{self, Reach};
use super::{events, tab};

pub(super) struct Browser {
    pub(super) connection: Connection,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<SessionId, Session>,
    contexts: HashMap<Arc<str>, Known>,
    /// Tabs that we asked for, until whoever did takes them, by target.
    fresh: HashMap<Arc<str>, Fresh>,
    /// Which tab each download that runs was begun in.
    downloads: HashMap<String, Arc<Page>>,
}

/// A context, and how many tabs were asked for in it that are not there yet.
struct Known {
    settings: Arc<Settings>,
    expected: usize,
}

#[derive(Clone)]
struct Session {
    page: Arc<Page>,
    reach: Reach,
    target: Arc<str>,
    /// The session that told of it; `None` for a tab.
    parent: Option<SessionId>,
}

/// A tab that is being told how it is to be.
pub(super) struct Fresh {
    pub(super) tab: NewTab,
    pub(super) set_up: Vec<Reply>,
}

impl Browser {
    pub(super) fn new(connection: Connection) -> Arc<Self> {
        Arc::new(Self { connection, state: Mutex::default() })
    }

    pub(super) fn add_context(&self, settings: &Arc<Settings>) {
        let known = Known { settings: Arc::clone(settings), expected: 0 };
        self.state().contexts.insert(Arc::clone(&settings.id), known);
    }

    pub(super) fn remove_context(&self, id: &str) {
        self.state().contexts.remove(id);
    }

    /// Says that a tab is asked for, until what is returned is dropped: tabs that nobody asked for are popups.
    pub(super) fn expect_tab(self: &Arc<Self>, context: &Arc<str>) -> Expected {
        if let Some(known) = self.state().contexts.get_mut(context) {
            known.expected += 1;
        }
        Expected { browser: Arc::clone(self), context: Arc::clone(context) }
    }

    /// Takes the tab that was made for us.
    pub(super) fn take_fresh(&self, target: &str) -> Option<Fresh> {
        self.state().fresh.remove(target)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attached(&self, parent: Option<&SessionId>, parameters: &Value) {
        let session: SessionId = parameters.text("sessionId").into();
        let info = &parameters["targetInfo"];
        let target: Arc<str> = info.text("targetId").into();
        let told = match (parent, info.text("type")) {
            (None, "page") => self.attached_tab(&session, &target, info),
            (Some(parent), "iframe") => self.attached_inner(parent, &session, &target, Reach::Frame),
            (Some(parent), "worker") => self.attached_inner(parent, &session, &target, Reach::Worker),
            _ => None,
        };
        if told.is_none() {
            // Nobody's: the tab that the browser starts with, say. It may run, without us.
            drop(self.connection.send(Some(&session), "Runtime.runIfWaitingForDebugger", json!({})));
            let detach = json!({ "sessionId": &*session });
            drop(self.connection.send(parent, "Target.detachFromTarget", detach));
        }
    }

    fn attached_tab(&self, session: &SessionId, target: &Arc<str>, info: &Value) -> Option<()> {
        let mut state = self.state();
        let known = state.contexts.get(info.text("browserContextId"))?;
        let settings = Arc::clone(&known.settings);
        let opener = state.opener(info, &settings.id, known.expected);
        let shared = match &opener {
            Some(opener) => opener.shared().clone(),
            None => tab::shared(&settings.options),
        };
        let (page, events) =
            Page::new(self.connection.clone(), Arc::clone(session), Arc::clone(target), settings, shared);
        let entry = Session { page: Arc::clone(&page), reach: Reach::Tab, target: Arc::clone(target), parent: None };
        state.sessions.insert(Arc::clone(session), entry);
        let set_up = setup::send(&self.connection, session, Reach::Tab, &page);
        let tab = NewTab { tab: tab::tab(page), events };
        match opener {
            Some(opener) => {
                drop(state);
                opener.tell(Event::Popup(tab));
            }
            None => {
                state.fresh.insert(Arc::clone(target), Fresh { tab, set_up });
            }
        }
        Some(())
    }

    fn attached_inner(&self, parent: &SessionId, session: &SessionId, target: &Arc<str>, reach: Reach) -> Option<()> {
        let mut state = self.state();
        let page = Arc::clone(&state.sessions.get(parent)?.page);
        let entry =
            Session { page: Arc::clone(&page), reach, target: Arc::clone(target), parent: Some(Arc::clone(parent)) };
        state.sessions.insert(Arc::clone(session), entry);
        drop(state);
        let mut known = page.state();
        known.others.push(Arc::clone(session));
        if reach == Reach::Frame {
            known.frames.attached(&FrameId(Arc::clone(target)), None, session);
        }
        drop(known);
        page.frames_changed();
        drop(setup::send(&self.connection, session, reach, &page));
        Some(())
    }

    fn detached(&self, parameters: &Value) {
        let session: SessionId = parameters.text("sessionId").into();
        let Some(entry) = self.state().sessions.remove(&session) else { return };
        let page = entry.page;
        match entry.reach {
            Reach::Tab => {
                page.end(&tab::closed());
                page.tell(Event::Closed);
                page.hang_up();
                let mut state = self.state();
                state.downloads.retain(|_, owner| !Arc::ptr_eq(owner, &page));
                // Whoever asked for it has given up on it.
                state.fresh.remove(&entry.target);
            }
            Reach::Frame | Reach::Worker => {
                self.connection.end_session(&session, &EngineError::Stale("the frame was removed".to_owned()));
                let mut known = page.state();
                known.others.retain(|other| *other != session);
                known.held.retain(|_, owner| *owner != session);
                known.frames.worlds_cleared(&session);
                drop(known);
                if let (Reach::Frame, Some(parent)) = (entry.reach, entry.parent) {
                    self.frame_left(page, Arc::clone(&session), parent, FrameId(entry.target));
                }
            }
        }
        self.connection.forget_session(&session);
    }

    /// The process of a frame is done with it: the frame was removed, or is in its parent's process now. The parent's
    /// session says which, before it answers anything that it is asked now.
    fn frame_left(&self, page: Arc<Page>, session: SessionId, parent: SessionId, frame: FrameId) {
        let asked = self.connection.send(Some(&parent), "Page.enable", json!({}));
        tokio::spawn(async move {
            drop(asked.await);
            let mut known = page.state();
            if known.frames.session(&frame) == Some(&session) {
                let removed = known.frames.removed(&frame);
                drop(known);
                events::removed(&page, removed);
            }
        });
    }

    fn download_began(&self, parameters: &Value) {
        let frame = FrameId(parameters.text("frameId").into());
        let mut state = self.state();
        let page = state.pages().find(|page| page.state().frames.contains(&frame)).map(Arc::clone);
        let Some(page) = page else { return };
        let id = parameters.text("guid").to_owned();
        state.downloads.insert(id.clone(), Arc::clone(&page));
        drop(state);
        page.tell(Event::DownloadBegan {
            id,
            url: parameters.text("url").to_owned(),
            name: parameters.text("suggestedFilename").to_owned(),
        });
    }

    fn download_went_on(&self, parameters: &Value) {
        let done = match parameters.text("state") {
            "completed" => true,
            "canceled" => false,
            _ => return,
        };
        let id = parameters.text("guid");
        let Some(page) = self.state().downloads.remove(id) else { return };
        let folder = page.settings.options.downloads.as_ref();
        let path = folder.filter(|_| done).map(|folder| folder.join(id));
        page.tell(Event::DownloadEnded { id: id.to_owned(), path });
    }
}

impl Listener for Browser {
    fn event(&self, session: Option<&SessionId>, method: &str, parameters: Value) {
        match (session, method) {
            (_, "Target.attachedToTarget") => self.attached(session, &parameters),
            (_, "Target.detachedFromTarget") => self.detached(&parameters),
            (None, "Browser.downloadWillBegin") => self.download_began(&parameters),
            (None, "Browser.downloadProgress") => self.download_went_on(&parameters),
            (Some(session), _) => {
                let Some(entry) = self.state().sessions.get(session).cloned() else { return };
                events::take(&entry.page, session, entry.reach, method, parameters);
            }
            (None, _) => {}
        }
    }

    fn gone(&self, why: &str) {
        let state = std::mem::take(&mut *self.state());
        let error = EngineError::Gone(why.to_owned());
        for page in state.pages() {
            page.end(&error);
            page.hang_up();
        }
    }
}

impl State {
    fn pages(&self) -> impl Iterator<Item = &Arc<Page>> {
        self.sessions.values().filter(|session| session.reach == Reach::Tab).map(|session| &session.page)
    }

    /// Returns the tab that opened one. A page can keep the browser from saying which: then it was some tab of its context,
    /// unless we asked for one.
    fn opener(&self, info: &Value, context: &Arc<str>, expected: usize) -> Option<Arc<Page>> {
        let opener = info["openerId"].as_str();
        let frame = info["openerFrameId"].as_str().map(|frame| FrameId(frame.into()));
        let mut pages = self.pages().filter(|page| page.settings.id == *context);
        if let Some(page) = pages.find(|page| {
            opener == Some(&*page.target) || frame.as_ref().is_some_and(|frame| page.state().frames.contains(frame))
        }) {
            return Some(Arc::clone(page));
        }
        let mut pages = self.pages().filter(|page| page.settings.id == *context);
        pages.next().filter(|_| expected == 0).map(Arc::clone)
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// That a tab was asked for.
pub(super) struct Expected {
    browser: Arc<Browser>,
    context: Arc<str>,
}

impl Drop for Expected {
    fn drop(&mut self) {
        if let Some(known) = self.browser.state().contexts.get_mut(&self.context) {
            known.expected = known.expected.saturating_sub(1);
        }
    }
}
