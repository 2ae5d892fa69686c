//! What the measurements of cleanup share: a target in memory, runs that make one thing each or none, and the journal of a
//! process that died with much in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use synthetic_core::cleanup::{Entry, FileJournal, JournalStore, Recovery, SweepReport, Sweeper};
use synthetic_core::prelude::*;
use synthetic_core::{Clock, Monitor};

use crate::Tally;

/// A target in memory that answers at once: ids, and the marks they carry.
#[derive(Debug, Clone, Default)]
pub struct Carts(Arc<Mutex<BTreeMap<u64, Mark>>>);

impl Carts {
    /// Returns how many things are there.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn add(&self, mark: Mark) -> u64 {
        let mut carts = self.lock();
        let id = carts.last_key_value().map_or(1, |(last, _)| last + 1);
        carts.insert(id, mark);
        id
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Mark>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resource for Carts {
    const KIND: &'static str = "shop/cart";
    type Made = u64;
    type Id = u64;

    fn id(&self, cart: &u64) -> u64 {
        *cart
    }

    async fn delete(&self, id: &u64) -> Result<Gone> {
        Ok(if self.lock().remove(id).is_some() { Gone::Deleted } else { Gone::Already })
    }

    async fn find(&self, mark: &Mark) -> Result<Vec<u64>> {
        Ok(self.lock().iter().filter(|(_, carried)| *carried == mark).map(|(id, _)| *id).collect())
    }

    fn recovery(&self) -> Recovery {
        Recovery::default()
    }
}

/// Makes a monitor with a journal in `folder`, and so many canaries that make `things` each.
///
/// # Panics
///
/// Panics when the folder cannot be written to.
#[must_use]
pub fn monitor(folder: &Path, carts: &Carts, canaries: usize, things: usize) -> Monitor {
    let journal = FileJournal::open(folder).expect("a folder for the journal");
    let monitor = Monitor::named("shop").journal_store(journal).resource(carts.clone()).sink(Tally::default());
    let monitor = (0..canaries).fold(monitor, |monitor, n| {
        let carts = carts.clone();
        let body = move |run: Run| {
            let carts = carts.clone();
            async move {
                run.count_check();
                for _ in 0..things {
                    let target = carts.clone();
                    run.create(&carts, |mark| async move { Ok(target.add(mark)) }).await?;
                }
                Ok(())
            }
        };
        monitor.canary(every(mins(1)), canary(Spec::new(format!("cart-{n}")), body))
    });
    monitor.build().expect("a monitor without a mistake")
}

/// Writes the journal of a process that died when it had made so many things, each in a run of its own.
///
/// # Panics
///
/// Panics when the folder cannot be written to.
pub async fn die_with(folder: &Path, carts: &Carts, things: usize) {
    let journal = FileJournal::open(folder).expect("a folder for the journal");
    for n in 0..things {
        let mark: Mark = format!("syn1-shop-cart-01JD3QKX7V{n:016}-1").parse().expect("a mark");
        let id = carts.add(mark.clone());
        let intent = Entry::intent(mark, Carts::KIND, Clock::system().now());
        journal.put(std::slice::from_ref(&intent)).await.expect("a journal");
        journal.put(&[intent.created(id.into())]).await.expect("a journal");
    }
    // Dropped, not closed: as when its process has died.
}

/// Takes over what a dead process left, and removes it, as a monitor does at its start.
///
/// # Panics
///
/// Panics when the journal cannot be read.
pub async fn sweep(folder: &Path, carts: &Carts) -> SweepReport {
    let journal = FileJournal::open(folder).expect("a folder for the journal");
    let sweeper = Sweeper::new("shop", journal).resource(carts.clone());
    let report = sweeper.sweep().await;
    sweeper.close().await.expect("a journal");
    report
}
