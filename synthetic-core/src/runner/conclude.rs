//! Makes the one report of a run.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::canary::OnLeak;
use crate::cleanup::canary_part;
use crate::failure::{Failure, Reason};
use crate::outcome::Outcome;
use crate::report::{CleanupReport, Report, Version};
use crate::run::{Extensions, Shared, attach_last};

/// What a report says of who ran the canary and when.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) monitor: Option<Arc<str>>,
    pub(super) location: Option<Arc<str>>,
    pub(super) scheduled_at: SystemTime,
}

/// A run that has ended.
///
/// What protocol crates kept with it comes along, and is dropped by whoever takes the report: the caller, or the task of
/// the run itself when the caller is gone. So the caller is awake before the connections are closed, and the peers,
/// which that wakes, are not woken for it alone when there is another run to begin at once.
pub(super) struct Concluded {
    pub(super) report: Report,
    _kept: Extensions,
}

/// Lets go of what the run made, and says what waits for its removal.
fn settle_up(run: &Shared, cleanup: &mut CleanupReport) {
    let canary = canary_part(run.spec.name());
    let journal = &run.cleaner.journal;
    run.cleaner.release(&run.creations.take_marks());
    cleanup.swept = journal.take_swept(&canary);
    let (pending, oldest) = journal.pending(&canary, false);
    (cleanup.pending, cleanup.oldest_pending) = (pending as u64, oldest);
    if let Some(leak) = cleanup.leaks().last().filter(|item| item.mark.is_some()) {
        journal.note_problem(&canary, leak.to_string());
    }
}

/// Says what was left behind, if anything was.
fn leak(cleanup: &CleanupReport) -> Option<Failure> {
    let names: Vec<&str> = cleanup.leaks().map(|item| item.name.as_str()).collect();
    let shown = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
    (!names.is_empty()).then(|| Failure::ours(Reason::Leftover, format!("left behind: {shown}{more}")))
}

/// Makes the report of a run. Nothing is recorded in the run afterwards.
pub(super) fn conclude(
    run: &Shared,
    identity: &Identity,
    duration: Duration,
    mut cleanup: CleanupReport,
) -> Box<Concluded> {
    settle_up(run, &mut cleanup);
    attach_last(run);
    let policy = run.spec.leak_policy();
    let mut ledger = run.ledger();
    if policy == OnLeak::Warn
        && let Some(leak) = leak(&cleanup)
    {
        ledger.warn(leak.to_string());
    }
    if let Some(earlier) = &run.earlier {
        // What one of them left behind counts as what this one did.
        cleanup = earlier.cleanup.clone().followed_by(cleanup);
    }
    let leak = leak(&cleanup);
    let is_first = ledger.seal();
    let failures = std::mem::take(&mut ledger.failures);
    let unmet = std::mem::take(&mut ledger.unmet);
    let nothing_checked = run.checks() == 0 && failures.is_empty() && unmet.is_empty();
    let mut failures = failures;
    if !is_first {
        // What was recorded is gone with a report that was made and never came to anybody: never green.
        failures.push(Failure::ours(Reason::Cancelled, "the report of this run was lost by a fault of the SDK"));
    } else if nothing_checked {
        let nothing = Failure::ours(Reason::NothingChecked, "the body ended well, but it checked nothing")
            .hint("give it a step, a request or an expectation: a canary that checks nothing would always be green");
        failures.push(nothing);
    }
    let leftover = leak.as_ref().filter(|_| policy != OnLeak::Warn).map(Failure::reason);
    let reasons = failures.iter().chain(&unmet).map(Failure::reason).chain(leftover);
    // The worst outcome counts, and of those the first: reasons are in the order in which they were met.
    let mut reason = reasons.reduce(|worst, next| if next.outcome() > worst.outcome() { next } else { worst });
    let mut outcome = reason.map_or(Outcome::Passed, Reason::outcome);
    if let Some(leak) = leak.filter(|_| policy == OnLeak::Fail) {
        if outcome < Outcome::Failed {
            (outcome, reason) = (Outcome::Failed, Some(leak.reason()));
        }
        failures.push(leak);
    }
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
        attempts: Vec::new(),
        retries: run.spec.retries(),
        scheduled_at: identity.scheduled_at,
        started_at: clock.wall_at(clock.started()),
        missed: 0,
        queue_wait: Duration::ZERO,
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
    if let Some(earlier) = &run.earlier {
        earlier.tell(&mut report);
    }
    report.redact(run.secrets.redactor());
    Box::new(Concluded { report, _kept: run.take_extensions() })
}
