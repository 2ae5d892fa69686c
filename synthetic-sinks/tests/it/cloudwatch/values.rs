//! What arrives: every metric with its dimensions, its unit and its time.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::types::StandardUnit::{self, Count, Milliseconds, Percent};

use super::*;
use crate::proxy::Proxy;

/// A metric, its step if it is of one, when it is due after the run, its unit and its value.
type Expected = (&'static str, Option<&'static str>, u64, StandardUnit, f64);

/// Delivers a report, and reads back that all of it arrived, and nothing else.
async fn check(parts: Json, expected: &[Expected]) {
    let Some(emulator) = Emulator::start().await else { return };
    let client = Client::new(&config(emulator.endpoint()).await);
    let due = last_minute() - Duration::from_secs(240);
    let named = sink(emulator.endpoint()).await.dimension("Environment", "test").unwrap();
    named.deliver(&[report(due, parts.clone())]).await.unwrap();
    let plain = sink(emulator.endpoint()).await;
    plain.deliver(&[report(due, parts)]).await.unwrap();

    let mut all = BTreeSet::new();
    for (metric, step, after, unit, value) in expected {
        let mut sets = vec![vec![("CanaryName", CANARY)]];
        match step {
            Some(step) => sets[0].push(("StepName", *step)),
            None if metric.contains("Retr") => {}
            None => sets.push(Vec::new()),
        }
        for set in sets {
            for further in [None, Some(("Environment", "test"))] {
                let dimensions: Vec<_> = set.iter().copied().chain(further).collect();
                all.insert(name(metric, &dimensions));
                if dimensions.is_empty() {
                    continue; // Asked for no dimension, the emulator answers with all.
                }
                let at = due + Duration::from_secs(*after);
                let then = points(&client, metric, &dimensions, at, 1).await;
                let [point] = &*then else { panic!("{metric} {dimensions:?} at {after} s: {then:?}") };
                assert_eq!(point.timestamp(), Some(&DateTime::from(at)), "{metric} {dimensions:?}");
                let got = (point.sample_count(), point.sum(), point.unit());
                assert_eq!(got, (Some(1.0), Some(*value), Some(unit)), "{metric} {dimensions:?}");
                let around = points(&client, metric, &dimensions, due - Duration::from_secs(3600), 7200).await;
                let samples: f64 = around.iter().filter_map(Datapoint::sample_count).sum();
                assert_eq!(samples, 1.0, "{metric} {dimensions:?}: {around:?}");
            }
        }
    }
    let listed = client.list_metrics().namespace(NAMESPACE).send().await.unwrap();
    let pair = |one: &Dimension| (one.name().unwrap().to_owned(), one.value().unwrap().to_owned());
    let listed: BTreeSet<_> = listed
        .metrics()
        .iter()
        .map(|metric| {
            let mut dimensions: Vec<_> = metric.dimensions().iter().map(pair).collect();
            // Those of the sink come last.
            dimensions.sort_by_key(|(name, _)| name == "Environment");
            let dimensions: Vec<_> = dimensions.iter().map(|(name, value)| (&**name, &**value)).collect();
            name(metric.metric_name().unwrap(), &dimensions)
        })
        .collect();
    assert_eq!(listed, all);
}

fn name(metric: &str, dimensions: &[(&str, &str)]) -> String {
    format!("{metric} {dimensions:?}")
}

/// One without a status had no answer, because it could not connect.
fn request(status: Option<u16>) -> Json {
    let reason = if status.is_none() { Some("connect") } else { None };
    json!({"method": "GET", "url": "https://shop.example/", "status": status, "reason": reason, "duration_ms": 1.0})
}

#[tokio::test]
async fn a_run_that_failed_arrives_with_its_requests_and_its_steps() {
    let parts = json!({
        "outcome": "failed",
        "reason": "expectation",
        "requests": [request(Some(200)), request(Some(201)), request(Some(404)), request(Some(302)), request(None)],
        "steps": [step("log in", "passed", 0.0, 1000.0), step("pay \"now\" <b>", "failed", 1000.0, 2000.0)],
    });
    let (login, pay) = (Some("log in"), Some("pay \"now\" <b>"));
    check(
        parts,
        &[
            ("SuccessPercent", None, 0, Percent, 0.0),
            ("Duration", None, 0, Milliseconds, 1250.0),
            ("Failed", None, 0, Count, 1.0),
            ("2xx", None, 0, Count, 2.0),
            ("4xx", None, 0, Count, 1.0),
            ("5xx", None, 0, Count, 0.0),
            ("Failed requests", None, 0, Count, 1.0),
            ("SuccessPercent", login, 3, Percent, 100.0),
            ("Duration", login, 3, Milliseconds, 1000.0),
            ("SuccessPercent", pay, 5, Percent, 0.0),
            ("Duration", pay, 5, Milliseconds, 2000.0),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_run_that_timed_out_is_a_failed_one() {
    check(
        json!({"outcome": "failed", "reason": "timeout", "duration_ms": 30_000.0}),
        &[
            ("SuccessPercent", None, 0, Percent, 0.0),
            ("Duration", None, 0, Milliseconds, 30_000.0),
            ("Failed", None, 0, Count, 1.0),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_run_that_could_not_conclude_is_an_error_and_no_percentage() {
    check(json!({"outcome": "error", "reason": "setup"}), &[("Error", None, 0, Count, 1.0)]).await;
}

#[tokio::test]
async fn a_run_that_was_tried_again_says_how_often_and_how_it_ended() {
    let attempt = json!({"run_id": "01890a5d-ac96-774b-bcce-b302099a8058", "started_at": "2027-01-15T08:00:00Z", "duration_ms": 1.0, "outcome": "failed"});
    check(
        json!({"retries": 2, "attempts": [attempt, attempt]}),
        &[
            ("SuccessPercent", None, 0, Percent, 100.0),
            ("Duration", None, 0, Milliseconds, 1250.0),
            ("RetryCount", None, 0, Count, 2.0),
            ("SuccessPercentWithRetries", None, 0, Percent, 100.0),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_cloudwatch_does_not_take_is_left_out_and_the_rest_arrives() {
    let Some(emulator) = Emulator::start().await else { return };
    let client = Client::new(&config(emulator.endpoint()).await);
    let (sink, due) = (sink(emulator.endpoint()).await, last_minute());
    let long_ago = Duration::from_secs(15 * 24 * 3600);
    let reports = [
        report(due, json!({"steps": [step("Größe prüfen", "passed", 0.0, 1.0), step("pay", "passed", 0.0, 1.0)]})),
        report(due - long_ago, json!({})),
        report(due + Duration::from_secs(3 * 3600), json!({})),
    ];
    sink.deliver(&reports).await.unwrap();
    sink.deliver(&reports).await.unwrap();
    let left_out = sink.left_out().into_iter().collect::<Vec<_>>();
    assert_eq!(left_out, [("dimension", 2), ("too_far_ahead", 4), ("too_old", 4)], "each once");
    let day = points(&client, "SuccessPercent", &[("CanaryName", CANARY)], due - long_ago, 16 * 24 * 3600).await;
    assert_eq!(day.iter().filter_map(Datapoint::sample_count).sum::<f64>(), 1.0);
    let step = points(&client, "Duration", &[("CanaryName", CANARY), ("StepName", "pay")], due, 60).await;
    assert_eq!(step.len(), 1);
}

#[tokio::test]
async fn ten_thousand_values_arrive_in_ten_calls() {
    let Some(emulator) = Emulator::start().await else { return };
    let client = Client::new(&config(emulator.endpoint()).await);
    let proxy = Proxy::with_script(Some(emulator.endpoint()), []).await;
    let due = last_minute();
    let steps: Vec<_> = (0..48).map(|n| step(&format!("step {n}"), "passed", 0.0, 1000.0)).collect();
    let reports: Vec<_> = (0..100).map(|_| report(due, json!({"steps": steps}))).collect();
    sink(proxy.endpoint()).await.deliver(&reports).await.unwrap();

    let calls = proxy.seen();
    assert_eq!(calls.len(), 10);
    for call in calls {
        assert_eq!(call.headers["content-encoding"], "gzip");
        assert!(call.body.len() < 1_000_000, "{} bytes", call.body.len());
    }
    for (metric, sum) in [("SuccessPercent", 500_000.0), ("Duration", 4_800_000.0 + 250_000.0)] {
        // All dimensions together, as the emulator answers when it is asked for none.
        let all = points(&client, metric, &[], due, 60).await;
        let (samples, total) = (all[0].sample_count().unwrap(), all[0].sum().unwrap());
        assert_eq!((all.len(), samples, total), (1, 5000.0, sum), "{metric}");
    }
}
