//! When the retention of a store is looked after.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use synthetic_core::Clock;
use synthetic_core::artifact::{ArtifactStore, Retention};
use synthetic_core::sink::DeliveryError;

/// How often, when nothing else asks for it.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How often while the store takes nothing, which may be for want of room, or cannot be looked after.
const IN_NEED: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Upkeep {
    retention: Retention,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When it was looked after last, on the sink's clock.
    last: Option<Duration>,
    /// How many bytes were there then, and how many came since.
    bytes: u64,
    /// Why that failed, if it did.
    trouble: Option<String>,
}

impl Upkeep {
    pub(super) fn new(retention: Retention) -> Self {
        Self { retention, state: Mutex::default() }
    }

    pub(super) fn retention(&self) -> &Retention {
        &self.retention
    }

    /// Looks after the store if it is time to, after so many bytes were stored, or were to be.
    pub(super) async fn after(&self, bytes: u64, stored: bool, store: &dyn ArtifactStore, clock: &Clock) {
        if !self.is_due(bytes, stored, clock.elapsed()) {
            return;
        }
        let kept = self.retention.apply(store, clock.now()).await;
        let mut state = self.lock();
        state.last = Some(clock.elapsed());
        match kept {
            Ok(kept) => {
                state.bytes = kept.bytes;
                state.trouble = None;
            }
            Err(error) => {
                tracing::warn!(target: "synthetic", store = store.name(), "what is too old could not be deleted: {error}");
                state.trouble = Some(error.to_string());
            }
        }
    }

    fn is_due(&self, bytes: u64, stored: bool, now: Duration) -> bool {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_add(bytes);
        let Some(last) = state.last else { return true };
        let in_need = !stored || state.trouble.is_some();
        let too_much = self.retention.most_bytes().is_some_and(|most| state.bytes > most);
        let since = now.saturating_sub(last);
        since >= EVERY || (in_need && since >= IN_NEED) || (too_much && !in_need)
    }

    /// Returns why what is too old could not be deleted, if that is so.
    pub(super) fn trouble(&self) -> Result<(), DeliveryError> {
        self.lock()
            .trouble
            .clone()
            .map_or(Ok(()), |why| Err(DeliveryError::Retry(format!("what is too old could not be deleted: {why}"))))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
