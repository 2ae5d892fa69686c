//! The two alarms of the usual tutorial.

use aws_sdk_cloudwatch::types::{ComparisonOperator, StateValue};

use super::*;

struct Alarm {
    name: &'static str,
    metric: &'static str,
    comparison: ComparisonOperator,
    threshold: f64,
    periods: i32,
}

const PERIOD: i32 = 300;

async fn put(client: &Client, alarm: Alarm) {
    let request = client
        .put_metric_alarm()
        .alarm_name(alarm.name)
        .namespace(NAMESPACE)
        .metric_name(alarm.metric)
        .dimensions(Dimension::builder().name("CanaryName").value(CANARY).build())
        .statistic(Statistic::Average)
        .period(PERIOD)
        .evaluation_periods(alarm.periods)
        .threshold(alarm.threshold)
        .comparison_operator(alarm.comparison);
    request.send().await.unwrap();
}

async fn states(client: &Client) -> Vec<(String, StateValue)> {
    let all = client.describe_alarms().send().await.unwrap();
    let mut states: Vec<_> = all
        .metric_alarms()
        .iter()
        .map(|alarm| (alarm.alarm_name().unwrap().to_owned(), alarm.state_value().unwrap().clone()))
        .collect();
    states.sort();
    states
}

#[tokio::test]
async fn the_alarms_of_the_tutorial_go_off_and_back() {
    let Some(emulator) = Emulator::start().await else { return };
    let client = Client::new(&config(emulator.endpoint()).await);
    let sink = sink(emulator.endpoint()).await;
    let success = Alarm {
        name: "failing",
        metric: "SuccessPercent",
        comparison: ComparisonOperator::LessThanThreshold,
        threshold: 100.0,
        periods: 1,
    };
    let duration = Alarm {
        name: "slow",
        metric: "Duration",
        comparison: ComparisonOperator::GreaterThanThreshold,
        threshold: 10_000.0,
        periods: 2,
    };
    put(&client, success).await;
    put(&client, duration).await;
    let start = Clock::system().now();
    let quarter = Duration::from_secs(900);
    let slow_failure = json!({"outcome": "failed", "reason": "timeout", "duration_ms": 30_000.0});
    let rounds = [
        ("it passes", json!({}), StateValue::Ok, StateValue::Ok),
        ("it fails at once", json!({"outcome": "failed"}), StateValue::Alarm, StateValue::Ok),
        ("it passes slowly", json!({"duration_ms": 12_000.0}), StateValue::Ok, StateValue::Alarm),
        ("it times out", slow_failure, StateValue::Alarm, StateValue::Alarm),
        ("it passes again", json!({}), StateValue::Ok, StateValue::Ok),
    ];
    for (round, (what, parts, failing, slow)) in (0..).zip(rounds) {
        // Past both periods of what was before; not further than two hours ahead, which CloudWatch would not take.
        emulator.set_ahead(quarter * round);
        sink.deliver(&[report(start + quarter * round, parts)]).await.unwrap();
        let expected = [("failing".to_owned(), failing), ("slow".to_owned(), slow)];
        assert_eq!(states(&client).await, expected, "{what}");
    }
}
