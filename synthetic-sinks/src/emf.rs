//! Metrics for CloudWatch without a call to AWS: lines of JSON in the Embedded Metric Format, which CloudWatch Logs reads
//! metrics from.
//!
//! Source: "Specification: Embedded metric format",
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};
use synthetic_core::sink::{Batch, DeliveryError};
use synthetic_core::{Clock, Report, Sink};

use crate::console::Console;
use crate::datum::{self, Group, InvalidSetting, LeftOut, Scope, Settings};

/// Writes reports as metrics of CloudWatch to standard output, in the Embedded Metric Format: for Lambda, and for Fargate
/// with the `awslogs` driver, whose output is in CloudWatch Logs anyway.
///
/// Names, units, dimensions and times are those of [CloudWatch Synthetics](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_metrics.html):
/// a line for each run that came to something, and one for each of its steps. Beside the metrics a line holds `RunId`,
/// `Outcome` and `Reason`, for queries of the log. What CloudWatch would not take is left out,
/// [counted](Self::left_out) and said in the log.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::Emf;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = canary(Spec::new("api-health"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
/// let sink = Emf::stdout().namespace("Shop")?.dimension("Environment", "prod")?;
/// let monitor = Monitor::named("shop").canary(every(mins(1)), health).sink(sink).build()?;
/// let (_, summary) = monitor.once().await; // Prints `{"CanaryName":"api-health","Duration":0.01,…}`.
/// assert_eq!(summary.sinks[0].delivered, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Emf {
    console: Console,
    settings: Settings,
    clock: Clock,
    left_out: Arc<LeftOut>,
}

impl Emf {
    /// Writes to standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self {
            console: Console::stdout(),
            settings: Settings::default(),
            clock: Clock::system(),
            left_out: Arc::default(),
        }
    }

    /// Writes somewhere else: a file that an agent reads, or a buffer in a test.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_sinks::Emf;
    /// let _to_nowhere = Emf::stdout().to(std::io::sink());
    /// ```
    #[must_use]
    pub fn to(self, writer: impl Write + Send + 'static) -> Self {
        Self { console: Console::of(writer), ..self }
    }

    /// Stores the metrics in another namespace.
    ///
    /// # Default
    ///
    /// `CloudWatchSynthetics`.
    ///
    /// # Errors
    ///
    /// Returns what CloudWatch does not take: a namespace is 1 to 255 letters, digits and `.-_/#:` or blanks, and not
    /// one of AWS's own.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Result<Self, InvalidSetting> {
        self.settings.set_namespace(namespace.into())?;
        Ok(self)
    }

    /// Gives every metric a further dimension: `Environment`, `prod`.
    ///
    /// A metric of CloudWatch is told apart by all of its dimensions: an alarm on `{CanaryName}` alone does not see it
    /// any more.
    ///
    /// # Errors
    ///
    /// Returns what CloudWatch does not take: a name is 1 to 255 printable characters of ASCII, a value 1 to 1024, a name
    /// occurs once, and there are at most 28 beside `CanaryName` and `StepName`.
    pub fn dimension(mut self, name: impl Into<String>, value: impl Into<String>) -> Result<Self, InvalidSetting> {
        self.settings.add_dimension(name.into(), value.into())?;
        Ok(self)
    }

    /// Returns how many values were left out so far, by reason: `dimension` (not 1 to 1024 printable characters of
    /// ASCII), `too_old` (two weeks), `too_far_ahead` (two hours), `not_finite`.
    #[must_use]
    pub fn left_out(&self) -> BTreeMap<&'static str, u64> {
        self.left_out.counts()
    }

    fn encode(&self, report: &Report) -> Vec<u8> {
        let now = self.clock.now();
        let mut groups = datum::groups(report);
        groups.retain_mut(|group| self.takes(report, group, now));
        let mut bytes = Vec::new();
        // What belongs to the run is a line, since it has its time and its dimensions in common.
        for together in groups.chunk_by(|a, b| !is_step(a) && !is_step(b)) {
            bytes.extend_from_slice(self.line(report, together).to_string().as_bytes());
            bytes.push(b'\n');
        }
        bytes
    }

    /// Removes the values that CloudWatch does not take, and returns whether any is left.
    fn takes(&self, report: &Report, group: &mut Group<'_>, now: SystemTime) -> bool {
        let (scope, at) = (group.scope, group.at);
        group.values.retain(|value| {
            let dimensions = scope.dimension_sets().iter().copied().flatten();
            let dimensions = dimensions.map(|name| scope.dimension(name, report));
            let taken = datum::check(value.value, at, now, dimensions);
            if let Err(reason) = taken {
                self.left_out.note(reason, &format!("{} of {}", value.metric, scope.of(report)));
            }
            taken.is_ok()
        });
        !group.values.is_empty()
    }

    fn line(&self, report: &Report, groups: &[Group<'_>]) -> Json {
        let mut line = Map::new();
        let mut directives = Vec::new();
        for group in groups {
            let mut sets = Vec::new();
            for names in group.scope.dimension_sets() {
                for name in *names {
                    line.insert((*name).to_owned(), group.scope.dimension(name, report).into());
                }
                let further = self.settings.dimensions.iter().map(|(name, _)| &**name);
                sets.push(names.iter().copied().chain(further).collect::<Vec<_>>());
            }
            let metrics = group.values.iter().map(|value| json!({"Name": value.metric, "Unit": value.unit.as_str()}));
            directives.push(json!({
                "Namespace": self.settings.namespace,
                "Dimensions": sets,
                "Metrics": metrics.collect::<Vec<_>>(),
            }));
            line.extend(group.values.iter().map(|value| (value.metric.to_owned(), value.value.into())));
        }
        line.extend(self.settings.dimensions.iter().map(|(name, value)| (name.clone(), Json::from(&**value))));
        line.insert("RunId".to_owned(), report.run_id.to_string().into());
        line.insert("Outcome".to_owned(), report.outcome.as_str().into());
        if let Some(reason) = report.reason {
            line.insert("Reason".to_owned(), reason.as_str().into());
        }
        let at = groups.first().map_or(UNIX_EPOCH, |group| group.at).duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        line.insert("_aws".to_owned(), json!({"Timestamp": at, "CloudWatchMetrics": directives}));
        line.into()
    }
}

const fn is_step(group: &Group<'_>) -> bool {
    matches!(group.scope, Scope::Step(_))
}

#[async_trait]
impl Sink for Emf {
    fn name(&self) -> &'static str {
        "emf"
    }

    fn is_console(&self) -> bool {
        self.console.is_stdout
    }

    /// At most 100, which wait 20 ms for company, as those of [`Stdout`](crate::Stdout).
    fn batch(&self) -> Batch {
        Batch { most: 100, linger: Duration::from_millis(20) }
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        let bytes: Vec<u8> = reports.iter().flat_map(|report| self.encode(report)).collect();
        if bytes.is_empty() { Ok(()) } else { self.console.write(bytes).await }
    }

    async fn flush(&self) -> Result<(), DeliveryError> {
        self.console.write(Vec::new()).await
    }

    fn last_words(&self, report: &Report) {
        self.console.write_now(&self.encode(report));
    }
}

impl fmt::Debug for Emf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emf").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
