//! What a monitor with very many canaries costs, and how late their runs start: the measurements of `schedule-scale`.
//!
//! The canaries do next to nothing, or make one GET to a [server](serve) in a process of its own; the sink keeps
//! [count](Lags) of how late runs start, in memory that does not grow. Linux only.

mod figures;
mod lags;
mod server;

use std::path::Path;
use std::time::Duration;

use synthetic_core::monitor::Summary;
use synthetic_core::prelude::*;
use synthetic_core::{AnyCanary, Monitor};
use synthetic_http::Http;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub use self::figures::Figures;
pub use self::lags::{Lags, Seen};
use self::server::Server;
pub use self::server::serve;
use crate::process::{cpu, rss, rss_peak};

/// How often it is looked whether the time has come to measure.
const GLANCE: Duration = Duration::from_millis(20);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// How many canaries there are.
    pub canaries: usize,
    /// How often each runs.
    pub interval: Duration,
    /// When it is enough.
    pub until: Until,
    /// What a run does.
    pub work: Work,
}

/// When it is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After this time. The steady state begins after one interval, when every canary has run once, or at half-time if
    /// that is sooner.
    Time(Duration),
    /// After so many runs. The steady state begins after a tenth of them.
    Runs(u64),
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It counts one check.
    Nothing,
    /// It is that of [`one_check`](crate::one_check): one GET, whose status and one value of whose JSON body are expected.
    Http {
        /// Connections are used again across runs.
        reuse: bool,
    },
}

impl Load {
    /// Runs the canaries in a monitor, and measures.
    ///
    /// `program` is what is started as a server when there is to be one: called with `--serve`, it is to [`serve`].
    ///
    /// # Errors
    ///
    /// Returns what stood in the way: nothing was learned then.
    ///
    /// # Cancellation
    ///
    /// The server is ended, and the monitor told to stop.
    pub async fn measure(&self, program: &Path) -> Result<Figures, String> {
        let server = match self.work {
            Work::Nothing => None,
            Work::Http { .. } => Some(Server::start(program).await?),
        };
        let before = rss()?;
        let canaries = self.canaries(server.as_ref());
        let held = rss()?;

        let lags = Lags::default();
        let schedule = every(self.interval);
        let monitor = Monitor::named("scale").sink(lags.clone());
        let monitor = canaries.into_iter().fold(monitor, |monitor, canary| monitor.canary(schedule, canary));
        let monitor = monitor.build().map_err(|error| error.to_string())?;
        self.watch(monitor, &lags, before, held).await
    }

    /// Runs a monitor, and measures. So much memory was resident `before` there were canaries, and so much was `held` when
    /// there were, and no monitor yet.
    async fn watch(&self, monitor: Monitor, lags: &Lags, before: u64, held: u64) -> Result<Figures, String> {
        let handle = monitor.handle();
        let (stop, told) = oneshot::channel::<()>();
        let (cpu_before, started) = (cpu()?, Instant::now());
        let running = tokio::spawn(monitor.run_until(async {
            let _ = told.await;
        }));
        // Plans are made by then, and hardly a canary has run.
        reached(&running, || handle.stats().started > 0).await;
        let idle = rss()?;
        reached(&running, || self.is_steady(started.elapsed(), handle.stats().started)).await;
        let rss_start = rss()?;
        reached(&running, || self.is_enough(started.elapsed(), handle.stats().started)).await;
        let (cpu, wall, rss_end) = (cpu()? - cpu_before, started.elapsed(), rss()?);
        let (stats, seen, rss_peak) = (handle.stats(), lags.seen(), rss_peak()?);
        let asked = Instant::now();
        let healthy = handle.health().is_healthy();
        let (health, asked) = (asked.elapsed(), Instant::now());
        drop(handle.list());
        let list = asked.elapsed();

        if running.is_finished() {
            return Err("the monitor ended before it was told to".to_owned());
        }
        drop(stop);
        let summary = running.await.map_err(|error| error.to_string())?;
        Ok(Figures {
            work: self.work.name(),
            canaries: self.canaries,
            interval_ms: millis(self.interval),
            seconds: wall.as_secs_f64(),
            runs: seen.runs(),
            runs_per_second: seen.runs() as f64 / wall.as_secs_f64(),
            not_passed: seen.not_passed(),
            missed: stats.missed,
            lost: summary.sinks.iter().flat_map(|sink| sink.dropped.values()).sum(),
            lag_p50_ms: millis(seen.quantile(0.5)),
            lag_p99_ms: millis(seen.quantile(0.99)),
            lag_max_ms: millis(seen.max()),
            cpu_us_per_run: cpu.as_secs_f64() * 1e6 / seen.runs().max(1) as f64,
            core_fraction: cpu.as_secs_f64() / wall.as_secs_f64(),
            canary_bytes: self.each(held.saturating_sub(before)),
            rss_per_canary_bytes: self.each(idle.saturating_sub(held)),
            rss_start_bytes: rss_start,
            rss_end_bytes: rss_end,
            rss_peak_bytes: rss_peak,
            healthy,
            health_ms: millis(health),
            list_ms: millis(list),
        })
    }

    fn is_steady(&self, time: Duration, runs: u64) -> bool {
        match self.until {
            Until::Time(most) => time >= self.interval.min(most / 2),
            Until::Runs(most) => runs >= most / 10,
        }
    }

    fn is_enough(&self, time: Duration, runs: u64) -> bool {
        match self.until {
            Until::Time(most) => time >= most,
            Until::Runs(most) => runs >= most,
        }
    }

    fn each(&self, bytes: u64) -> f64 {
        bytes as f64 / self.canaries as f64
    }

    fn canaries(&self, server: Option<&Server>) -> Vec<AnyCanary> {
        let http = server.map(|server| match self.work {
            Work::Http { reuse: true } => Http::at(server.url()).reuse_connections(),
            _ => Http::at(server.url()),
        });
        let timeout = self.interval.min(secs(30));
        let one = |n: usize| {
            let spec = Spec::new(format!("canary-{n:06}")).timeout(timeout);
            match &http {
                Some(http) => AnyCanary::new(crate::one_check(spec, http.clone(), "/health")),
                None => AnyCanary::new(canary(spec, |run: Run| async move {
                    run.count_check();
                    Ok(())
                })),
            }
        };
        // A vector that is as large as it must be: what it has too much would count as what canaries hold.
        let mut canaries = Vec::with_capacity(self.canaries);
        canaries.extend((0..self.canaries).map(one));
        canaries
    }
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Http { reuse: false } => "http",
            Self::Http { reuse: true } => "http, connections used again",
        }
    }
}

/// Waits until it is enough, or the monitor has ended.
async fn reached(running: &JoinHandle<Summary>, enough: impl Fn() -> bool + Send) {
    while !enough() && !running.is_finished() {
        sleep(GLANCE).await;
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
