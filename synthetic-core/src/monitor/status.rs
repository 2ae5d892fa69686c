//! What a canary of a monitor is, and what it does now, for those who ask.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::summary::CanarySummary;
use crate::failure::Reason;
use crate::outcome::Outcome;
use crate::report::Report;

/// What a canary of a monitor is, and what it does now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CanaryStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Its tags.
    pub tags: Arc<[String]>,
    /// Its class, see [`Spec::class`](crate::Spec::class).
    pub class: String,
    /// When it runs, in words.
    pub schedule: String,
    /// The time that its body has.
    #[serde(rename = "timeout_ms", with = "crate::report::millis")]
    pub timeout: Duration,
    /// What it does now.
    pub activity: Activity,
    /// It is paused: it runs only when it is triggered.
    pub paused: bool,
    /// When its schedule lets it start next; nothing while it runs, is paused, or when there is no next start.
    #[serde(with = "crate::report::optional_rfc3339")]
    pub next: Option<SystemTime>,
    /// How its last run ended, when there was one.
    pub last: Option<LastRun>,
    /// What became of its runs so far.
    pub summary: CanarySummary,
}

/// What a canary does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activity {
    /// It waits for its next start.
    Idle,
    /// It is due, and waits for a place.
    Waiting,
    /// It runs.
    Running,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Running => "running",
        })
    }
}

/// How the last run of a canary ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LastRun {
    /// When it started.
    #[serde(with = "crate::report::rfc3339")]
    pub started_at: SystemTime,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it passed.
    pub reason: Option<Reason>,
}

impl LastRun {
    pub(super) fn of(report: &Report) -> Self {
        Self { started_at: report.started_at, outcome: report.outcome, reason: report.reason }
    }
}
