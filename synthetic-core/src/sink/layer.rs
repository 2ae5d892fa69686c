//! Layers: sinks around a sink that change what it is given. Reports are immutable, so a layer changes a copy, and copies only
//! what it changes.

mod labels;
mod prefix;

use std::sync::Arc;

use async_trait::async_trait;

pub use self::labels::{LabelLimit, Relabel};
pub use self::prefix::Prefix;
use super::{Batch, DeliveryError, MonitorView, Sink};
use crate::report::Report;

/// Puts layers around a sink. The last one is the outermost: it sees the reports first.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_core::sink::SinkExt as _;
/// use synthetic_core::testing::RecordingSink;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
/// let sink = RecordingSink::new();
/// let monitor = Monitor::named("shop")
///     .canary(every(mins(1)), canary(Spec::new("checkout"), |run: Run| async move {
///         run.label("tenant", "acme");
///         run.expect("1", 1, eq(1))
///     }))
///     .canary(every(mins(1)), canary(Spec::new("noise"), |run: Run| async move { run.expect("1", 1, eq(1)) }))
///     .sink(
///         sink.clone()
///             .prefix("eu-")
///             .relabel(|labels| { labels.insert("env".to_owned(), "prod".to_owned()); })
///             .filter(|report| &*report.canary != "noise"),
///     )
///     .build()?;
/// monitor.once().await;
/// let reports = sink.reports();
/// assert_eq!(reports.len(), 1);
/// assert_eq!(&*reports[0].canary, "eu-checkout");
/// assert_eq!(reports[0].labels["env"], "prod");
/// # Ok(()) }
/// ```
pub trait SinkExt: Sink + Sized {
    /// Puts a text before the names of canaries: `eu-checkout`.
    ///
    /// What is behind it should be 1 to 255 of the characters `0-9`, `a-z`, `_` and `-`, as for any canary.
    #[must_use]
    fn prefix(self, prefix: impl Into<String>) -> Layered<Self, Prefix> {
        Layered { sink: self, layer: Prefix::new(prefix.into()) }
    }

    /// Gives it only the reports that are wanted. The others count as delivered.
    ///
    /// A batch is asked about again when it is delivered again, so the answer should depend on the report alone.
    #[must_use]
    fn filter<F: Fn(&Report) -> bool + Send + Sync>(self, wanted: F) -> Layered<Self, Filter<F>> {
        Layered { sink: self, layer: Filter(wanted) }
    }

    /// Adds, renames or drops [labels](Report::labels).
    #[must_use]
    fn relabel<F>(self, change: F) -> Layered<Self, Relabel<F>>
    where
        F: Fn(&mut std::collections::BTreeMap<String, String>) + Send + Sync,
    {
        Layered { sink: self, layer: Relabel::new(change) }
    }

    /// Lets each label have so many values at most, the first ones that come; all others become `other`, and are counted.
    ///
    /// A label with a new value for every run, such as an id, would otherwise make a series for each.
    #[must_use]
    fn limit_label_values(self, most: usize) -> Layered<Self, LabelLimit> {
        Layered { sink: self, layer: LabelLimit::new(most) }
    }
}

impl<S: Sink> SinkExt for S {}

/// What a layer does to a report on its way. Layers of your own are sinks of your own.
pub(super) trait Layer: Send + Sync {
    /// Returns what the sink is given instead; nothing when it is not given this one.
    fn pass(&self, report: &Arc<Report>) -> Option<Arc<Report>>;

    /// Returns what the sink is shown of the monitor.
    fn view(&self, monitor: &Arc<dyn MonitorView>) -> Arc<dyn MonitorView> {
        Arc::clone(monitor)
    }
}

/// A sink with a layer around it, see [`SinkExt`].
#[derive(Debug, Clone)]
pub struct Layered<S, L> {
    sink: S,
    layer: L,
}

/// The layer of [`SinkExt::filter`].
#[derive(Clone)]
pub struct Filter<F>(F);

impl<F> std::fmt::Debug for Filter<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter").finish_non_exhaustive()
    }
}

impl<F: Fn(&Report) -> bool + Send + Sync> Layer for Filter<F> {
    fn pass(&self, report: &Arc<Report>) -> Option<Arc<Report>> {
        (self.0)(report).then(|| Arc::clone(report))
    }
}

impl<S> Layered<S, LabelLimit> {
    /// Returns how many values became `other`.
    #[must_use]
    pub fn folded(&self) -> u64 {
        self.layer.folded()
    }
}

#[async_trait]
impl<S: Sink, L: Layer> Sink for Layered<S, L> {
    fn name(&self) -> &str {
        self.sink.name()
    }

    fn begin(&self, monitor: &Arc<dyn MonitorView>) {
        self.sink.begin(&self.layer.view(monitor));
    }

    fn batch(&self) -> Batch {
        self.sink.batch()
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        let passed: Vec<_> = reports.iter().filter_map(|report| self.layer.pass(report)).collect();
        if passed.is_empty() && !reports.is_empty() {
            return Ok(());
        }
        self.sink.deliver(&passed).await
    }

    async fn flush(&self) -> Result<(), DeliveryError> {
        self.sink.flush().await
    }

    async fn close(&self) -> Result<(), DeliveryError> {
        self.sink.close().await
    }

    fn is_console(&self) -> bool {
        self.sink.is_console()
    }

    fn last_words(&self, report: &Report) {
        if let Some(report) = self.layer.pass(&Arc::new(report.clone())) {
            self.sink.last_words(&report);
        }
    }
}

#[cfg(test)]
mod tests;
