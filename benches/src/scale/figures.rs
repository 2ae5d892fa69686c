//! [`Figures`]: what was measured.

use std::fmt;

use serde::Serialize;

/// What was measured. Its `Display` is for a person, its JSON form for a program.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// What a run did.
    pub work: &'static str,
    /// How many canaries there were.
    pub canaries: usize,
    /// How often each ran.
    pub interval_ms: f64,
    /// How long it took, from the start of the monitor; to build it is not part of that.
    pub seconds: f64,
    /// How many runs came to the sink.
    pub runs: u64,
    /// How many those are a second.
    pub runs_per_second: f64,
    /// How many of them did not pass.
    pub not_passed: u64,
    /// How many starts were missed, because the run before was not done by then.
    pub missed: u64,
    /// How many reports never came to the sink.
    pub lost: u64,
    /// How long after the moment that its schedule names half of the runs had started, at most.
    pub lag_p50_ms: f64,
    /// As of 99 in a hundred.
    pub lag_p99_ms: f64,
    /// As of all.
    pub lag_max_ms: f64,
    /// The CPU of this process by the number of runs: all that was spent, with what it takes to keep time and to measure.
    pub cpu_us_per_run: f64,
    /// The CPU of this process by the time.
    pub core_fraction: f64,
    /// What a canary holds without a monitor: itself, its spec, its name.
    pub canary_bytes: f64,
    /// What one takes beyond that in a monitor that was built and started.
    pub rss_per_canary_bytes: f64,
    /// The resident memory when the steady state begins.
    pub rss_start_bytes: u64,
    /// The resident memory at the end, before the monitor is told to stop.
    pub rss_end_bytes: u64,
    /// The most resident memory up to then.
    pub rss_peak_bytes: u64,
    /// The monitor was healthy at the end.
    pub healthy: bool,
    /// How long it takes to ask for that.
    pub health_ms: f64,
    /// How long it takes to ask for the list of the canaries.
    pub list_ms: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        let Self { work, canaries, interval_ms, seconds, .. } = self;
        writeln!(f, "{canaries} canaries, {work}, one start each {} s, for {seconds:.1} s", interval_ms / 1e3)?;
        let Self { runs, runs_per_second, not_passed, missed, lost, .. } = self;
        writeln!(f, "  runs            {runs}, {runs_per_second:.1} a second")?;
        writeln!(f, "  unlike planned  {not_passed} did not pass, {missed} starts missed, {lost} reports lost")?;
        let Self { lag_p50_ms, lag_p99_ms, lag_max_ms, .. } = self;
        writeln!(f, "  start lag       p50 {lag_p50_ms:.2} ms, p99 {lag_p99_ms:.2} ms, max {lag_max_ms:.2} ms")?;
        let (per_run, percent) = (self.cpu_us_per_run, self.core_fraction * 100.0);
        writeln!(f, "  CPU             {per_run:.1} us a run, {percent:.2} % of one core")?;
        let (beyond, held) = (self.rss_per_canary_bytes, self.canary_bytes);
        writeln!(f, "  RSS per canary  {beyond:.0} bytes, beyond the {held:.0} that it holds itself")?;
        let (start, end, peak) = (mib(self.rss_start_bytes), mib(self.rss_end_bytes), mib(self.rss_peak_bytes));
        writeln!(f, "  RSS             {start:.2} MiB at start, {end:.2} MiB at the end, {peak:.2} MiB at its peak")?;
        let (said, Self { health_ms, list_ms, .. }) = (if self.healthy { "healthy" } else { "unhealthy" }, self);
        write!(f, "  when asked      {said} (in {health_ms:.1} ms), the list of all (in {list_ms:.1} ms)")
    }
}
