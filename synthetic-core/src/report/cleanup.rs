//! What happened to what a run made or held.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::json;
use crate::failure::Failure;

/// Says what was cleaned up after a run: its own result, beside the run's outcome, so that neither hides the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CleanupReport {
    /// What was cleaned up, in the order in which it was tried: newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<CleanupItem>,
    /// How long all of it took.
    #[serde(rename = "duration_ms", with = "json::millis", default)]
    pub duration: Duration,
}

impl CleanupReport {
    /// Returns how many things were left behind.
    #[must_use]
    pub fn left_behind(&self) -> usize {
        self.items.iter().filter(|item| item.result != CleanupResult::Removed).count()
    }

    pub(crate) fn rewrite(&mut self, rewrite: &dyn Fn(&mut String)) {
        for item in &mut self.items {
            rewrite(&mut item.name);
            if let Some(failure) = &mut item.failure {
                failure.rewrite(rewrite);
            }
        }
    }
}

/// One thing that was cleaned up, or should have been.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CleanupItem {
    /// What it is: the name given to [`Run::defer`](crate::Run::defer).
    pub name: String,
    /// What became of it.
    pub result: CleanupResult,
    /// How long it took.
    #[serde(rename = "duration_ms", with = "json::millis")]
    pub duration: Duration,
    /// What stood in the way, unless it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl CleanupItem {
    pub(crate) fn new(name: String, duration: Duration, result: CleanupResult, failure: Option<Failure>) -> Self {
        Self { name, result, duration, failure }
    }
}

/// What became of something that had to be cleaned up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CleanupResult {
    /// It is gone.
    Removed,
    /// It could not be removed.
    Failed,
    /// Its removal was not done in its time.
    TimedOut,
    /// There was no time left to try.
    NotTried,
}

impl fmt::Display for CleanupResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Removed => "removed",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::NotTried => "not tried",
        })
    }
}
