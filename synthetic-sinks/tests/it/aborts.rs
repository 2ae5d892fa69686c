//! What only a process of its own can show.

use std::process::Command;

use synthetic_core::{Outcome, Reason, Report};

#[test]
fn where_a_panic_ends_the_process_its_runs_are_still_reported() {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--profile", "abort", "--package", "synthetic-sinks", "--example", "aborts"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success() && stderr.contains("out of stock"), "{stdout}\n{stderr}");
    let mut reports: Vec<Report> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}\n{stderr}")))
        .collect();
    reports.sort_by_key(|report| report.canary.to_string());
    let ends: Vec<_> = reports.iter().map(|report| (&*report.canary, report.outcome, report.reason)).collect();
    assert_eq!(
        ends,
        [("panics", Outcome::Error, Some(Reason::Panic)), ("waits", Outcome::Error, Some(Reason::Cancelled))],
        "{stderr}"
    );
    let failure = &reports[0].failures[0];
    assert_eq!((failure.subject(), failure.step()), ("the body panicked: out of stock", &["boom".to_owned()][..]));
    assert!(failure.advice().is_some_and(|hint| hint.contains("panic = \"abort\"")));
}
