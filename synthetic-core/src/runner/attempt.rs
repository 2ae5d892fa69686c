//! One attempt: the body, then what was deferred, then exactly one report.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Sleep, sleep, sleep_until};

use super::conclude::{Concluded, Identity, conclude};
use super::driver::drive;
use super::end::{End, raise_end, raise_where_it_stands};
use super::last_words::announce;
use super::{Runner, undo};
use crate::canary::AnyCanary;
use crate::failure::{Failure, Reason};
use crate::report::{CleanupReport, Report};
use crate::run::{Context, Shared};

/// Runs one attempt in a task of its own, watches over it, and returns its report.
pub(super) async fn run(runner: &Runner, canary: &AnyCanary, run: Arc<Shared>, identity: Identity) -> Report {
    if let Some(problem) = canary.spec().problems().into_iter().next() {
        let mut failure = Failure::setup(format!("canary {:?} cannot run: {problem}", canary.spec().name()));
        Context::top(&run).raise(&mut failure);
        run.begin_cleanup();
        return conclude(&run, &identity, Duration::ZERO, CleanupReport::default()).report;
    }
    // Made before the body starts: without a clock there is no run.
    let time_is_up = sleep_until(run.deadline);
    let _in_flight = runner.pulse.watch();
    let announced = runner
        .last_words
        .as_ref()
        .map(|last_words| announce(Arc::clone(&run), identity.clone(), Arc::clone(last_words)));
    let work = {
        let (canary, run, identity) = (canary.clone(), Arc::clone(&run), identity.clone());
        let dispatch = runner.dispatch.clone();
        async move {
            let end = drive(&canary, &run, dispatch.as_ref()).await;
            if !run.begin_cleanup() {
                // Given up while it held its thread: the report has been made by the one who waited.
                run.release_personas();
                return None;
            }
            let duration = run.elapsed();
            raise_end(&run, end);
            let report = clean_up_and_conclude(&run, &identity, duration).await;
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
            if run.begin_cleanup() {
                // Given up before its time, it was cancelled, and had the runner's patience.
                let late = run.elapsed().checked_sub(run.spec.time()).unwrap_or(runner.patience);
                raise_where_it_stands(&run, &End::Blocked(late));
                Ok(Some(clean_up_and_conclude(&run, &identity, run.elapsed()).await))
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
            let mut failure = Failure::with_reason(Reason::Cancelled, why);
            Context::top(&run).raise(&mut failure);
            let report = conclude(&run, &identity, run.elapsed(), undo::not_tried(&run, why)).report;
            run.release_personas();
            report
        }
    }
}

/// Keeps the time of a run, for the driver too: tells it when the body's time is up, and is ready when the body should
/// long have been given up.
async fn overdue(run: &Shared, time_is_up: Sleep, patience: Duration) {
    tokio::select! {
        () = time_is_up => run.cancel.cancel(),
        () = run.cancel.cancelled() => {}
    }
    sleep(patience).await;
}

async fn clean_up_and_conclude(run: &Arc<Shared>, identity: &Identity, duration: Duration) -> Box<Concluded> {
    let cleanup = undo::undo_all(run).await;
    conclude(run, identity, duration, cleanup)
}
