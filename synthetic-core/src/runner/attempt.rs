//! One attempt: the body, then what was deferred, then exactly one report.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::{Sleep, sleep, sleep_until};

use super::driver::{End, drive};
use super::panics::{self, Scene};
use super::{Runner, undo};
use crate::canary::AnyCanary;
use crate::failure::{Failure, Reason, panic_message};
use crate::outcome::Outcome;
use crate::report::{CleanupReport, Report, Version};
use crate::run::{Context, Shared};

/// What a report says of who ran the canary and when.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) monitor: Option<Arc<str>>,
    pub(super) location: Option<Arc<str>>,
    pub(super) scheduled_at: SystemTime,
}

/// Runs one attempt in a task of its own, watches over it, and returns its report.
pub(super) async fn run(runner: &Runner, canary: &AnyCanary, run: Arc<Shared>, identity: Identity) -> Report {
    if let Some(problem) = canary.spec().problems().into_iter().next() {
        let mut failure = Failure::setup(format!("canary {:?} cannot run: {problem}", canary.spec().name()));
        Context::top(&run).raise(&mut failure);
        run.begin_cleanup();
        return conclude(&run, &identity, Duration::ZERO, CleanupReport::default());
    }
    // Made before the body starts: without a clock there is no run.
    let time_is_up = sleep_until(run.deadline);
    let _in_flight = runner.pulse.watch();
    let announced = runner
        .last_words
        .as_ref()
        .map(|last_words| panics::announce(Arc::clone(&run), identity.clone(), Arc::clone(last_words)));
    let work = {
        let (canary, run, identity) = (canary.clone(), Arc::clone(&run), identity.clone());
        let dispatch = runner.dispatch.clone();
        async move {
            let end = drive(canary, Arc::clone(&run), dispatch).await;
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
        Ok(Some(report)) => report,
        // The task of an attempt catches what its body throws; this is what is left: the runtime is being shut down.
        Ok(None) | Err(_) => {
            let why = "the runtime was shut down during the run";
            let mut failure = Failure::with_reason(Reason::Cancelled, why);
            Context::top(&run).raise(&mut failure);
            let report = conclude(&run, &identity, run.elapsed(), undo::not_tried(&run, why));
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

async fn clean_up_and_conclude(run: &Arc<Shared>, identity: &Identity, duration: Duration) -> Report {
    let cleanup = undo::undo_all(run).await;
    conclude(run, identity, duration, cleanup)
}

/// Records what the end of a body says, beyond what was recorded while it ran.
fn raise_end(run: &Arc<Shared>, end: End) {
    let (here, mut failure) = match end {
        End::Returned(Ok(())) | End::TimedOut | End::Blocked(_) => return,
        End::Returned(Err(failure)) => (Context::top(run), failure),
        End::Panicked(panic) => panicked(run, &*panic),
        End::Cancelled => {
            let text = format!("cancelled after {:?}", rounded(run.elapsed()));
            (Context::top(run), Failure::with_reason(Reason::Cancelled, text))
        }
    };
    here.raise(&mut failure);
}

/// Records that a body was given up, in every innermost step that was open: that is where it stood.
pub(super) fn raise_where_it_stands(run: &Arc<Shared>, end: &End) {
    let timeout = run.spec.time();
    let failure = match end {
        End::Blocked(late) => {
            let late = rounded(*late);
            let text = if run.elapsed() < timeout {
                format!("the body held its thread for {late:?} after it was cancelled")
            } else {
                format!("the body held its thread {late:?} past its timeout of {timeout:?}")
            };
            Failure::with_reason(Reason::Blocked, text)
                .hint("move what blocks into `tokio::task::spawn_blocking`, or use its async counterpart")
        }
        _ => Failure::with_reason(Reason::Timeout, format!("the run was not done within its timeout of {timeout:?}")),
    };
    let open = run.ledger().innermost_open();
    let first = open.first().copied();
    let last_try = run.ledger().last_try(first);
    let mut failure = last_try.into_iter().fold(failure, |failure, last_try| failure.evidence("last try", last_try));
    Context { step: first, ..Context::top(run) }.raise(&mut failure);
    for step in open.into_iter().skip(1) {
        run.ledger().mark(Some(step), None, failure.reason());
    }
}

fn panicked(run: &Arc<Shared>, panic: &(dyn Any + Send)) -> (Context, Failure) {
    let failure = Failure::with_reason(Reason::Panic, format!("the body panicked: {}", panic_message(panic)));
    match panics::last_scene() {
        // A panic that goes on (`resume_unwind`) calls no hook: what is remembered is then that of another one.
        Some(Scene { here, place: Some(place) }) if Arc::ptr_eq(&here.run, run) => {
            (Context { tries: None, ..here }, failure.evidence("place", place))
        }
        _ => (Context::top(run), failure),
    }
}

/// Makes the report of a run. Nothing is recorded in the run afterwards.
pub(super) fn conclude(run: &Shared, identity: &Identity, duration: Duration, cleanup: CleanupReport) -> Report {
    let mut ledger = run.ledger();
    let is_first = ledger.seal();
    let failures = std::mem::take(&mut ledger.failures);
    let unmet = std::mem::take(&mut ledger.unmet);
    let nothing_checked = run.checks() == 0 && failures.is_empty() && unmet.is_empty();
    let mut failures = failures;
    if !is_first {
        // What was recorded is gone with a report that was made and never came to anybody: never green.
        failures.push(Failure::with_reason(Reason::Cancelled, "the report of this run was lost by a fault of the SDK"));
    } else if nothing_checked {
        let nothing = Failure::with_reason(Reason::NothingChecked, "the body ended well, but it checked nothing")
            .hint("give it a step, a request or an expectation: a canary that checks nothing would always be green");
        failures.push(nothing);
    }
    let leftover = (cleanup.left_behind() > 0).then_some(Reason::Leftover);
    let reasons = failures.iter().chain(&unmet).map(Failure::reason).chain(leftover);
    // The worst outcome counts, and of those the first: reasons are in the order in which they were met.
    let reason = reasons.reduce(|worst, next| if next.outcome() > worst.outcome() { next } else { worst });
    let outcome = reason.map_or(Outcome::Passed, Reason::outcome);
    let clock = run.clock;
    let mut report = Report {
        schema: Version,
        run_id: run.id,
        canary: run.spec.shared_name(),
        monitor: identity.monitor.clone(),
        location: identity.location.clone(),
        tags: run.spec.shared_tags(),
        outcome,
        reason,
        scheduled_at: identity.scheduled_at,
        started_at: clock.wall_at(clock.started()),
        duration,
        checks: run.checks(),
        failures,
        unmet,
        recovered: std::mem::take(&mut ledger.recovered),
        steps: ledger.take_steps(duration),
        requests: std::mem::take(&mut ledger.requests),
        cleanup,
        metrics: std::mem::take(&mut ledger.metrics),
        labels: std::mem::take(&mut ledger.labels),
        artifacts: std::mem::take(&mut ledger.artifacts),
        log: if outcome == Outcome::Passed { Vec::new() } else { std::mem::take(&mut ledger.log).into() },
        warnings: ledger.take_warnings(),
    };
    drop(ledger);
    report.redact(run.secrets.redactor());
    run.drop_extensions();
    report
}

fn rounded(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
