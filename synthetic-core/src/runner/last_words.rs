//! The last reports of a process that a panic ends (`panic = "abort"`).

use std::sync::{Arc, Mutex, PoisonError};

use super::conclude::{Identity, conclude};
use super::panics::{Scene, panics_abort};
use super::undo;
use crate::failure::{Failure, Reason};
use crate::report::Report;
use crate::run::{Context, Shared};

/// Called with the report of a run whose panic is about to end the process.
pub(crate) type LastWords = Arc<dyn Fn(&Report) + Send + Sync>;

/// The runs that must still say something if the process is ended by a panic.
static ANNOUNCED: Mutex<Vec<Arc<Announced>>> = Mutex::new(Vec::new());

struct Announced {
    run: Arc<Shared>,
    identity: Identity,
    last_words: LastWords,
}

/// Takes a run off the list when it has concluded.
pub(super) struct Announcement(Option<Arc<Announced>>);

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Some(announced) = self.0.take() {
            let mut list = ANNOUNCED.lock().unwrap_or_else(PoisonError::into_inner);
            list.retain(|other| !Arc::ptr_eq(other, &announced));
        }
    }
}

/// Announces a run, so that it can still be reported if a panic ends the process. Does nothing where panics unwind.
pub(super) fn announce(run: Arc<Shared>, identity: Identity, last_words: LastWords) -> Announcement {
    if !panics_abort() {
        return Announcement(None);
    }
    let announced = Arc::new(Announced { run, identity, last_words });
    ANNOUNCED.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&announced));
    Announcement(Some(announced))
}

/// Reports every run that the end of the process interrupts: the one that panicked, and those beside it.
pub(super) fn speak(scene: &Scene, message: &str) {
    let announced = std::mem::take(&mut *ANNOUNCED.lock().unwrap_or_else(PoisonError::into_inner));
    for other in announced {
        if other.run.ledger().is_sealed() {
            continue; // Its one report has been made.
        }
        if Arc::ptr_eq(&other.run, &scene.here.run) {
            let failure = Failure::ours(Reason::Panic, format!("the body panicked: {message}"))
                .hint(if other.run.cleaner.remembers() {
                    "the process was built with panic = \"abort\": all its runs ended, and the sweep at the next start cleans up"
                } else {
                    "the process was built with panic = \"abort\": nothing was cleaned up, and all its runs ended"
                });
            let mut failure = scene.place.iter().fold(failure, |failure, place| failure.evidence("place", place));
            scene.here.raise(&mut failure);
        } else {
            let mut failure = Failure::ours(Reason::Cancelled, "another run panicked and ended the process");
            Context::top(&other.run).raise(&mut failure);
        }
        let cleanup = undo::not_tried(&other.run, "a panic ended the process");
        let ended = conclude(&other.run, &other.identity, other.run.elapsed(), cleanup);
        (other.last_words)(&ended.report);
    }
}
