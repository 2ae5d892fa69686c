//! One attempt: the body, then what was deferred, then exactly one report.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tracing::Dispatch;

use super::conclude::{Concluded, Identity, conclude};
use super::driver::drive;
use super::end::{End, raise_end, raise_where_it_stands};
use super::last_words::announce;
use super::{Runner, undo};
use crate::canary::{AnyCanary, Spec};
use crate::cleanup::{Cleaner, canary_part};
use crate::failure::{Failure, Reason};
use crate::report::{CleanupReport, Report};
use crate::run::{Context, Shared, gather};

/// Runs one attempt in a task of its own, watches over it, and returns its report.
pub(super) async fn run(runner: &Runner, canary: &AnyCanary, run: Arc<Shared>, identity: Identity) -> Report {
    let problem = canary.spec().problems().into_iter().next();
    let problem = problem.map(|it| Failure::setup(format!("canary {:?} cannot run: {it}", canary.spec().name())));
    if let Some(failure) = problem.or_else(|| paused(&run.cleaner, &run.spec)) {
        return refuse(&run, &identity, failure);
    }
    // Made before the body starts: without a clock there is no run.
    let time_is_up = sleep_until(run.deadline);
    let _in_flight = runner.pulse.watch();
    let announced = runner
        .last_words
        .as_ref()
        .map(|last_words| announce(Arc::clone(&run), identity.clone(), Arc::clone(last_words)));
    let work = {
        let (body, run, identity) = (canary.body(), Arc::clone(&run), identity.clone());
        let dispatch = runner.dispatch.clone();
        async move {
            let (end, duration) = drive(&body, &run, dispatch.as_ref()).await;
            if !run.begin_cleanup() {
                // Given up while it held its thread: the report has been made by the one who waited.
                run.release_personas();
                return None;
            }
            raise_end(&run, end);
            let report = clean_up_and_conclude(&run, &identity, duration, dispatch.as_ref()).await;
            run.release_personas();
            Some(report)
        }
    };
    let stop = run.cancel.clone().drop_guard();
    let mut work = tokio::spawn(work);
    let report = tokio::select! {
        biased;
        done = &mut work => done,
        () = overdue(&run, time_is_up, runner.patience) => {
            // A body that is given up may come back: it has had its time, also when it was cancelled before that is up.
            run.creations.seal();
            if run.begin_cleanup() {
                // Given up before its time, it was cancelled, and had the runner's patience.
                let late = run.elapsed().checked_sub(run.spec.time()).unwrap_or(runner.patience);
                raise_where_it_stands(&run, &End::Blocked(late));
                let duration = run.elapsed();
                Ok(Some(clean_up_and_conclude(&run, &identity, duration, runner.dispatch.as_ref()).await))
            } else {
                work.await
            }
        }
    };
    stop.disarm();
    drop(announced);
    match report {
        Ok(Some(concluded)) => concluded.report,
        // The task of an attempt catches what its body throws; this is what is left: the runtime is being shut down.
        Ok(None) | Err(_) => {
            let why = "the runtime was shut down during the run";
            Context::top(&run).raise(&mut Failure::ours(Reason::Cancelled, why));
            let report = conclude(&run, &identity, run.elapsed(), undo::not_tried(&run, why)).report;
            run.release_personas();
            report
        }
    }
}

/// Reports that a run did not begin, and why.
pub(super) fn refuse(run: &Arc<Shared>, identity: &Identity, why: Failure) -> Report {
    Context::top(run).raise(&mut why.nowhere());
    run.begin_cleanup();
    conclude(run, identity, Duration::ZERO, CleanupReport::default()).report
}

/// Keeps the time of a run, for the driver too: tells it when the body's time is up, and is ready when the body should
/// long have been given up.
async fn overdue(run: &Shared, time_is_up: Sleep, patience: Duration) {
    tokio::select! {
        () = time_is_up => run.cancel.cancel(),
        () = run.cancel.cancelled() => {}
    }
    // A body that waits for what it is making does not block: it has the time of that, and then the patience again.
    while let Some(until) = run.creations.in_flight_until().filter(|until| *until > Instant::now()) {
        tokio::select! {
            () = sleep_until(until) => {}
            () = run.creations.settled() => {}
        }
    }
    sleep(patience).await;
}

async fn clean_up_and_conclude(
    run: &Arc<Shared>,
    identity: &Identity,
    duration: Duration,
    dispatch: Option<&Dispatch>,
) -> Box<Concluded> {
    gather(run, dispatch).await;
    let cleanup = undo::undo_all(run, dispatch).await;
    conclude(run, identity, duration, cleanup)
}

/// Returns why the canary pauses, if it does: too much of what it made waits for its removal.
pub(super) fn paused(cleaner: &Cleaner, spec: &Spec) -> Option<Failure> {
    let journal = &cleaner.journal;
    let canary = canary_part(spec.name());
    let (_, most) = spec.limits();
    let (pending, oldest) = journal.pending(&canary, false);
    if pending <= most {
        return None;
    }
    let failure = Failure::setup(format!(
        "canary {:?} pauses: {pending} things that it made wait for their removal, and {most} are the most that may; the \
         oldest for {:?}",
        spec.name(),
        Duration::from_secs(oldest.unwrap_or_default().as_secs()),
    ));
    let failure = match journal.last_problem(&canary) {
        Some(problem) => failure.evidence("last", problem),
        None => failure,
    };
    Some(failure.hint("see why they cannot be removed: it runs again when they are; `Spec::max_pending` is the limit"))
}
