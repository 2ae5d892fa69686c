//! Within a monitor, and between runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use synthetic_core::Sink;
use synthetic_core::prelude::*;

use super::server::{Answer, Server};
use super::{Runs, eager, generic};

/// What was sent of a canary.
fn told(server: &Server, canary: &str) -> Vec<String> {
    let of = |message: &super::server::Message| {
        let json = message.json();
        (json["canary"] == canary).then(|| json["title"].as_str().unwrap().to_owned())
    };
    server.messages().iter().filter_map(of).collect()
}

#[tokio::test]
async fn each_canary_at_each_location_has_its_own_alert() {
    let server = Server::start().await;
    let sink = generic(&server);
    let (mut eu, mut us) = (Runs::of("checkout"), Runs::of("checkout"));
    us.location = Some("us-east-1");
    let mut other = Runs::of("search");
    let batch = [eu.failed().await, us.passed().await, other.passed().await, us.failed().await, eu.passed().await];
    assert_eq!(sink.deliver(&batch).await, Ok(()));
    let keys: Vec<_> = server.messages().iter().map(|message| message.json()["key"].clone()).collect();
    assert_eq!(keys, ["shop/eu-west-1/checkout", "shop/us-east-1/checkout", "shop/eu-west-1/checkout"]);
    assert_eq!(server.events(), ["trigger", "trigger", "resolve"]);
}

#[tokio::test]
async fn a_reminder_comes_with_a_failing_run_when_its_time_has_come() {
    let server = Server::start().await;
    let sink = generic(&server).remind_every(Duration::from_secs(3 * 60));
    Runs::of("checkout").play(&sink, "FFFFFS").await;
    assert_eq!(server.events(), ["trigger", "reminder", "resolve"]);
    let reminder = server.messages()[1].json();
    assert!(
        reminder["title"].as_str().unwrap().starts_with("STILL FIRING: checkout (eu-west-1) for 3 min: status of ")
    );
    assert_eq!((&reminder["since"], &reminder["at"]), (&"2027-01-15T08:01:00Z".into(), &"2027-01-15T08:04:00Z".into()));
}

#[tokio::test]
async fn a_message_that_did_not_arrive_is_tried_again_between_runs() {
    let server = Server::start().await;
    server.answers([Answer::Status(500), Answer::Status(500), Answer::Status(200)]);
    let sink = generic(&server).resend_every(Duration::from_millis(10));
    assert!(sink.deliver(&[Runs::of("checkout").failed().await]).await.is_err());
    server.has(3).await;
    assert_eq!(sink.flush().await, Ok(()));
    assert_eq!(server.events(), ["trigger"; 3]);
}

#[tokio::test]
async fn an_alertmanager_is_told_again_and_again_of_what_fires_until_it_is_over() {
    let server = Server::start().await;
    let sink =
        eager(synthetic_sinks::Webhook::alertmanager(&server.url("")).unwrap()).resend_every(Duration::from_millis(20));
    let (mut a, mut b) = (Runs::of("a"), Runs::of("b"));
    sink.deliver(&[a.failed().await, b.failed().await]).await.unwrap();
    let all = server.has(6).await;
    let labels = |message: &super::server::Message| message.json()[0]["labels"].clone();
    assert!(all[2..].iter().any(|message| labels(message) == labels(&all[0])), "{all:?}");
    assert!(all[2..].iter().any(|message| message.json().as_array().unwrap().len() == 2), "in one message: {all:?}");
    sink.deliver(&[a.passed().await, b.passed().await]).await.unwrap();
    let over = server.messages();
    let last: Vec<_> =
        over[over.len() - 2..].iter().map(|message| message.json()[0]["annotations"]["status"].to_string()).collect();
    assert!(
        last.iter().all(|status| status.starts_with("\"failed from 2027-01-15T08:01:00Z to 2027-01-15T08:02:00Z")),
        "{last:?}"
    );
    sink.close().await.unwrap();
    assert_eq!(server.messages().len(), over.len());
}

#[tokio::test]
async fn a_canary_that_is_removed_resolves_without_another_run() {
    let server = Server::start().await;
    let sink = generic(&server).resend_every(Duration::from_millis(10));
    let failing = || canary(Spec::new("checkout"), |run: Run| async move { run.expect("total", 25, eq(30)) });
    let well = canary(Spec::new("search"), |run: Run| async move { run.expect("hits", 3, eq(3)) });
    let monitor = Monitor::named("shop")
        .canary(every(mins(60)), failing())
        .canary(every(mins(60)), well)
        .sink(sink)
        .build()
        .unwrap();
    let handle = monitor.handle();
    let ended = Arc::new(tokio::sync::Notify::new());
    let stop = Arc::clone(&ended);
    let running = tokio::spawn(monitor.run_until(async move { stop.notified().await }));
    while handle.trigger("checkout").is_err() {
        tokio::task::yield_now().await; // It has not begun yet.
    }
    server.has(1).await;
    handle.remove("checkout").unwrap();
    server.has(2).await;
    ended.notify_one();
    let summary = running.await.unwrap();
    assert_eq!(summary.sinks[0].dropped.len(), 0, "{summary:?}");
    assert_eq!(
        told(&server, "checkout"),
        ["FIRING: checkout: total: expected is equal to 30, actual 25", "RESOLVED: checkout was removed"]
    );
}

#[tokio::test]
async fn a_server_that_hangs_keeps_up_no_canary_and_no_other_sink() {
    let server = Server::start().await;
    server.answers([Answer::Hang]);
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    let others = synthetic_core::testing::RecordingSink::new();
    let failing = canary(Spec::new("checkout"), move |run: Run| {
        is_done.store(true, Ordering::Relaxed);
        async move { run.expect("total", 25, eq(30)) }
    });
    let monitor = Monitor::named("shop")
        .canary(every(mins(1)), failing)
        .sink(generic(&server).timeout(Duration::from_millis(100)))
        .sink(others.clone())
        .close_within(Duration::from_millis(300))
        .build()
        .unwrap();
    let (reports, summary) = monitor.once().await;
    assert!(done.load(Ordering::Relaxed));
    assert_eq!((reports.len(), others.reports().len()), (1, 1));
    let of_webhook = summary.sinks.iter().find(|sink| sink.sink == "webhook").unwrap();
    assert_eq!(of_webhook.dropped.get("shutdown"), Some(&1), "{of_webhook:?}");
}
