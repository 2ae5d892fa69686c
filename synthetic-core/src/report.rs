//! What a run saw: [`Report`], exactly one for every run, and its versioned JSON form.

mod attempt;
mod cleanup;
mod json;
mod request;
mod step;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

pub use self::attempt::AttemptReport;
pub(crate) use self::attempt::Earlier;
pub use self::cleanup::{CleanupItem, CleanupReport, CleanupResult};
pub use self::json::{JSON_SCHEMA, SCHEMA_VERSION};
pub(crate) use self::json::{millis, optional_rfc3339, rfc3339};
pub use self::request::{Certificate, Phases, RequestReport, path_template};
pub use self::step::StepReport;
#[cfg(feature = "formats")]
pub(crate) use self::text::Took;
use crate::artifact::Artifact;
use crate::failure::{Failure, Reason};
pub use crate::outcome::Outcome;
use crate::secret::Redactor;

/// Says what one run saw: how it ended and why, step by step, what it measured, and what was cleaned up.
///
/// Exactly one is made for every run, also when its body panics, hangs or is cancelled. It never changes afterwards, and
/// no secret that the run resolved stands in it. Its `Display` is the text that a person reads; its JSON form is
/// versioned and described by [`JSON_SCHEMA`].
///
/// A canary that [retries](crate::Spec::retry) may make several attempts in one run: the report is then that of the last
/// one, with what is worth knowing of the [earlier ones](Self::attempts). Cleanup and warnings are those of all of them.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let report = once(canary(Spec::new("arithmetic"), |run: Run| async move {
///     run.expect("1 + 1", 1 + 1, eq(3))
/// })).await;
/// assert_eq!(report.outcome, Outcome::Failed);
/// assert_eq!(report.failures[0].to_string(), "1 + 1: expected is equal to 3, actual 2");
/// # }
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The version of the JSON form: [`SCHEMA_VERSION`].
    pub schema: Version,
    /// The run's id, a UUID version 7. The same 128 bits are its W3C trace id.
    pub run_id: Uuid,
    /// The canary's name.
    pub canary: Arc<str>,
    /// The monitor's name, when a monitor ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monitor: Option<Arc<str>>,
    /// Where the monitor runs, when it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Arc<str>>,
    /// The canary's tags.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub tags: Arc<[String]>,
    /// How the run ended.
    pub outcome: Outcome,
    /// Why, unless it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The earlier attempts of the run, all of which failed, oldest first: none unless it was
    /// [tried again](crate::Spec::retry).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptReport>,
    /// How many more attempts the canary may make in a run, see [`Spec::retry`](crate::Spec::retry).
    #[serde(default, skip_serializing_if = "is_none")]
    pub retries: u32,
    /// When it should have started: its first attempt, where there are several.
    #[serde(with = "json::rfc3339")]
    pub scheduled_at: SystemTime,
    /// When it did start: its last attempt, where there are several.
    #[serde(with = "json::rfc3339")]
    pub started_at: SystemTime,
    /// How many starts before this one were missed, because the run before was not done by then.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missed: u64,
    /// How long it waited for a place to run; part of the time from `scheduled_at` to `started_at`.
    #[serde(default, rename = "queue_wait_ms", with = "json::millis", skip_serializing_if = "Duration::is_zero")]
    pub queue_wait: Duration,
    /// How long the body took: without waiting for a place to run, without cleanup, without delivery.
    #[serde(rename = "duration_ms", with = "json::millis")]
    pub duration: Duration,
    /// How many things the journey checked: steps, requests, expectations, preferences. Those of cleanup do not count.
    pub checks: u64,
    /// Everything that was wrong, in the order in which it was found: the first leads, none is dropped but for the bound
    /// of 100, which `warnings` speaks of; one that decides the outcome is kept in any case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// Preferences that did not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmet: Vec<Failure>,
    /// Failures that another try cured, see [`Run::retry`](crate::Run::retry).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovered: Vec<Failure>,
    /// The steps, in the order in which they started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepReport>,
    /// The requests that the run made, in the order in which they ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<RequestReport>,
    /// What was cleaned up afterwards, and after each of the earlier attempts.
    pub cleanup: CleanupReport,
    /// What the run measured itself, see [`Run::metric`](crate::Run::metric).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// Labels that the run set, see [`Run::label`](crate::Run::label).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What the run attached, see [`Run::attach`](crate::Run::attach).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// What was logged inside of the run by `tracing` events, oldest first; empty when the run passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
    /// What the reader should know about this report itself: what was left out, what could not be taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_none(retries: &u32) -> bool {
    *retries == 0
}

impl Report {
    /// Panics with the whole report unless the run passed.
    ///
    /// # Panics
    ///
    /// Panics when the outcome is not [`Outcome::Passed`], or when something was left behind.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(
            self.outcome == Outcome::Passed && self.cleanup.left_behind() == 0,
            "canary {:?} did not pass\n{self}",
            self.canary
        );
    }

    /// Returns whether the run passed, or was degraded, only after an earlier attempt of it had failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let report = once(canary(Spec::new("arithmetic").retry(2), |run: Run| async move {
    ///     run.expect("1 + 1", 1 + 1, eq(2))
    /// })).await;
    /// assert!(!report.flaky(), "it passed at once");
    /// # }
    /// ```
    #[must_use]
    pub fn flaky(&self) -> bool {
        self.outcome.is_up() && self.attempts.iter().any(|attempt| attempt.outcome == Outcome::Failed)
    }

    /// Returns the failure that leads: the first of those that decided how the run ended.
    #[must_use]
    pub fn leading(&self) -> Option<&Failure> {
        let of_the_reason = |failure: &&Failure| Some(failure.reason()) == self.reason;
        let mut all = self.failures.iter().chain(&self.unmet);
        all.clone().find(of_the_reason).or_else(|| all.next())
    }

    /// Rewrites every text that may carry a secret.
    pub(crate) fn redact(&mut self, redactor: &Redactor) {
        if redactor.knows_nothing() {
            return;
        }
        let rewrite = |text: &mut String| {
            if let std::borrow::Cow::Owned(clean) = redactor.redact(text) {
                *text = clean;
            }
        };
        let failures = self.failures.iter_mut().chain(&mut self.unmet).chain(&mut self.recovered);
        failures.for_each(|failure| failure.rewrite(&rewrite));
        self.attempts.iter_mut().for_each(|attempt| attempt.rewrite(&rewrite));
        self.steps.iter_mut().for_each(|step| step.rewrite(&rewrite));
        self.requests.iter_mut().for_each(|request| request.rewrite(&rewrite));
        self.cleanup.rewrite(&rewrite);
        for metric in &mut self.metrics {
            rewrite(&mut metric.name);
        }
        self.labels = std::mem::take(&mut self.labels)
            .into_iter()
            .map(|(mut name, mut value)| {
                rewrite(&mut name);
                rewrite(&mut value);
                (name, value)
            })
            .collect();
        self.artifacts.iter_mut().for_each(|artifact| artifact.redact(redactor));
        for line in &mut self.log {
            rewrite(&mut line.text);
        }
        self.warnings.iter_mut().for_each(rewrite);
    }
}

/// The version of a report's JSON form. Reading one of another major version is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub struct Version;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(SCHEMA_VERSION)
    }
}

impl TryFrom<String> for Version {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        if text == SCHEMA_VERSION {
            Ok(Self)
        } else {
            Err(format!("a report of the form {text:?}, this library reads {SCHEMA_VERSION:?}"))
        }
    }
}

impl From<Version> for String {
    fn from(_: Version) -> Self {
        SCHEMA_VERSION.to_owned()
    }
}

/// A number that a run measured itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metric {
    /// Its name: `[a-zA-Z_][a-zA-Z0-9_]*`.
    pub name: String,
    /// Its value, finite.
    pub value: f64,
    /// What it counts.
    pub unit: Unit,
}

/// What a [`Metric`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Parts of a hundred.
    Percent,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "",
            Self::Seconds => " s",
            Self::Bytes => " bytes",
            Self::Percent => " %",
        })
    }
}

/// A line that was logged inside of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogLine {
    /// When, counted from the start of the run.
    #[serde(rename = "at_ms", with = "json::millis")]
    pub at: Duration,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: std::borrow::Cow<'static, str>,
    /// The module that logged it.
    pub target: String,
    /// Its message and its fields, at most 1 KiB.
    pub text: String,
}

impl LogLine {
    pub(crate) fn new(at: Duration, level: tracing::Level, target: &str, text: String) -> Self {
        Self { at, level: level.as_str().into(), target: target.to_owned(), text }
    }
}
