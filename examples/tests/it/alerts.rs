//! What `alerts` and `dashboard` print, held against the tools of those who read it.

mod scenarios;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use serde_json::{Value, json};
use synthetic_core::alerts::{Alerts, Inventory};
use synthetic_core::prelude::*;
use synthetic_sinks::Stdout;
use tempfile::TempDir;

use super::aws;
use super::command_line::{self, Ended};
use super::prometheus::has;

/// What the command prints; it needs no shop.
fn printed(arguments: &str) -> String {
    let (code, out, err) = run(arguments);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments}");
    out
}

fn run(arguments: &str) -> (Option<i32>, String, String) {
    let mut command = command_line::command(arguments);
    command.env_remove("AWS_REGION");
    ended(command)
}

fn ended(command: Command) -> (Option<i32>, String, String) {
    let Ended { code, out, err } = command_line::ended(command);
    (code, out, err)
}

/// Holds rule files against `promtool check rules`, if it is there.
fn check_rules(all: &[String]) {
    if !has("promtool") {
        return;
    }
    let mut promtool = Command::new("promtool");
    let folder = TempDir::new().unwrap();
    promtool.args(["check", "rules", "--lint-fatal"]).args(files(&folder, all));
    let (code, out, err) = ended(promtool);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}\n{}", all.join("\n"));
}

/// Reads YAML as others do, if Python's reader is there.
fn read_yaml(all: &[String]) -> Option<Vec<Value>> {
    let mut python = Command::new(aws::program("python")?);
    let folder = TempDir::new().unwrap();
    let read = "json.dumps([yaml.safe_load(open(name, encoding='utf-8')) for name in sys.argv[1:]])";
    python.args(["-c", &format!("import json, sys, yaml; print({read})")]).args(files(&folder, all));
    let (code, out, err) = ended(python);
    assert_eq!(code, Some(0), "{err}\n{}", all.join("\n"));
    Some(serde_json::from_str(&out).unwrap())
}

fn files(folder: &TempDir, all: &[String]) -> Vec<PathBuf> {
    let file = |(n, text): (usize, &String)| {
        let path = folder.path().join(format!("{n}.yml"));
        std::fs::write(&path, text).unwrap();
        path
    };
    all.iter().enumerate().map(file).collect()
}

#[test]
fn prometheus_reads_the_rules_and_they_are_as_they_were() {
    let rules = printed("alerts --format prometheus");
    let in_a_place = printed("alerts --format prometheus --objective 95 --tag critical --location eu-west-1");
    check_rules(&[rules.clone(), in_a_place]);
    insta::assert_snapshot!("rules", printed("alerts --format prometheus api-health"));
    assert_eq!(rules, printed("alerts --format prometheus"));
}

#[test]
fn cfn_lint_accepts_the_template_and_it_is_as_it_was() {
    let template = printed("alerts --format cloudformation");
    insta::assert_snapshot!("template", printed("alerts --format cloudformation api-health"));
    let Some(lint) = aws::program("cfn-lint") else { return };
    let mut lint = Command::new(lint);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("alarms.yml");
    std::fs::write(&file, template).unwrap();
    // Also what it only informs of.
    lint.args(["--include-checks", "I", "--non-zero-exit-code", "informational", "--"]).arg(&file);
    let (code, out, err) = ended(lint);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "", ""));
}

#[test]
fn every_question_of_the_grafana_dashboard_is_one() {
    let dashboard = printed("dashboard --format grafana");
    insta::assert_snapshot!("grafana", dashboard);
    let places = dashboard + &printed("dashboard --format grafana --location eu-west-1");
    let mut rules = Vec::new();
    for dashboard in serde_json::Deserializer::from_str(&places).into_iter::<Value>() {
        let dashboard = dashboard.unwrap();
        let ids: BTreeSet<_> = dashboard["panels"].as_array().unwrap().iter().map(|it| it["id"].as_u64()).collect();
        assert_eq!(ids.len(), dashboard["panels"].as_array().unwrap().len(), "every panel has an id of its own");
        for target in dashboard["panels"].as_array().unwrap().iter().filter_map(|it| it["targets"].as_array()).flatten()
        {
            let expr = target["expr"].as_str().unwrap();
            let expr = expr.replace("$canary", "a|b").replace("$window", "5m").replace("$__range", "6h");
            assert!(!expr.contains('$'), "a variable that is none of the dashboard's: {expr}");
            rules.push(json!({"record": format!("panel:{}", rules.len()), "expr": expr}));
        }
    }
    assert!(rules.len() > 40, "{}", rules.len());
    // JSON is YAML.
    check_rules(&[json!({"groups": [{"name": "panels", "rules": rules}]}).to_string()]);
}

/// The families that the Prometheus sink promises.
const FAMILIES: [&str; 17] = [
    "synthetic_runs_total",
    "synthetic_run_duration_seconds",
    "synthetic_step_duration_seconds",
    "synthetic_steps_total",
    "synthetic_request_duration",
    "synthetic_up",
    "synthetic_last_run_timestamp_seconds",
    "synthetic_certificate_expiry_timestamp_seconds",
    "synthetic_cleanup_total",
    "synthetic_cleanup_pending",
    "synthetic_cleanup_oldest_age_seconds",
    "synthetic_schedule_lag_seconds",
    "synthetic_queue_wait_seconds",
    "synthetic_runs_skipped_total",
    "synthetic_runs_in_flight",
    "synthetic_sink_dropped_total",
    "synthetic_sink_queue_length",
];

#[test]
fn only_families_that_there_are_are_asked_for_and_the_dashboard_shows_every_one() {
    let asked = |text: &str| -> BTreeSet<String> {
        let names = Regex::new(r"synthetic_\w+").unwrap();
        let plain = |name: &str| {
            let part = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
            part.unwrap_or(name).to_owned()
        };
        names.find_iter(text).map(|name| plain(name.as_str())).collect()
    };
    let known: BTreeSet<String> = FAMILIES.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(asked(&printed("dashboard --format grafana")), known);
    let rules = asked(&printed("alerts --format prometheus"));
    assert!(rules.is_subset(&known), "{rules:?}");

    let metrics: BTreeSet<&str> =
        ["SuccessPercent", "Duration", "Failed", "Error", "4xx", "5xx", "Failed requests"].into();
    let body: Value = serde_json::from_str(&printed("dashboard --format cloudwatch --region eu-west-1")).unwrap();
    let widgets = body["widgets"].as_array().unwrap();
    let lines: Vec<_> = widgets.iter().filter_map(|it| it["properties"]["metrics"].as_array()).flatten().collect();
    assert_eq!(lines.iter().map(|line| line[1].as_str().unwrap()).collect::<BTreeSet<_>>(), metrics);
    assert!(lines.iter().all(|line| line[0] == "CloudWatchSynthetics" && line[2] == "CanaryName"));
    let template = printed("alerts --format cloudformation");
    let names = Regex::new("MetricName: (.*)").unwrap();
    let names: BTreeSet<_> = names.captures_iter(&template).map(|found| found.get(1).unwrap().as_str()).collect();
    assert_eq!(names, ["Duration", "Error", "SuccessPercent"].into());
}

#[test]
fn the_cloudwatch_dashboard_is_as_it_was_and_names_its_region() {
    insta::assert_snapshot!("cloudwatch", printed("dashboard --format cloudwatch --region eu-west-1 api-health"));
    let (code, out, err) = run("dashboard --format cloudwatch");
    assert_eq!((code, out.as_str()), (Some(64), ""));
    assert_eq!(err, "error: a CloudWatch dashboard names the region of its metrics: say --region eu-west-1\n");
    let own = printed("dashboard --format cloudwatch --region eu-west-1 --namespace Shop api-health");
    assert!(own.contains("\"Shop\"") && !own.contains("CloudWatchSynthetics"), "{own}");
}

#[test]
fn a_file_is_written_whole_and_what_is_wrong_is_said() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("rules.yml");
    let (code, out, err) = run(&format!("alerts --format prometheus --output {}", file.display()));
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "", &*format!("written to {}\n", file.display())));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), printed("alerts --format prometheus"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    for (arguments, code, expected) in [
        ("alerts", 64, "--format <FORMAT>"),
        ("alerts --format nagios", 64, "[possible values: prometheus, cloudformation]"),
        ("alerts --format prometheus --objective 100", 64, "its objective of 100 % is none: say more than 0"),
        ("alerts --format prometheus --output /nowhere/rules.yml", 64, "there is no folder /nowhere"),
        ("alerts --format prometheus ghost", 4, "there is no canary \"ghost\""),
    ] {
        let (ended, out, err) = run(arguments);
        assert_eq!((ended, out.as_str()), (Some(code), ""), "{arguments}: {err}");
        assert!(err.contains(expected), "{arguments}: {err}");
    }
    let journal = folder.path().join("journal");
    printed(&format!("alerts --format prometheus --journal {}", journal.display()));
    assert!(!Path::new(&journal).exists(), "it only reads what would run");
}

#[test]
fn help_teaches_what_to_do_with_it() {
    let help = printed("alerts --help");
    for expected in
        ["promtool check rules", "aws cloudformation deploy", "[default: what the monitor", "version control"]
    {
        assert!(help.contains(expected), "{expected}: {help}");
    }
    assert!(printed("dashboard --help").contains("Dashboards, New, Import"));
}

#[test]
fn what_is_hostile_stays_a_text_for_those_who_read_yaml() {
    let texts = [
        "yes",
        "0x1F",
        "1e3",
        "~",
        "null",
        "a: b",
        "a #b",
        "- a",
        "'\"\\",
        "{{ $value }} {{ end }}",
        "a\nb\n",
        "\n a",
        "\t",
        "é\u{85}\u{7}",
        "!!x",
        "*a",
        "&a",
        "2026-01-01",
        "---",
        "#",
        "=",
        "<<",
        " a ",
        "%",
        "a\r\nb",
        "\u{2028}",
        "😀",
    ];
    let rules = texts.map(|text| {
        let health = canary(Spec::new("health"), |_run: Run| async { Ok(()) });
        let monitor = Monitor::named(text).location(text).canary(every(mins(1)), health).sink(Stdout::pretty());
        Alerts::Prometheus.render(&Inventory::of(monitor).unwrap()).unwrap()
    });
    check_rules(&rules);
    for (text, read) in texts.iter().zip(read_yaml(&rules).unwrap_or_default()) {
        let group = &read["groups"][0];
        assert_eq!(group["name"], format!("synthetic {text}: health in {text}"));
        assert_eq!(group["rules"][0]["labels"]["monitor"], text.replace("{{", "{{ \"{{\" }}"));
    }
}
