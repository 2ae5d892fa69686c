//! When the retention of a store is looked after: beside the deliveries, which do not wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use synthetic_core::Clock;
use synthetic_core::artifact::{ArtifactStore, Retention};
use synthetic_core::sink::DeliveryError;
use tokio::task::JoinSet;

/// How often, when nothing else asks for it.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How often while the store takes nothing, which may be for want of room, or cannot be looked after.
const IN_NEED: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Upkeep {
    retention: Retention,
    state: Arc<Mutex<State>>,
    /// The one that is at it, if any; it ends with its owner.
    task: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// When it was looked after last, on the sink's clock.
    last: Option<Duration>,
    /// How many bytes were there then, and how many came since.
    bytes: u64,
    since: u64,
    /// Whether that failed.
    failed: bool,
    /// Why, until it is said.
    trouble: Option<String>,
}

impl Upkeep {
    pub(super) fn new(retention: Retention) -> Self {
        Self { retention, state: Arc::default(), task: Mutex::default() }
    }

    pub(super) fn retention(&self) -> &Retention {
        &self.retention
    }

    /// Begins to look after the store if it is time to, after so many bytes were stored, or were to be.
    pub(super) fn after(&self, bytes: u64, stored: bool, store: &Arc<dyn ArtifactStore>, clock: Clock) {
        let mut task = lock(&self.task);
        while task.try_join_next().is_some() {}
        let mut state = lock(&self.state);
        state.since = state.since.saturating_add(bytes);
        if !task.is_empty() || !self.is_due(&state, stored, clock.elapsed()) {
            return;
        }
        state.last = Some(clock.elapsed());
        let counted = std::mem::take(&mut state.since);
        let (retention, store, state) = (self.retention.clone(), Arc::clone(store), Arc::clone(&self.state));
        task.spawn(async move {
            let kept = retention.apply(&*store, clock.now()).await;
            let mut state = lock(&state);
            match kept {
                Ok(kept) => {
                    state.bytes = kept.bytes;
                    (state.failed, state.trouble) = (false, None);
                }
                Err(error) => {
                    tracing::warn!(target: "synthetic", store = store.name(), "what is too old could not be deleted: {error}");
                    state.since = state.since.saturating_add(counted);
                    (state.failed, state.trouble) = (true, Some(error.to_string()));
                }
            }
        });
    }

    fn is_due(&self, state: &State, stored: bool, now: Duration) -> bool {
        let Some(last) = state.last else { return true };
        let in_need = !stored || state.failed;
        let bytes = state.bytes.saturating_add(state.since);
        let too_much = self.retention.most_bytes().is_some_and(|most| bytes > most);
        let ago = now.saturating_sub(last);
        ago >= EVERY || (in_need && ago >= IN_NEED) || (too_much && !in_need)
    }

    /// Waits for the one that is at it, and says why what is too old could not be deleted, if that is so: once, because
    /// it is tried again with the runs to come, and nothing that was stored is to wait for it.
    pub(super) async fn settle(&self) -> Result<(), DeliveryError> {
        let mut task = std::mem::take(&mut *lock(&self.task));
        let mut panicked = false;
        while let Some(ended) = task.join_next().await {
            panicked |= ended.is_err_and(|error| error.is_panic());
        }
        if panicked {
            return Err(DeliveryError::Fatal("what is too old could not be deleted: the store panicked".to_owned()));
        }
        let trouble = lock(&self.state).trouble.take();
        trouble.map_or(Ok(()), |why| Err(DeliveryError::Retry(format!("what is too old could not be deleted: {why}"))))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
