//! What a report comes to in CloudWatch: the names, units, dimensions and times of CloudWatch Synthetics, so that alarms
//! and dashboards keep working when a canary moves.
//!
//! Source of the names: "CloudWatch metrics published by canaries",
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_metrics.html>.

mod left_out;
mod limits;
mod settings;

use std::time::{Duration, SystemTime};

use synthetic_core::report::{RequestReport, StepReport};
use synthetic_core::{Outcome, Report};

pub(crate) use self::left_out::{LeftOut, Reason};
pub(crate) use self::limits::check;
pub use self::settings::InvalidSetting;
pub(crate) use self::settings::Settings;

/// Values that have their time and their dimensions in common.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group<'a> {
    pub(crate) scope: Scope<'a>,
    pub(crate) at: SystemTime,
    pub(crate) values: Vec<Value>,
}

/// What a value is of, which decides its sets of dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope<'a> {
    /// A run: once for its canary, `{CanaryName}`, and once for all canaries together, `{}`.
    Run,
    /// A run, for its canary alone: `{CanaryName}`.
    Canary,
    /// A step: `{CanaryName, StepName}`.
    Step(&'a str),
}

/// One value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Value {
    pub(crate) metric: &'static str,
    pub(crate) unit: Unit,
    pub(crate) value: f64,
}

/// What a value counts, in the words of CloudWatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Milliseconds,
    Percent,
}

#[cfg(feature = "emf")]
impl Unit {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
            Self::Percent => "Percent",
        }
    }
}

pub(crate) const CANARY: &str = "CanaryName";
pub(crate) const STEP: &str = "StepName";

const SUCCESS: &str = "SuccessPercent";
const DURATION: &str = "Duration";
const FAILED: &str = "Failed";
const ERROR: &str = "Error";
const ANSWERED_2XX: &str = "2xx";
const ANSWERED_4XX: &str = "4xx";
const ANSWERED_5XX: &str = "5xx";
const NOT_ANSWERED: &str = "Failed requests";
const SUCCESS_WITH_RETRIES: &str = "SuccessPercentWithRetries";
const RETRIES: &str = "RetryCount";

/// All metrics.
const METRICS: [&str; 10] = [
    SUCCESS,
    DURATION,
    FAILED,
    ERROR,
    ANSWERED_2XX,
    ANSWERED_4XX,
    ANSWERED_5XX,
    NOT_ANSWERED,
    SUCCESS_WITH_RETRIES,
    RETRIES,
];

impl Scope<'_> {
    /// Returns the sets of names of dimensions that a value of it is stored under.
    pub(crate) const fn dimension_sets(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Run => &[&[CANARY], &[]],
            Self::Canary => &[&[CANARY]],
            Self::Step(_) => &[&[CANARY, STEP]],
        }
    }

    /// Returns what a dimension is called here.
    pub(crate) fn dimension<'a>(&'a self, name: &str, report: &'a Report) -> &'a str {
        match self {
            Self::Step(step) if name == STEP => step,
            _ => &report.canary,
        }
    }

    /// Returns what a person calls it.
    pub(crate) fn of(&self, report: &Report) -> String {
        match self {
            Self::Step(step) => format!("step {step:?} of canary {:?}", report.canary),
            Self::Run | Self::Canary => format!("canary {:?}", report.canary),
        }
    }
}

/// Returns what a report comes to, in an order that is always the same: values of the run, then those of its steps.
///
/// A run that could not conclude has no `Duration`: how long it took until it met a fault of our own says nothing of the
/// target, and would hide what is slow. A run that was skipped comes to nothing.
pub(crate) fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups = Vec::with_capacity(2 + report.steps.len());
    let mut run = concluded(report.outcome, report.duration);
    match report.outcome {
        Outcome::Failed => run.push(count(FAILED, 1)),
        Outcome::Error => run.push(count(ERROR, 1)),
        Outcome::Passed | Outcome::Degraded | Outcome::Skipped => {}
    }
    if report.outcome != Outcome::Skipped {
        run.extend(requests(&report.requests));
    }
    groups.push(Group { scope: Scope::Run, at: report.scheduled_at, values: run });
    if report.retries > 0 {
        let mut retried = vec![count(RETRIES, report.attempts.len())];
        retried.extend(success(report.outcome).map(|value| percent(SUCCESS_WITH_RETRIES, value)));
        groups.push(Group { scope: Scope::Canary, at: report.scheduled_at, values: retried });
    }
    // What was tried again, or tolerated, decided nothing.
    for step in report.steps.iter().filter(|step| !step.superseded) {
        groups.push(of_step(report, step));
    }
    groups.retain(|group| !group.values.is_empty());
    groups
}

fn of_step<'a>(report: &Report, step: &'a StepReport) -> Group<'a> {
    let end = step.started.checked_add(step.duration).and_then(|after| report.started_at.checked_add(after));
    // What was damaged on its way may say anything.
    let at = end.unwrap_or(report.started_at);
    Group { scope: Scope::Step(&step.name), at, values: concluded(step.outcome, step.duration) }
}

/// Returns whether it went well and how long it took, if it was learned.
fn concluded(outcome: Outcome, took: Duration) -> Vec<Value> {
    let Some(success) = success(outcome) else { return Vec::new() };
    vec![percent(SUCCESS, success), Value { metric: DURATION, unit: Unit::Milliseconds, value: millis(took) }]
}

/// Returns it in milliseconds, to the microsecond, as the JSON form of reports has it.
#[expect(clippy::cast_precision_loss, reason = "a run takes less than 2^52 microseconds, which are 142 years")]
const fn millis(took: Duration) -> f64 {
    took.as_micros() as f64 / 1000.0
}

/// Returns how much of it went well, in parts of a hundred, if it was learned.
const fn success(outcome: Outcome) -> Option<f64> {
    match outcome {
        Outcome::Passed | Outcome::Degraded => Some(100.0),
        Outcome::Failed => Some(0.0),
        Outcome::Error | Outcome::Skipped => None,
    }
}

/// Returns the counts of the journey's requests by the class of their answer, if there were any. Those of cleanup are
/// none of the journey's.
fn requests(all: &[RequestReport]) -> Vec<Value> {
    let (mut total, mut classes, mut unanswered) = (0, [0; 3], 0);
    for request in all.iter().filter(|request| !request.cleanup) {
        total += 1;
        match request.status {
            Some(200..=299) => classes[0] += 1,
            Some(400..=499) => classes[1] += 1,
            Some(500..=599) => classes[2] += 1,
            Some(_) => {}
            // A protocol without statuses: it was answered.
            None if request.reason.is_none() => {}
            None => unanswered += 1,
        }
    }
    if total == 0 {
        return Vec::new();
    }
    vec![
        count(ANSWERED_2XX, classes[0]),
        count(ANSWERED_4XX, classes[1]),
        count(ANSWERED_5XX, classes[2]),
        count(NOT_ANSWERED, unanswered),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a run has fewer requests and attempts than 2^52")]
const fn count(metric: &'static str, value: usize) -> Value {
    Value { metric, unit: Unit::Count, value: value as f64 }
}

const fn percent(metric: &'static str, value: f64) -> Value {
    Value { metric, unit: Unit::Percent, value }
}

#[cfg(test)]
pub(crate) mod tests;
