use std::time::Duration;

use crate::Schedule;
use crate::alerts::inventory::{Inventory, Watched};
use crate::alerts::{Alerts, Dashboard};
use crate::monitor::Builder;
use crate::prelude::*;
use crate::testing::RecordingSink;

fn monitor(name: &str) -> Builder {
    Monitor::named(name).sink(RecordingSink::new())
}

fn nothing(spec: Spec) -> impl Canary {
    canary(spec, |_run: Run| async { Ok(()) })
}

fn cloudwatch() -> Dashboard {
    Dashboard::CloudWatch { region: "eu-west-1".to_owned(), namespace: "CloudWatchSynthetics".to_owned() }
}

fn rules(builder: Builder) -> String {
    Alerts::Prometheus.render(&Inventory::of(builder).unwrap()).unwrap()
}

#[test]
fn thresholds_follow_from_what_is_said_of_a_canary() {
    let spec = Spec::new("nightly").timeout(secs(20)).cleanup_timeout(secs(5), secs(10));
    let text = rules(monitor("shop").canary(every(mins(10)).jitter(0.5), nothing(spec.clone())));
    for expected in [
        "increase(synthetic_runs_total{canary=\"nightly\",outcome=\"failed\"}[30m])",
        ") > 16\n",
        // Three intervals, half of one for the jitter, and the time of a run and its cleanup.
        "synthetic_last_run_timestamp_seconds{canary=\"nightly\"} > 2130",
        "synthetic_cleanup_oldest_age_seconds{canary=\"nightly\"} > 3600",
        "synthetic_cleanup_pending{canary=\"nightly\"} > 20",
        ") > 6 * 0.001",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains("14.4"), "an hour has six runs, which are no rate");

    let spec =
        spec.objective(95.0).slow_after(Duration::from_millis(1500)).keep_on_failure(mins(120)).max_pending(5).retry(1);
    let other = monitor("shop").objective(99.0).silent_after(5).canary(every(mins(10)), nothing(spec));
    let text = rules(other.sweep_every(mins(60)));
    for expected in [
        ") > 1.5\nand",
        // Five intervals, and two attempts with their cleanup.
        "synthetic_last_run_timestamp_seconds{canary=\"nightly\"} > 3060",
        "synthetic_cleanup_oldest_age_seconds{canary=\"nightly\"} > 18000",
        "synthetic_cleanup_pending{canary=\"nightly\"} > 5",
        ") > 6 * 0.05",
    ] {
        assert!(text.contains(&expected.replace('\n', "\n      ")), "{expected}\n{text}");
    }
}

#[test]
fn the_objective_of_a_canary_stands_before_that_of_the_monitor() {
    let text = rules(
        monitor("shop")
            .objective(99.0)
            .canary(every(mins(1)), nothing(Spec::new("a")))
            .canary(every(mins(1)), nothing(Spec::new("b").objective(99.99))),
    );
    assert!(text.contains("14.4 * 0.01\n") && text.contains("14.4 * 0.0001\n"), "{text}");
}

#[test]
fn the_order_in_which_canaries_are_added_makes_no_difference() {
    let of = |names: [&'static str; 3]| {
        let all = names.iter().fold(monitor("shop"), |all, name| all.canary(every(mins(1)), nothing(Spec::new(*name))));
        let inventory = Inventory::of(all).unwrap();
        let texts = [
            Alerts::Prometheus.render(&inventory),
            Alerts::CloudFormation.render(&inventory),
            Dashboard::Grafana.render(&inventory),
            cloudwatch().render(&inventory),
        ];
        texts.map(Result::unwrap)
    };
    assert_eq!(of(["b", "a", "c"]), of(["c", "b", "a"]));
}

#[test]
fn a_canary_that_runs_once_has_no_alerts_and_the_file_says_so() {
    let text = rules(
        monitor("shop")
            .canary(Schedule::once(), nothing(Spec::new("smoke")))
            .canary(every(mins(1)), nothing(Spec::new("health"))),
    );
    assert!(text.lines().nth(1).unwrap() == "# Without alerts, because they run only once: \"smoke\".", "{text}");
    assert!(!text.contains("canary=\"smoke\""));
}

#[test]
fn rules_are_for_one_place_when_the_monitor_says_where_it_is() {
    let text = rules(monitor("shop").location("eu-west-1").canary(every(mins(1)), nothing(Spec::new("health"))));
    assert_eq!(
        text.matches("{canary=\"health\"").count(),
        text.matches("{canary=\"health\",location=\"eu-west-1\"").count()
    );
    assert!(text.contains("absent(synthetic_runs_total{canary=\"health\",location=\"eu-west-1\"})"), "{text}");
}

/// A monitor refuses such names; who makes a text of one must not rely on it.
#[test]
fn hostile_names_stay_values_in_every_form() {
    let name = "a\"} or vector(1) #\n{{ $value }} $canary [[x]] ]]> <script> ${AWS::Region} é\\";
    let mut inventory = Inventory::of(monitor("m").canary(every(mins(1)), nothing(Spec::new("x")))).unwrap();
    inventory.canaries = vec![Watched { name: name.to_owned(), ..inventory.canaries[0].clone() }];
    inventory.monitor = name.to_owned();
    inventory.location = Some(name.to_owned());

    let rules = Alerts::Prometheus.render(&inventory).unwrap();
    assert!(
        rules.lines().next().unwrap().starts_with("# Alerts for the canaries of \"a\\\"} or vector(1) #\\n{{"),
        "{rules}"
    );
    let selector = r#"increase(synthetic_runs_total{canary="a\"} or vector(1) #\n{{ $value }} $canary [[x]] ]]> <script> ${AWS::Region} é\\",location="a\"}"#;
    assert!(rules.contains(selector), "{rules}");
    assert!(!rules.contains("\n#"), "no line of it is a comment: {rules}");

    let template = Alerts::CloudFormation.render(&inventory).unwrap();
    assert!(!template.contains("\n#") && template.contains("ALARM(\"${AX22X7d"), "{template}");

    let dashboard = Dashboard::Grafana.render(&inventory).unwrap();
    let read: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert_eq!(read["title"], format!("Canaries of {name}"));
    let budget = read["panels"].as_array().unwrap().iter().find(|panel| panel["title"] == "Burn rate").unwrap();
    let expr = budget["targets"][0]["expr"].as_str().unwrap();
    assert!(expr.contains(r#"location="a\"} or vector(1) #\n{{ \x24value }} \x24canary \x5b[x]]"#), "{expr}");

    let body: serde_json::Value = serde_json::from_str(&cloudwatch().render(&inventory).unwrap()).unwrap();
    assert_eq!(body["widgets"][1]["properties"]["metrics"][0][3], name);
    assert!(!body["widgets"][0]["properties"]["markdown"].as_str().unwrap().contains('\n'));
}

#[test]
fn more_canaries_than_a_form_has_room_for_are_refused_with_what_to_do() {
    let of = |count: usize| {
        let add = |all: Builder, n| all.canary(every(mins(1)), nothing(Spec::new(format!("canary-{n}"))));
        Inventory::of((0..count).fold(monitor("shop"), add)).unwrap()
    };
    assert!(Alerts::CloudFormation.render(&of(38)).is_ok());
    assert_eq!(
        Alerts::CloudFormation.render(&of(39)).unwrap_err().to_string(),
        "a CloudFormation template has at most 500 resources, and these canaries need 507: select fewer, such as by --tag, \
         --grep or --shard"
    );
    assert!(cloudwatch().render(&of(357)).is_ok());
    assert!(cloudwatch().render(&of(358)).is_err());
    assert!(Alerts::Prometheus.render(&of(1000)).is_ok());
}
