//! Keeps what a store has said for a while.

mod entry;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use self::entry::Entry;
use super::{Secret, SecretError, SecretStore};

/// For how long a value is given unless [`Cached::ttl`] says so.
const TTL: Duration = Duration::from_secs(5 * 60);

/// The most names that are known at the same time.
const MAX_NAMES: usize = 1_000;

/// Asks a store once and gives its answer for a while, for stores where asking is slow, costs money or is limited.
///
/// - A value is given for [the time set](Self::ttl), counted from when the store was asked for it.
/// - That the store does not have a secret is remembered for 30 s, or for that time when it is shorter, and an error for
///   1 s: what is missing or broken does not become a flood of calls.
/// - Those who ask for the same secret at the same time share one call; when the one who makes it goes away, the next one
///   makes it.
/// - A value that [was refused](SecretStore::invalidate) by the target is looked up anew by the next one who asks, unless
///   the store was asked less than 5 s ago. So a rotated secret is seen at once, and a wrong one asked for at most every
///   5 s, however many runs are refused.
///
/// At most 1,000 names are known; beyond, those forgotten first are those whose time is up. The values stay in memory
/// until they are replaced or the cache is dropped.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use synthetic_core::secret::{Cached, EnvSecrets, SecretStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let slow = EnvSecrets::with_lookup(|name| (name == "WEB_PASSWORD").then(|| "correct horse".into()));
/// let store = Cached::new(slow).ttl(Duration::from_secs(60));
///
/// assert_eq!(store.get("web/password").await?.unwrap().expose(), "correct horse");
/// assert_eq!(store.name(), "environment");
/// # Ok(())
/// # }
/// ```
pub struct Cached<S> {
    store: S,
    ttl: Duration,
    entries: Mutex<HashMap<String, Arc<Entry>>>,
}

impl<S: SecretStore> Cached<S> {
    /// Wraps a store, of which nothing is known yet.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store, ttl: TTL, entries: Mutex::default() }
    }

    /// Sets for how long a value is given before the store is asked again; zero asks each time.
    ///
    /// # Default
    ///
    /// 5 minutes.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Returns the value that would be given now without asking the store.
    #[must_use]
    pub fn peek(&self, name: &str) -> Option<Secret> {
        let entry = self.entries().get(name).map(Arc::clone)?;
        entry.valid(self.ttl)?.ok().flatten()
    }

    /// Returns the store, to set it up. What it has answered already stays known.
    pub const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    fn entry(&self, name: &str) -> Arc<Entry> {
        let mut entries = self.entries();
        if let Some(known) = entries.get(name) {
            return Arc::clone(known);
        }
        if entries.len() >= MAX_NAMES {
            // Those whom somebody waits for are kept too: another holds them.
            entries.retain(|_, entry| Arc::strong_count(entry) > 1 || entry.valid(self.ttl).is_some());
        }
        if entries.len() >= MAX_NAMES {
            entries.clear();
        }
        Arc::clone(entries.entry(name.to_owned()).or_default())
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<S: SecretStore> SecretStore for Cached<S> {
    fn name(&self) -> &str {
        self.store.name()
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        let entry = self.entry(name);
        let before = entry.answers();
        if let Some(answer) = entry.valid(self.ttl) {
            return answer;
        }
        // Who waits here finds the answer of the one before; who goes away while asking leaves the turn to the next.
        let _turn = entry.turn.lock().await;
        if let Some(answer) = entry.answer_after(before) {
            return answer;
        }
        let asked = Instant::now();
        let answer = self.store.get(name).await;
        // A name that is none costs the store nothing, and would only take room here.
        if matches!(answer, Err(SecretError::InvalidName { .. })) {
            self.entries().remove(name);
        } else {
            entry.keep(asked, answer.clone());
        }
        answer
    }

    fn invalidate(&self, refused: &Secret) {
        let entry = self.entries().get(refused.name()).map(Arc::clone);
        if let Some(entry) = entry {
            entry.invalidate(refused);
        }
        self.store.invalidate(refused);
    }

    fn looked_in(&self, name: &str) -> String {
        self.store.looked_in(name)
    }
}

impl<S: fmt::Debug> fmt::Debug for Cached<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("store", &self.store).field("ttl", &self.ttl).finish_non_exhaustive()
    }
}
