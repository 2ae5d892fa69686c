//! What happens when it does not work: nothing is lost, nothing is stored twice, and someone is told what to do.

use synthetic_core::sink::DeliveryError;

use super::*;
use crate::proxy::Answer::{Error, Hang, Pass};
use crate::proxy::Proxy;

/// Returns 25 reports that come to 100 values each.
fn reports(due: SystemTime) -> Vec<Arc<Report>> {
    let steps: Vec<_> = (0..48).map(|n| step(&format!("step {n}"), "passed", 0.0, 1000.0)).collect();
    (0..25).map(|_| report(due, json!({"steps": steps}))).collect()
}

#[tokio::test]
async fn throttling_a_server_error_and_a_hang_lose_nothing_and_repeat_nothing() {
    let Some(emulator) = Emulator::start().await else { return };
    let client = Client::new(&config(emulator.endpoint()).await);
    let script = [
        Error(400, "com.amazonaws.cloudwatch#ThrottlingException", &[]),
        Pass,
        Error(503, "com.amazonaws.cloudwatch#ServiceUnavailable", &[]),
        Pass,
        Hang,
        Error(429, "com.amazonaws.cloudwatch#Slow", &[("retry-after", "7")]),
        Error(500, "com.amazonaws.cloudwatch#InternalServiceFault", &[]),
    ];
    let proxy = Arc::new(Proxy::with_script(Some(emulator.endpoint()), script).await);
    let (sink, due) = (sink(proxy.endpoint()).await, last_minute());
    let reports = reports(due);
    // Once the hanging call has arrived nothing else goes on, and what is left to wait for is the clock.
    let watch = {
        let proxy = Arc::clone(&proxy);
        tokio::spawn(async move {
            proxy.hangs().await;
            tokio::time::pause();
        })
    };
    let mut obstacles = Vec::new();
    loop {
        match sink.deliver(&reports).await {
            Ok(()) => break,
            Err(obstacle) => obstacles.push(obstacle),
        }
        if watch.is_finished() && obstacles.len() == 3 {
            tokio::time::resume();
        }
    }
    let limited =
        |after: u64, why: &str| DeliveryError::RateLimited { after: Duration::from_secs(after), why: why.to_owned() };
    let again = |why: &str| DeliveryError::Retry(why.to_owned());
    assert_eq!(
        obstacles,
        [
            limited(5, "CloudWatch answered 400 ThrottlingException: as the test wants it"),
            again("CloudWatch answered 503 ServiceUnavailable: as the test wants it"),
            again("CloudWatch did not answer in time"),
            limited(7, "CloudWatch answered 429 Slow: as the test wants it"),
            again("CloudWatch answered 500 InternalServiceFault: as the test wants it"),
        ]
    );
    assert_eq!(proxy.seen().len(), 3 + 5, "three calls, and one for each obstacle");
    for metric in ["SuccessPercent", "Duration"] {
        let all = points(&client, metric, &[], due, 60).await;
        assert_eq!(all.iter().filter_map(Datapoint::sample_count).sum::<f64>(), 1250.0, "{metric}");
    }
    sink.deliver(&reports).await.unwrap();
    assert_eq!(proxy.seen().len(), 8, "what was delivered is not sent again");
}

#[tokio::test]
async fn a_value_that_cloudwatch_refuses_takes_no_other_along() {
    let Some(emulator) = Emulator::start().await else { return };
    let client = Client::new(&config(emulator.endpoint()).await);
    let refuse = |_: usize, seen: &crate::proxy::Seen| {
        let poisoned = seen.body.windows(6).any(|part| part == b"poison");
        if poisoned { Error(400, "com.amazonaws.cloudwatch#InvalidParameterValue", &[]) } else { Pass }
    };
    let proxy = Proxy::start(Some(emulator.endpoint()), refuse).await;
    let (sink, due) = (sink(proxy.endpoint()).await, last_minute());
    let steps =
        [step("log in", "passed", 0.0, 1.0), step("poison", "passed", 0.0, 1.0), step("pay", "passed", 0.0, 1.0)];
    sink.deliver(&[report(due, json!({"steps": steps})), report(due, json!({}))]).await.unwrap();
    assert_eq!(sink.left_out().into_iter().collect::<Vec<_>>(), [("refused", 2)]);
    let all = points(&client, "Duration", &[], due, 60).await;
    assert_eq!(all.iter().filter_map(Datapoint::sample_count).sum::<f64>(), 6.0, "two runs twice, two steps");
}

#[tokio::test]
async fn where_everything_is_refused_it_is_said_instead_of_tried_one_by_one() {
    let refuse = |_: usize, _: &crate::proxy::Seen| Error(400, "com.amazonaws.cloudwatch#InvalidParameterValue", &[]);
    let proxy = Proxy::start(None, refuse).await;
    let refused = sink(proxy.endpoint()).await.deliver(&reports(last_minute())).await;
    assert!(matches!(refused, Err(DeliveryError::Fatal(why)) if why.contains("InvalidParameterValue")));
    assert!(proxy.seen().len() < 50, "{} calls", proxy.seen().len());
}

#[tokio::test]
async fn who_may_not_publish_is_told_what_to_allow() {
    let denied = [Error(403, "com.amazonaws.cloudwatch#AccessDenied", &[])];
    let proxy = Proxy::with_script(None, denied).await;
    let sink = sink(proxy.endpoint()).await.namespace("Shop").unwrap();
    let denied = sink.deliver(&[report(last_minute(), json!({}))]).await.unwrap_err();
    assert_eq!(
        denied.to_string(),
        "CloudWatch answered 403 AccessDenied: as the test wants it (allow cloudwatch:PutMetricData in the namespace \
         \"Shop\"; roles that were made for canaries allow only \"CloudWatchSynthetics\")"
    );
}

#[test]
fn what_is_missing_before_a_call_is_said_and_may_come_yet() {
    let home = tempfile::tempdir().unwrap();
    let profile = home.path().join("config");
    std::fs::write(&profile, "[profile shop]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:1\n").unwrap();
    let profile = profile.to_str().unwrap();
    let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let cases = [
        ("nothing", vec![], "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and"),
        ("keys alone", keys.to_vec(), "set AWS_REGION, or a region in the profile"),
        ("a region alone", vec![("AWS_REGION", REGION)], "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and"),
        (
            "a profile whose server is not there",
            [&keys[..], &[("AWS_CONFIG_FILE", profile), ("AWS_PROFILE", "shop")]].concat(),
            "Connection refused",
        ),
    ];
    for (case, environment, expected) in cases {
        let said = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cloudwatch::faults::a_delivery_of_its_own", "--nocapture"])
            .env_clear()
            .env(ROLE, "delivery")
            .envs([("HOME", home.path().to_str().unwrap()), ("AWS_EC2_METADATA_DISABLED", "true")])
            .envs(environment)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let told = text.lines().find_map(|line| Some(line.split_once("Err(Retry(\"")?.1)).unwrap_or_default();
        assert!(told.starts_with("cannot reach CloudWatch: ") && told.contains(expected), "{case}: {text}");
        assert!(told.len() < 400, "{case}: {told}");
    }
}

/// Nothing by itself: what the test before it starts.
#[tokio::test]
async fn a_delivery_of_its_own() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let delivered = CloudWatch::from_env().await.deliver(&[report(last_minute(), json!({}))]).await;
    println!("{delivered:?}");
}

#[tokio::test]
async fn an_hour_without_cloudwatch_and_as_many_restarts_lose_nothing_and_repeat_nothing_with_a_spool() {
    let Some(emulator) = Emulator::start().await else { return };
    let down = Proxy::start(None, |call, _| match call % 3 {
        0 => Error(503, "com.amazonaws.cloudwatch#ServiceUnavailable", &[]),
        1 => Error(400, "com.amazonaws.cloudwatch#ThrottlingException", &[]),
        _ => Hang,
    });
    let (down, folder) = (down.await, tempfile::tempdir().unwrap());
    let began = last_minute() - Duration::from_secs(3660);
    let run = async |minute: u32, endpoint: String, close: Duration| {
        let health = canary(Spec::new(CANARY), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
        let monitor = Monitor::named("shop")
            .canary(every(mins(1)), health)
            .clock(Clock::starting_at(began + Duration::from_secs(60) * minute))
            .spooled_sink(folder.path(), sink(endpoint).await)
            .close_within(close);
        monitor.build().unwrap().once().await.1.sinks.remove(0)
    };
    for minute in 0..60 {
        let stats = run(minute, down.endpoint(), Duration::from_millis(50)).await;
        assert_eq!((stats.delivered, stats.spooled), (0, u64::from(minute) + 1), "{stats:?}");
        assert!(stats.dropped.is_empty(), "{stats:?}");
    }
    let stats = run(60, emulator.endpoint(), Duration::from_secs(30)).await;
    assert_eq!((stats.delivered, stats.spooled, stats.dropped.len()), (61, 0, 0), "{stats:?}");

    let client = Client::new(&config(emulator.endpoint()).await);
    for minute in 0..=60 {
        let due = began + Duration::from_secs(60) * minute;
        let points = points(&client, "SuccessPercent", &[("CanaryName", CANARY)], due, 60).await;
        let runs: Vec<_> = points.iter().filter_map(Datapoint::sample_count).collect();
        assert_eq!(runs, [1.0], "the run of minute {minute} is there at its time, once");
    }
    assert!(run(61, emulator.endpoint(), Duration::from_secs(30)).await.delivered == 1, "nothing comes again");
}
