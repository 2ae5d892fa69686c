//! What arrives in CloudWatch, and what happens when it does not.

mod alarms;
mod faults;
mod values;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::config::Credentials;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Datapoint, Dimension, Statistic};
use serde_json::{Value as Json, json};
use synthetic_core::prelude::*;
use synthetic_core::testing::check_sink_contract;
use synthetic_core::{Clock, Report, Sink};
use synthetic_sinks::CloudWatch;

use crate::aws::Emulator;

/// Set in the environment of a process that a test starts.
const ROLE: &str = "SYNTHETIC_TEST_ROLE";
const NAMESPACE: &str = "CloudWatchSynthetics";
const CANARY: &str = "api-health-check";
const REGION: &str = "eu-central-1";

async fn config(endpoint: String) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .load()
        .await
}

async fn sink(endpoint: String) -> CloudWatch {
    CloudWatch::with_config(&config(endpoint).await)
}

/// Returns the last full minute: what is told in whole seconds comes back as it was.
fn last_minute() -> SystemTime {
    let now = Clock::system().now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    SystemTime::UNIX_EPOCH + Duration::from_secs(now / 60 * 60 - 60)
}

/// Returns a report of a run that was due then and started 2 s later, with these parts in place of those of a run that
/// passed after 1.25 s.
fn report(due: SystemTime, parts: Json) -> Arc<Report> {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let mut report = json!({
        "schema": "synthetic-report/1",
        "run_id": format!("01890a5d-ac96-774b-bcce-{:012x}", RUNS.fetch_add(1, Ordering::Relaxed)),
        "canary": CANARY,
        "outcome": "passed",
        "scheduled_at": rfc3339(due),
        "started_at": rfc3339(due + Duration::from_secs(2)),
        "duration_ms": 1250.0,
        "checks": 1,
        "cleanup": {},
    });
    let (Some(all), Json::Object(parts)) = (report.as_object_mut(), parts) else { unreachable!("both are objects") };
    all.extend(parts);
    Arc::new(serde_json::from_value(report).unwrap())
}

fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).unwrap().to_string()
}

fn step(name: &str, outcome: &str, started: f64, took: f64) -> Json {
    json!({"name": name, "outcome": outcome, "started_ms": started, "duration_ms": took, "finished": true})
}

/// Returns the points of a metric with exactly these dimensions in a span of time, in periods of its length.
async fn points(
    client: &Client,
    metric: &str,
    dimensions: &[(&str, &str)],
    from: SystemTime,
    length: i32,
) -> Vec<Datapoint> {
    let end = from + Duration::from_secs(u64::try_from(length).unwrap());
    let one = |(name, value): &(&str, &str)| Dimension::builder().name(*name).value(*value).build();
    let answer = client
        .get_metric_statistics()
        .namespace(NAMESPACE)
        .metric_name(metric)
        .set_dimensions(Some(dimensions.iter().map(one).collect()))
        .start_time(DateTime::from(from))
        .end_time(DateTime::from(end))
        .period(length)
        .set_statistics(Some(vec![Statistic::SampleCount, Statistic::Sum]))
        .send();
    answer.await.unwrap().datapoints.unwrap_or_default()
}

#[tokio::test]
async fn it_keeps_the_sink_contract() {
    let Some(emulator) = Emulator::start().await else { return };
    check_sink_contract(|| sink(emulator.endpoint())).await;
}

#[tokio::test]
async fn region_endpoint_and_credentials_come_from_the_environment() {
    let Some(emulator) = Emulator::start().await else { return };
    let monitor = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cloudwatch::a_monitor_of_its_own", "--nocapture"])
        .env(ROLE, "monitor")
        .envs([("AWS_ENDPOINT_URL", &*emulator.endpoint()), ("AWS_REGION", REGION)])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .output()
        .unwrap();
    assert!(monitor.status.success(), "{}", String::from_utf8_lossy(&monitor.stderr));
    let client = Client::new(&config(emulator.endpoint()).await);
    let start = Clock::system().now() - Duration::from_secs(1800);
    let points = points(&client, "SuccessPercent", &[("CanaryName", CANARY)], start, 3600).await;
    assert_eq!(points.iter().filter_map(Datapoint::sample_count).sum::<f64>(), 1.0);
}

/// Nothing by itself: what the test before it starts.
#[tokio::test]
async fn a_monitor_of_its_own() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let health = canary(Spec::new(CANARY), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
    let sink = CloudWatch::from_env().await;
    let monitor = Monitor::named("shop").canary(every(mins(1)), health).sink(sink).build().unwrap();
    let (_, summary) = monitor.once().await;
    assert_eq!(summary.sinks[0].delivered, 1, "{:?}", summary.sinks);
}
