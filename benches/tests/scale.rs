//! `schedule-scale` measures: with few canaries, for a moment. How good its figures are is nobody's business here.

use std::process::Command;

use serde_json::Value;

const KEYS: [&str; 9] = [
    "runs",
    "lag_p50_ms",
    "lag_p99_ms",
    "lag_max_ms",
    "cpu_us_per_run",
    "core_fraction",
    "rss_per_canary_bytes",
    "rss_start_bytes",
    "rss_end_bytes",
];

fn check(args: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_schedule-scale")).args(args).output().expect("a program");
    let (said, problem) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}{problem}");
    let last = said.lines().last().expect("a last line");
    let figures: Value = serde_json::from_str(last).expect("a last line that is JSON");
    for key in KEYS {
        assert!(figures[key].as_f64().is_some_and(|value| value >= 0.0), "{key} in {last}");
    }
    assert!(figures["runs"].as_u64() > Some(0), "{last}");
    assert!(figures["rss_end_bytes"].as_u64() > Some(0), "{last}");
}

#[test]
fn canaries_that_do_nothing_are_measured_for_a_time() {
    check(&["--canaries", "300", "--interval", "1s", "--for", "1s"]);
}

#[test]
fn http_canaries_are_measured_beside_their_server() {
    check(&["--canaries", "200", "--interval", "1s", "--for", "1s", "--http"]);
}

#[test]
fn canaries_are_measured_until_there_were_so_many_runs() {
    check(&["--canaries", "300", "--interval", "200ms", "--runs", "500"]);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    for args in [&["--canaries"][..], &["--for", "90"], &["--for", "1s", "--runs", "1"], &["--connections", "reuse"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_schedule-scale")).args(args).output().expect("a program");
        assert_eq!(output.status.code(), Some(64), "{args:?}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_schedule-scale")).args(["--canaries", "0"]).output();
    assert_eq!(output.expect("a program").status.code(), Some(2));
}
