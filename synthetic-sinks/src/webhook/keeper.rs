//! Looks after what no run has to come for, for as long as the sink lives.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use synthetic_core::sink::MonitorView;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::desk::{Desk, Settings};

/// A desk, and who sits at it in turn: whoever brings runs, and a task that comes by from time to time.
#[derive(Default)]
pub(super) struct Office {
    pub(super) desk: tokio::sync::Mutex<Desk>,
    pub(super) view: OnceLock<Arc<dyn MonitorView>>,
    keeper: Mutex<Option<AbortHandle>>,
}

impl Office {
    /// Starts the task unless it was, or there is no runtime yet.
    pub(super) fn open(self: &Arc<Self>, settings: &Arc<Settings>) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let (None, Ok(runtime)) = (&*keeper, Handle::try_current()) else { return };
        let (office, settings) = (Arc::downgrade(self), Arc::clone(settings));
        let task = runtime.spawn(async move {
            loop {
                tokio::time::sleep(settings.every).await;
                let Some(office) = office.upgrade() else { return };
                office.keep(&settings).await;
            }
        });
        *keeper = Some(task.abort_handle());
    }

    async fn keep(&self, settings: &Settings) {
        let mut desk = self.desk.lock().await;
        if desk.closed {
            return;
        }
        if let Err(error) = desk.keep(settings, self.view.get()).await {
            tracing::warn!(target: "synthetic", sink = settings.name, "a notification waits: {error}");
        }
    }

    /// Ends the task.
    pub(super) fn close(&self) {
        if let Some(keeper) = &*self.keeper.lock().unwrap_or_else(PoisonError::into_inner) {
            keeper.abort();
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office").finish_non_exhaustive()
    }
}
