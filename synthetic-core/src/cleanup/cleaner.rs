//! [`Cleaner`]: what the runs of one runner share for their cleanup.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::{Journal, Kinds, Mark, Sweeper};
use crate::cleanup::JournalStore;
use crate::clock::Clock;

/// What the runs of one runner share for their cleanup: the journal, the resources that are known, and whether somebody
/// sweeps what they cannot remove.
pub(crate) struct Cleaner {
    pub(crate) journal: Arc<Journal>,
    pub(crate) kinds: Arc<Kinds>,
    sweeps: bool,
    /// Until when cleanup must be done, once the monitor was told to stop.
    until: OnceLock<Instant>,
}

impl Cleaner {
    /// Returns one for runs that stand alone: what they cannot remove, nobody removes later.
    pub(crate) fn alone() -> Self {
        Self::new(None, Arc::default(), Clock::system(), false)
    }

    /// Returns one whose journal is swept.
    pub(crate) fn swept(store: Option<Arc<dyn JournalStore>>, kinds: Arc<Kinds>, clock: Clock) -> Self {
        Self::new(store, kinds, clock, true)
    }

    fn new(store: Option<Arc<dyn JournalStore>>, kinds: Arc<Kinds>, clock: Clock, sweeps: bool) -> Self {
        Self { journal: Arc::new(Journal::new(store, clock)), kinds, sweeps, until: OnceLock::new() }
    }

    /// Returns whether somebody tries again later what a run cannot remove.
    pub(crate) fn sweeps(&self) -> bool {
        self.sweeps
    }

    /// Returns whether what is kept is removed later, come what may.
    pub(crate) fn remembers(&self) -> bool {
        self.sweeps && self.journal.is_durable()
    }

    pub(crate) fn sweeper(&self, monitor: Arc<str>) -> Sweeper {
        Sweeper::of(monitor, Arc::clone(&self.journal), Arc::clone(&self.kinds))
    }

    /// Says until when every cleanup must be done from now on.
    pub(crate) fn end_by(&self, until: Instant) {
        let _ = self.until.set(until);
    }

    /// Returns how long a cleanup that begins now may take, of the time that it has by itself.
    pub(crate) fn time(&self, total: Duration) -> Duration {
        // Less than this removes nothing at all, and the journal is there for what is not done.
        const LEAST: Duration = Duration::from_secs(1);
        self.until.get().map_or(total, |until| total.min(until.saturating_duration_since(Instant::now()).max(LEAST)))
    }

    /// Lets go of what a run has made: it has concluded.
    pub(crate) fn release(&self, made: &[Mark]) {
        for mark in made {
            self.journal.release(mark, self.sweeps);
        }
    }
}
