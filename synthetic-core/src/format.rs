//! The forms in which a monitor writes what its runs saw: [`Format`], for people, programs and CI systems.

mod github;
mod json;
mod junit;
mod markdown;
mod pretty;
mod text;
mod view;

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

pub use self::json::{RESULTS_VERSION, results_schema};
use self::view::View;
use crate::monitor::Summary;
use crate::report::Report;

/// Writes what runs saw, in the form that its reader wants.
///
/// Whatever a target answered, it is text in every form and never part of it: it ends no element, no table, no fence, gives
/// no command to a terminal or to a CI system. Characters that would (controls, the marks that turn the direction of
/// writing) are shown by their number, as `\u{1b}`; only JSON holds every text as it is.
///
/// A run set that is empty says so, and is never green in any form.
///
/// # Examples
///
/// ```
/// use synthetic_core::format::Format;
/// use synthetic_core::prelude::*;
/// use synthetic_core::testing::RecordingSink;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
/// let monitor = Monitor::named("shop")
///     .sink(RecordingSink::new())
///     .canary(every(mins(1)), canary(Spec::new("arithmetic"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) }))
///     .build()?;
/// let (reports, summary) = monitor.once().await;
/// assert_eq!(Format::Github.render(&reports, &summary), "passed    arithmetic  in 0.00 µs\npassed: 1 canary: 1 passed\n");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[non_exhaustive]
pub enum Format {
    /// Text for people.
    #[default]
    Pretty,
    /// One JSON object, with every report whole.
    Json,
    /// JUnit XML, which CI systems read.
    Junit,
    /// Commands of GitHub Actions, which put failures beside the code, and text.
    Github,
    /// Markdown, for the summary of a GitHub job or a comment on a merge request.
    Markdown,
}

impl Format {
    /// All formats, in the order in which they are declared.
    pub const ALL: [Self; 5] = [Self::Pretty, Self::Json, Self::Junit, Self::Github, Self::Markdown];

    /// Returns the name that the command line uses: `pretty`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pretty => "pretty",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Markdown => "markdown",
        }
    }

    /// Writes reports and their summary, as text that ends with a line break. It has no colours.
    ///
    /// `reports` may be fewer than the runs that `summary` counts, when not all were kept: what is missing is said.
    ///
    /// - [`Pretty`](Self::Pretty): every report, one that passed as a line; then again in short what did not pass and what
    ///   was left behind; last the count.
    /// - [`Json`](Self::Json): one object on one line, in the form of [`results_schema`].
    /// - [`Junit`](Self::Junit): a suite for each monitor, a case for each report. What failed is a failure, an error an
    ///   error; what is degraded passes, with its text as output, and so does what left something behind. A second run of
    ///   a canary is the case `name #2`, since readers drop a name that they have seen. What no report says and is not
    ///   green (lost reports, a journal that cannot be read) is a case with an error. A text is cut after 64 KiB.
    /// - [`Github`](Self::Github): what did not pass as a folded group, then an annotation for each, then the count. A message
    ///   is cut after 4 KiB. GitHub shows the first 10 errors and the first 10 warnings of a step.
    /// - [`Markdown`](Self::Markdown): a heading, a table with the worst first, the text of all that is not one line. At most
    ///   65,000 bytes, which fit into a comment; what is left out is counted.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::format::Format;
    /// use synthetic_core::monitor::Summary;
    ///
    /// let text = Format::Pretty.render(&[], &Summary::default());
    /// assert_eq!(text, "error: nothing ran: no canary was selected\n\nnothing ran: 0 canaries\n");
    /// ```
    #[must_use]
    pub fn render(self, reports: &[Arc<Report>], summary: &Summary) -> String {
        let view = View { reports, summary };
        match self {
            Self::Pretty => pretty::render(&view, false),
            Self::Json => json::render(&view),
            Self::Junit => junit::render(&view),
            Self::Github => github::render(&view),
            Self::Markdown => markdown::render(&view),
        }
    }

    /// Writes the same with colours for a terminal, where the form is made for people.
    ///
    /// Whether there is a terminal, and whether [`NO_COLOR`](https://no-color.org) is set, is for the caller to see.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::format::Format;
    /// use synthetic_core::monitor::Summary;
    ///
    /// let summary = Summary::default();
    /// assert!(Format::Pretty.render_in_colour(&[], &summary).contains("\x1b["));
    /// assert_eq!(Format::Json.render_in_colour(&[], &summary), Format::Json.render(&[], &summary));
    /// ```
    #[must_use]
    pub fn render_in_colour(self, reports: &[Arc<Report>], summary: &Summary) -> String {
        match self {
            Self::Pretty => pretty::render(&View { reports, summary }, true),
            _ => self.render(reports, summary),
        }
    }

    /// Writes the same to a file, whole: nobody reads half of it, and when it cannot be written, what stood there before
    /// still does. What is no plain file, such as a pipe, is written to as it is.
    ///
    /// It blocks the thread.
    ///
    /// # Errors
    ///
    /// Returns what the system says when the file, or one beside it, cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::format::Format;
    /// use synthetic_core::monitor::Summary;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("junit.xml");
    /// Format::Junit.write(&path, &[], &Summary::default())?;
    /// assert!(std::fs::read_to_string(path)?.contains("no canary was selected"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write(self, path: &Path, reports: &[Arc<Report>], summary: &Summary) -> io::Result<()> {
        crate::disk::replace(path, &self.render(reports, summary))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Reads the name of a format, in any case.
impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let known = Self::ALL.into_iter().find(|format| format.as_str().eq_ignore_ascii_case(name));
        known.ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

/// There is no format of that name.
///
/// # Examples
///
/// ```
/// use synthetic_core::format::Format;
///
/// let error = "xml".parse::<Format>().unwrap_err();
/// assert_eq!(error.to_string(), "there is no format \"xml\": give pretty, json, junit, github or markdown");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no format {name:?}: give pretty, json, junit, github or markdown")]
#[non_exhaustive]
pub struct UnknownFormat {
    /// The name that was given.
    pub name: String,
}
