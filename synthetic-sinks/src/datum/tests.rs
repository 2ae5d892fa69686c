use std::time::UNIX_EPOCH;

use serde_json::{Value as Json, json};

use super::*;

/// Returns a report of a run that was due at 1,800,000,000 s, started 2 s late and took 1.25 s, with these parts in place
/// of what a run that passed has.
pub(crate) fn report(parts: Json) -> Report {
    let mut report = json!({
        "schema": "synthetic-report/1",
        "run_id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "canary": "api-health-check",
        "outcome": "passed",
        "scheduled_at": "2027-01-15T08:00:00Z",
        "started_at": "2027-01-15T08:00:02Z",
        "duration_ms": 1250.0,
        "checks": 1,
        "cleanup": {},
    });
    let (Some(all), Json::Object(parts)) = (report.as_object_mut(), parts) else { unreachable!("both are objects") };
    all.extend(parts);
    serde_json::from_value(report).unwrap()
}

/// Returns what a report comes to, a line a group: its scope, its time in seconds after the run was due, its values.
fn lines(report: &Report) -> Vec<String> {
    let due = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let line = |group: &Group<'_>| {
        let sets: Vec<_> = group.scope.dimension_sets().iter().map(|set| format!("{{{}}}", set.join(", "))).collect();
        let step = if let Scope::Step(name) = group.scope { format!(" {name}") } else { String::new() };
        let at = group.at.duration_since(due).unwrap().as_secs_f64();
        let value = |value: &Value| format!("{} {} {:?}", value.metric, value.value, value.unit);
        let values: Vec<_> = group.values.iter().map(value).collect();
        format!("{}{step} +{at}: {}", sets.join(" "), values.join(", "))
    };
    groups(report).iter().map(line).collect()
}

#[test]
fn a_report_comes_to_what_cloudwatch_synthetics_would_publish() {
    let request = |status: Option<u16>, cleanup: bool| json!({"method": "GET", "url": "https://shop.example/", "status": status, "reason": status.is_none().then_some("connect"), "duration_ms": 1.0, "cleanup": cleanup});
    let open_port = json!({"method": "TCP", "url": "tcp://db.internal:5432", "duration_ms": 1.0});
    let step = |name: &str, outcome: &str, started: f64, took: f64| json!({"name": name, "outcome": outcome, "started_ms": started, "duration_ms": took, "finished": true});
    let superseded = |mut step: Json| {
        step["superseded"] = true.into();
        step
    };
    let attempt = json!({"run_id": "01890a5d-ac96-774b-bcce-b302099a8058", "started_at": "2027-01-15T08:00:00Z", "duration_ms": 1.0, "outcome": "failed", "reason": "connect"});
    let run = "{CanaryName} {} +0:";
    let cases: [(&str, Json, Vec<String>); 18] = [
        ("it passed", json!({}), vec![format!("{run} SuccessPercent 100 Percent, Duration 1250 Milliseconds")]),
        (
            "it was degraded: nobody needs to be woken",
            json!({"outcome": "degraded", "reason": "preference"}),
            vec![format!("{run} SuccessPercent 100 Percent, Duration 1250 Milliseconds")],
        ),
        (
            "it failed",
            json!({"outcome": "failed", "reason": "expectation"}),
            vec![format!("{run} SuccessPercent 0 Percent, Duration 1250 Milliseconds, Failed 1 Count")],
        ),
        (
            "it timed out, where the original is silent",
            json!({"outcome": "failed", "reason": "timeout", "duration_ms": 30_000.0}),
            vec![format!("{run} SuccessPercent 0 Percent, Duration 30000 Milliseconds, Failed 1 Count")],
        ),
        (
            "the monitor could not conclude",
            json!({"outcome": "error", "reason": "setup"}),
            vec![format!("{run} Error 1 Count")],
        ),
        ("it was skipped", json!({"outcome": "skipped", "reason": "skipped"}), vec![]),
        (
            "it took less than a millisecond",
            json!({"duration_ms": 0.25}),
            vec![format!("{run} SuccessPercent 100 Percent, Duration 0.25 Milliseconds")],
        ),
        (
            "it made requests: zeros are counted, a redirect is none of the classes",
            json!({"requests": [request(Some(200), false), request(Some(201), false), request(Some(301), false)]}),
            vec![format!(
                "{run} SuccessPercent 100 Percent, Duration 1250 Milliseconds, 2xx 2 Count, 4xx 0 Count, 5xx 0 Count, Failed requests 0 Count"
            )],
        ),
        (
            "requests of all kinds, those of cleanup left out",
            json!({"outcome": "failed", "requests": [request(Some(404), false), request(Some(503), false), request(Some(599), false), request(None, false), request(Some(204), true)]}),
            vec![format!(
                "{run} SuccessPercent 0 Percent, Duration 1250 Milliseconds, Failed 1 Count, 2xx 0 Count, 4xx 1 Count, 5xx 2 Count, Failed requests 1 Count"
            )],
        ),
        (
            "a protocol without statuses: what was answered is no failed request",
            json!({"requests": [open_port]}),
            vec![format!(
                "{run} SuccessPercent 100 Percent, Duration 1250 Milliseconds, 2xx 0 Count, 4xx 0 Count, 5xx 0 Count, Failed requests 0 Count"
            )],
        ),
        (
            "requests of cleanup alone are none",
            json!({"requests": [request(Some(204), true)]}),
            vec![format!("{run} SuccessPercent 100 Percent, Duration 1250 Milliseconds")],
        ),
        (
            "an error of ours after a request",
            json!({"outcome": "error", "reason": "panic", "requests": [request(Some(200), false)]}),
            vec![format!("{run} Error 1 Count, 2xx 1 Count, 4xx 0 Count, 5xx 0 Count, Failed requests 0 Count")],
        ),
        (
            "its steps, each at its end",
            json!({"outcome": "failed", "steps": [step("log in", "passed", 0.0, 500.0), step("pay", "failed", 500.0, 750.0)]}),
            vec![
                format!("{run} SuccessPercent 0 Percent, Duration 1250 Milliseconds, Failed 1 Count"),
                "{CanaryName, StepName} log in +2.5: SuccessPercent 100 Percent, Duration 500 Milliseconds".to_owned(),
                "{CanaryName, StepName} pay +3.25: SuccessPercent 0 Percent, Duration 750 Milliseconds".to_owned(),
            ],
        ),
        (
            "steps of which nothing was learned, or that did not count",
            json!({"steps": [step("panics", "error", 0.0, 1.0), step("dropped", "skipped", 0.0, 1.0), superseded(step("pay", "failed", 0.0, 1.0)), step("pay", "passed", 1.0, 1.0)]}),
            vec![
                format!("{run} SuccessPercent 100 Percent, Duration 1250 Milliseconds"),
                "{CanaryName, StepName} pay +2.002: SuccessPercent 100 Percent, Duration 1 Milliseconds".to_owned(),
            ],
        ),
        (
            "it may be tried again, and passed at once",
            json!({"retries": 2}),
            vec![
                format!("{run} SuccessPercent 100 Percent, Duration 1250 Milliseconds"),
                "{CanaryName} +0: RetryCount 0 Count, SuccessPercentWithRetries 100 Percent".to_owned(),
            ],
        ),
        (
            "it passed when it was tried again",
            json!({"retries": 1, "attempts": [attempt]}),
            vec![
                format!("{run} SuccessPercent 100 Percent, Duration 1250 Milliseconds"),
                "{CanaryName} +0: RetryCount 1 Count, SuccessPercentWithRetries 100 Percent".to_owned(),
            ],
        ),
        (
            "it failed each time",
            json!({"outcome": "failed", "retries": 2, "attempts": [attempt, attempt]}),
            vec![
                format!("{run} SuccessPercent 0 Percent, Duration 1250 Milliseconds, Failed 1 Count"),
                "{CanaryName} +0: RetryCount 2 Count, SuccessPercentWithRetries 0 Percent".to_owned(),
            ],
        ),
        (
            "it was cancelled while it was tried again",
            json!({"outcome": "error", "reason": "cancelled", "retries": 1, "attempts": [attempt]}),
            vec![format!("{run} Error 1 Count"), "{CanaryName} +0: RetryCount 1 Count".to_owned()],
        ),
    ];
    for (case, parts, expected) in cases {
        assert_eq!(lines(&report(parts)), expected, "{case}");
    }
}

#[test]
fn every_value_that_a_report_comes_to_is_of_a_known_metric_and_finite() {
    let report = report(json!({"outcome": "failed", "duration_ms": f64::from(u32::MAX)}));
    for value in groups(&report).iter().flat_map(|group| &group.values) {
        assert!(METRICS.contains(&value.metric) && value.value.is_finite() && value.value >= 0.0, "{value:?}");
    }
}
