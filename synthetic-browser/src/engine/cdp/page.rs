//! What is known of a tab: its frames, its requests, the mouse over it, and who is told of what happens in it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{Notify, mpsc};

use super::super::{ContextOptions, DocumentId, EngineError, Event, FrameId, Result, World};
use super::connection::{Connection, SessionId};
use super::frames::{Frames, Place};
use super::network::Network;

/// A context as its tabs need it.
#[derive(Debug)]
pub(super) struct Settings {
    /// What the protocol calls the context.
    pub(super) id: Arc<str>,
    pub(super) options: ContextOptions,
}

/// What a tab was told that its frames and popups are to be told as well.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared {
    pub(super) scripts: Vec<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) hold: bool,
    pub(super) viewport: Option<(u32, u32, f64)>,
}

/// A tab.
pub(super) struct Page {
    pub(super) connection: Connection,
    pub(super) session: SessionId,
    /// Its main frame has the name of its target.
    pub(super) target: Arc<str>,
    pub(super) settings: Arc<Settings>,
    state: Mutex<State>,
    shared: Mutex<Shared>,
    /// Something about frames changed.
    changed: Notify,
    events: Mutex<Option<mpsc::UnboundedSender<Event>>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) frames: Frames,
    pub(super) network: Network,
    /// Sessions of frames and workers, in the order in which they came.
    pub(super) others: Vec<SessionId>,
    /// The documents that the main frame has had: how many, and the last one.
    pub(super) documents: u64,
    pub(super) document: Option<DocumentId>,
    /// Requests that wait for a decision, and the session that they are to be decided in.
    pub(super) held: HashMap<String, SessionId>,
    /// Requests that were given the credentials.
    pub(super) answered: HashSet<String>,
    pub(super) dialog: Option<Dialog>,
    pub(super) pointer: Pointer,
    /// The modifier keys that are down.
    pub(super) modifiers: u32,
    ended: Option<EngineError>,
}

/// The dialog that is open.
#[derive(Debug, Clone)]
pub(super) struct Dialog {
    /// The session that it is to be answered in.
    pub(super) session: SessionId,
    /// What is written in a prompt already.
    pub(super) default: String,
}

/// Where the mouse is, and which of its buttons are down.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pointer {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) buttons: u32,
}

impl Page {
    pub(super) fn new(
        connection: Connection,
        session: SessionId,
        target: Arc<str>,
        settings: Arc<Settings>,
        shared: Shared,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<Event>) {
        let (events, receiver) = mpsc::unbounded_channel();
        let mut state = State::default();
        state.frames.attached(&FrameId(Arc::clone(&target)), None, &session);
        let page = Self {
            connection,
            session,
            target,
            settings,
            state: Mutex::new(state),
            shared: Mutex::new(shared),
            changed: Notify::new(),
            events: Mutex::new(Some(events)),
        };
        (Arc::new(page), receiver)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever has the tab; nobody may.
    pub(super) fn tell(&self, event: Event) {
        if let Some(events) = &*self.events.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = events.send(event);
        }
    }

    /// Wakes those who wait for a frame or for its document.
    pub(super) fn frames_changed(&self) {
        self.changed.notify_waiters();
    }

    /// Nothing can be asked of the tab any more. The first reason stays.
    pub(super) fn end(&self, error: &EngineError) {
        let mut state = self.state();
        state.ended.get_or_insert_with(|| error.clone());
        let others = state.others.clone();
        drop(state);
        for session in others.iter().chain([&self.session]) {
            self.connection.end_session(session, error);
        }
        self.frames_changed();
    }

    /// No event comes any more.
    pub(super) fn hang_up(&self) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(super) fn check(&self) -> Result<()> {
        self.state().ended.clone().map_or(Ok(()), Err)
    }

    /// Sends a command in the tab's own session, and waits for the answer.
    pub(super) async fn ask(&self, method: &str, parameters: Value) -> Result<Value> {
        self.check()?;
        self.connection.send(Some(&self.session), method, parameters).await.map_err(|error| self.why(error))
    }

    /// Sends a command in every session of the tab, and waits for the answer of the first, which is the tab's own.
    pub(super) async fn ask_all(&self, method: &str, parameters: Value) -> Result<Value> {
        self.check()?;
        let reply = self.connection.send(Some(&self.session), method, parameters.clone());
        for session in self.state().others.clone() {
            drop(self.connection.send(Some(&session), method, parameters.clone()));
        }
        reply.await.map_err(|error| self.why(error))
    }

    /// Returns the document of a frame in a world, as soon as there is one.
    pub(super) async fn place(&self, frame: &FrameId, world: World) -> Result<Place> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            self.check()?;
            let place = self.state().frames.place(frame, world);
            match place {
                None => return Err(EngineError::Stale("the frame was removed".to_owned())),
                Some(Some(place)) => return Ok(place),
                Some(None) => changed.await,
            }
        }
    }

    /// Returns once the main frame has a document, or another instead of it.
    pub(super) async fn arrived(&self, document: &DocumentId) -> Result<()> {
        let had = self.state().documents;
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            self.check()?;
            {
                let state = self.state();
                if state.document.as_ref() == Some(document) || state.documents != had {
                    return Ok(());
                }
            }
            changed.await;
        }
    }

    /// Returns why the tab has ended, which says more than what became of a command; or else the error itself.
    pub(super) fn why(&self, error: EngineError) -> EngineError {
        self.state().ended.clone().unwrap_or(error)
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("target", &self.target).finish_non_exhaustive()
    }
}
