//! Undoes what a body made and deferred: newest first, each isolated, each in its own time, all within one budget.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::cleanup::{Broken, Mark, Patience, State, describe, isolated, remove};
use crate::clock::later;
use crate::failure::{Failure, Reason};
use crate::report::{CleanupItem, CleanupReport, CleanupResult};
use crate::run::{Context, Deferred, Made, Remaining, Shared, Undo, aside};

/// Undoes everything that the run made and deferred.
pub(super) async fn undo_all(run: &Arc<Shared>, dispatch: Option<&Dispatch>) -> CleanupReport {
    let mut cleanup = CleanupReport::default();
    let Some(mut next) = run.pop() else { return cleanup };
    let (each, total) = run.spec.cleanup_time();
    let start = Instant::now();
    let end = later(start, run.cleaner.time(total));
    let keep = keep_time(run);
    let mut unsettled = Vec::new();
    loop {
        let time = each.min(end.saturating_duration_since(Instant::now()));
        match next {
            Undo::Deferred(deferred) => cleanup.items.push(undo(deferred, time).await),
            Undo::Made(made) => {
                let item = match keep {
                    Some(ttl) => keep_made(run, &made.mark, ttl).await,
                    None => remove_made(run, &made, time, None, dispatch).await,
                };
                if let Some(item) = item {
                    if item.result == CleanupResult::Abandoned && run.cleaner.journal.get(&made.mark).is_some() {
                        unsettled.push((cleanup.items.len(), made));
                    }
                    cleanup.items.push(item);
                }
            }
        }
        match run.pop() {
            Some(undo) => next = undo,
            None => break,
        }
    }
    // What may still appear is waited for last, so that it takes no time from the others; and only where no sweep does so.
    for (at, made) in unsettled.into_iter().filter(|_| !run.cleaner.sweeps()) {
        if let Some(item) = remove_made(run, &made, each, Some(end), dispatch).await {
            cleanup.items[at] = item;
        }
    }
    cleanup.duration = start.elapsed();
    cleanup
}

/// Says of everything that is to be undone that it could not be tried, and why.
pub(super) fn not_tried(run: &Shared, why: &str) -> CleanupReport {
    let mut cleanup = CleanupReport::default();
    for remaining in run.still_to_undo() {
        let failure = Failure::ours(Reason::Cancelled, why);
        let item =
            |name: String, failure| CleanupItem::new(name, Duration::ZERO, CleanupResult::NotTried, Some(failure));
        match remaining {
            Remaining::Deferred(name) => cleanup.items.push(item(name.into_owned(), failure)),
            Remaining::Made(mark) => {
                let Some(tracked) = run.cleaner.journal.get(&mark) else { continue };
                let failure = if run.cleaner.remembers() {
                    failure.hint("it is in the journal: the next sweep removes it")
                } else {
                    failure
                };
                let mut item = item(tracked.entry.name(), failure);
                describe(&mut item, &tracked.entry);
                cleanup.items.push(item);
            }
        }
    }
    cleanup
}

/// Returns for how long what the run made is kept, if it is.
fn keep_time(run: &Shared) -> Option<Duration> {
    let ttl = run.spec.keep_time().filter(|_| run.ledger().has_failed())?;
    if !run.cleaner.remembers() {
        let why = "nothing is kept for debugging: only a monitor with a journal would remember to remove it";
        run.ledger().warn(why.to_owned());
        return None;
    }
    let (most, _) = run.spec.limits();
    let canary = crate::cleanup::canary_part(run.spec.name());
    let (pending, _) = run.cleaner.journal.pending(&canary, false);
    if pending * 2 >= most {
        // Failures that go on must neither fill the target nor stop the canary.
        run.ledger().warn(format!("nothing is kept for debugging: {pending} things of this canary are there already"));
        return None;
    }
    Some(ttl)
}

async fn keep_made(run: &Arc<Shared>, mark: &Mark, ttl: Duration) -> Option<CleanupItem> {
    let journal = &run.cleaner.journal;
    let mut entry = journal.get(mark)?.entry.in_state(State::Kept);
    entry.not_before = Some(journal.now() + ttl);
    let mut item = CleanupItem::new(entry.name(), Duration::ZERO, CleanupResult::Kept, None);
    describe(&mut item, &entry);
    if let Err(error) = journal.put(entry).await {
        run.ledger().warn(format!("the journal could not be written, so that a restart removes what is kept: {error}"));
    }
    Some(item)
}

async fn remove_made(
    run: &Arc<Shared>,
    made: &Made,
    time: Duration,
    wait_until: Option<Instant>,
    dispatch: Option<&Dispatch>,
) -> Option<CleanupItem> {
    let journal = Arc::clone(&run.cleaner.journal);
    let tracked = journal.get(&made.mark)?;
    if time.is_zero() {
        let mut item = no_time(tracked.entry.name());
        describe(&mut item, &tracked.entry);
        return Some(item);
    }
    let patience = Patience { each: time, wait_until, again: run.cleaner.sweeps() };
    let here = Context { cleanup: true, ..Context::top(run) };
    // What it logs belongs to the run too, although it is done outside of the body.
    let observed = dispatch.cloned().unwrap_or_else(|| tracing::dispatcher::get_default(Dispatch::clone));
    let around = |removal| aside(here, removal).with_subscriber(observed);
    remove(&journal, &made.resource, &made.mark, patience, around).await
}

async fn undo(deferred: Deferred, time: Duration) -> CleanupItem {
    let name = deferred.name.to_string();
    if time.is_zero() {
        // What it holds may panic while it is dropped, and must not take the rest with it.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(deferred)));
        return no_time(name);
    }
    let start = Instant::now();
    let (result, failure) = match isolated(time, deferred.undo()).await {
        Ok(Ok(())) => (CleanupResult::Removed, None),
        Ok(Err(failure)) => (CleanupResult::Failed, Some(failure)),
        Err(Broken { result, failure }) => (result, Some(failure)),
    };
    CleanupItem::new(name, start.elapsed(), result, failure)
}

fn no_time(name: String) -> CleanupItem {
    let failure = Failure::ours(Reason::Timeout, "no time was left for it")
        .hint("raise the total of `Spec::cleanup_timeout`, or see what took so long before it");
    CleanupItem::new(name, Duration::ZERO, CleanupResult::NotTried, Some(failure))
}
