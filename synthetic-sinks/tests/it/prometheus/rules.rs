//! The rule that is copied everywhere, and promtool's opinion of the text.

use synthetic_core::prelude::*;
use synthetic_core::report::RequestReport;
use synthetic_sinks::Prometheus;

use super::HOSTILE;
use super::server::{has, run};

/// The rule of the tutorial, of which not a character may change; only how long it has to be so may, where a test waits for it.
pub(crate) const EXPRESSION: &str = r#"sum(rate(synthetic_request_duration_count{result=~"failure"}[1m])) / sum(rate(synthetic_request_duration_count[1m])) * 100 > 10"#;

pub(crate) fn rule(lasting: &str) -> String {
    format!(
        "groups: [{{name: tutorial, rules: [{{alert: SyntheticFailures, for: {lasting}, expr: '{EXPRESSION}'}}]}}]\n"
    )
}

#[tokio::test]
async fn the_rule_unmodified_fires_half_a_minute_after_one_request_in_ten_fails_and_then_resolves() {
    if !has("promtool") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yml"), rule("30s")).unwrap();
    // Ten requests every ten seconds; from 2:00 on for a minute half of them fail. Both series begin at 0.
    let test = r#"
rule_files: [rules.yml]
evaluation_interval: 10s
tests:
  - interval: 10s
    input_series:
      - series: synthetic_request_duration_count{method="POST",url="https://shop.example/reservations",result="success"}
        values: 0+10x12 125+5x5 160+10x30
      - series: synthetic_request_duration_count{method="POST",url="https://shop.example/reservations",result="failure"}
        values: 0+0x12 5+5x5 30+0x30
    alert_rule_test:
      - {eval_time: 1m50s, alertname: SyntheticFailures, exp_alerts: []}
      - {eval_time: 2m40s, alertname: SyntheticFailures, exp_alerts: []}
      - {eval_time: 3m10s, alertname: SyntheticFailures, exp_alerts: [{}]}
      - {eval_time: 5m, alertname: SyntheticFailures, exp_alerts: []}
"#;
    std::fs::write(folder.path().join("test.yml"), test).unwrap();
    let (passed, said) = run("promtool", folder.path(), &["check", "rules", "rules.yml"], "").await;
    assert!(passed, "{said}");
    let (passed, said) = run("promtool", folder.path(), &["test", "rules", "test.yml"], "").await;
    assert!(passed, "{said}");
}

#[tokio::test]
async fn promtool_finds_nothing_to_say_about_the_plain_form() {
    if !has("promtool") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_, plain) = hostile().await.encode("text/plain");
    let (passed, said) = run("promtool", folder.path(), &["check", "metrics"], &plain).await;
    assert!(passed && said.is_empty(), "{said}\n{plain}");
}

/// promtool reads the plain form only. The strictest reader of OpenMetrics is that of the Python client, which is where the
/// authors of the format try it out.
#[tokio::test]
async fn the_reference_parser_of_openmetrics_reads_what_was_written() {
    const READ: &str = "import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read
samples = [sample for family in read(sys.stdin.read()) for sample in family.samples]
assert any(sample.exemplar for sample in samples)
print(len(samples), sorted({sample.labels['step'] for sample in samples if 'step' in sample.labels}) == [sys.argv[1]])";
    let Some(python) = crate::aws::program("python3") else { return };
    let python = python.to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (_, open) = hostile().await.encode("application/openmetrics-text");
    let samples = open.lines().filter(|line| !line.starts_with('#')).count();
    let (passed, said) = run(python, folder.path(), &["-c", READ, HOSTILE], &open).await;
    assert!(passed && said == format!("{samples} True\n"), "{said}\n{open}");
}

/// Returns what was counted of names with everything that a text format could trip over.
async fn hostile() -> Prometheus {
    let metrics = Prometheus::new().blackbox_compatible();
    let hostile = canary(Spec::new("hostile"), |run: Run| async move {
        run.record_request(RequestReport::new("GET", "https://shop.example/\"\\\n,}\u{1F980}").status(503));
        run.step(HOSTILE, async { run.expect("up", false, eq(true)) }).await
    });
    let fine = canary(Spec::new("fine"), |run: Run| async move { run.expect("up", true, eq(true)) });
    let monitor = Monitor::named("shop").location("eu \"west\"").canary(every(mins(1)), hostile);
    monitor.canary(every(mins(1)), fine).sink(metrics.clone()).build().unwrap().once().await;
    metrics
}
