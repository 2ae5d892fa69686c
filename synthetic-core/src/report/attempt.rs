//! What an attempt saw that was not the last one of its run.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CleanupReport, Report, json};
use crate::failure::{Failure, Reason};
use crate::outcome::Outcome;

/// Says how an attempt ended that was followed by another one, see [`Spec::retry`](crate::Spec::retry).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttemptReport {
    /// Its id, a UUID version 7 and the W3C trace id of its requests: every attempt has its own.
    pub run_id: Uuid,
    /// When it started.
    #[serde(with = "json::rfc3339")]
    pub started_at: SystemTime,
    /// How long its body took.
    #[serde(rename = "duration_ms", with = "json::millis")]
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Everything that was wrong, in the order in which it was found, bounded as that of a report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
}

impl AttemptReport {
    /// Returns the failure that leads: the first of those that decided how the attempt ended.
    #[must_use]
    pub fn leading(&self) -> Option<&Failure> {
        let of_the_reason = |failure: &&Failure| Some(failure.reason()) == self.reason;
        self.failures.iter().find(of_the_reason).or_else(|| self.failures.first())
    }

    pub(crate) fn rewrite(&mut self, rewrite: &dyn Fn(&mut String)) {
        self.failures.iter_mut().for_each(|failure| failure.rewrite(rewrite));
    }
}

/// What the attempts before this one leave to the report of their run.
#[derive(Debug)]
pub(crate) struct Earlier {
    /// When the run should have started.
    pub(crate) scheduled_at: SystemTime,
    /// What was cleaned up after them.
    pub(crate) cleanup: CleanupReport,
    attempts: Vec<AttemptReport>,
    warnings: Vec<String>,
}

impl Earlier {
    /// Takes what the report of an attempt says of it, and of those `before` it.
    pub(crate) fn of(before: Option<&Self>, report: Report) -> Self {
        let Report { run_id, scheduled_at, started_at, duration, outcome, reason, failures, cleanup, .. } = report;
        let (mut attempts, mut warnings) = (report.attempts, report.warnings);
        attempts.push(AttemptReport { run_id, started_at, duration, outcome, reason, failures });
        let number = attempts.len();
        let known = before.map_or(0, |before| before.warnings.len());
        for own in warnings.iter_mut().skip(known) {
            own.insert_str(0, &format!("attempt {number}: "));
        }
        Self { scheduled_at, cleanup, attempts, warnings }
    }

    /// Tells of the attempts in the report of the next one. Their warnings stand first.
    pub(crate) fn tell(&self, report: &mut Report) {
        report.attempts.clone_from(&self.attempts);
        report.warnings.splice(..0, self.warnings.iter().cloned());
    }
}
