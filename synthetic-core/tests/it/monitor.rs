//! The monitor: what it refuses, when it runs what, what it is told while it runs, and how it ends.

mod build;
mod classes;
mod connectivity;
mod control;
mod health;
mod once;
mod random;
mod runs;
mod scheduling;
mod shutdown;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use synthetic_core::monitor::{Activity, Builder, Handle, Summary};
use synthetic_core::prelude::*;
use synthetic_core::testing::RecordingSink;
use synthetic_core::{Clock, Schedule};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Passes at once.
fn good(name: impl Into<Arc<str>>) -> impl Canary {
    canary(Spec::new(name).timeout(secs(5)), |run: Run| async move { run.expect("x", 1, eq(1)) })
}

/// Passes after a while.
fn slow(name: &'static str, takes: Duration) -> impl Canary {
    of(Spec::new(name).timeout(secs(50)), takes)
}

/// Passes after a while.
fn of(spec: Spec, takes: Duration) -> impl Canary {
    canary(spec, move |run: Run| async move {
        sleep(takes).await;
        run.expect("x", 1, eq(1))
    })
}

/// Never ends by itself.
fn stuck(spec: Spec) -> impl Canary {
    canary(spec, |_run: Run| std::future::pending())
}

/// Starts with the monitor: not a moment later, as canaries of different intervals do.
fn on_the_dot(period: Duration) -> Schedule {
    every(period).offset(Duration::ZERO)
}

/// A monitor whose wall clock starts with the era, and what it reports.
fn monitor() -> (Builder, RecordingSink) {
    let sink = RecordingSink::new();
    (Monitor::named("test").clock(Clock::starting_at(SystemTime::UNIX_EPOCH)).sink(sink.clone()), sink)
}

/// Returns how long after the start of the test a moment is, to the hundredth of a second below: timers are a little late.
fn at(moment: SystemTime) -> Duration {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Duration::from_millis(u64::try_from(since.as_millis()).unwrap() / 10 * 10)
}

/// Returns when the runs of a canary started.
fn starts(sink: &RecordingSink, canary: &str) -> Vec<Duration> {
    sink.reports().iter().filter(|report| &*report.canary == canary).map(|report| at(report.started_at)).collect()
}

/// A monitor that runs beside the test.
struct Live {
    handle: Handle,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Summary>,
}

impl Live {
    /// Starts a monitor, and lets it begin what is due at once.
    async fn start(builder: Builder) -> Self {
        let monitor = builder.build().unwrap();
        let handle = monitor.handle();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(monitor.run_until(async move { drop(stopped.await) }));
        sleep(ms(1)).await;
        Self { handle, stop, ended }
    }

    fn activity(&self, canary: &str) -> Activity {
        self.handle.get(canary).unwrap().activity
    }

    async fn stop(self) -> Summary {
        let _ = self.stop.send(());
        self.ended.await.unwrap()
    }
}
