//! [`LaunchError`]: why there is no browser, which is never the fault of the target.

use std::fmt;
use std::panic::Location;

use synthetic_core::Failure;

/// How much of what a browser said last goes along with a failure, in bytes; a piece of evidence holds 8 KiB.
const LAST_WORDS: usize = 7 * 1024;

/// What is in lines that Chromium writes on every machine without a desktop, whatever happens.
const NOISE: [&str; 3] = [":ERROR:dbus/", "Frame latency is negative", ":ERROR:google_apis/gcm/"];

/// Why a browser could not be had, or is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaunchError {
    what: String,
    expected: Option<String>,
    hint: Option<String>,
    /// Whose words they are, and the words.
    last_words: Option<(String, String)>,
}

impl LaunchError {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), expected: None, hint: None, last_words: None }
    }

    /// Says what would have been right.
    #[must_use]
    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the end of what a program wrote to its standard error; nothing when that is empty.
    #[must_use]
    pub(crate) fn last_words(mut self, of: impl fmt::Display, words: &str) -> Self {
        let words = words.lines().filter(|line| !NOISE.iter().any(|noise| line.contains(noise)));
        let words = words.collect::<Vec<_>>().join("\n");
        let words = words.trim();
        let mut from = words.len().saturating_sub(LAST_WORDS);
        while !words.is_char_boundary(from) {
            from += 1;
        }
        if !words.is_empty() {
            self.last_words = Some((format!("standard error of {of}"), words[from..].to_owned()));
        }
        self
    }

    /// Makes it what a run ends with: an error of the monitor.
    #[track_caller]
    pub(crate) fn into_failure(self) -> Failure {
        let mut failure = Failure::setup(self.what).at(Location::caller());
        if let Some(expected) = self.expected {
            failure = failure.expected(expected);
        }
        if let Some(hint) = self.hint {
            failure = failure.hint(hint);
        }
        if let Some((of, words)) = self.last_words {
            failure = failure.evidence(of, words);
        }
        failure
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(expected) = &self.expected {
            write!(f, ": expected {expected}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        if let Some((of, words)) = &self.last_words {
            write!(f, "\n{of}:\n{words}")?;
        }
        Ok(())
    }
}
