//! Other labels, and not too many of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::Layer;
use crate::report::Report;

/// What a value becomes for which there is no place.
const OTHER: &str = "other";

/// The layer of [`SinkExt::relabel`](super::SinkExt::relabel).
#[derive(Clone)]
pub struct Relabel<F> {
    change: F,
}

impl<F> Relabel<F> {
    pub(super) fn new(change: F) -> Self {
        Self { change }
    }
}

impl<F> fmt::Debug for Relabel<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relabel").finish_non_exhaustive()
    }
}

impl<F: Fn(&mut BTreeMap<String, String>) + Send + Sync> Layer for Relabel<F> {
    fn pass(&self, report: &Arc<Report>) -> Option<Arc<Report>> {
        let mut labels = report.labels.clone();
        (self.change)(&mut labels);
        Some(with(report, labels))
    }
}

/// The layer of [`SinkExt::limit_label_values`](super::SinkExt::limit_label_values). Clones share what they have seen.
#[derive(Debug, Clone)]
pub struct LabelLimit {
    most: usize,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The values that have a place, by label.
    values: HashMap<String, HashSet<String>>,
    folded: u64,
}

impl LabelLimit {
    pub(super) fn new(most: usize) -> Self {
        Self { most, seen: Arc::default() }
    }

    pub(super) fn folded(&self) -> u64 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).folded
    }

    /// Returns whether there is a place for this value.
    fn has_place(&self, seen: &mut Seen, label: &str, value: &str) -> bool {
        if value == OTHER {
            return true;
        }
        if !seen.values.contains_key(label) {
            seen.values.insert(label.to_owned(), HashSet::new());
        }
        let Some(values) = seen.values.get_mut(label) else { return false };
        if values.contains(value) {
            return true;
        }
        if values.len() < self.most {
            values.insert(value.to_owned());
            return true;
        }
        seen.folded += 1;
        // At 1, 2, 4, 8, …: the log is not flooded either.
        if seen.folded.is_power_of_two() {
            let (most, folded) = (self.most, seen.folded);
            tracing::warn!(target: "synthetic", label, folded, "a label has more than {most} values: further ones become {OTHER:?}");
        }
        false
    }
}

impl Layer for LabelLimit {
    fn pass(&self, report: &Arc<Report>) -> Option<Arc<Report>> {
        if report.labels.is_empty() {
            return Some(Arc::clone(report));
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = report.labels.iter().map(|(label, value)| {
            let place = self.has_place(&mut seen, label, value);
            (label.clone(), if place { value.clone() } else { OTHER.to_owned() })
        });
        let labels = pairs.collect();
        drop(seen);
        Some(with(report, labels))
    }
}

/// Returns the report with other labels; the same one when they are no others.
fn with(report: &Arc<Report>, labels: BTreeMap<String, String>) -> Arc<Report> {
    if labels == report.labels {
        return Arc::clone(report);
    }
    Arc::new(Report { labels, ..(**report).clone() })
}
