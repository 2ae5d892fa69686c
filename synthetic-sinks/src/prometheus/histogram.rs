//! Durations, counted by class, and the run that each class last heard of.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use synthetic_core::Report;

use super::label::Ending;

/// The upper bounds of the classes of a family, with the infinite one.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    finite: Vec<f64>,
    endings: Vec<Ending>,
}

impl Bounds {
    /// Takes bounds in seconds, in any order. What is not finite, or is there twice, is left out.
    pub(super) fn new(bounds: impl IntoIterator<Item = f64>) -> Self {
        let mut finite: Vec<f64> = bounds.into_iter().filter(|bound| bound.is_finite()).collect();
        finite.sort_by(f64::total_cmp);
        finite.dedup();
        let endings = finite.iter().copied().chain([f64::INFINITY]).map(Ending::le).collect();
        Self { finite, endings }
    }

    /// Returns their labels, the infinite one last.
    pub(super) fn endings(&self) -> &[Ending] {
        &self.endings
    }
}

/// Counts durations, from the start of the process on.
#[derive(Debug)]
pub(super) struct Histogram {
    sum: Duration,
    counts: Box<[u64]>,
    exemplars: Vec<Option<Exemplar>>,
}

impl Histogram {
    pub(super) fn new(bounds: &Bounds) -> Self {
        Self { sum: Duration::ZERO, counts: vec![0; bounds.endings.len()].into(), exemplars: Vec::new() }
    }

    pub(super) fn observe(&mut self, bounds: &Bounds, took: Duration, trace: Trace) {
        let seconds = took.as_secs_f64();
        let at = bounds.finite.partition_point(|bound| *bound < seconds);
        self.sum = self.sum.saturating_add(took);
        self.counts[at] += 1;
        if self.exemplars.is_empty() {
            self.exemplars = vec![None; self.counts.len()];
        }
        self.exemplars[at] = Some(trace.of(took));
    }

    /// Returns the count of each class by itself, the infinite one last.
    pub(super) fn counts(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().copied()
    }

    /// Returns all durations together.
    pub(super) fn sum(&self) -> Duration {
        self.sum
    }

    pub(super) fn exemplar(&self, at: usize) -> Option<&Exemplar> {
        self.exemplars.get(at)?.as_ref()
    }
}

/// A run to look at, for who wonders about a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exemplar {
    /// The W3C trace id of the run, which is its id.
    pub(super) trace: u128,
    /// What it added, in seconds; or one second for a count of one.
    pub(super) value: Duration,
    /// When it ended, counted from 1970.
    pub(super) at: Duration,
}

/// The run of which something is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    id: u128,
    at: Duration,
}

impl Trace {
    pub(super) fn new(report: &Report) -> Self {
        let ended = ended(report);
        // More digits than those of a millisecond say nothing more, and are sent with every scrape.
        let at = Duration::new(ended.as_secs(), ended.subsec_millis() * 1_000_000);
        Self { id: report.run_id.as_u128(), at }
    }

    pub(super) fn of(self, value: Duration) -> Exemplar {
        Exemplar { trace: self.id, value, at: self.at }
    }
}

/// Returns when a run's body ended, counted from 1970.
pub(super) fn ended(report: &Report) -> Duration {
    since_1970(report.started_at).saturating_add(report.duration)
}

pub(super) fn since_1970(moment: SystemTime) -> Duration {
    moment.duration_since(UNIX_EPOCH).unwrap_or_default()
}
