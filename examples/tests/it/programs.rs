//! The programs, as a user starts them: what they print, and how they end.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use synthetic_core::{Outcome, Reason, Report};

use super::open;

fn program(name: &str, arguments: &str) -> Command {
    let path = match name {
        "quickstart" => env!("CARGO_BIN_EXE_quickstart"),
        "api_health" => env!("CARGO_BIN_EXE_api_health"),
        "order_workflow" => env!("CARGO_BIN_EXE_order_workflow"),
        "custom_matcher" => env!("CARGO_BIN_EXE_custom_matcher"),
        other => panic!("no program {other}"),
    };
    let mut command = Command::new(path);
    command.args(arguments.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(name: &str, arguments: &str) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = program(name, arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn reports(json_lines: &str) -> Vec<Report> {
    json_lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
        .collect()
}

/// As long as the quickstart may run with one run of each canary: `order-price` starts 0.9 s after the first one, which comes
/// again after 2 s.
const ONE_RUN_EACH: &str = "--for 1900ms";

/// Checks that a run passed, or that all that it lacks is the speed that `api-health` prefers: whether the first request of a
/// process has it depends on what else its machine does.
fn assert_passed(report: &Report) {
    if report.outcome == Outcome::Degraded && &*report.canary == "api-health" {
        let subjects: Vec<_> = report.unmet.iter().map(synthetic_core::Failure::subject).collect();
        assert_eq!((report.reason, report.cleanup.left_behind()), (Some(Reason::Preference), 0), "{report}");
        assert!(matches!(subjects[..], [one] if one.starts_with("latency of GET /health")), "{report}");
    } else {
        report.assert_passed();
    }
}

/// Returns whether a line for people says that a run passed; `api-health` may have been slow, as with [`assert_passed`].
fn says_passed(line: &str) -> bool {
    line.contains("Z  passed    ") || line.contains("Z  degraded  api-health  ")
}

/// Runs the quickstart with faults, and returns how it ended and the first report of a canary.
fn with_faults(faults: &str, canary: &str) -> (Option<i32>, Report) {
    let (code, stdout, stderr) = run("quickstart", &format!("{ONE_RUN_EACH} --json --faults {faults}"));
    let report = reports(&stdout).into_iter().find(|report| &*report.canary == canary);
    (code, report.unwrap_or_else(|| panic!("no report of {canary}: {stderr}")))
}

/// Hides what differs from run to run.
fn masked(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = match line.split_once("    step ").or_else(|| line.split_once("  times ")) {
            Some((kept, step)) if line.contains("    step ") => {
                format!("{kept}    step {}", step.split(".rs:").next().unwrap_or(step))
            }
            Some((kept, _)) => format!("{kept}  times     …"),
            None => line.to_owned(),
        };
        let mut words = Vec::new();
        for word in line.split(' ') {
            words.push(match word.split_once("127.0.0.1:") {
                Some((before, after)) => {
                    format!("{before}127.0.0.1:PORT{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
                }
                None => word.to_owned(),
            });
        }
        out.push_str(without_ids(&words.join(" ")).trim_end());
        out.push('\n');
    }
    out
}

/// Hides the ids of runs, also as they stand in marks.
fn without_ids(line: &str) -> String {
    static ID: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-HJKMNP-TV-Z]{26}").expect("a pattern")
    });
    ID.replace_all(line, "RUN").into_owned()
}

fn failures(report: &Report) -> String {
    masked(&report.failures.iter().map(|failure| format!("{failure:?}\n")).collect::<String>())
}

#[test]
fn the_quickstart_passes_and_leaves_nothing_behind() {
    let (code, stdout, stderr) = run("quickstart", &format!("{ONE_RUN_EACH} --json"));
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    let reports = reports(&stdout);
    let mut canaries: Vec<_> = reports.iter().map(|report| report.canary.to_string()).collect();
    canaries.sort();
    assert_eq!(canaries, ["api-health", "order-price", "order-workflow"]);
    for report in &reports {
        assert_passed(report);
    }
    assert!(stderr.contains("orders left in the shop: 0"), "{stderr}");
}

#[test]
fn people_see_a_line_a_run_and_a_summary() {
    let (code, stdout, stderr) = run("quickstart", ONE_RUN_EACH);
    // Below the line of a run that was degraded there is more about it.
    let (more, lines): (Vec<_>, Vec<_>) = stdout.lines().partition(|line| line.starts_with(' '));
    assert_eq!((code, lines.len()), (Some(0), 3), "{stdout}");
    assert!(lines.iter().all(|line| says_passed(line)), "{stdout}");
    assert_eq!(more.is_empty(), !stdout.contains("degraded"), "{stdout}");
    let stderr = stderr.replace("api-health         1 runs, 1 degraded", "api-health         1 runs, 1 passed");
    let summary: Vec<_> = stderr.lines().skip(2).collect();
    assert_eq!(
        summary,
        [
            "api-health         1 runs, 1 passed",
            "order-price        1 runs, 1 passed",
            "order-workflow     1 runs, 1 passed",
            "orders left in the shop: 0"
        ]
    );
}

#[test]
fn errors_of_the_shop_are_failures_that_stand_alone() {
    let (code, report) = with_faults("errors=1.0", "api-health");
    assert_eq!((code, report.outcome), (Some(1), Outcome::Failed));
    insta::assert_snapshot!(failures(&report));
}

#[test]
fn a_lost_answer_says_that_the_connection_was_closed() {
    let (code, report) = with_faults("lost_answers=1.0", "order-workflow");
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(failures(&report));
}

#[test]
fn an_answer_that_is_wrong_names_the_path_in_it() {
    let (code, report) = with_faults("wrong_json=true", "api-health");
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(failures(&report));
}

#[test]
fn a_slow_shop_names_what_was_waited_for() {
    let (code, report) = with_faults("latency=10s", "order-price");
    assert_eq!(code, Some(1));
    let failures = failures(&report);
    assert!(
        failures.starts_with("failed: POST /orders: processing: 127.0.0.1:PORT sent no answer within"),
        "{failures}"
    );
}

#[test]
fn a_wrong_command_line_ends_with_64_and_says_what_is_right() {
    let (code, _, stderr) = run("quickstart", "--nonsense");
    assert_eq!(
        (code, stderr.as_str()),
        (Some(64), "quickstart: unknown argument `--nonsense`\ntry `quickstart --help`\n")
    );
    assert_eq!(run("quickstart", "--help").0, Some(0));
    assert_eq!(run("api_health", "--nonsense").0, Some(64));
}

#[test]
fn nothing_that_ran_is_never_green() {
    let (code, stdout, stderr) = run("quickstart", "--for 0s");
    assert!(code == Some(4) || !stdout.is_empty(), "{code:?} {stderr}");
}

#[test]
fn every_program_passes_against_a_shop_of_its_own() {
    for name in ["api_health", "order_workflow", "custom_matcher"] {
        let (code, stdout, stderr) = run(name, "");
        assert_eq!(code, Some(0), "{name}: {stdout}\n{stderr}");
        assert!(stdout.lines().any(says_passed), "{stdout}");
    }
}

#[tokio::test]
async fn every_program_takes_a_target() {
    let shop = open().await;
    for name in ["api_health", "order_workflow", "custom_matcher"] {
        let arguments = format!("--target {}", shop.url());
        let (code, stdout, stderr) = tokio::task::spawn_blocking(move || run(name, &arguments)).await.unwrap();
        assert_eq!(code, Some(0), "{name}: {stdout}\n{stderr}");
    }
    assert!(shop.state().orders.is_empty());
    assert!(shop.state().counters.values().sum::<u64>() > 8, "they did ask this shop");
}

#[test]
fn a_target_that_is_not_there_is_a_failure_that_says_so() {
    // Port 1 needs privileges to listen on, and nobody does.
    let (code, stdout, _) = run("order_workflow", "--target http://127.0.0.1:1");
    assert_eq!(code, Some(1));
    let text: Vec<_> = stdout.lines().skip(1).take_while(|line| !line.contains("  steps")).collect();
    insta::assert_snapshot!(masked(&text.join("\n")));
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_drains_and_prints_the_summary() {
    for name in ["INT", "TERM"] {
        let mut child = program("quickstart", "").spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The first result says that the monitor is running, and listens to signals.
        let line = lines.next().unwrap().unwrap();
        assert!(says_passed(&line), "{line}");
        signal(&child, name);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
        assert!(stderr.contains("api-health") && stderr.contains("orders left in the shop: 0"), "{stderr}");
    }
}

/// Starts the quickstart, and returns where it serves its metrics.
fn serving(arguments: &str) -> (Child, String) {
    let mut child = program("quickstart", &format!("--listen 127.0.0.1:0 {arguments}")).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("metrics are served at http://") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it says where");
    }
    // Its standard error stays open, for what it says at its end.
    child.stderr = Some(said.into_inner());
    let at = line.trim_end().rsplit("http://").next().unwrap();
    (child, at.trim_end_matches("/metrics").to_owned())
}

fn metrics(at: &str) -> String {
    let mut stream = std::net::TcpStream::connect(at).unwrap();
    std::io::Write::write_all(&mut stream, format!("GET /metrics HTTP/1.0\r\nhost: {at}\r\n\r\n").as_bytes()).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_the_process_at_once() {
    let (mut child, at) = serving("--faults latency=60s");
    // With nothing to wait for, the first signal would end it.
    let goes_on = |line: &str| line.starts_with("synthetic_runs_in_flight ") && !line.ends_with(" 0");
    while !metrics(&at).lines().any(goes_on) {
        std::thread::yield_now();
    }
    // One that comes before it has seen the one before is the same one.
    while child.try_wait().unwrap().is_none() {
        signal(&child, "INT");
        std::thread::yield_now();
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn the_quickstart_serves_metrics_where_it_is_told_to() {
    let (mut child, at) = serving("");
    let page = metrics(&at);
    let _ = child.kill();
    child.wait().unwrap();
    assert!(page.contains("synthetic_runs_total{canary=\"order-workflow\",outcome=\"passed\""), "{page}");
}
