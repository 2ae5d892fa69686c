//! What is known of a tab, written by the events and read by the commands.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{Notify, mpsc, watch};

use crate::engine::{Credentials, EngineError, Event, FrameId, Response, Timing};

/// How many navigations of a tab are remembered, for whoever started one and has yet to ask what became of it.
const NAVIGATIONS: usize = 32;

/// A context of the browser, as far as events need to know it.
#[derive(Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) credentials: Option<Credentials>,
    /// How many tabs have been asked for that are not there yet.
    pub(super) creating: AtomicUsize,
}

/// What is known of a tab.
#[derive(Debug)]
pub(super) struct TabState {
    pub(super) main: FrameId,
    pub(super) user: Arc<User>,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) status: watch::Sender<Status>,
    pub(super) navigations: Mutex<VecDeque<(String, Outcome)>>,
    pub(super) navigated: Notify,
    /// The status of the last answer to a navigation of the main frame.
    pub(super) answer: Mutex<Option<u16>>,
    pub(super) redirects: Mutex<HashMap<String, Redirect>>,
    pub(super) challenged: Mutex<HashSet<String>>,
    pub(super) held: Mutex<HashSet<String>>,
    pub(super) intercept: Mutex<Option<String>>,
    /// What the prompt that is open answers when nobody types anything.
    pub(super) prompt: Mutex<Option<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Open,
    Crashed,
    Closed,
}

/// What became of a navigation.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Committed,
    Within,
    Download,
    Failed(String),
}

/// An answer that redirects, until the request comes that it leads to.
#[derive(Debug)]
pub(super) struct Redirect {
    pub(super) response: Response,
    pub(super) finished: Option<(f64, u64, Timing)>,
}

impl TabState {
    pub(super) fn new(id: &str, user: &Arc<User>, events: mpsc::UnboundedSender<Event>) -> Self {
        Self {
            main: FrameId(id.into()),
            user: Arc::clone(user),
            events,
            status: watch::Sender::new(Status::Open),
            navigations: Mutex::default(),
            navigated: Notify::new(),
            answer: Mutex::default(),
            redirects: Mutex::default(),
            challenged: Mutex::default(),
            held: Mutex::default(),
            intercept: Mutex::default(),
            prompt: Mutex::default(),
        }
    }

    pub(super) fn tell(&self, event: Event) {
        // What Firefox shows instead of a page that crashed is no news of the page.
        if self.status() == Status::Crashed && !matches!(event, Event::Crashed | Event::Closed) {
            return;
        }
        // Whoever does not listen any more has no use for it.
        let _ = self.events.send(event);
    }

    pub(super) fn remember(&self, event: &Value, outcome: Outcome) {
        let Some(navigation) = event["navigation"].as_str() else { return };
        let mut navigations = lock(&self.navigations);
        if navigations.len() == NAVIGATIONS {
            navigations.pop_front();
        }
        navigations.push_back((navigation.to_owned(), outcome));
        drop(navigations);
        self.navigated.notify_waiters();
    }

    /// Waits until it is known what became of a navigation.
    pub(super) async fn outcome(&self, navigation: &str) -> Outcome {
        loop {
            let mut navigated = std::pin::pin!(self.navigated.notified());
            navigated.as_mut().enable();
            let found = lock(&self.navigations).iter().find(|(id, _)| id == navigation).map(|(_, what)| what.clone());
            if let Some(outcome) = found {
                return outcome;
            }
            navigated.await;
        }
    }

    /// Returns the status of the last answer to a navigation of the main frame, and forgets it.
    pub(super) fn take_answer(&self) -> Option<u16> {
        lock(&self.answer).take()
    }

    /// Returns how the tab is.
    pub(super) fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Returns once the tab has no page any more, with why not.
    pub(super) async fn lost(&self) -> EngineError {
        let mut status = self.status.subscribe();
        let lost = status.wait_for(|status| *status != Status::Open).await.map_or(Status::Closed, |status| *status);
        match lost {
            Status::Crashed => EngineError::Crashed,
            Status::Open | Status::Closed => EngineError::Stale("the tab was closed".to_owned()),
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
