//! Undoes what a body deferred: newest first, each isolated, each in its own time, all within one budget.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::failure::{Failure, Reason, panic_message};
use crate::report::{CleanupItem, CleanupReport, CleanupResult};
use crate::run::{Deferred, Shared};

/// Undoes everything that was deferred.
pub(super) async fn undo_all(run: &Arc<Shared>) -> CleanupReport {
    let mut cleanup = CleanupReport::default();
    let Some(mut next) = run.pop_deferred() else { return cleanup };
    let (each, total) = run.spec.cleanup_time();
    let start = Instant::now();
    loop {
        let left = total.saturating_sub(start.elapsed());
        cleanup.items.push(undo(next, each.min(left)).await);
        match run.pop_deferred() {
            Some(deferred) => next = deferred,
            None => break,
        }
    }
    cleanup.duration = start.elapsed();
    cleanup
}

/// Says of everything that was deferred that it could not be tried, and why.
pub(super) fn not_tried(run: &Shared, why: &str) -> CleanupReport {
    let mut cleanup = CleanupReport::default();
    for name in run.still_deferred() {
        let failure = Failure::with_reason(Reason::Cancelled, why);
        cleanup.items.push(CleanupItem::new(name.into_owned(), Duration::ZERO, CleanupResult::NotTried, Some(failure)));
    }
    cleanup
}

async fn undo(deferred: Deferred, time: Duration) -> CleanupItem {
    let name = deferred.name.to_string();
    if time.is_zero() {
        // What it holds may panic while it is dropped, and must not take the rest with it.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(deferred)));
        let failure = Failure::with_reason(Reason::Timeout, "no time was left for it")
            .hint("raise the total of `Spec::cleanup_timeout`, or see what took so long before it");
        return CleanupItem::new(name, time, CleanupResult::NotTried, Some(failure));
    }
    let start = Instant::now();
    // A task of its own: what panics or blocks in there touches nothing else.
    let mut task = tokio::spawn(deferred.undo());
    let done = timeout(time, &mut task).await;
    let took = start.elapsed();
    match done {
        Ok(Ok(Ok(()))) => CleanupItem::new(name, took, CleanupResult::Removed, None),
        Ok(Ok(Err(failure))) => CleanupItem::new(name, took, CleanupResult::Failed, Some(failure)),
        Ok(Err(broken)) => {
            let message = match broken.try_into_panic() {
                Ok(panic) => format!("it panicked: {}", panic_message(&*panic)),
                Err(_) => "the runtime was shut down".to_owned(),
            };
            let failure = Failure::with_reason(Reason::Panic, message);
            CleanupItem::new(name, took, CleanupResult::Failed, Some(failure))
        }
        Err(_) => {
            task.abort();
            let failure = Failure::with_reason(Reason::Timeout, format!("not done within {time:?}"));
            CleanupItem::new(name, took, CleanupResult::TimedOut, Some(failure))
        }
    }
}
