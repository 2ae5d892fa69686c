//! The series of all canaries, one after the other.

use std::sync::{Arc, Mutex};

use super::folded::lock;
use super::series::CanarySeries;
use super::store::{Key, Store};
use super::text::Writer;

/// All canaries. Each is locked for its own lines only, so that nobody waits for the whole text.
pub(super) struct Canaries(Vec<(Key, Arc<Mutex<CanarySeries>>)>);

impl Canaries {
    pub(super) fn of(store: &Store) -> Self {
        Self(store.canaries())
    }

    /// Writes the lines of each, for as long as somebody reads them.
    pub(super) fn each(&self, to: &mut Writer<'_>, mut write: impl FnMut(&mut Writer<'_>, &CanarySeries)) {
        for (_, canary) in &self.0 {
            write(to, &lock(canary));
            if !to.hand_on() {
                return;
            }
        }
    }
}
