//! A monitor: canaries on their schedules, and the sinks that their reports go to.

mod board;
mod builder;
mod classes;
mod config_error;
mod connectivity;
mod exit;
mod handle;
mod health;
mod history;
mod scheduler;
mod setting;
mod shard;
mod signal;
mod slot;
mod state;
mod status;
mod summary;
mod sweeps;
mod validate;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use self::board::Board;
pub use self::builder::Builder;
pub use self::config_error::{ConfigError, Problem};
pub use self::connectivity::Connectivity;
use self::connectivity::Gate;
pub use self::exit::Exit;
pub use self::handle::{ControlError, Handle};
pub use self::health::{Health, Silent};
use self::scheduler::Conductor;
pub use self::setting::{Setting, Source};
pub use self::shard::{ParseShardError, Shard};
#[cfg(feature = "cli")]
pub(crate) use self::signal::told_to_stop;
pub use self::status::{Activity, CanaryStatus, LastRun};
pub use self::summary::{CanarySummary, Summary};
use crate::cleanup::Sweeper;
use crate::report::Report;
use crate::runner::Runner;
use crate::sink::{MonitorView, Outlet, Pipeline, Sink};
pub use crate::vitals::{Distribution, Stats};

/// How many canaries of a class `once` runs side by side.
const SIDE_BY_SIDE: usize = 8;

/// Runs canaries again and again, each on its schedule, and hands their reports to sinks.
///
/// Nothing of it is global: two monitors may live in one process.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_core::testing::RecordingSink;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
/// let sink = RecordingSink::new();
/// let monitor = Monitor::named("shop")
///     .location("eu-west-1")
///     .canary(every(secs(60)), canary(Spec::new("arithmetic"), |run: Run| async move {
///         run.expect("1 + 1", 1 + 1, eq(2))
///     }))
///     .sink(sink.clone())
///     .build()?;
/// let summary = monitor.run_until(tokio::time::sleep(mins(5))).await;
/// assert_eq!(summary.runs(), 5);
/// assert_eq!(sink.reports().len(), 5);
/// # Ok(()) }
/// ```
pub struct Monitor {
    board: Arc<Board>,
    handle: Handle,
    sinks: Vec<Outlet>,
    runner: Runner,
    sweeps: sweeps::Sweeps,
    connectivity: Option<Connectivity>,
    grace: Duration,
    close: Duration,
}

impl Monitor {
    /// Begins a monitor: its name is in its reports, and will be in the marks of what its canaries make.
    pub fn named(name: impl Into<Arc<str>>) -> Builder {
        Builder::new(name.into())
    }

    /// Runs until SIGINT or SIGTERM, then drains: no new run starts, running ones may end within the grace period, what
    /// is left is cancelled and cleaned up, sinks are flushed and closed. A second signal, also one after this has returned,
    /// ends the process at once with exit code 130: nothing more is cleaned up or delivered.
    ///
    /// # Cancellation
    ///
    /// As of [`run_until`](Self::run_until).
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time and I/O enabled.
    pub async fn run(self) -> Summary {
        let told = signal::told_to_stop();
        self.run_until(told).await
    }

    /// Runs until `stop` is ready, then drains as [`run`](Self::run) does.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels the runs; what they deferred is still undone, in the background, but their reports
    /// are lost. Make `stop` ready instead.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time enabled.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Summary {
        let stages = self.begin();
        let (sweeps, grace) = (&stages.sweeps, stages.grace);
        let stop = async {
            stop.await;
            sweeps.end_within(grace);
        };
        stages.conductor().keep_schedules(stop, grace / 2).await;
        stages.finish().await
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.handle.monitor()
    }

    /// Returns what the monitor is asked and told by while it runs.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Returns what sweeps the monitor's journal, for a program that only cleans up.
    #[must_use]
    pub fn sweeper(&self) -> Sweeper {
        self.sweeps.sweeper.clone()
    }

    /// Runs every canary once, at most eight of a [class](crate::Spec::class) side by side, delivers the reports, and returns
    /// them in the order in which the canaries were added. Signals are not listened for.
    ///
    /// # Cancellation
    ///
    /// As of [`run_until`](Self::run_until).
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time enabled.
    pub async fn once(self) -> (Vec<Arc<Report>>, Summary) {
        self.once_until(std::future::pending()).await
    }

    /// Runs every canary once, as [`once`](Self::once) does, or until `stop` is ready: then no other run starts, and those that
    /// go on end as when [`run`](Self::run) is told to stop. A canary that did not start has no report.
    ///
    /// # Cancellation
    ///
    /// As of [`run_until`](Self::run_until).
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time enabled.
    pub async fn once_until(self, stop: impl Future<Output = ()>) -> (Vec<Arc<Report>>, Summary) {
        let stages = self.begin();
        let (listener, mut concluded) = tokio::sync::mpsc::unbounded_channel();
        let (sweeps, grace) = (&stages.sweeps, stages.grace);
        let stop = async {
            stop.await;
            sweeps.end_within(grace);
        };
        stages.conductor().listened_by(listener).run_each_once(SIDE_BY_SIDE, stop, grace / 2).await;
        let mut reports = Vec::new();
        while let Ok(report) = concluded.try_recv() {
            reports.push(report);
        }
        reports.sort_by_key(|(id, _)| *id);
        (reports.into_iter().map(|(_, report)| report).collect(), stages.finish().await)
    }

    /// Begins to deliver and to sweep.
    fn begin(self) -> Stages {
        let Self { board, sinks, runner, sweeps, connectivity, grace, close, handle } = self;
        let sweeping = sweeps.start();
        let gate = Arc::new(connectivity.map(Gate::new));
        let view: Arc<dyn MonitorView> = Arc::new(handle);
        // Before anything is delivered: a spool may have something for a sink at once.
        sinks.iter().for_each(|outlet| outlet.sink.begin(&view));
        let pipeline = Arc::new(Pipeline::start(sinks.iter().cloned()));
        board.delivers_to(pipeline.tallies());
        let sinks: Vec<_> = sinks.into_iter().map(|outlet| outlet.sink).collect();
        Stages { board, runner: with_last_words(runner, sinks), pipeline, gate, sweeps, sweeping, grace, close }
    }
}

/// A monitor at work.
struct Stages {
    board: Arc<Board>,
    runner: Runner,
    pipeline: Arc<Pipeline>,
    gate: Arc<Option<Gate>>,
    sweeps: sweeps::Sweeps,
    sweeping: sweeps::Sweeping,
    grace: Duration,
    close: Duration,
}

impl Stages {
    fn conductor(&self) -> Conductor {
        let (board, pipeline, gate) = (Arc::clone(&self.board), Arc::clone(&self.pipeline), Arc::clone(&self.gate));
        Conductor::new(board, self.runner.clone(), pipeline, gate)
    }

    /// Ends the sweeps, delivers what is queued, and says what was done.
    async fn finish(self) -> Summary {
        let swept = self.sweeps.finish(self.sweeping).await;
        let sinks = match Arc::try_unwrap(self.pipeline) {
            Ok(pipeline) => pipeline.close(self.close).await,
            Err(_) => unreachable!("every task that reports has ended"),
        };
        Summary::new(self.board.counts(), sinks, swept)
    }
}

/// Where a panic ends the process, the sinks are told what can still be told.
fn with_last_words(runner: Runner, sinks: Vec<Arc<dyn Sink>>) -> Runner {
    // By now the app has its subscriber, which it may not have had when the monitor was built.
    runner.see_subscriber().last_words(Arc::new(move |report| sinks.iter().for_each(|sink| sink.last_words(report))))
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let canaries: Vec<_> = self.handle.list().into_iter().map(|canary| canary.name).collect();
        let sinks: Vec<_> = self.sinks.iter().map(|outlet| outlet.sink.name()).collect();
        f.debug_struct("Monitor").field("canaries", &canaries).field("sinks", &sinks).finish_non_exhaustive()
    }
}
