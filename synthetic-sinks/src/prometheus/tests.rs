//! What is counted, and how it is shown. What Prometheus itself makes of it is in `tests/it/prometheus`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use synthetic_core::prelude::*;
use synthetic_core::report::{Certificate, CleanupResult, RequestReport};
use synthetic_core::testing::check_sink_contract;
use synthetic_core::{AnyCanary, Clock, Outcome, Reason, Runner};

use super::*;

const PLAIN: &str = "text/plain";
const OPEN: &str = "application/openmetrics-text";

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Returns the report of a run of `body`, which has taken 120 ms, and says `id` of itself.
async fn run(id: u128, name: &str, body: fn(&Run) -> synthetic_core::Result) -> Report {
    let canary = canary(Spec::new(name), move |run: Run| async move {
        tokio::time::sleep(ms(120)).await;
        run.step("place order", async { body(&run) }).await
    });
    let mut report = Runner::new().clock(Clock::starting_at(at(1_800_000_000))).run(canary).await;
    report.run_id = uuid::Uuid::from_u128(id);
    report
}

fn passes(run: &Run) -> synthetic_core::Result {
    run.expect("status", 200, eq(200))
}

fn fails(run: &Run) -> synthetic_core::Result {
    run.expect("status", 503, eq(200))
}

async fn deliver(sink: &Prometheus, reports: impl IntoIterator<Item = Report>) {
    let reports: Vec<_> = reports.into_iter().map(Arc::new).collect();
    sink.deliver(&reports).await.unwrap();
}

/// Returns the lines that hold `part`, without the comments.
fn lines(sink: &Prometheus, part: &str) -> Vec<String> {
    let (_, text) = sink.encode(PLAIN);
    text.lines().filter(|line| !line.starts_with('#') && line.contains(part)).map(str::to_owned).collect()
}

fn once_and(name: &str) -> AnyCanary {
    AnyCanary::new(canary(Spec::new(name).timeout(secs(5)), |run: Run| async move {
        tokio::time::sleep(ms(120)).await;
        run.expect("status", 200, eq(200))
    }))
}

#[tokio::test]
async fn it_keeps_the_sink_contract() {
    check_sink_contract(|| async { Prometheus::new() }).await;
    check_sink_contract(|| async { Prometheus::new().blackbox_compatible() }).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_is_shown_in_every_family_in_the_words_of_the_contract() {
    let mut failed = run(2, "checkout", fails).await;
    let mut request = RequestReport::new("POST", "https://shop.example/orders/{id}").status(503).duration(ms(250));
    request.certificate = Some(Certificate::new("shop.example", at(1_900_000_000)));
    failed.requests.push(request.clone());
    request.cleanup = true;
    failed.requests.push(request);
    failed.cleanup.pending = 2;
    failed.cleanup.oldest_pending = Some(secs(90));
    let sink = Prometheus::new();
    deliver(&sink, [run(1, "checkout", passes).await, failed]).await;
    let (content_type, text) = sink.encode(OPEN);
    assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    insta::assert_snapshot!("families", text);
}

#[tokio::test(start_paused = true)]
async fn the_plain_form_has_the_same_lines_without_exemplars() {
    let sink = Prometheus::new();
    deliver(&sink, [run(1, "checkout", passes).await]).await;
    let samples = |text: String| -> Vec<String> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples.map(|line| line.split(" # ").next().unwrap_or_default().to_owned()).collect()
    };
    let (open, plain) = (sink.encode(OPEN).1, sink.encode(PLAIN).1);
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE synthetic_runs counter\n"));
    assert!(!plain.contains("# EOF") && plain.contains("# TYPE synthetic_runs_total counter\n"));
    assert!(!plain.contains("trace_id") && open.contains("# {trace_id=\"00000000000000000000000000000001\"}"));
    assert_eq!(samples(open), samples(plain));
    assert!(!sink.encode_families(OPEN).contains("# EOF"));
}

#[tokio::test(start_paused = true)]
async fn every_outcome_of_a_canary_is_there_before_its_first_run() {
    let sink = Prometheus::new();
    let monitor = Monitor::named("shop").location("eu").canary(every(mins(1)), once_and("checkout"));
    let monitor = monitor.sink(sink.clone()).build().unwrap();
    let running = tokio::spawn(monitor.run_until(std::future::pending()));
    tokio::task::yield_now().await;
    let runs = lines(&sink, "synthetic_runs_total{canary=\"checkout\",location=\"eu\",");
    assert_eq!(runs.len(), 1 + Reason::ALL.len());
    assert!(lines(&sink, "synthetic_cleanup_total").len() == CleanupResult::ALL.len());
    assert!(lines(&sink, "synthetic_up").is_empty(), "nobody knows yet");
    assert_eq!(lines(&sink, "synthetic_runs_in_flight").len(), 1);
    assert_eq!(lines(&sink, "synthetic_sink_dropped_total{location=\"eu\",sink=\"prometheus\"").len(), 6);
    assert_eq!(lines(&sink, "synthetic_schedule_lag_seconds_bucket").len(), 11);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_delivered_again_is_counted_once() {
    let sink = Prometheus::new();
    let report = run(1, "checkout", fails).await;
    deliver(&sink, [report.clone(), run(2, "checkout", passes).await]).await;
    deliver(&sink, [report]).await;
    assert_eq!(
        lines(&sink, "reason=\"expectation\"} 1"),
        ["synthetic_runs_total{canary=\"checkout\",outcome=\"failed\",reason=\"expectation\"} 1"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_skipped_run_says_nothing_of_the_target() {
    let sink = Prometheus::new().blackbox_compatible();
    let mut skipped = run(2, "checkout", passes).await;
    (skipped.outcome, skipped.reason, skipped.steps) = (Outcome::Skipped, Some(Reason::Skipped), Vec::new());
    deliver(&sink, [run(1, "checkout", fails).await, skipped]).await;
    assert_eq!(lines(&sink, "synthetic_up"), ["synthetic_up{canary=\"checkout\"} 0"]);
    assert_eq!(
        lines(&sink, "_run_duration_seconds_count"),
        ["synthetic_run_duration_seconds_count{canary=\"checkout\"} 1"]
    );
    assert_eq!(lines(&sink, "probe_success"), ["probe_success{instance=\"checkout\",job=\"synthetic\"} 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_removed_canary_takes_its_series_with_it_and_the_others_keep_theirs() {
    let sink = Prometheus::new();
    let monitor = Monitor::named("shop")
        .canary(every(secs(10)), once_and("checkout"))
        .canary(every(secs(10)), once_and("search"))
        .sink(sink.clone())
        .build()
        .unwrap();
    let handle = monitor.handle();
    let running = tokio::spawn(monitor.run_until(std::future::pending()));
    tokio::time::sleep(secs(60)).await;
    let count = lines(&sink, "synthetic_run_duration_seconds_count{canary=\"search\"}");
    assert!(!lines(&sink, "checkout").is_empty());
    handle.remove("checkout").unwrap();
    assert_eq!(lines(&sink, "checkout"), [""; 0]);
    assert_eq!(lines(&sink, "synthetic_run_duration_seconds_count{canary=\"search\"}"), count);
    handle.add(every(secs(10)), once_and("checkout")).unwrap();
    let passed = "synthetic_runs_total{canary=\"checkout\",outcome=\"passed\"";
    assert_eq!(lines(&sink, passed), ["synthetic_runs_total{canary=\"checkout\",outcome=\"passed\",reason=\"\"} 0"]);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_no_canary_makes_any_more_vanishes_and_a_shared_one_stays() {
    let sink = Prometheus::new();
    let with = |mut report: Report, urls: &[&str]| {
        report.requests = urls.iter().map(|url| RequestReport::new("GET", *url).status(200)).collect();
        report
    };
    let first = with(run(1, "checkout", passes).await, &["https://a/shared", "https://a/own"]);
    deliver(&sink, [first, with(run(2, "search", passes).await, &["https://a/shared"])]).await;
    let requests = || lines(&sink, "synthetic_request_duration_count").join("\n");
    assert!(
        requests().contains("https://a/own") && requests().contains("url=\"https://a/shared\",result=\"success\"} 2")
    );
    let search = Key { canary: "search".into(), location: None };
    sink.shared.store.keep(&[search].into(), |_| false, &sink.shared.settings);
    assert!(
        !requests().contains("https://a/own") && requests().contains("url=\"https://a/shared\",result=\"success\"} 2")
    );
}

#[tokio::test(start_paused = true)]
async fn counters_live_on_in_a_monitor_that_is_built_anew() {
    let sink = Prometheus::new();
    for count in ["1", "2"] {
        let monitor = Monitor::named("shop").canary(every(mins(1)), once_and("checkout")).sink(sink.clone());
        monitor.build().unwrap().once().await;
        let passed = lines(&sink, "outcome=\"passed\"");
        assert_eq!(
            passed,
            [format!("synthetic_runs_total{{canary=\"checkout\",outcome=\"passed\",reason=\"\"}} {count}")]
        );
        assert_eq!(lines(&sink, "synthetic_runs_in_flight").len(), 1, "a series that is there twice is none");
    }
}

#[tokio::test(start_paused = true)]
async fn more_steps_and_requests_than_there_is_room_for_are_one_series_and_counted() {
    let sink = Prometheus::new().label_sets(2);
    let mut report = run(1, "checkout", passes).await;
    let step = report.steps.remove(0);
    for at in 0..50 {
        let mut step = step.clone();
        step.name = format!("order {at}").into();
        report.steps.push(step);
        report.requests.push(RequestReport::new("GET", format!("https://shop.example/{at}")).status(200));
        let mut shown = RequestReport::new("GET", "https://shop.example/").status(200);
        shown.certificate = Some(Certificate::new(format!("{at}.shop.example"), at_second(at)));
        shown.cleanup = true;
        report.requests.push(shown);
    }
    deliver(&sink, [report]).await;
    assert_eq!(lines(&sink, "synthetic_steps_total").len(), 3 * 5);
    assert_eq!(
        lines(&sink, "synthetic_steps_total{canary=\"checkout\",step=\"other\",outcome=\"passed\"} 48").len(),
        1
    );
    assert_eq!(lines(&sink, "synthetic_request_duration_count").len(), 21 * 2);
    let others = "synthetic_request_duration_count{method=\"other\",url=\"other\",result=\"success\"} 30";
    assert_eq!(lines(&sink, others).len(), 1);
    assert_eq!(lines(&sink, "synthetic_certificate_expiry").len(), 2 + 1, "and its line in the next");
    assert_eq!(
        lines(&sink, "synthetic_series_folded_total"),
        [
            "synthetic_series_folded_total{family=\"synthetic_certificate_expiry_timestamp_seconds\"} 48",
            "synthetic_series_folded_total{family=\"synthetic_request_duration\"} 30",
            "synthetic_series_folded_total{family=\"synthetic_runs\"} 0",
            "synthetic_series_folded_total{family=\"synthetic_steps\"} 48",
        ]
    );
}

fn at_second(second: u64) -> SystemTime {
    at(1_900_000_000 + second)
}

#[tokio::test(start_paused = true)]
async fn declared_labels_of_runs_are_labels_of_series_and_their_values_are_bounded() {
    let sink = Prometheus::new().label_sets(2).labels(["tenant", "a-b"]).unwrap();
    for at in 0..5 {
        let mut report = run(at, "checkout", passes).await;
        report.labels = [("tenant", format!("t{at}")), ("not declared", "secret".to_owned())]
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        deliver(&sink, [report]).await;
    }
    let passed = lines(&sink, "outcome=\"passed\",reason");
    assert_eq!(
        passed,
        [
            "synthetic_runs_total{canary=\"checkout\",outcome=\"passed\",reason=\"\"} 0",
            "synthetic_runs_total{canary=\"checkout\",tenant=\"t0\",outcome=\"passed\",reason=\"\"} 1",
            "synthetic_runs_total{canary=\"checkout\",tenant=\"t1\",outcome=\"passed\",reason=\"\"} 1",
            "synthetic_runs_total{canary=\"checkout\",tenant=\"other\",a_b=\"other\",outcome=\"passed\",reason=\"\"} 3",
        ]
    );
    assert_eq!(lines(&sink, "synthetic_up").len(), 1, "a gauge is that of the last run");
    assert_eq!(
        lines(&sink, "family=\"synthetic_runs\""),
        ["synthetic_series_folded_total{family=\"synthetic_runs\"} 3"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_that_did_not_count_is_not_counted() {
    let sink = Prometheus::new();
    let mut report = run(1, "checkout", passes).await;
    let mut first = report.steps[0].clone();
    (first.outcome, first.superseded) = (Outcome::Failed, true);
    report.steps.insert(0, first);
    deliver(&sink, [report]).await;
    let failed = "synthetic_steps_total{canary=\"checkout\",step=\"place order\",outcome=\"failed\"} 0";
    assert_eq!(lines(&sink, failed).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_was_refused_still_says_when_it_expired() {
    let sink = Prometheus::new().blackbox_compatible();
    let mut report = run(1, "checkout", fails).await;
    let mut request = RequestReport::new("GET", "https://shop.example/");
    request.certificate = Some(Certificate::new("shop.example", at(1_600_000_000)));
    report.requests = vec![request];
    deliver(&sink, [report]).await;
    for family in ["synthetic_certificate_expiry_timestamp_seconds", "probe_ssl_earliest_cert_expiry"] {
        let shown = lines(&sink, &format!("{family}{{"));
        assert!(shown.len() == 1 && shown[0].ends_with(" 1600000000"), "{shown:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_shown_as_blackbox_exporter_would() {
    let sink = Prometheus::new().blackbox_compatible();
    let mut report = run(1, "checkout", passes).await;
    report.monitor = Some("shop".into());
    let mut request = RequestReport::new("GET", "https://shop.example/").status(200).duration(ms(90));
    request.phases.tls = Some(ms(30));
    request.redirects = 1;
    request.protocol = Some("HTTP/1.1".into());
    request.size = 77;
    request.peer = Some(([127, 0, 0, 1], 443).into());
    request.certificate = Some(Certificate::new("shop.example", at(1_900_000_000)));
    report.requests = vec![request.clone(), request];
    deliver(&sink, [report]).await;
    insta::assert_snapshot!(lines(&sink, "probe_").join("\n").replace("instance=\"checkout\",job=\"shop\"", "…"), @r#"
    probe_success{…} 1
    probe_duration_seconds{…} 0.12
    probe_http_status_code{…} 200
    probe_http_redirects{…} 2
    probe_http_ssl{…} 1
    probe_http_version{…} 1.1
    probe_http_content_length{…} 77
    probe_ssl_earliest_cert_expiry{…} 1900000000
    probe_ip_protocol{…} 4
    probe_http_duration_seconds{…,phase="resolve"} 0
    probe_http_duration_seconds{…,phase="connect"} 0
    probe_http_duration_seconds{…,phase="tls"} 0.06
    probe_http_duration_seconds{…,phase="processing"} 0
    probe_http_duration_seconds{…,phase="transfer"} 0
    "#);
    assert!(lines(&Prometheus::new(), "probe_").is_empty());
}

#[tokio::test(start_paused = true)]
async fn hostile_values_break_no_line() {
    let sink = Prometheus::new();
    let hostile = "\\ \" \n, } # EOF\r\u{1F980} <script>";
    let mut report = run(1, "checkout", fails).await;
    report.steps[0].name = hostile.into();
    report.requests.push(RequestReport::new(hostile, hostile.repeat(100_000)));
    deliver(&sink, [report]).await;
    let text = sink.encode(PLAIN).1;
    assert!(text.contains("step=\"\\\\ \\\" \\n, } # EOF\r\u{1F980} <script>\",outcome=\"failed\"} 1\n"), "{text}");
    let longest = text.lines().map(str::len).max().unwrap_or_default();
    assert!(longest < 4096, "{longest}");
}

#[test]
fn a_setting_on_a_clone_makes_a_sink_of_its_own() {
    let first = Prometheus::new().listen("127.0.0.1:0").unwrap();
    let second = first.clone().blackbox_compatible();
    assert!(first.address().is_some() && second.address().is_none());
    assert!(!first.shared.settings.blackbox && second.shared.settings.blackbox);
}

#[test]
fn an_address_without_a_host_is_this_machine_alone() {
    for address in ["0", ":0", "localhost:0"] {
        let sink = Prometheus::new().listen(address).unwrap();
        assert!(sink.address().unwrap().ip().is_loopback(), "{address}");
        let taken = sink.address().unwrap().to_string();
        let error = Prometheus::new().listen(&taken).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot listen on {taken:?} for Prometheus"));
    }
    assert!(Prometheus::new().listen("nonsense").is_err());
}

#[test]
fn a_token_is_not_shown() {
    let sink = Prometheus::new().bearer(Secret::new("metrics/token", "hunter2-hunter2"));
    assert!(!format!("{sink:?}").contains("hunter2"));
}
