//! The report: its JSON form, its schema, and the text that a person reads.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use synthetic_core::prelude::*;
use synthetic_core::report::{Certificate, JSON_SCHEMA, RequestReport};
use synthetic_core::{Clock, Runner};

/// A run that uses everything.
async fn everything() -> Report {
    let clock = Clock::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let spec = Spec::new("order-lifecycle").tags(["checkout", "critical"]);
    let runner = Runner::new().monitor("shop").location("eu-west-1").clock(clock);
    let mut report = runner
        .run(canary(spec, |run: Run| async move {
            run.defer("close the page", async { Err(Failure::new("status of DELETE /pages/7").actual("500")) });
            run.label("build", "1.4.2");
            run.metric("cart_size", 3.0, Unit::Count);
            run.attach("cart.json", "application/json", r#"{"items":3}"#);
            run.step("create order", async {
                tokio::time::sleep(ms(120)).await;
                let mut request =
                    RequestReport::new("POST", "https://shop.example/orders").status(503).duration(ms(115));
                request.reason = Some(synthetic_core::Reason::Expectation);
                request.certificate = Some(Certificate::new("shop.example", SystemTime::UNIX_EPOCH));
                request.phases.connect = Some(ms(3));
                run.record_request(request);
                tracing::warn!(queue = 17, "the shop is slow");
                run.prefer("latency of POST /orders", ms(115), lt(ms(100)));
                let failure = Failure::new("status of POST /orders").expected("is equal to 201").actual("503");
                let failure = failure.evidence("answer", "{\"error\":\"upstream unavailable\"}");
                run.soft("look for the reason", async { Err::<(), _>(Failure::new("log").actual("empty")) }).await;
                Err(run.raise(failure.hint("the payments service answers for this shop: see its canary")))
            })
            .await
        }))
        .await;
    report.run_id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    report
}

fn without_lines(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(at) = text.find(".rs:") {
        let digits = text[at + 4..].chars().take_while(char::is_ascii_digit).count();
        text.replace_range(at..at + 4 + digits, ".rs");
    }
    text
}

#[tokio::test(start_paused = true)]
async fn its_json_form_is_as_published() {
    let mut json = serde_json::to_value(everything().await).unwrap();
    for failure in json["failures"].as_array_mut().unwrap().iter_mut() {
        assert!(failure.as_object_mut().unwrap().remove("location").is_some());
    }
    insta::assert_snapshot!(without_lines(&serde_json::to_string_pretty(&json).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn its_text_stands_alone() {
    insta::assert_snapshot!(without_lines(&everything().await.to_string()));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_passed_is_one_line() {
    let report = once(canary(Spec::new("api-health"), |run: Run| async move {
        tokio::time::sleep(Duration::from_micros(12_340)).await;
        run.expect("x", 1, eq(1))
    }))
    .await;
    assert_eq!(report.to_string(), "api-health passed in 13.0 ms");
}

#[tokio::test(start_paused = true)]
async fn its_json_form_keeps_its_schema_and_comes_back_as_it_was() {
    let schema: Value = serde_json::from_str(JSON_SCHEMA).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let passed = once(canary(Spec::new("passed"), |run: Run| async move { run.expect("x", 1, eq(1)) })).await;
    let panicked = once(canary(Spec::new("panicked"), |_run: Run| async { panic!("boom") })).await;
    for report in [everything().await, passed, panicked] {
        let json = serde_json::to_value(&report).unwrap();
        let errors: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {json:#}");
        let back: Report = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&back).unwrap(), json);
    }
    assert!(!validator.is_valid(&json!({"schema": "synthetic-report/1"})));
}

#[tokio::test]
async fn a_report_of_another_version_is_refused_by_name() {
    let report = once(canary(Spec::new("passed"), |run: Run| async move { run.expect("x", 1, eq(1)) })).await;
    let mut json = serde_json::to_value(&report).unwrap();
    json["schema"] = json!("synthetic-report/2");
    let error = serde_json::from_value::<Report>(json.clone()).unwrap_err().to_string();
    assert!(error.contains("a report of the form \"synthetic-report/2\", this library reads \"synthetic-report/1\""));
    json["schema"] = json!("synthetic-report/1");
    json["added_later"] = json!(true);
    assert!(serde_json::from_value::<Report>(json).is_ok(), "fields that are not known are accepted");
}

#[tokio::test]
#[should_panic(expected = "canary \"bad\" did not pass")]
async fn assert_passed_panics_with_the_whole_report() {
    once(canary(Spec::new("bad"), |run: Run| async move { run.expect("x", 1, eq(2)) })).await.assert_passed();
}

#[tokio::test]
async fn the_strangest_times_are_written_and_come_back() {
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    let before_1970 = SystemTime::UNIX_EPOCH - 20 * year - Duration::from_millis(250);
    let no_end = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let runner = Runner::new().clock(Clock::starting_at(before_1970));
    let report = runner.run(canary(Spec::new("old"), move |run: Run| async move {
        let mut request = RequestReport::new("GET", "https://shop.example/").status(200).duration(1000 * year);
        request.certificate = Some(Certificate::new("shop.example", no_end));
        run.record_request(request);
        for value in [0.1 + 0.2, f64::MIN_POSITIVE, f64::MAX, -0.0, f64::NAN, f64::INFINITY] {
            run.metric("m", value, Unit::Count);
        }
        run.expect("x", 1, eq(1))
    }));
    let report = report.await;
    let back: Report = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert!(back.started_at >= before_1970 && back.started_at < before_1970 + Duration::from_secs(60));
    assert_eq!((back.requests[0].duration, back.metrics.len(), report.warnings.len()), (1000 * year, 4, 2));
    let ends = back.requests[0].certificate.as_ref().unwrap().expires_at;
    assert!(no_end.duration_since(ends).unwrap() < Duration::from_secs(2 * 24 * 60 * 60));
    let values: Vec<f64> = back.metrics.iter().map(|metric| metric.value).collect();
    assert_eq!(values, report.metrics.iter().map(|metric| metric.value).collect::<Vec<_>>());
}

#[tokio::test]
async fn no_text_of_a_run_can_be_taken_for_a_line_of_its_report() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        let forged = "x\n00:00:00Z  passed    api-health";
        tracing::warn!("{forged}");
        run.warn(forged);
        run.defer(forged, async move { Err(Failure::new(forged)) });
        run.step(forged, async { run.expect(forged, forged, eq("y")) }).await
    }))
    .await;
    let text = report.to_string();
    assert!(text.lines().skip(1).all(|line| line.starts_with("  ")), "{text}");
}
