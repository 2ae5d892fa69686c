//! The attempts of a run that may make several: one after the other, each whole, until one counts.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Runner, attempt};
use crate::canary::{AnyCanary, Spec};
use crate::clock::later;
use crate::report::{Earlier, Report};

/// Makes attempts until one does not call for another or there are no more, and returns the report of the last one.
pub(super) async fn run(
    runner: &Runner,
    canary: &AnyCanary,
    due: Option<Instant>,
    cancel: CancellationToken,
) -> Report {
    let spec = canary.spec();
    let mut earlier: Option<Arc<Earlier>> = None;
    let mut more = spec.retries();
    loop {
        // A token of its own: its timeout cancels it, and must not cancel the next one.
        let (shared, identity) = runner.begin(canary, due, cancel.child_token(), earlier.clone());
        let mut report = attempt::run(runner, canary, shared, identity).await;
        if more == 0 || !spec.retry_policy().covers(report.outcome, report.reason) {
            return report;
        }
        if let Some(obstacle) = obstacle(runner, spec, &cancel).await {
            let number = report.attempts.len() + 2;
            report
                .warnings
                .push(format!("attempt {number} was not made, so that nothing confirms the failure: {obstacle}"));
            return report;
        }
        more -= 1;
        earlier = Some(Arc::new(Earlier::of(earlier.as_deref(), report)));
    }
}

/// Waits until the next attempt is to begin. Returns what forbids it, if anything does.
async fn obstacle(runner: &Runner, spec: &Spec, cancel: &CancellationToken) -> Option<String> {
    if let Some(wait) = spec.confirm_time() {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = sleep_until(later(Instant::now(), wait)) => {}
        }
    }
    if cancel.is_cancelled() {
        return Some("the run was cancelled".to_owned());
    }
    attempt::paused(&runner.cleaner, spec).map(|pause| pause.subject().to_owned())
}
