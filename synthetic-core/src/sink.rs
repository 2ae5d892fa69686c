//! Where reports go: [`Sink`], the contract of a place, and the pipeline that delivers to it.

mod layer;
mod pipeline;
mod spool;
mod stats;
mod view;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::layer::{Filter, LabelLimit, Layered, Prefix, Relabel, SinkExt};
pub(crate) use self::pipeline::{Outlet, Pipeline};
pub(crate) use self::spool::OpenError;
pub use self::spool::Spool;
pub use self::stats::SinkStats;
pub(crate) use self::stats::Tally;
pub use self::view::MonitorView;
use crate::report::Report;

/// A place that finished runs are reported to: it encodes and sends, and does nothing else.
///
/// # Contract
///
/// - Reports are immutable and arrive in the order in which they were made, in batches of at most
///   [`batch`](Self::batch).
/// - [`deliver`](Self::deliver) has the whole batch, or says which class of error stands in the way; what it delivered
///   of a batch before an error is delivered again, so doing it twice must be harmless.
/// - Queueing, retrying and counting what was dropped belong to the pipeline, never to the sink: one blocked sink slows
///   no canary and no other sink.
/// - [`flush`](Self::flush) returns when everything that was delivered is where it belongs.
/// - A panic is a [fatal](DeliveryError::Fatal) error of the batch it happened in; the next batch is delivered.
/// - [`close`](Self::close) flushes and lets go; a second `close` does nothing. Nothing is delivered afterwards.
///
/// [`check_sink_contract`](crate::testing::check_sink_contract) asserts what of it can be asserted.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use synthetic_core::{Report, Sink, sink::DeliveryError};
///
/// #[derive(Default)]
/// struct Counter(AtomicUsize);
///
/// #[async_trait::async_trait]
/// impl Sink for Counter {
///     fn name(&self) -> &str { "counter" }
///     async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
///         self.0.fetch_add(reports.len(), Ordering::Relaxed);
///         Ok(())
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// synthetic_core::testing::check_sink_contract(|| async { Counter::default() }).await;
/// # }
/// ```
#[async_trait]
pub trait Sink: Send + Sync {
    /// Returns the name that its counters carry: `stdout`.
    fn name(&self) -> &str;

    /// Is shown the monitor whose reports it will be given, once, before the first of them: what it may be asked while it
    /// runs, such as which canaries there are.
    ///
    /// # Default
    ///
    /// Does not look.
    fn begin(&self, _monitor: &Arc<dyn MonitorView>) {}

    /// Returns how many reports it takes at a time, and how long they may wait for company.
    ///
    /// # Default
    ///
    /// At most 100, without waiting.
    fn batch(&self) -> Batch {
        Batch { most: 100, linger: Duration::ZERO }
    }

    /// Delivers a batch, whole.
    ///
    /// # Errors
    ///
    /// Returns the class of what stands in the way, which decides whether it is called again with the same batch.
    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError>;

    /// Returns when everything that was delivered is where it belongs.
    ///
    /// # Errors
    ///
    /// As [`deliver`](Self::deliver).
    async fn flush(&self) -> Result<(), DeliveryError> {
        Ok(())
    }

    /// Flushes and lets go. A second call does nothing.
    ///
    /// # Errors
    ///
    /// As [`deliver`](Self::deliver).
    async fn close(&self) -> Result<(), DeliveryError> {
        self.flush().await
    }

    /// Returns whether it writes to the process's standard output: a program that writes something else there, as `once` of
    /// [`Builder::main`](crate::monitor::Builder) does, leaves it out.
    ///
    /// # Default
    ///
    /// No.
    fn is_console(&self) -> bool {
        false
    }

    /// Says what can still be said when a panic is about to end the process (`panic = "abort"`): at once, without
    /// waiting for anything and without panicking.
    ///
    /// # Default
    ///
    /// Nothing.
    fn last_words(&self, _report: &Report) {}
}

/// A sink that is shared, so that it can be asked what it has counted.
#[async_trait]
impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn begin(&self, monitor: &Arc<dyn MonitorView>) {
        (**self).begin(monitor);
    }

    fn batch(&self) -> Batch {
        (**self).batch()
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        (**self).deliver(reports).await
    }

    async fn flush(&self) -> Result<(), DeliveryError> {
        (**self).flush().await
    }

    async fn close(&self) -> Result<(), DeliveryError> {
        (**self).close().await
    }

    fn is_console(&self) -> bool {
        (**self).is_console()
    }

    fn last_words(&self, report: &Report) {
        (**self).last_words(report);
    }
}

/// How many reports a sink takes at a time, and how long they may wait for company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The most reports that one call of [`Sink::deliver`] is given; at least one.
    pub most: usize,
    /// How long the first report of a batch waits for others.
    pub linger: Duration,
}

/// What stands in the way of a delivery. Its text is for an operator: a fragment that names the place and the cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// It may work when it is tried again: the network, a server's own error.
    #[error("{0}")]
    Retry(String),
    /// It may work after this time: the server said so.
    #[error("{why} (rate limited, again in {after:?})")]
    RateLimited {
        /// How long to wait.
        after: Duration,
        /// What the server said.
        why: String,
    },
    /// It will never work: the server refuses what it is sent, or the settings are wrong.
    #[error("{0}")]
    Fatal(String),
}
