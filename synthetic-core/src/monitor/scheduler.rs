//! Starts runs when they are due, and ends them when the monitor is told to stop.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Entry;
use super::summary::Runs;
use crate::report::Report;
use crate::runner::{Runner, panics_abort};
use crate::sink::Pipeline;

/// How many canaries `once` runs side by side.
const SIDE_BY_SIDE: usize = 8;

/// Runs every canary on its schedule until `stop`, then lets what runs end within `grace`, then cancels it.
pub(super) async fn run(
    entries: Vec<Entry>,
    runner: Runner,
    pipeline: &Arc<Pipeline>,
    stop: impl Future<Output = ()>,
    grace: Duration,
) -> Runs {
    if panics_abort() {
        let covered = if runner.remembers() {
            "what its runs made is removed by the sweep at the next start"
        } else {
            "what its runs made stays in the target: add `.journal(path)`"
        };
        tracing::warn!(target: "synthetic", "built with panic = \"abort\": a panic in a canary ends this process, reported but not cleaned up after; {covered}");
    }
    let runs = Arc::new(Mutex::new(Runs::default()));
    let (no_more, cancel) = (CancellationToken::new(), CancellationToken::new());
    let start = Instant::now();
    let mut beats = Beats::default();
    for entry in entries {
        let name = entry.canary.spec().shared_name();
        lock(&runs).expect(Arc::clone(&name));
        let beat = beat(
            entry,
            runner.clone(),
            Arc::clone(pipeline),
            Beat { start, runs: Arc::clone(&runs), no_more: no_more.clone(), cancel: cancel.clone() },
        );
        beats.names.insert(beats.tasks.spawn(beat).id(), name);
    }
    // A monitor that is dropped takes its runs with it, and what they deferred is still undone.
    let dropped = cancel.clone().drop_guard();
    stop.await;
    no_more.cancel();
    if timeout(grace, drain(&mut beats, &runs)).await.is_err() {
        cancel.cancel();
        // Every run ends now within its own cleanup budget.
        drain(&mut beats, &runs).await;
    }
    drop(dropped);
    std::mem::take(&mut *lock(&runs))
}

struct Beat {
    start: Instant,
    runs: Arc<Mutex<Runs>>,
    no_more: CancellationToken,
    cancel: CancellationToken,
}

/// Runs one canary on its schedule: never two runs side by side; starts that were missed collapse into one.
async fn beat(entry: Entry, runner: Runner, pipeline: Arc<Pipeline>, beat: Beat) {
    let Beat { start, runs, no_more, cancel } = beat;
    let name = entry.canary.spec().shared_name();
    let mut done: Option<u64> = None;
    loop {
        // Of the starts that were missed, the last is made up for at once, and the others are counted.
        let earliest = done.map_or(0, |done| done + 1);
        let next = entry.schedule.last_due(entry.offset, start.elapsed()).max(earliest);
        let due = start + entry.schedule.nth(entry.offset, next);
        tokio::select! {
            biased;
            () = no_more.cancelled() => return,
            () = sleep_until(due) => {}
        }
        if done.is_some() && next > earliest {
            lock(&runs).missed(&name, next - earliest);
        }
        done = Some(next);
        let report = runner.attempt(&entry.canary, Some(due), cancel.child_token()).await;
        lock(&runs).count(&report);
        pipeline.accept(&Arc::new(report));
    }
}

/// Runs every canary once.
pub(super) async fn once(entries: Vec<Entry>, runner: Runner, pipeline: &Arc<Pipeline>) -> (Vec<Arc<Report>>, Runs) {
    let mut runs = Runs::default();
    let places = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut attempts = JoinSet::new();
    let mut names = HashMap::new();
    let cancel = CancellationToken::new();
    let _dropped = cancel.clone().drop_guard();
    for (n, entry) in entries.into_iter().enumerate() {
        runs.expect(entry.canary.spec().shared_name());
        let (runner, places, cancel) = (runner.clone(), Arc::clone(&places), cancel.child_token());
        let name = entry.canary.spec().shared_name();
        let attempt = attempts.spawn(async move {
            let _place = places.acquire_owned().await;
            (n, Arc::new(runner.attempt(&entry.canary, None, cancel).await))
        });
        names.insert(attempt.id(), name);
    }
    let mut reports = Vec::new();
    while let Some(ended) = attempts.join_next().await {
        match ended {
            Ok((n, report)) => {
                runs.count(&report);
                pipeline.accept(&report);
                reports.push((n, report));
            }
            Err(error) => {
                tracing::error!(target: "synthetic", %error, "a run ended without a report by a fault of the SDK");
                names.get(&error.id()).into_iter().for_each(|name| runs.fault(name));
            }
        }
    }
    reports.sort_by_key(|(n, _)| *n);
    (reports.into_iter().map(|(_, report)| report).collect(), runs)
}

/// The schedules that are kept, a task each, and whose they are.
#[derive(Default)]
struct Beats {
    tasks: JoinSet<()>,
    names: HashMap<Id, Arc<str>>,
}

async fn drain(beats: &mut Beats, runs: &Mutex<Runs>) {
    while let Some(ended) = beats.tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(target: "synthetic", %error, "a canary's schedule ended by a fault of the SDK");
            if let Some(name) = beats.names.get(&error.id()) {
                lock(runs).fault(name);
            }
        }
    }
}

fn lock(runs: &Mutex<Runs>) -> std::sync::MutexGuard<'_, Runs> {
    runs.lock().unwrap_or_else(PoisonError::into_inner)
}
