//! A monitor: canaries on their schedules, and the sinks that their reports go to.

mod builder;
mod exit;
mod scheduler;
mod signal;
mod summary;
mod sweeps;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use self::builder::{Builder, ConfigError, Problem};
pub use self::exit::Exit;
pub use self::summary::{CanarySummary, Summary};
use crate::canary::AnyCanary;
use crate::cleanup::Sweeper;
use crate::report::Report;
use crate::runner::Runner;
use crate::schedule::Schedule;
use crate::sink::{Pipeline, Sink};

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
    entries: Vec<Entry>,
    sinks: Vec<Arc<dyn Sink>>,
    runner: Runner,
    sweeps: sweeps::Sweeps,
    grace: Duration,
    close: Duration,
}

/// A canary, when it runs, and how long after the monitor's start it starts first.
struct Entry {
    canary: AnyCanary,
    schedule: Schedule,
    offset: Duration,
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
        let Self { entries, sinks, runner, sweeps, grace, close } = self;
        let pipeline = Arc::new(Pipeline::start(&sinks));
        let sweeping = sweeps.start();
        let stop = async {
            stop.await;
            sweeps.end_within(grace);
        };
        let runs = scheduler::run(entries, with_last_words(runner, &sinks), &pipeline, stop, grace / 2).await;
        let swept = sweeps.finish(sweeping).await;
        finish(runs, pipeline, close, swept).await
    }

    /// Returns what sweeps the monitor's journal, for a program that only cleans up.
    #[must_use]
    pub fn sweeper(&self) -> Sweeper {
        self.sweeps.sweeper.clone()
    }

    /// Runs every canary once, at most eight side by side, delivers the reports, and returns them in the order in which
    /// the canaries were added. Signals are not listened for.
    ///
    /// # Cancellation
    ///
    /// As of [`run_until`](Self::run_until).
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time enabled.
    pub async fn once(self) -> (Vec<Arc<Report>>, Summary) {
        let Self { entries, sinks, runner, sweeps, close, .. } = self;
        let pipeline = Arc::new(Pipeline::start(&sinks));
        let sweeping = sweeps.start();
        let (reports, runs) = scheduler::once(entries, with_last_words(runner, &sinks), &pipeline).await;
        let swept = sweeps.finish(sweeping).await;
        (reports, finish(runs, pipeline, close, swept).await)
    }
}

async fn finish(runs: summary::Runs, pipeline: Arc<Pipeline>, close: Duration, swept: sweeps::Swept) -> Summary {
    let sinks = match Arc::try_unwrap(pipeline) {
        Ok(pipeline) => pipeline.close(close).await,
        Err(_) => unreachable!("every task that reports has ended"),
    };
    runs.into_summary(sinks, swept)
}

/// Where a panic ends the process, the sinks are told what can still be told.
fn with_last_words(runner: Runner, sinks: &[Arc<dyn Sink>]) -> Runner {
    let sinks = sinks.to_vec();
    // By now the app has its subscriber, which it may not have had when the monitor was built.
    runner.see_subscriber().last_words(Arc::new(move |report| sinks.iter().for_each(|sink| sink.last_words(report))))
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let canaries: Vec<_> = self.entries.iter().map(|entry| &entry.canary).collect();
        let sinks: Vec<_> = self.sinks.iter().map(|sink| sink.name()).collect();
        f.debug_struct("Monitor").field("canaries", &canaries).field("sinks", &sinks).finish_non_exhaustive()
    }
}
