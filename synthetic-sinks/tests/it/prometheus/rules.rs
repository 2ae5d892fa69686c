//! The rule that is copied everywhere, and promtool's opinion of the text.

use synthetic_core::prelude::*;
use synthetic_core::report::RequestReport;
use synthetic_sinks::Prometheus;

use super::server::{has, promtool};

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
    let (passed, said) = promtool(folder.path(), &["check", "rules", "rules.yml"], "").await;
    assert!(passed, "{said}");
    let (passed, said) = promtool(folder.path(), &["test", "rules", "test.yml"], "").await;
    assert!(passed, "{said}");
}

#[tokio::test]
async fn promtool_finds_nothing_to_say_about_the_text() {
    if !has("promtool") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let metrics = Prometheus::new().blackbox_compatible();
    let hostile = canary(Spec::new("hostile"), |run: Run| async move {
        run.record_request(RequestReport::new("GET", "https://shop.example/\"\\\n,}\u{1F980}").status(503));
        run.step("\\ \" \n, } # EOF <script> ü", async { run.expect("up", false, eq(true)) }).await
    });
    let fine = canary(Spec::new("fine"), |run: Run| async move { run.expect("up", true, eq(true)) });
    let monitor = Monitor::named("shop").location("eu \"west\"").canary(every(mins(1)), hostile);
    monitor.canary(every(mins(1)), fine).sink(metrics.clone()).build().unwrap().once().await;
    let (_, plain) = metrics.encode("text/plain");
    let (passed, said) = promtool(folder.path(), &["check", "metrics"], &plain).await;
    assert!(passed && said.is_empty(), "{said}\n{plain}");
}
