//! Metrics in CloudWatch, under the names of CloudWatch Synthetics.

mod accepted;
mod obstacle;
mod packet;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_cloudwatch::Client;
use synthetic_core::sink::{Batch, DeliveryError};
use synthetic_core::{Clock, Report, Sink};

use self::accepted::Accepted;
use self::obstacle::Obstacle;
use self::packet::{Content, Item, items, packets};
use crate::datum::{InvalidSetting, LeftOut, Reason, Settings};

/// How many values of a batch the server may refuse on their own before the batch is given up: one by one they would cost
/// a thousand calls.
const MOST_REFUSALS: u32 = 40;

/// Publishes reports as metrics of CloudWatch, with the names, units, dimensions and times of [CloudWatch
/// Synthetics](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_metrics.html):
/// alarms, dashboards and SLOs keep working when a canary moves.
///
/// Metrics of a run carry the time at which it was due, metrics of a step the time at which it ended. What CloudWatch
/// would not take is left out, [counted](Self::left_out) and said in the log. What it took of a batch is not sent again
/// when the rest of the batch is; only an answer that is lost on its way, after CloudWatch has stored the values, makes
/// it store them twice.
///
/// A call holds at most 1000 values and 1 MB, and ends after 20 s. Its clones share what they count, and what they
/// remember of the last 10,000 runs. The crates of AWS need Rust 1.94.1.
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::CloudWatch;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let health = canary(Spec::new("api-health"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
/// let metrics = CloudWatch::from_env().await.namespace("Shop")?;
/// let monitor = Monitor::named("shop").canary(every(mins(1)), health).sink(metrics).build()?;
/// let (_, summary) = monitor.once().await;
/// assert_eq!(summary.sinks[0].delivered, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct CloudWatch {
    client: Client,
    settings: Settings,
    clock: Clock,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    left_out: LeftOut,
    accepted: Mutex<Accepted>,
}

impl CloudWatch {
    /// Takes region, endpoint and credentials from where every tool of AWS takes them: `AWS_REGION`, `AWS_ENDPOINT_URL`,
    /// `AWS_PROFILE`, `AWS_ACCESS_KEY_ID`, the files of profiles, the role of a task, a pod or an instance.
    ///
    /// A setting that is missing is told by the first delivery that misses it.
    pub async fn from_env() -> Self {
        Self::with_config(&aws_config::defaults(BehaviorVersion::latest()).load().await)
    }

    /// Takes them from a configuration that the program has already, for several clients or for a role to assume.
    ///
    /// Its time limits and its retries are not used: a call ends after 20 s, and the pipeline tries again.
    #[must_use]
    pub fn with_config(config: &SdkConfig) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(20))
            .operation_timeout(Duration::from_secs(30))
            .build();
        let config = aws_sdk_cloudwatch::config::Builder::from(config)
            // The pipeline tries again, and counts.
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .build();
        Self {
            client: Client::from_conf(config),
            settings: Settings::default(),
            clock: Clock::system(),
            shared: Arc::default(),
        }
    }

    /// Stores the metrics in another namespace.
    ///
    /// # Default
    ///
    /// `CloudWatchSynthetics`, the only one that roles made for canaries allow.
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
    /// ASCII), `too_old` (two weeks), `too_far_ahead` (two hours), `not_finite`, `refused` (by CloudWatch).
    ///
    /// A value is counted once for each set of dimensions that it would have been stored under.
    #[must_use]
    pub fn left_out(&self) -> BTreeMap<&'static str, u64> {
        self.shared.left_out.counts()
    }

    /// Sends what CloudWatch takes of a packet, in one call, if it takes any of it.
    async fn put(&self, packet: &[Item]) -> Result<(), Obstacle> {
        let data: Vec<_> = packet.iter().filter_map(Item::datum).cloned().collect();
        if data.is_empty() {
            return Ok(());
        }
        let call = self.client.put_metric_data().namespace(&self.settings.namespace).set_metric_data(Some(data));
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(obstacle::of(&error, &self.settings.namespace)),
        }
    }

    /// Remembers that nothing of a packet needs to be sent any more.
    fn conclude(&self, packet: &[Item]) {
        let mut accepted = self.accepted();
        for item in packet {
            accepted.remember(item.run, item.position + 1);
            if let Content::LeftOut { reason, what } = &item.content {
                self.shared.left_out.note(*reason, what);
            }
        }
    }

    fn accepted(&self) -> MutexGuard<'_, Accepted> {
        self.shared.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for CloudWatch {
    fn name(&self) -> &'static str {
        "cloudwatch"
    }

    /// At most 100, which wait 10 s for company: every call is paid for, and what it looks at is minutes.
    fn batch(&self) -> Batch {
        Batch { most: 100, linger: Duration::from_secs(10) }
    }

    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        let now = self.clock.now();
        let mut all = Vec::new();
        for report in reports {
            let concluded = self.accepted().of(report.run_id.into_bytes());
            all.extend(items(report, &self.settings, now).skip(concluded));
        }
        let mut refusals = 0;
        let mut todo: Vec<_> = packets(&all, &self.settings).rev().collect();
        while let Some(packet) = todo.pop() {
            match self.put(packet).await {
                Ok(()) => self.conclude(packet),
                // It names no value, but the others must not suffer for one: halves are tried until it stands alone.
                Err(Obstacle::Refused(why)) => {
                    refusals += 1;
                    if refusals > MOST_REFUSALS {
                        return Err(DeliveryError::Fatal(why));
                    }
                    match packet {
                        [alone] => {
                            let what = format!("{} ({why})", alone.what());
                            self.shared.left_out.note(Reason::Refused, &what);
                            self.accepted().remember(alone.run, alone.position + 1);
                        }
                        _ => {
                            let (first, second) = packet.split_at(packet.len() / 2);
                            todo.extend([second, first]);
                        }
                    }
                }
                Err(Obstacle::Delivery(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

impl fmt::Debug for CloudWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudWatch").field("settings", &self.settings).finish_non_exhaustive()
    }
}
