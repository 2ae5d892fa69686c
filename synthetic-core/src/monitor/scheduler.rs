//! Starts runs when they are due, and ends them when the monitor is told to stop.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::board::Board;
use super::connectivity::Gate;
use super::slot::Id;
use super::state::Start;
use crate::failure::Failure;
use crate::report::Report;
use crate::runner::{Runner, panics_abort};
use crate::sink::Pipeline;

/// How long the scheduler sleeps at most: so often it looks at the wall clock, and says that it lives.
const BEAT: Duration = Duration::from_secs(5);

/// What runs are conducted with.
pub(super) struct Conductor {
    board: Arc<Board>,
    runner: Runner,
    pipeline: Arc<Pipeline>,
    gate: Arc<Option<Gate>>,
    listener: Option<UnboundedSender<(Id, Arc<Report>)>>,
    cancel: CancellationToken,
}

impl Conductor {
    pub(super) fn new(board: Arc<Board>, runner: Runner, pipeline: Arc<Pipeline>, gate: Arc<Option<Gate>>) -> Self {
        Self { board, runner, pipeline, gate, listener: None, cancel: CancellationToken::new() }
    }

    /// Tells of every report, too.
    pub(super) fn listened_by(mut self, listener: UnboundedSender<(Id, Arc<Report>)>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Keeps the schedules until `stop`, then lets what runs end within `grace`, then cancels it.
    pub(super) async fn keep_schedules(self, stop: impl Future<Output = ()>, grace: Duration) {
        self.warn_of_abort();
        self.board.start();
        self.conduct(stop, std::future::pending(), grace).await;
    }

    /// Lets every canary run once, at most so many of a class side by side, or until `stop`.
    pub(super) async fn run_each_once(self, side_by_side: usize, stop: impl Future<Output = ()>, grace: Duration) {
        self.board.start_once(side_by_side);
        let board = Arc::clone(&self.board);
        let all_done = async move {
            loop {
                let concluded = board.concluded.notified();
                if board.is_done() {
                    return;
                }
                concluded.await;
            }
        };
        self.conduct(stop, all_done, grace).await;
    }

    async fn conduct(self, stop: impl Future<Output = ()>, done: impl Future<Output = ()>, grace: Duration) {
        let tracker = TaskTracker::new();
        // A monitor that is dropped takes its runs with it, and what they deferred is still undone.
        let dropped = self.cancel.clone().drop_guard();
        let conductor = Arc::new(self);
        let open = Open(&conductor.board);
        tokio::select! {
            biased;
            () = stop => {}
            () = done => {}
            () = conductor.start_what_is_due(&tracker) => {}
        }
        drop(open);
        tracker.close();
        if timeout(grace, tracker.wait()).await.is_err() {
            conductor.cancel.cancel();
            // Every run ends now within its own cleanup budget.
            tracker.wait().await;
        }
        dropped.disarm();
    }

    async fn start_what_is_due(self: &Arc<Self>, tracker: &TaskTracker) {
        loop {
            let (starts, until) = self.board.take(BEAT);
            for start in starts {
                let conductor = Arc::clone(self);
                tracker.spawn(async move { conductor.run(start).await });
            }
            tokio::select! {
                () = self.board.changed.notified() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// Makes one run, and records how it ended.
    async fn run(&self, start: Start) {
        let mut going = Going { board: &self.board, id: start.id, has_a_place: start.skip.is_none(), ended: false };
        let mut report = match self.skipped(&start).await {
            Some(why) => self.runner.skip(&start.canary, start.due, why),
            None => {
                self.board.lock().stats.started += 1;
                self.runner.attempt(&start.canary, Some(start.due), self.cancel.child_token()).await
            }
        };
        (report.missed, report.queue_wait) = (start.missed, start.waited);
        let report = Arc::new(report);
        self.pipeline.accept(&report);
        if let Some(listener) = &self.listener {
            let _ = listener.send((start.id, Arc::clone(&report)));
        }
        going.ends(Some(&report));
    }

    /// Returns why a start is to be skipped, if it is.
    async fn skipped(&self, start: &Start) -> Option<Failure> {
        if let Some(skip) = &start.skip {
            self.board.lock().stats.queue_full += 1;
            let (class, limit) = (&skip.class, skip.limit);
            let why =
                format!("class {class:?} has no place left: {} running, {} waiting", limit.running, limit.waiting);
            return Some(Failure::skip(why).hint(
                "see which runs of this class take so long; `Builder::concurrency` sets how many go on side by side",
            ));
        }
        let gate = (*self.gate).as_ref()?;
        let problem = tokio::select! {
            biased;
            passed = gate.pass() => passed.err()?,
            // It ends as one that is cancelled: there is no time to wait for what the check finds.
            () = self.cancel.cancelled() => return None,
        };
        self.board.lock().stats.no_connectivity += 1;
        let why = format!("the monitor's own network is down: {problem}");
        Some(
            Failure::skip(why)
                .hint("nothing was asked of the target, and nothing is said of it: see to this machine's network"),
        )
    }

    fn warn_of_abort(&self) {
        if panics_abort() {
            let covered = if self.runner.remembers() {
                "what its runs made is removed by the sweep at the next start"
            } else {
                "what its runs made stays in the target: add `.journal(path)`"
            };
            tracing::warn!(target: "synthetic", "built with panic = \"abort\": a panic in a canary ends this process, reported but not cleaned up after; {covered}");
        }
    }
}

/// A monitor that lets canaries start. However that ends, and be it that its future is dropped, nobody starts afterwards.
struct Open<'a>(&'a Board);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.drain();
    }
}

/// A run that goes on. However it goes, its canary goes on afterwards.
struct Going<'a> {
    board: &'a Board,
    id: Id,
    has_a_place: bool,
    ended: bool,
}

impl Going<'_> {
    fn ends(&mut self, report: Option<&Arc<Report>>) {
        if !std::mem::replace(&mut self.ended, true) {
            self.board.conclude(self.id, report, self.has_a_place);
        }
    }
}

impl Drop for Going<'_> {
    fn drop(&mut self) {
        if !self.ended {
            tracing::error!(target: "synthetic", "a run ended without a report: the runtime was shut down, or by a fault of the SDK");
            self.ends(None);
        }
    }
}
