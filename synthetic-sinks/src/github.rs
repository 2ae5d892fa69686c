//! Annotations of GitHub Actions, which put failures beside the code.

use std::fmt;
use std::io::Write;
use std::sync::Arc;

use async_trait::async_trait;
use synthetic_core::format::Format;
use synthetic_core::sink::{DeliveryError, MonitorView};
use synthetic_core::{Report, Sink};

use crate::console::Console;
use crate::kept::Kept;

/// Writes commands of GitHub Actions when the monitor ends, for programs that run once without the command line of the SDK:
/// a folded group for each text, an annotation for what did not pass, and the count, as [`Format::Github`] says.
///
/// All is written at the end, since GitHub shows the first ten errors and the first ten warnings of a step alone: the worst
/// come first. Whatever a target answered is text, and never a command.
///
/// # Default
///
/// It keeps at most 10,000 reports; those that passed make room for those that did not, and it is said how many are missing.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::GithubAnnotations;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
/// let health = canary(Spec::new("api-health"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
/// let monitor = Monitor::named("shop").canary(every(mins(1)), health).sink(GithubAnnotations::stdout()).build()?;
/// monitor.once().await; // Its last line is `passed: 1 canary: 1 passed`.
/// # Ok(()) }
/// ```
pub struct GithubAnnotations {
    console: Console,
    kept: Kept,
}

impl GithubAnnotations {
    /// Writes to standard output, where GitHub's runner looks for commands.
    #[must_use]
    pub fn stdout() -> Self {
        Self { console: Console::stdout(), kept: Kept::default() }
    }

    /// Writes somewhere else: standard error, which the runner reads too, or a buffer in a test.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_sinks::GithubAnnotations;
    /// let _beside_the_output = GithubAnnotations::stdout().to(std::io::stderr());
    /// ```
    #[must_use]
    pub fn to(self, writer: impl Write + Send + 'static) -> Self {
        Self { console: Console::of(writer), kept: self.kept }
    }

    async fn write(&self, at_the_end: bool) -> Result<(), DeliveryError> {
        let Some(writing) = self.kept.to_write(at_the_end) else { return Ok(()) };
        self.console.write(Format::Github.render(&writing.reports, &writing.summary).into_bytes()).await?;
        self.kept.wrote_for_good(&writing);
        Ok(())
    }
}

#[async_trait]
impl Sink for GithubAnnotations {
    fn name(&self) -> &'static str {
        "github"
    }

    fn begin(&self, monitor: &Arc<dyn MonitorView>) {
        self.kept.begin(monitor);
    }

    fn is_console(&self) -> bool {
        self.console.is_stdout
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
            self.console.write_now(Format::Github.render(&writing.reports, &writing.summary).as_bytes());
            self.kept.wrote_for_good(&writing);
        }
    }
}

impl fmt::Debug for GithubAnnotations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GithubAnnotations").finish_non_exhaustive()
    }
}
