//! Evidence, kept where somebody can look into it later: [`Artifacts`].

mod keep;
mod upkeep;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use synthetic_core::artifact::{Artifact, ArtifactStore, Key, Retention, RunFolder, StoreError};
use synthetic_core::sink::{Batch, DeliveryError};
use synthetic_core::{Clock, Report, Sink};
use tokio::task::JoinSet;

pub use self::keep::Keep;
use self::upkeep::Upkeep;

/// How many files are on their way at a time.
const AT_A_TIME: usize = 8;

/// Keeps what runs leave in an [`ArtifactStore`]: the report as JSON, the log as JSON lines, and every attachment.
///
/// They stand together in the folder of the run, which [`RunFolder`] lays out:
///
/// ```text
/// canary/<location>/<name>/YYYY/MM/DD/HH/mm-ss-SSS/<ending>-<run id>/report.json
///                                                                    log.jsonl
///                                                                    attachments/01-cart.json
/// ```
///
/// The ending is the outcome, but for runs that passed with something to look into: `left-behind`, `flaky`. Attachments are
/// numbered as the report lists them, because two may have one name. No file is made for a log without lines; a run that
/// passed has none.
///
/// Like every sink it runs behind the pipeline: a store that is slow or fails changes no run's outcome. What it cannot keep
/// is tried again or dropped as [`DeliveryError`] says, and counted.
///
/// # Default
///
/// [`Keep::OnFailure`] for all three kinds, and no [`Retention`].
///
/// # Examples
///
/// ```
/// use synthetic_core::artifact::LocalFolder;
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::{Artifacts, Keep};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let temporary = tempfile::tempdir()?;
/// # let folder = temporary.path();
/// let broken = canary(Spec::new("api-health"), |run: Run| async move {
///     run.attach("answer.txt", "text/plain", "out of stock");
///     run.expect("1 + 1", 1 + 1, eq(3))
/// });
/// let monitor = Monitor::named("shop")
///     .canary(every(mins(1)), broken)
///     .sink(Artifacts::new(LocalFolder::at(folder)).reports(Keep::Always))
///     .build()?;
/// let (_, summary) = monitor.once().await;
/// assert_eq!(summary.sinks[0].delivered, 1);
/// assert!(folder.join("canary/_/api-health").is_dir(), "this monitor has no location");
/// # Ok(()) }
/// ```
pub struct Artifacts {
    name: String,
    store: Arc<dyn ArtifactStore>,
    report: Keep,
    log: Keep,
    attachments: Keep,
    upkeep: Option<Upkeep>,
    clock: Clock,
    /// What is stored of the batch that is being delivered: only what is missing is sent when it is delivered again.
    stored: Mutex<HashSet<Key>>,
}

impl Artifacts {
    /// Keeps evidence in `store`.
    #[must_use]
    pub fn new(store: impl ArtifactStore + 'static) -> Self {
        Self {
            name: "artifacts".to_owned(),
            store: Arc::new(store),
            report: Keep::OnFailure,
            log: Keep::OnFailure,
            attachments: Keep::OnFailure,
            upkeep: None,
            clock: Clock::system(),
            stored: Mutex::default(),
        }
    }

    /// Says of which runs everything is kept: report, log and attachments.
    #[must_use]
    pub fn keep(self, keep: Keep) -> Self {
        self.reports(keep).logs(keep).attachments(keep)
    }

    /// Says of which runs the report is kept.
    #[must_use]
    pub fn reports(mut self, keep: Keep) -> Self {
        self.report = keep;
        self
    }

    /// Says of which runs the log is kept.
    #[must_use]
    pub fn logs(mut self, keep: Keep) -> Self {
        self.log = keep;
        self
    }

    /// Says of which runs the attachments are kept.
    #[must_use]
    pub fn attachments(mut self, keep: Keep) -> Self {
        self.attachments = keep;
        self
    }

    /// Says how long the store keeps what is in it, whoever put it there, and how much of it.
    ///
    /// It is looked after beside the deliveries, when the first batch is delivered, then once an hour, and when more bytes
    /// were kept than it allows. [`flush`](Sink::flush) waits for that, and says so when it failed.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.upkeep = Some(Upkeep::new(retention));
        self
    }

    /// Names the sink, `artifacts` by default: for a monitor that has two of them.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Says by which clock what is kept gets old, for tests.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns what is kept of a run.
    fn files(&self, report: &Report) -> Result<Vec<File>, DeliveryError> {
        let mut files = Vec::new();
        let ending = keep::ending(report);
        let folder =
            RunFolder::new(report.location.as_deref(), &report.canary, report.started_at, report.run_id, ending);
        if self.report.wants(report) {
            let bytes = serde_json::to_vec(report).map_err(unwritable)?;
            files.push(File::new(folder.file("report.json"), "application/json", bytes));
        }
        if self.log.wants(report) && !report.log.is_empty() {
            let mut bytes = Vec::new();
            for line in &report.log {
                serde_json::to_writer(&mut bytes, line).map_err(unwritable)?;
                bytes.push(b'\n');
            }
            files.push(File::new(folder.file("log.jsonl"), "application/jsonl", bytes));
        }
        if self.attachments.wants(report) {
            // What comes from a spool names them only. What was stored of them before must not be replaced by nothing.
            let whole = |(_, artifact): &(usize, &Artifact)| artifact.bytes.len() == artifact.size;
            for (index, artifact) in report.artifacts.iter().enumerate().filter(whole) {
                let key = folder.attachment(index + 1, &artifact.name);
                files.push(File::new(key, &artifact.media_type, artifact.bytes.clone()));
            }
        }
        Ok(files)
    }

    /// Stores what is missing, some at a time, and goes on past what cannot be stored: one run does not stand in the way of
    /// another. What another try may cure decides over what none will.
    async fn store(&self, files: Vec<File>) -> Result<(), DeliveryError> {
        let mut files = files.into_iter();
        let mut tasks = JoinSet::new();
        let mut worst = Ok(());
        loop {
            while tasks.len() < AT_A_TIME
                && let Some(file) = files.next()
            {
                tasks.spawn(file.store(Arc::clone(&self.store)));
            }
            let Some(done) = tasks.join_next().await else { return worst };
            let error = match done {
                Ok(Ok(key)) => {
                    self.stored().insert(key);
                    continue;
                }
                Ok(Err(StoreError::Refused(why))) => DeliveryError::Fatal(why),
                Ok(Err(error)) => DeliveryError::Retry(error.to_string()),
                Err(ended) if ended.is_panic() => DeliveryError::Fatal(format!("{} panicked", self.store.name())),
                Err(_) => DeliveryError::Fatal("the runtime was shut down".to_owned()),
            };
            if !matches!(worst, Err(DeliveryError::Retry(_))) {
                worst = Err(error);
            }
        }
    }

    fn stored(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unwritable(error: serde_json::Error) -> DeliveryError {
    DeliveryError::Fatal(format!("a report cannot be written as JSON: {error}"))
}

/// A file to store.
struct File {
    key: Key,
    media_type: String,
    bytes: Bytes,
}

impl File {
    fn new(key: Key, media_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self { key, media_type: media_type.to_owned(), bytes: bytes.into() }
    }

    async fn store(self, store: Arc<dyn ArtifactStore>) -> Result<Key, StoreError> {
        store.put(&self.key, &self.media_type, self.bytes).await?;
        Ok(self.key)
    }
}

#[async_trait]
impl Sink for Artifacts {
    fn name(&self) -> &str {
        &self.name
    }

    /// At most 16, without waiting.
    fn batch(&self) -> Batch {
        Batch { most: 16, linger: Duration::ZERO }
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        let mut files = Vec::new();
        for report in reports {
            files.extend(self.files(report)?);
        }
        {
            // Of a batch that was given up nobody tells; its keys are in no other.
            let mut stored = self.stored();
            stored.retain(|key| files.iter().any(|file| file.key == *key));
            files.retain(|file| !stored.contains(&file.key));
        }
        let bytes = files.iter().map(|file| file.bytes.len() as u64).sum();
        let delivered = self.store(files).await;
        if let Some(upkeep) = &self.upkeep {
            upkeep.after(bytes, delivered.is_ok(), &self.store, self.clock);
        }
        if delivered.is_ok() {
            self.stored().clear();
        }
        delivered
    }

    async fn flush(&self) -> Result<(), DeliveryError> {
        match &self.upkeep {
            Some(upkeep) => upkeep.settle().await,
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Artifacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifacts")
            .field("store", &self.store.name())
            .field("report", &self.report)
            .field("log", &self.log)
            .field("attachments", &self.attachments)
            .field("retention", &self.upkeep.as_ref().map(Upkeep::retention))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
