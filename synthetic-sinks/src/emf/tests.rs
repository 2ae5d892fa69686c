use std::io;
use std::sync::Mutex;

use serde_json::json;
use synthetic_core::testing::check_sink_contract;

use super::*;
use crate::datum::tests::report;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn lines(&self) -> Vec<Json> {
        let bytes = self.0.lock().unwrap();
        String::from_utf8_lossy(&bytes).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Returns a sink for which it is shortly after the reports of [`report`] were made.
fn sink(buffer: &Buffer) -> Emf {
    let clock = Clock::starting_at(UNIX_EPOCH + Duration::from_secs(1_800_000_060));
    Emf { clock, ..Emf::stdout().to(buffer.clone()) }
}

#[tokio::test]
async fn it_keeps_the_sink_contract() {
    check_sink_contract(|| async { Emf::stdout().to(Vec::new()) }).await;
}

#[tokio::test]
async fn a_run_is_a_line_and_so_is_each_of_its_steps() {
    let buffer = Buffer::default();
    let sink = sink(&buffer).namespace("Shop").unwrap().dimension("Environment", "prod").unwrap();
    let report = report(json!({
        "outcome": "failed",
        "reason": "expectation",
        "steps": [{"name": "log in", "outcome": "passed", "started_ms": 0.0, "duration_ms": 500.5, "finished": true}],
        "retries": 1,
        "attempts": [{"run_id": "01890a5d-ac96-774b-bcce-b302099a8058", "started_at": "2027-01-15T08:00:00Z", "duration_ms": 1.0, "outcome": "failed"}],
    }));
    sink.deliver(&[Arc::new(report)]).await.unwrap();
    let expected = json!([
        {
            "_aws": {
                "Timestamp": 1_800_000_000_000_u64,
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Shop",
                        "Dimensions": [["CanaryName", "Environment"], ["Environment"]],
                        "Metrics": [
                            {"Name": "SuccessPercent", "Unit": "Percent"},
                            {"Name": "Duration", "Unit": "Milliseconds"},
                            {"Name": "Failed", "Unit": "Count"},
                        ],
                    },
                    {
                        "Namespace": "Shop",
                        "Dimensions": [["CanaryName", "Environment"]],
                        "Metrics": [
                            {"Name": "RetryCount", "Unit": "Count"},
                            {"Name": "SuccessPercentWithRetries", "Unit": "Percent"},
                        ],
                    },
                ],
            },
            "CanaryName": "api-health-check",
            "Environment": "prod",
            "SuccessPercent": 0.0,
            "Duration": 1250.0,
            "Failed": 1.0,
            "RetryCount": 1.0,
            "SuccessPercentWithRetries": 0.0,
            "RunId": "01890a5d-ac96-774b-bcce-b302099a8057",
            "Outcome": "failed",
            "Reason": "expectation",
        },
        {
            "_aws": {
                "Timestamp": 1_800_000_002_500_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "Shop",
                    "Dimensions": [["CanaryName", "StepName", "Environment"]],
                    "Metrics": [
                        {"Name": "SuccessPercent", "Unit": "Percent"},
                        {"Name": "Duration", "Unit": "Milliseconds"},
                    ],
                }],
            },
            "CanaryName": "api-health-check",
            "StepName": "log in",
            "Environment": "prod",
            "SuccessPercent": 100.0,
            "Duration": 500.5,
            "RunId": "01890a5d-ac96-774b-bcce-b302099a8057",
            "Outcome": "failed",
            "Reason": "expectation",
        },
    ]);
    assert_eq!(Json::from(buffer.lines()), expected);
}

#[tokio::test]
async fn without_settings_it_is_the_namespace_and_the_dimensions_of_the_original() {
    let buffer = Buffer::default();
    sink(&buffer).deliver(&[Arc::new(report(json!({})))]).await.unwrap();
    let directive = &buffer.lines()[0]["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "CloudWatchSynthetics");
    assert_eq!(directive["Dimensions"], json!([["CanaryName"], []]));
}

#[tokio::test]
async fn what_cloudwatch_does_not_take_is_left_out_and_counted() {
    let buffer = Buffer::default();
    let sink = sink(&buffer);
    let step =
        json!({"name": "Größe prüfen", "outcome": "passed", "started_ms": 0.0, "duration_ms": 1.0, "finished": true});
    let reports = [
        report(json!({"steps": [step]})),
        report(json!({"scheduled_at": "2026-12-31T00:00:00Z"})),
        report(json!({"scheduled_at": "2027-01-15T10:02:00Z"})),
        report(json!({"outcome": "skipped"})),
    ];
    sink.deliver(&reports.map(Arc::new)).await.unwrap();
    assert_eq!(buffer.lines().len(), 1, "{:#?}", buffer.lines());
    assert_eq!(sink.left_out(), BTreeMap::from([("dimension", 2), ("too_far_ahead", 2), ("too_old", 2)]));
}

#[test]
fn last_words_are_written_at_once_and_only_standard_output_is_the_console() {
    let buffer = Buffer::default();
    sink(&buffer).last_words(&report(json!({"outcome": "error", "reason": "panic"})));
    assert_eq!(buffer.lines()[0]["Error"], 1.0);
    assert!(!sink(&buffer).is_console() && Emf::stdout().is_console());
}
