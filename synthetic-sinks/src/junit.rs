//! A JUnit file of what ran, which CI systems read.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use synthetic_core::format::Format;
use synthetic_core::sink::{DeliveryError, MonitorView};
use synthetic_core::{Report, Sink};

use crate::kept::Kept;

/// Writes a JUnit file when the monitor ends, for programs that run once without the command line of the SDK: a suite for
/// each monitor, a case for each report, as [`Format::Junit`] says.
///
/// The file is written whole, beside its place and then moved there: no reader sees half of it. One that an earlier run
/// left is removed when the monitor begins, so that it is never taken for the result of a run that was killed.
///
/// Nothing is green on nothing: without a run the file holds an error. So do reports that this or another sink has lost by
/// then, and canaries that did not run are named.
///
/// # Default
///
/// It keeps at most 10,000 reports, without what they attached; those that passed make room for those that did not, and
/// the file says how many are missing.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::JunitFile;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("junit.xml");
/// let health = canary(Spec::new("api-health"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(3)) });
/// Monitor::named("shop").canary(every(mins(1)), health).sink(JunitFile::new(&path)).build()?.once().await;
/// let xml = std::fs::read_to_string(path)?;
/// assert!(xml.contains(r#"<testsuite name="shop" tests="1" skipped="0" errors="0" failures="1""#), "{xml}");
/// # Ok(()) }
/// ```
pub struct JunitFile {
    path: PathBuf,
    kept: Kept,
}

impl JunitFile {
    /// Writes to this file. Its folder must be there.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), kept: Kept::default() }
    }

    async fn write(&self, at_the_end: bool) -> Result<(), DeliveryError> {
        let (path, kept) = (self.path.clone(), self.kept.clone());
        let written = tokio::task::spawn_blocking(move || {
            let Some(writing) = kept.to_write(at_the_end) else { return Ok(()) };
            Format::Junit.write(&path, &writing.reports, &writing.summary).map_err(|error| {
                let path = path.display();
                DeliveryError::Retry(format!(
                    "cannot write {path} ({error}): name a file in a folder that is there, with room for it"
                ))
            })?;
            kept.wrote(&writing);
            Ok(())
        });
        written.await.unwrap_or_else(|_| Err(DeliveryError::Fatal("the runtime was shut down".to_owned())))
    }
}

#[async_trait]
impl Sink for JunitFile {
    fn name(&self) -> &'static str {
        "junit"
    }

    fn begin(&self, monitor: &Arc<dyn MonitorView>) {
        self.kept.begin(monitor);
        if self.path.symlink_metadata().is_ok_and(|there| there.is_file()) {
            // What cannot be removed cannot be replaced either, which is then said.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        self.kept.take(reports);
        Ok(())
    }

    async fn flush(&self) -> Result<(), DeliveryError> {
        self.write(false).await
    }

    async fn close(&self) -> Result<(), DeliveryError> {
        self.write(true).await?;
        self.kept.end();
        Ok(())
    }

    fn last_words(&self, report: &Report) {
        self.kept.take(&[Arc::new(report.clone())]);
        if let Some(writing) = self.kept.to_write(false) {
            let _ = Format::Junit.write(&self.path, &writing.reports, &writing.summary);
        }
    }
}

impl fmt::Debug for JunitFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JunitFile").field("path", &self.path).finish_non_exhaustive()
    }
}
