//! What can be known of a panic: its message, its place, and, where it ends the process, a last report.
//!
//! This is the one thing that is process-wide in the SDK, because Rust's panic hook is: it remembers where a panic
//! happened in code that belongs to a run, and passes everything on to the hook that was there before.

use std::cell::RefCell;
use std::panic;
use std::sync::{Arc, Mutex, Once, PoisonError};

use super::attempt::{self, Identity};
use super::{LastWords, panics_abort, undo};
use crate::failure::{Failure, Reason, panic_message};
use crate::run::{Context, Shared};

thread_local! {
    static LAST: RefCell<Option<Scene>> = const { RefCell::new(None) };
}

/// Where a panic happened. Taken in the hook: afterwards the steps that it went through are gone.
pub(super) struct Scene {
    pub(super) here: Context,
    pub(super) place: Option<String>,
}

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

/// Makes sure that the place of a panic is remembered.
pub(super) fn remember_where() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Some(here) = Context::current() {
                let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
                let scene = Scene { here, place };
                if panics_abort() {
                    speak_last_words(&scene, &panic_message(info.payload()));
                } else {
                    LAST.with(|last| *last.borrow_mut() = Some(scene));
                }
            }
            before(info);
        }));
    });
}

/// Returns where the last panic on this thread happened, once.
pub(super) fn last_scene() -> Option<Scene> {
    LAST.with(|last| last.borrow_mut().take())
}

/// Forgets where the last panic on this thread happened: what is polled next has nothing to do with it.
pub(super) fn forget_scene() {
    LAST.with(|last| drop(last.take()));
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
fn speak_last_words(scene: &Scene, message: &str) {
    let announced = std::mem::take(&mut *ANNOUNCED.lock().unwrap_or_else(PoisonError::into_inner));
    for other in announced {
        if other.run.ledger().is_sealed() {
            continue; // Its one report has been made.
        }
        if Arc::ptr_eq(&other.run, &scene.here.run) {
            let failure = Failure::with_reason(Reason::Panic, format!("the body panicked: {message}"))
                .hint("the process was built with panic = \"abort\": nothing was cleaned up, and all its runs ended");
            let mut failure = scene.place.iter().fold(failure, |failure, place| failure.evidence("place", place));
            scene.here.raise(&mut failure);
        } else {
            let mut failure = Failure::with_reason(Reason::Cancelled, "another run panicked and ended the process");
            Context::top(&other.run).raise(&mut failure);
        }
        let cleanup = undo::not_tried(&other.run, "a panic ended the process");
        let report = attempt::conclude(&other.run, &other.identity, other.run.elapsed(), cleanup);
        (other.last_words)(&report);
    }
}
