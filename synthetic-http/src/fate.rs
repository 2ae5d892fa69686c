//! What became of a request in the target, as far as it can be known: cleanup decides by it.

use reqwest::Method;
use synthetic_core::cleanup::Creation;
use synthetic_core::failure::Fate;

use crate::wire::{Failed, Phase};

/// Returns whether a method asks the target to change something (RFC 9110, section 9.2.1).
pub(crate) fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Returns what an answer that was not expected says of the request.
pub(crate) fn of_status(status: u16) -> Fate {
    match status {
        404 | 410 => Fate::Gone,
        429 | 500..=599 => Fate::Transient,
        _ if is_refusal(status) => Fate::Refused,
        _ => Fate::Unknown,
    }
}

/// Returns whether an answer says that certainly nothing was done: a 4xx, but not 408, which a proxy may send while the
/// target goes on, and not 409, which may speak of the very thing that an earlier request has made.
fn is_refusal(status: u16) -> bool {
    (400..500).contains(&status) && !matches!(status, 408 | 409)
}

/// A request that may make something, as its creation keeps count of it. Unless it is said to be sent, it never was.
pub(crate) struct Attempt {
    creation: Option<Creation>,
    sent: bool,
}

impl Attempt {
    /// Begins a request that may make something; of any other, and outside of a creation, nothing is counted.
    pub(crate) fn begin(method: &str) -> Self {
        let changes = Method::from_bytes(method.as_bytes()).map_or(true, |method| changes_something(&method));
        let creation = if changes { Creation::current() } else { None };
        creation.iter().for_each(Creation::sending);
        Self { creation, sent: false }
    }

    pub(crate) fn creation(&self) -> Option<&Creation> {
        self.creation.as_ref()
    }

    /// From now on, nobody knows what becomes of it.
    pub(crate) fn sent(&mut self) {
        self.sent = true;
    }

    /// It was answered, without a redirect in between: what another hop did, nobody knows.
    pub(crate) fn answered(&mut self, status: u16, hops: usize) {
        self.sent = hops > 0 || !is_refusal(status);
    }

    /// It was not answered.
    pub(crate) fn failed(&mut self, failed: &Failed) {
        let before_it_was_sent =
            matches!(failed.error.phase(), Phase::Setup | Phase::Resolve | Phase::Connect | Phase::Tls);
        self.sent = !(before_it_was_sent && failed.trail.hops.is_empty());
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(creation) = self.creation.as_ref().filter(|_| !self.sent) {
            creation.refused();
        }
    }
}
