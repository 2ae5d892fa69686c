//! What became of the reports of a sink: [`SinkStats`], counted by the [`Tally`], which also tells the log, in moderation.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Sink;

/// How long the log is spared of more of the same.
const QUIET: Duration = Duration::from_secs(60);
/// For how long deliveries have to fail before the log is told: one that the next try cures is not worth a line.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a sink was given, what it delivered, and what it lost and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkStats {
    /// The sink's name.
    pub sink: String,
    /// How many reports wait, or are on their way; those in its spool too.
    pub queued: u64,
    /// How many of them are in its [spool](super::Spool): what the next process delivers if this one ends now.
    pub spooled: u64,
    /// How many bytes its spool has on the disk.
    pub spool_bytes: u64,
    /// How many reports were delivered.
    pub delivered: u64,
    /// How many tries failed in a way that another try may cure.
    pub retries: u64,
    /// How many were dropped, by reason: `queue_full`, `fatal`, `gave_up`, `shutdown`; with a spool also `spool_full` and
    /// `damaged`.
    pub dropped: BTreeMap<&'static str, u64>,
    /// What stands in the way of deliveries now; nothing when the last one worked.
    pub failing: Option<String>,
    /// What the last error said that lost reports or kept the sink from closing; one that another try cured is none.
    pub last_error: Option<String>,
}

/// Counts what becomes of the reports of one sink.
#[derive(Debug)]
pub(crate) struct Tally {
    accepted: AtomicU64,
    /// How many losses the log has not been told of.
    unsaid: AtomicU64,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    stats: SinkStats,
    /// The losses that the log has not been told of, by reason.
    unsaid: BTreeMap<&'static str, u64>,
    lost: Notice,
    failing: Notice,
    failing_since: Option<Instant>,
    spool: Notice,
}

/// When the log was last told of something.
#[derive(Debug, Default)]
struct Notice(Option<Instant>);

impl Notice {
    /// Returns whether it may be told again, and then counts as told.
    fn is_due(&mut self) -> bool {
        let due = self.0.is_none_or(|last| last.elapsed() >= QUIET);
        if due {
            self.0 = Some(Instant::now());
        }
        due
    }
}

impl Tally {
    pub(super) fn of(sink: &dyn Sink) -> Self {
        let stats = SinkStats { sink: sink.name().to_owned(), ..SinkStats::default() };
        let counts = Mutex::new(Counts { stats, ..Counts::default() });
        Self { accepted: AtomicU64::new(0), unsaid: AtomicU64::new(0), counts }
    }

    /// Returns the counts as they are now.
    pub(crate) fn stats(&self) -> SinkStats {
        let mut stats = self.lock().stats.clone();
        let concluded = stats.delivered + stats.dropped.values().sum::<u64>();
        stats.queued = self.accepted.load(Ordering::Relaxed).saturating_sub(concluded);
        stats
    }

    /// Counts reports that are to be delivered.
    pub(super) fn accept(&self, reports: u64) {
        self.accepted.fetch_add(reports, Ordering::Relaxed);
        if self.unsaid.load(Ordering::Relaxed) > 0 {
            self.say_losses(false);
        }
    }

    /// Counts reports that were delivered: whatever stood in the way does no more.
    pub(super) fn delivered(&self, reports: u64) {
        let mut counts = self.lock();
        counts.stats.delivered += reports;
        let cured = counts.recover();
        let sink = cured.then(|| counts.stats.sink.clone());
        drop(counts);
        if let Some(sink) = sink {
            tracing::info!(target: "synthetic", sink, "a sink takes reports again");
        }
    }

    /// Counts reports that nobody will deliver. The log is told at once, then at most once a minute.
    pub(super) fn lose(&self, reason: &'static str, reports: u64, why: &str) {
        if reports == 0 {
            return;
        }
        let mut counts = self.lock();
        *counts.stats.dropped.entry(reason).or_default() += reports;
        *counts.unsaid.entry(reason).or_default() += reports;
        counts.stats.last_error = Some(why.to_owned());
        self.unsaid.fetch_add(reports, Ordering::Relaxed);
        drop(counts);
        self.say_losses(false);
    }

    /// Tells the log of the losses that it has not been told of: when it is time again, or at once.
    pub(super) fn say_losses(&self, now: bool) {
        let mut counts = self.lock();
        if counts.unsaid.is_empty() || !(counts.lost.is_due() || now) {
            return;
        }
        self.unsaid.store(0, Ordering::Relaxed);
        let unsaid = std::mem::take(&mut counts.unsaid);
        let (sink, why) = (counts.stats.sink.clone(), counts.stats.last_error.clone().unwrap_or_default());
        drop(counts);
        let reports: u64 = unsaid.values().sum();
        let reasons: Vec<String> = unsaid.iter().map(|(reason, reports)| format!("{reason} {reports}")).collect();
        tracing::warn!(target: "synthetic", sink, reports, reasons = reasons.join(", "), "a sink lost reports: {why}");
    }

    /// Notes that a try failed which is made again.
    pub(super) fn retry(&self, why: &str) {
        let waiting = self.stats().queued;
        let mut counts = self.lock();
        counts.stats.retries += 1;
        counts.stats.failing = Some(why.to_owned());
        let failing = counts.failing_since.get_or_insert_with(Instant::now).elapsed();
        let sink = (failing >= PATIENCE && counts.failing.is_due()).then(|| counts.stats.sink.clone());
        drop(counts);
        if let Some(sink) = sink {
            tracing::warn!(target: "synthetic", sink, waiting, ?failing, "a sink takes no reports: {why}");
        }
    }

    /// Notes that the sink was heard, even if it lost what it was given.
    pub(super) fn heard(&self) {
        self.lock().recover();
    }

    /// Notes how much is in the spool.
    pub(super) fn spooled(&self, reports: u64, bytes: u64) {
        let mut counts = self.lock();
        (counts.stats.spooled, counts.stats.spool_bytes) = (reports, bytes);
    }

    /// Tells the log, at most once a minute, what is wrong with the spool without anything being lost.
    pub(super) fn spool_fault(&self, why: &str) {
        let mut counts = self.lock();
        let sink = counts.spool.is_due().then(|| counts.stats.sink.clone());
        drop(counts);
        if let Some(sink) = sink {
            tracing::warn!(target: "synthetic", sink, "a spool does not work as it should: {why}");
        }
    }

    /// Notes that the sink did not end as it should.
    pub(super) fn fault(&self, reason: &'static str, why: &str) {
        let mut counts = self.lock();
        counts.stats.last_error = Some(why.to_owned());
        let sink = counts.stats.sink.clone();
        drop(counts);
        tracing::warn!(target: "synthetic", sink, reason, "a sink did not end as it should: {why}");
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Forgets what stood in the way, and returns whether the log had been told of it.
    fn recover(&mut self) -> bool {
        self.stats.failing = None;
        self.failing_since = None;
        self.failing.0.take().is_some()
    }
}
