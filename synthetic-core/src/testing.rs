//! For tests: run a canary once, record what a sink is given, check that an implementation keeps its contract.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

pub use crate::artifact::check_artifact_store_contract;
use crate::canary::AnyCanary;
pub use crate::cleanup::journal::check_journal_store_contract;
use crate::report::Report;
use crate::runner::Runner;
pub use crate::secret::check_secret_store_contract;
use crate::sink::{DeliveryError, MonitorView, Sink, SinkStats};
use crate::vitals::Stats;

/// Runs a canary once and returns its report: the same steps serve as an integration test.
///
/// Secrets come from the environment; for anything else use a [`Runner`].
///
/// # Cancellation
///
/// As [`Runner::run`].
///
/// # Examples
///
/// ```
/// # use synthetic_core::prelude::*;
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// once(canary(Spec::new("arithmetic"), |run: Run| async move {
///     run.expect("1 + 1", 1 + 1, eq(2))
/// })).await.assert_passed();
/// # }
/// ```
pub async fn once(canary: impl Into<AnyCanary>) -> Report {
    Runner::new().run(canary).await
}

/// A sink that keeps what it is given, for tests of what reports.
///
/// # Examples
///
/// ```
/// # use synthetic_core::prelude::*;
/// use synthetic_core::testing::RecordingSink;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
/// let sink = RecordingSink::new();
/// let monitor = Monitor::named("test")
///     .canary(every(secs(60)), canary(Spec::new("one"), |run: Run| async move { run.expect("1", 1, eq(1)) }))
///     .sink(sink.clone())
///     .build()?;
/// monitor.once().await;
/// assert_eq!(sink.reports().len(), 1);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct RecordingSink {
    reports: Arc<Mutex<Vec<Arc<Report>>>>,
}

impl RecordingSink {
    /// Makes a sink that has been given nothing yet. Its clones share what they keep.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what it was given, in order.
    #[must_use]
    pub fn reports(&self) -> Vec<Arc<Report>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Sink for RecordingSink {
    fn name(&self) -> &'static str {
        "recording"
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(reports);
        Ok(())
    }
}

/// Checks that a sink keeps the contract of [`Sink`]. `make` gives a fresh one for each check.
///
/// # Panics
///
/// Panics with the sentence of the contract that does not hold.
pub async fn check_sink_contract<S: Sink, F: Future<Output = S>>(mut make: impl FnMut() -> F) {
    let passed = once(crate::canary(crate::Spec::new("contract-passed"), |run| async move {
        run.expect("1", 1, crate::expect::eq(1))
    }));
    let failed = once(crate::canary(crate::Spec::new("contract-failed"), |run| async move {
        run.step("a \"step\", with\nall that needs escaping \\ ü", async { run.expect("1", 1, crate::expect::eq(2)) })
            .await
    }));
    let reports = [Arc::new(passed.await), Arc::new(failed.await)];

    let sink = make().await;
    assert!(!sink.name().is_empty(), "a sink has a name");
    assert!(sink.batch().most > 0, "a sink takes at least one report at a time");
    assert_eq!(sink.deliver(&reports).await, Ok(()), "a sink takes a batch");
    assert_eq!(sink.deliver(&reports).await, Ok(()), "a sink takes the same batch again");
    assert_eq!(sink.flush().await, Ok(()), "a sink flushes");
    assert_eq!(sink.flush().await, Ok(()), "a sink flushes twice");
    assert_eq!(sink.close().await, Ok(()), "a sink closes");
    assert_eq!(sink.close().await, Ok(()), "a second close does nothing");

    // What an earlier batch was, and how it went, is nothing to the next one.
    let sink = make().await;
    for report in [&reports[1], &reports[0], &reports[1]] {
        assert_eq!(sink.deliver(std::slice::from_ref(report)).await, Ok(()), "a sink takes batches in any order");
    }
    assert_eq!(sink.close().await, Ok(()), "a sink closes without being flushed");

    let (sink, gone) = (make().await, Arc::new(AtomicBool::new(false)));
    let view: Arc<dyn MonitorView> = Arc::new(Nobody { gone: Arc::clone(&gone) });
    sink.begin(&view);
    assert_eq!(
        sink.deliver(&reports).await,
        Ok(()),
        "a sink takes reports of canaries that its monitor does not have any more"
    );
    gone.store(true, Ordering::SeqCst);
    assert_eq!(sink.deliver(&reports).await, Ok(()), "a sink takes reports of a monitor that ends");
    assert_eq!(sink.close().await, Ok(()), "a sink that knows its monitor closes");

    let sink = make().await;
    assert_eq!(sink.deliver(&[]).await, Ok(()), "a sink takes an empty batch");
    assert_eq!(sink.close().await, Ok(()), "a sink that was given nothing closes");
    sink.last_words(&reports[0]);
}

/// A monitor that has a canary until it ends, and never those whose reports are delivered.
struct Nobody {
    gone: Arc<AtomicBool>,
}

impl MonitorView for Nobody {
    fn name(&self) -> &'static str {
        "contract"
    }

    fn has_canary(&self, name: &str) -> bool {
        name == "contract-other" && !self.gone.load(Ordering::SeqCst)
    }

    fn canaries(&self) -> Vec<Arc<str>> {
        if self.gone.load(Ordering::SeqCst) { Vec::new() } else { vec!["contract-other".into()] }
    }

    fn stats(&self) -> Stats {
        Stats::default()
    }

    fn sinks(&self) -> Vec<SinkStats> {
        Vec::new()
    }
}
