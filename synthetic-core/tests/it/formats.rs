//! The forms in which a monitor writes its results, compared whole.

mod bounds;
mod hostile;
mod runs;

use std::sync::Arc;

use clap::ValueEnum;
use serde_json::{Value, json};
use synthetic_core::cli::Format;
use synthetic_core::cli::format::results_schema;
use synthetic_core::monitor::{CanarySummary, Exit, Summary};
use synthetic_core::prelude::*;
use synthetic_core::testing::RecordingSink;

use self::runs::{Runs, of_every_kind, saying, without_lines};

async fn check(format: Format) -> String {
    let runs = of_every_kind().await;
    without_lines(&format.render(&runs.reports, &runs.summary()))
}

#[tokio::test(start_paused = true)]
async fn text_for_people_has_every_report_and_ends_with_what_did_not_pass_and_the_count() {
    insta::assert_snapshot!(check(Format::Pretty).await);
}

#[tokio::test(start_paused = true)]
async fn junit_has_a_case_for_each_report() {
    insta::assert_snapshot!(check(Format::Junit).await);
}

#[tokio::test(start_paused = true)]
async fn github_is_given_a_group_for_each_text_and_an_annotation_for_what_did_not_pass() {
    insta::assert_snapshot!(check(Format::Github).await);
}

#[tokio::test(start_paused = true)]
async fn markdown_has_a_table_with_the_worst_first_and_a_fold_for_each_text() {
    insta::assert_snapshot!(check(Format::Markdown).await);
}

#[tokio::test(start_paused = true)]
async fn json_has_the_summary_and_every_report_whole() {
    let runs = of_every_kind().await;
    let mut results: Value = serde_json::from_str(&Format::Json.render(&runs.reports, &runs.summary())).unwrap();
    let reports: Vec<Value> = runs.reports.iter().map(|report| serde_json::to_value(&**report).unwrap()).collect();
    assert_eq!(results["reports"], Value::from(reports));
    results["reports"] = json!("…");
    insta::assert_snapshot!(serde_json::to_string_pretty(&results).unwrap());
}

#[tokio::test(start_paused = true)]
async fn json_keeps_its_schema_whatever_is_in_it() {
    let schema: Value = serde_json::from_str(&results_schema()).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let (runs, hostile) = (of_every_kind().await, saying(runs::HOSTILE).await);
    let cases = [
        Format::Json.render(&runs.reports, &runs.summary()),
        Format::Json.render(&hostile.reports, &beside_the_runs(&hostile)),
        Format::Json.render(&[], &Summary::default()),
    ];
    for case in cases {
        assert_eq!(case.lines().count(), 1);
        let results = serde_json::from_str(&case).unwrap();
        let errors: Vec<_> = validator.iter_errors(&results).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {results:#}");
    }
    let mut wrong: Value = serde_json::from_str(&Format::Json.render(&runs.reports, &runs.summary())).unwrap();
    wrong["reports"][0]["outcome"] = json!("green");
    assert!(!validator.is_valid(&wrong), "the schema of the reports is part of it");
}

/// A summary that knows more than the reports say.
fn beside_the_runs(runs: &Runs) -> Summary {
    let mut summary = runs.summary();
    let lost = synthetic_core::sink::SinkStats::default();
    summary.sinks = vec![lost.clone(), lost];
    summary.sinks[0].sink = "stdout".to_owned();
    summary.sinks[0].delivered = 7;
    summary.sinks[1].sink = "prometheus".to_owned();
    summary.sinks[1].dropped.insert("gave_up", 2);
    summary.sinks[1].last_error = Some("connection refused\n::error::forged".to_owned());
    summary.problems = vec!["the journal has a line that cannot be read".to_owned()];
    let canary = summary.canaries.entry("vanished".into()).or_default();
    canary.outcomes.insert(Outcome::Error, 1);
    let canary = summary.canaries.entry("busy".into()).or_default();
    canary.outcomes.insert(Outcome::Passed, 41);
    (canary.missed, canary.left_behind) = (3, 2);
    summary.canaries.entry("idle".into()).or_default();
    summary
}

#[tokio::test(start_paused = true)]
async fn what_no_report_says_is_said_by_every_format() {
    let mut runs = Runs::new();
    runs.run(Spec::new("health"), |run| async move { run.expect("x", 1, eq(1)) }).await;
    let summary = beside_the_runs(&runs);
    assert_eq!(summary.exit(), Exit::Error);
    insta::assert_snapshot!("beside_the_runs_pretty", Format::Pretty.render(&runs.reports, &summary));
    insta::assert_snapshot!("beside_the_runs_junit", Format::Junit.render(&runs.reports, &summary));
    insta::assert_snapshot!("beside_the_runs_github", Format::Github.render(&runs.reports, &summary));
    insta::assert_snapshot!("beside_the_runs_markdown", Format::Markdown.render(&runs.reports, &summary));
}

#[test]
fn nothing_ran_is_never_green() {
    let nothing = Summary::default();
    assert_eq!(nothing.exit(), Exit::NothingSelected);
    let render = |format: Format| format.render(&[], &nothing);
    insta::assert_snapshot!(render(Format::Pretty), @r"
    error: nothing ran: no canary was selected

    nothing ran: 0 canaries
    ");
    insta::assert_snapshot!(render(Format::Junit), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="synthetic" tests="1" skipped="0" failures="0" errors="1" time="0.000">
        <testsuite name="canaries" tests="1" skipped="0" errors="1" failures="0" time="0.000">
            <testcase name="nothing ran" classname="canaries">
                <error message="no canary was selected">error: nothing ran: no canary was selected</error>
            </testcase>
            <system-out>nothing ran: 0 canaries</system-out>
        </testsuite>
    </testsuites>
    "#);
    insta::assert_snapshot!(render(Format::Github), @r"
    ::error title=nothing ran::no canary was selected
    nothing ran: 0 canaries
    ");
    insta::assert_snapshot!(render(Format::Markdown), @r"
    ## Canaries: nothing ran

    0 canaries

    - **error**: <code>nothing ran</code>: <code>no canary was selected</code>
    ");
    insta::assert_snapshot!(render(Format::Json), @r#"{"schema":"synthetic-results/1","summary":{"exit":{"code":4,"name":"nothing_selected"},"runs":0,"outcomes":{},"left_behind":0,"canaries":{},"sinks":[],"problems":[]},"reports":[]}"#);

    let mut stopped = Summary::default();
    stopped.canaries.insert("health".into(), CanarySummary::default());
    insta::assert_snapshot!(Format::Pretty.render(&[], &stopped), @r"
    error: nothing ran: 1 canary was selected, and no run came to an end
    warning: health: it did not run

    nothing ran: 0 runs of 1 canary
    ");
    let junit = quick_junit::Report::deserialize_from_str(&Format::Junit.render(&[], &stopped)).unwrap();
    assert_eq!((junit.tests, junit.errors), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_passed_is_a_line_and_the_count() {
    let mut runs = Runs::new();
    runs.run(Spec::new("health"), |run| async move { run.expect("x", 1, eq(1)) }).await;
    let (reports, summary) = (runs.reports.clone(), runs.summary());
    insta::assert_snapshot!(Format::Pretty.render(&reports, &summary), @r"
    passed    health  in 0.00 µs

    passed: 1 canary: 1 passed
    ");
    insta::assert_snapshot!(Format::Github.render(&reports, &summary), @r"
    passed    health  in 0.00 µs
    passed: 1 canary: 1 passed
    ");
    insta::assert_snapshot!(Format::Markdown.render(&reports, &summary), @r"
    ## Canaries: passed

    1 canary: 1 passed

    | canary | outcome | why | duration | left behind |
    | :-- | :-- | :-- | --: | --: |
    | <code>health</code> | passed |  | 0.00 µs |  |
    ");
}

#[tokio::test(start_paused = true)]
async fn colours_are_all_that_a_terminal_gets_more() {
    let runs = of_every_kind().await;
    let (reports, summary) = (runs.reports.clone(), beside_the_runs(&runs));
    let coloured = Format::Pretty.render_in_colour(&reports, &summary);
    let plain = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(&coloured, "").into_owned();
    assert_eq!(plain, Format::Pretty.render(&reports, &summary));
    for start in [
        "\x1b[32mpassed  \x1b[0m  api-health",
        "\x1b[1;31mfailed  \x1b[0m  checkout",
        "\x1b[1;31mfailed\x1b[0m: 51 runs",
    ] {
        assert!(coloured.lines().any(|line| line.starts_with(start)), "{start:?} in {coloured}");
    }
    for format in [Format::Json, Format::Junit, Format::Github, Format::Markdown] {
        assert_eq!(format.render_in_colour(&reports, &summary), format.render(&reports, &summary));
    }
}

#[tokio::test(start_paused = true)]
async fn a_monitor_that_ran_once_is_written_as_it_was() {
    let good = canary(Spec::new("good"), |run: Run| async move { run.expect("x", 1, eq(1)) });
    let bad = canary(Spec::new("bad"), |run: Run| async move { run.expect("x", 1, eq(2)) });
    let monitor = Monitor::named("shop")
        .sink(RecordingSink::new())
        .canary(every(mins(1)), good)
        .canary(every(mins(1)), bad)
        .build()
        .unwrap();
    let (reports, summary) = monitor.once().await;
    let text = Format::Pretty.render(&reports, &summary);
    assert!(text.ends_with("\nfailed: 2 canaries: 1 failed, 1 passed\n"), "{text}");
    let junit = quick_junit::Report::deserialize_from_str(&Format::Junit.render(&reports, &summary)).unwrap();
    let suite = &junit.test_suites[0];
    assert_eq!((suite.name.as_str(), suite.tests, suite.failures, suite.errors, suite.skipped), ("shop", 2, 1, 0, 0));
    assert!(suite.timestamp.is_some() && suite.test_cases.iter().all(|case| case.timestamp.is_some()));
}

#[tokio::test(start_paused = true)]
async fn each_monitor_has_a_suite_and_each_run_of_a_canary_a_case_of_its_own_name() {
    let mut runs = of_every_kind().await;
    for monitor in ["bakery", "shop"] {
        let report = runs.run(Spec::new("checkout"), |run| async move { run.expect("x", 1, eq(2)) }).await;
        report.monitor = Some(monitor.into());
    }
    let junit = Format::Junit.render(&runs.reports, &runs.summary());
    let junit = quick_junit::Report::deserialize_from_str(&junit).unwrap();
    let suites: Vec<_> = junit.test_suites.iter().map(|suite| (suite.name.as_str(), suite.tests)).collect();
    assert_eq!(suites, [("shop", 10), ("bakery", 1)]);
    let names = junit.test_suites[0].test_cases.iter().map(|case| case.name.as_str());
    let names: Vec<_> = names.filter(|name| name.starts_with("checkout")).collect();
    assert_eq!(names, ["checkout", "checkout #2", "checkout #3"]);
}

#[test]
fn a_format_has_one_name_on_the_command_line_and_everywhere_else() {
    for format in Format::ALL {
        assert_eq!(format.to_possible_value().unwrap().get_name(), format.as_str());
        assert_eq!(format!("{format:>9}").trim(), format.as_str());
        assert_eq!(format.as_str().to_uppercase().parse(), Ok(format));
    }
    assert_eq!(Format::value_variants(), Format::ALL);
    assert_eq!(Format::default(), Format::Pretty);
    assert!("".parse::<Format>().is_err());
}

/// Says the same of many: what is shared is not copied.
fn many(report: &Arc<Report>, number: usize) -> Vec<Arc<Report>> {
    std::iter::repeat_with(|| Arc::clone(report)).take(number).collect()
}
