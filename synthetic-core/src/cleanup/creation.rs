//! [`Creation`]: what is being made, known to the code that makes it without an argument.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::Instant;

use super::Mark;

tokio::task_local! {
    static CURRENT: Creation;
}

/// The creation that the code being polled is part of: for protocol crates, which send its mark along and say what became
/// of their requests. Canaries do not need it.
///
/// It is there while [`Run::create`](crate::Run::create) polls what it was given, and while a creation is replayed.
#[derive(Debug, Clone)]
pub struct Creation {
    mark: Mark,
    deadline: Instant,
    requests: Arc<Requests>,
}

#[derive(Debug, Default)]
struct Requests {
    sent: AtomicU32,
    refused: AtomicU32,
}

impl Creation {
    /// Returns the creation that is going on here, or `None`.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Returns the mark of what is being made.
    #[must_use]
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Returns until when it must be done. The run's own time does not end it.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Says that a request is being sent that may make something, before it is sent.
    pub fn sending(&self) {
        self.requests.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that such a request certainly made nothing: it was never sent, or the target refused it for good.
    pub fn refused(&self) {
        self.requests.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn new(mark: Mark, deadline: Instant) -> Self {
        Self { mark, deadline, requests: Arc::default() }
    }

    /// Makes a future part of this creation.
    pub(crate) fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), future)
    }

    /// Returns whether it certainly made nothing: every request that could have was refused. Where nobody said what was
    /// sent, nothing is certain.
    pub(crate) fn made_nothing(&self) -> bool {
        let sent = self.requests.sent.load(Ordering::Relaxed);
        sent > 0 && sent == self.requests.refused.load(Ordering::Relaxed)
    }
}
