//! JSON lines in a file, which is rotated.

mod file;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use async_trait::async_trait;
use synthetic_core::sink::{Batch, DeliveryError};
use synthetic_core::{Report, Sink};

use self::file::Rotating;
use crate::recent::Recent;

/// Writes reports to a file as JSON lines: one report a line, in the form of
/// [`JSON_SCHEMA`](synthetic_core::report::JSON_SCHEMA).
///
/// - The file holds whole lines only. When a line cannot be written whole, because the disk is full, what was written of it
///   is taken back, and the delivery is to be tried again. A line that a crash has torn is removed when the file is opened.
/// - A batch that is delivered again repeats no line: it is remembered which of the last 10,000 runs are written, as long
///   as the process lives.
/// - When the file would grow beyond [`rotate_at`](Self::rotate_at), it becomes `canaries.jsonl.1`, what was that becomes
///   `canaries.jsonl.2`, and so on, up to [`keep`](Self::keep). A line is never split.
/// - Somebody else may move, remove or empty the file, as `logrotate` does: the next line goes to a file at the path.
/// - On Unix the file is locked ([`File::try_lock`](std::fs::File::try_lock)) as long as it is open: a second process that
///   is to write to it is told so.
///
/// Its folder is made when it is not there. Writing happens on a thread that may block.
///
/// # Default
///
/// It is rotated at 64 MiB, and 4 old files are kept: 320 MiB in all.
///
/// # Examples
///
/// ```
/// use synthetic_core::Report;
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::JsonLines;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("canaries.jsonl");
/// let health = canary(Spec::new("api-health"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
/// let lines = JsonLines::file(&path).rotate_at(1024 * 1024).keep(9);
/// Monitor::named("shop").canary(every(mins(1)), health).sink(lines).build()?.once().await;
/// let report: Report = serde_json::from_str(&std::fs::read_to_string(path)?)?;
/// assert_eq!(&*report.canary, "api-health");
/// # Ok(()) }
/// ```
pub struct JsonLines {
    writer: Arc<Mutex<Writer>>,
}

struct Writer {
    file: Rotating,
    recent: Recent,
}

impl JsonLines {
    /// Writes to this file, behind what is in it. It must be a plain file, or not be there yet.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let writer = Writer { file: Rotating::at(path.into()), recent: Recent::default() };
        Self { writer: Arc::new(Mutex::new(writer)) }
    }

    /// Sets the size in bytes that the file does not exceed; a single line that is longer has a file of its own.
    /// `u64::MAX` never rotates it.
    ///
    /// # Default
    ///
    /// 64 MiB.
    #[must_use]
    pub fn rotate_at(self, bytes: u64) -> Self {
        self.lock().file.rotate_at = bytes;
        self
    }

    /// Sets how many old files are kept beside the file itself; with none, what is rotated is removed.
    ///
    /// # Default
    ///
    /// 4.
    #[must_use]
    pub fn keep(self, files: u32) -> Self {
        self.lock().file.keep = files;
        self
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn with(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<(), DeliveryError> + Send + 'static,
    ) -> Result<(), DeliveryError> {
        let writer = Arc::clone(&self.writer);
        let done =
            tokio::task::spawn_blocking(move || work(&mut writer.lock().unwrap_or_else(PoisonError::into_inner)));
        done.await.unwrap_or_else(|_| Err(DeliveryError::Fatal("the runtime was shut down".to_owned())))
    }
}

#[async_trait]
impl Sink for JsonLines {
    fn name(&self) -> &'static str {
        "json-lines"
    }

    /// At most 100, which wait 20 ms for company: nobody sees it, and it saves a thread's wake-up for each report.
    fn batch(&self) -> Batch {
        Batch { most: 100, linger: Duration::from_millis(20) }
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        let reports = reports.to_vec();
        self.with(move |writer| writer.append(reports.iter().map(|report| &**report))).await
    }

    async fn flush(&self) -> Result<(), DeliveryError> {
        self.with(|writer| writer.file.sync()).await
    }

    async fn close(&self) -> Result<(), DeliveryError> {
        self.with(|writer| {
            writer.file.sync()?;
            writer.file.let_go();
            Ok(())
        })
        .await
    }

    fn last_words(&self, report: &Report) {
        let mut writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let _ = writer.append([report]);
    }
}

impl Writer {
    fn append<'a>(&mut self, reports: impl IntoIterator<Item = &'a Report>) -> Result<(), DeliveryError> {
        let (mut lines, mut owners) = (Vec::new(), Vec::new());
        for report in reports.into_iter().filter(|report| !self.recent.has(report)) {
            let mut line = serde_json::to_vec(report)
                .map_err(|error| DeliveryError::Fatal(format!("a report cannot be written as JSON: {error}")))?;
            line.push(b'\n');
            lines.push(line);
            owners.push(report);
        }
        let (file, recent) = (&mut self.file, &mut self.recent);
        file.append(&lines, |written| owners[written].iter().for_each(|report| recent.remember(report)))
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines").finish_non_exhaustive()
    }
}
