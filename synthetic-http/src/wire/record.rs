//! What one request learns about the connection that is made for it.
//!
//! reqwest tells nothing about connecting. So every request carries a [`Record`] in a task-local, and the hooks that reqwest
//! and rustls do offer (the connector layer, the resolver, the certificate verifier, the session store) write into the record
//! that they find there. A request on a reused connection never touches its record.

use std::{
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

use super::{cert::Chain, cipher::Negotiated};

tokio::task_local! {
    static CURRENT: Arc<Record>;
}

/// Holds the connection attempt made for one request, if one was made.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Names the host to dial instead of the one in the URL; the URL's host is then only the name in TLS.
    dial: Option<Box<str>>,
    attempt: Mutex<Option<Attempt>>,
}

/// Says how far one connection attempt came, and when.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) started: Instant,
    pub(crate) resolving: Option<Instant>,
    pub(crate) resolved: Option<Instant>,
    /// The addresses of the name, in the resolver's order; empty for a literal address.
    pub(crate) addresses: Vec<IpAddr>,
    /// When the TLS handshake began; with a proxy that is itself reached by TLS, the handshake with the target.
    pub(crate) handshake: Option<Instant>,
    /// The certificates that the server sent; none when the session was resumed.
    pub(crate) chain: Option<Arc<Chain>>,
    /// What the handshake agreed on, as far as it came.
    pub(crate) negotiated: Option<Negotiated>,
    pub(crate) ready: Option<Instant>,
    /// The request found an idle connection meanwhile, and this attempt went on without it.
    pub(crate) detached: bool,
}

impl Attempt {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            resolving: None,
            resolved: None,
            addresses: Vec::new(),
            handshake: None,
            chain: None,
            negotiated: None,
            ready: None,
            detached: false,
        }
    }
}

impl Record {
    /// Makes a record for a request whose connection goes to `dial`, or to the URL's own host.
    pub(crate) fn new(dial: Option<Box<str>>) -> Arc<Self> {
        Arc::new(Self { dial, attempt: Mutex::new(None) })
    }

    /// Returns the host to dial instead of the URL's.
    pub(crate) fn dial(&self) -> Option<&str> {
        self.dial.as_deref()
    }

    /// Begins an attempt; an earlier one of the same request is forgotten.
    pub(crate) fn begin(&self) {
        *self.lock() = Some(Attempt::new());
    }

    /// Changes the attempt, if there is one.
    pub(crate) fn note(&self, change: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.lock().as_mut() {
            change(attempt);
        }
    }

    /// Returns whether the request needed no connection to be made, or went on without the one that was.
    pub(crate) fn has_no_attempt(&self) -> bool {
        self.lock().as_ref().is_none_or(|attempt| attempt.detached)
    }

    /// Takes the attempt out; what the hooks note afterwards is lost.
    pub(crate) fn take(&self) -> Option<Attempt> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Attempt>> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `future` with `record` as the one that the hooks find.
pub(crate) fn scope<F: Future>(record: Arc<Record>, future: F) -> impl Future<Output = F::Output> {
    CURRENT.scope(record, future)
}

/// Runs `work` with `record` as the one that the hooks find.
pub(crate) fn sync_scope<T>(record: &Arc<Record>, work: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(Arc::clone(record), work)
}

/// Returns the record of the request that is being polled.
pub(crate) fn current() -> Option<Arc<Record>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// Tells whether the request that is being polled owns `record`.
pub(crate) fn is_current(record: &Arc<Record>) -> bool {
    CURRENT.try_with(|current| Arc::ptr_eq(current, record)).unwrap_or(false)
}

/// Changes the attempt of the request that is being polled, if there is one.
pub(crate) fn note(change: impl FnOnce(&mut Attempt)) {
    let _ = CURRENT.try_with(|record| record.note(change));
}
