//! What the rules do as time goes by: series of three canaries, minute by minute, through `promtool test rules`.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{ended, printed};
use crate::prometheus::has;

const CANARIES: [&str; 3] = ["api-health", "order-price", "order-workflow"];

/// The series of one canary, in promtool's notation: a value a minute.
#[derive(Clone)]
struct Story {
    passed: &'static str,
    failed: &'static str,
    errors: &'static str,
    time: &'static str,
    last: &'static str,
    expiry: &'static str,
    pending: &'static str,
    oldest: &'static str,
}

/// A canary that passes every minute, in a tenth of a second, and leaves nothing behind.
const HEALTHY: Story = Story {
    passed: "0+1x1000",
    failed: "0x1000",
    errors: "0x1000",
    time: "0+0.1x1000",
    last: "0+60x1000",
    expiry: "9000000x1000",
    pending: "0x1000",
    oldest: "0x1000",
};

fn series(canary: &str, story: &Story) -> Vec<Value> {
    let one = |family: &str, more: &str, values: &str| json!({"series": format!("{family}{{canary=\"{canary}\",instance=\"a\"{more}}}"), "values": values});
    let ended = |outcome: &str, reason: &str, values: &str| {
        one("synthetic_runs_total", &format!(",outcome=\"{outcome}\",reason=\"{reason}\""), values)
    };
    vec![
        ended("passed", "", story.passed),
        ended("failed", "status", story.failed),
        ended("failed", "connect", if story.failed.contains("stale") { story.failed } else { "0x1000" }),
        ended("error", "panic", story.errors),
        one("synthetic_run_duration_seconds_sum", "", story.time),
        one("synthetic_run_duration_seconds_count", "", "0+1x1000"),
        one("synthetic_last_run_timestamp_seconds", "", story.last),
        one("synthetic_certificate_expiry_timestamp_seconds", ",host=\"shop\"", story.expiry),
        one("synthetic_cleanup_pending", "", story.pending),
        one("synthetic_cleanup_oldest_age_seconds", "", story.oldest),
    ]
}

/// Checks what fires at each of these minutes when this is the story of `api-health`, and all else is well: names of alerts,
/// each with its window or its severity where that tells it from another one.
fn check(story: &Story, expected: &[(u32, &[&str])]) {
    if !has("promtool") {
        return;
    }
    let mut promtool = Command::new("promtool");
    let mut input: Vec<_> = CANARIES[1..].iter().flat_map(|canary| series(canary, &HEALTHY)).collect();
    input.extend(series(CANARIES[0], story));
    let tests: Vec<_> = expected
        .iter()
        .map(|(minute, firing)| {
            let samples: Vec<_> = firing
                .iter()
                .map(|labels| json!({"labels": format!("{{canary=\"api-health\",{labels}}}"), "value": 1}))
                .collect();
            json!({
                "expr": "count by (canary, alertname, severity, window) (ALERTS{alertstate=\"firing\"})",
                "eval_time": format!("{minute}m"),
                "exp_samples": samples,
            })
        })
        .collect();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("rules.yml"), printed("alerts --format prometheus")).unwrap();
    let file = json!({
        "rule_files": ["rules.yml"],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": input, "promql_expr_test": tests}],
    });
    std::fs::write(folder.path().join("tests.yml"), file.to_string()).unwrap();
    promtool.args(["test", "rules"]).arg(folder.path().join("tests.yml"));
    let (code, out, err) = ended(promtool);
    assert_eq!(code, Some(0), "{out}{err}");
}

const FAILING: &str = "alertname=\"SyntheticCanaryFailing\",severity=\"critical\"";
const INCONCLUSIVE: &str = "alertname=\"SyntheticCanaryInconclusive\",severity=\"warning\"";
const SLOW: &str = "alertname=\"SyntheticCanarySlow\",severity=\"warning\"";
const SILENT: &str = "alertname=\"SyntheticCanarySilent\",severity=\"critical\"";
const ABSENT: &str = "alertname=\"SyntheticCanaryAbsent\",severity=\"critical\"";
const EXPIRES: &str = "alertname=\"SyntheticCertificateExpires\",severity=\"warning\"";
const EXPIRES_SOON: &str = "alertname=\"SyntheticCertificateExpires\",severity=\"critical\"";
const LEFT_BEHIND: &str = "alertname=\"SyntheticCleanupLeftBehind\",severity=\"warning\"";
const PAUSED: &str = "alertname=\"SyntheticCleanupPausesCanary\",severity=\"critical\"";
const FAST_BURN: &str = "alertname=\"SyntheticErrorBudgetBurn\",severity=\"critical\",window=\"1h\"";
const MIDDLE_BURN: &str = "alertname=\"SyntheticErrorBudgetBurn\",severity=\"critical\",window=\"6h\"";
const SLOW_BURN: &str = "alertname=\"SyntheticErrorBudgetBurn\",severity=\"warning\",window=\"3d\"";

#[test]
fn nothing_fires_while_all_is_well() {
    check(&HEALTHY, &[(0, &[]), (1, &[]), (5, &[]), (60, &[]), (400, &[])]);
}

#[test]
fn an_outage_fires_at_its_second_failure_and_each_rule_ends_with_its_short_window() {
    let story = Story { passed: "0+1x60 60x30 61+1x900", failed: "0x60 1+1x29 30x900", ..HEALTHY };
    check(
        &story,
        &[
            (60, &[]),
            // One failed run is no rate.
            (61, &[]),
            (62, &[FAST_BURN, MIDDLE_BURN, SLOW_BURN]),
            (64, &[FAILING, FAST_BURN, MIDDLE_BURN, SLOW_BURN]),
            (90, &[FAILING, FAST_BURN, MIDDLE_BURN, SLOW_BURN]),
            (97, &[MIDDLE_BURN, SLOW_BURN]),
            (125, &[SLOW_BURN]),
            (460, &[]),
        ],
    );
}

#[test]
fn one_failed_run_in_days_tells_nobody() {
    check(&Story { failed: "0x60 1x900", ..HEALTHY }, &[(61, &[]), (65, &[]), (120, &[]), (400, &[])]);
}

#[test]
fn the_faster_the_budget_burns_the_more_rules_see_it() {
    let one_percent = Story { passed: "0+0.99x1000", failed: "0+0.01x1000", ..HEALTHY };
    check(&one_percent, &[(300, &[MIDDLE_BURN, SLOW_BURN]), (500, &[MIDDLE_BURN, SLOW_BURN])]);
    let one_in_two_hundred = Story { passed: "0+0.995x1000", failed: "0+0.005x1000", ..HEALTHY };
    check(&one_in_two_hundred, &[(500, &[SLOW_BURN])]);
    let half_of_what_is_allowed = Story { passed: "0+0.9995x1000", failed: "0+0.0005x1000", ..HEALTHY };
    check(&half_of_what_is_allowed, &[(500, &[])]);
}

#[test]
fn errors_of_our_own_are_no_failures_of_the_target() {
    let story = Story { passed: "0+1x60 60x30 61+1x900", errors: "0x60 1+1x29 30x900", ..HEALTHY };
    check(&story, &[(60, &[]), (61, &[]), (64, &[INCONCLUSIVE]), (90, &[INCONCLUSIVE]), (96, &[]), (400, &[])]);
}

#[test]
fn runs_that_take_long_on_average_are_slow() {
    // From 0.1 s to 9 s a run, where 8 s are slow, and back.
    let story = Story { time: "0+0.1x60 15+9x29 276.1+0.1x900", ..HEALTHY };
    check(&story, &[(60, &[]), (61, &[]), (66, &[SLOW]), (89, &[SLOW]), (96, &[]), (400, &[])]);
}

#[test]
fn a_canary_that_concludes_nothing_is_silent_and_one_without_series_is_absent() {
    let stuck = Story { passed: "0+1x60 60x10 61+1x900", last: "0+60x60 3600x10 4260+60x900", ..HEALTHY };
    check(&stuck, &[(60, &[]), (63, &[]), (64, &[SILENT]), (71, &[SILENT]), (72, &[])]);

    let gone = "0x60 stale _x28 0x900";
    let gone = Story {
        passed: "0+1x60 stale _x28 0+1x900",
        failed: gone,
        errors: gone,
        last: "0+60x60 stale _x28 5400+60x900",
        ..HEALTHY
    };
    check(&gone, &[(60, &[]), (65, &[]), (66, &[ABSENT]), (88, &[ABSENT]), (92, &[]), (200, &[])]);
}

#[test]
fn certificates_warn_two_weeks_before_they_expire_and_are_urgent_three_days_before() {
    // 14 days and an hour from the start on; renewed after two hours.
    let story = Story { expiry: "1213200x119 9000000x900", ..HEALTHY };
    check(&story, &[(60, &[]), (61, &[EXPIRES]), (119, &[EXPIRES]), (120, &[])]);
    // 3 days and an hour.
    let story = Story { expiry: "262800x119 9000000x900", ..HEALTHY };
    check(&story, &[(60, &[EXPIRES]), (61, &[EXPIRES, EXPIRES_SOON]), (120, &[])]);
    let expired = Story { expiry: "-60x119 9000000x900", ..HEALTHY };
    check(&expired, &[(0, &[EXPIRES, EXPIRES_SOON]), (120, &[])]);
}

#[test]
fn what_stays_in_the_target_is_told_after_an_hour_and_much_of_it_at_once() {
    let story = Story { pending: "1x89 0x900", oldest: "0+60x89 0x900", ..HEALTHY };
    check(&story, &[(60, &[]), (61, &[LEFT_BEHIND]), (89, &[LEFT_BEHIND]), (90, &[])]);
    let story = Story { pending: "20x10 21x10 0x900", ..HEALTHY };
    check(&story, &[(10, &[]), (11, &[PAUSED]), (21, &[PAUSED]), (22, &[])]);
}
