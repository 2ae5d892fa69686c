//! What can be known of a panic: its message and its place.

use std::cell::RefCell;

use crate::run::Context;

thread_local! {
    static LAST: RefCell<Option<Scene>> = const { RefCell::new(None) };
}

/// Where a panic happened. Taken in the hook: afterwards the steps that it went through are gone.
pub(super) struct Scene {
    pub(super) here: Context,
    pub(super) place: Option<String>,
}

/// Returns where the last panic on this thread happened, once.
pub(super) fn last_scene() -> Option<Scene> {
    LAST.with(|last| last.borrow_mut().take())
}

/// Forgets where the last panic on this thread happened: what is polled next has nothing to do with it.
pub(super) fn forget_scene() {
    LAST.with(|last| drop(last.take()));
}

/// Remembers where a panic on this thread happened.
pub(super) fn remember(scene: Scene) {
    LAST.with(|last| *last.borrow_mut() = Some(scene));
}

/// Returns whether a panic ends this process at once, so that nothing after it runs: neither cleanup nor a report.
#[must_use]
pub(crate) const fn panics_abort() -> bool {
    cfg!(panic = "abort")
}
