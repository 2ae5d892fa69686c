//! What is sent.

use serde_json::{Value, json};
use synthetic_core::prelude::*;
use synthetic_core::testing::check_sink_contract;
use synthetic_core::{Runner, Sink};
use synthetic_sinks::Webhook;

use super::server::Server;
use super::{Runs, eager, generic};

/// All kinds, sending to a server.
fn all(server: &Server) -> [Webhook; 5] {
    let template = r#"{"message": "{{title}} {{text}} {{canary}} {{location}} {{key}}"}"#;
    [
        Webhook::generic(&server.url("/generic")),
        Webhook::templated(&server.url("/templated"), template),
        Webhook::slack(&server.url("/services/T0/B0/token")),
        Webhook::pagerduty_at(&server.url("/v2/enqueue"), "R0UT1NG-KEY"),
        Webhook::alertmanager(&server.url("/am/")),
    ]
    .map(|webhook| eager(webhook.unwrap()))
}

#[tokio::test]
async fn each_kind_keeps_the_sink_contract() {
    let server = Server::start().await;
    for kind in 0..5 {
        check_sink_contract(|| async { all(&server).into_iter().nth(kind).unwrap() }).await;
    }
    // The check gives reports to two sinks that may tell of them, and delivers what failed twice to each.
    assert_eq!(server.messages().len(), 10, "what was delivered twice is told of once");
}

#[tokio::test]
async fn a_message_has_what_a_person_needs_at_night() {
    let server = Server::start().await;
    let (sink, mut runs) = (generic(&server), Runs::of("checkout"));
    let failed = runs.failed().await;
    sink.deliver(std::slice::from_ref(&failed)).await.unwrap();
    runs.minute += 11;
    let passed = runs.passed().await;
    sink.deliver(std::slice::from_ref(&passed)).await.unwrap();

    let messages: Vec<Value> = server.messages().iter().map(super::server::Message::json).collect();
    let text = messages[0]["text"].as_str().unwrap();
    let (head, rest) = text.split_once("    step ").unwrap();
    assert_eq!(
        head,
        "FIRING: checkout (eu-west-1): status of POST /orders: expected is equal to 201, actual 503\n\
         failed: status of POST /orders"
    );
    let rest: Vec<_> = rest.lines().skip(1).collect();
    let footer =
        format!("failing since 2027-01-15T08:01:00Z (0 s), 1 of the last 1 runs, monitor shop, run {}", failed.run_id);
    assert_eq!(rest, ["  expected  is equal to 201", "  actual    503", &footer]);
    let mut trigger = messages[0].clone();
    trigger.as_object_mut().unwrap().remove("text");
    assert_eq!(
        trigger,
        json!({
            "event": "trigger", "state": "firing", "canary": "checkout", "location": "eu-west-1", "monitor": "shop",
            "title": "FIRING: checkout (eu-west-1): status of POST /orders: expected is equal to 201, actual 503",
            "outcome": "failed", "reason": "expectation", "key": "shop/eu-west-1/checkout",
            "since": "2027-01-15T08:01:00Z", "at": "2027-01-15T08:01:00Z", "run_id": failed.run_id.to_string(),
        })
    );
    assert_eq!(
        messages[1],
        json!({
            "event": "resolve", "state": "resolved", "canary": "checkout", "location": "eu-west-1", "monitor": "shop",
            "title": "RESOLVED: checkout (eu-west-1) after 12 min",
            "text": format!(
                "RESOLVED: checkout (eu-west-1) after 12 min\n\
                 had failed: status of POST /orders: expected is equal to 201, actual 503\n\
                 failed from 2027-01-15T08:01:00Z to 2027-01-15T08:13:00Z (12 min), monitor shop, run {}",
                passed.run_id
            ),
            "outcome": "failed", "reason": "expectation", "key": "shop/eu-west-1/checkout",
            "since": "2027-01-15T08:01:00Z", "at": "2027-01-15T08:13:00Z", "run_id": passed.run_id.to_string(),
        })
    );
}

#[tokio::test]
async fn each_kind_is_sent_where_and_how_it_belongs() {
    let server = Server::start().await;
    for sink in all(&server) {
        Runs::of("checkout").play(&sink.header("authorization", "Bearer t0ken").unwrap(), "FS").await;
    }
    let messages = server.messages();
    let paths: Vec<_> = messages.iter().map(|message| message.path.as_str()).collect();
    let twice =
        ["/generic", "/templated", "/services/T0/B0/token", "/v2/enqueue", "/am/api/v2/alerts"].map(|path| [path; 2]);
    assert_eq!(paths, twice.concat());
    for message in &messages {
        assert_eq!(message.headers["content-type"], "application/json");
        assert_eq!(message.headers["authorization"], "Bearer t0ken");
    }
    assert_eq!(
        messages[7].json(),
        json!({
            "routing_key": "R0UT1NG-KEY", "event_action": "resolve", "dedup_key": messages[6].json()["dedup_key"],
        })
    );
}

#[tokio::test]
async fn hostile_names_and_texts_stay_texts() {
    let server = Server::start().await;
    let hostile =
        "a \"quoted\" \\ {{key}}\r\n<script>alert(1)</script> ]]> ünï \u{1F525} \u{202e} \u{0} `` ``` @channel";
    for sink in all(&server) {
        let mut runs = Runs::of(hostile);
        let report = runs
            .next(|| {
                let text = "\"}, {\"a\": \"<!channel> </script> ]]> ```\n\u{0}\u{7f} ü".repeat(20_000);
                Err(Failure::new(&text).expected(&text).actual(text))
            })
            .await;
        sink.deliver(&[report]).await.unwrap();
        sink.deliver(&[runs.passed().await]).await.unwrap();
    }
    let messages = server.messages();
    assert_eq!(messages.len(), 10);
    for message in &messages {
        assert!(message.body.len() < 256 * 1024, "{} bytes", message.body.len());
        let _is_json = message.json();
    }
    assert_eq!(messages[0].json()["canary"], hostile);
    assert!(messages[2].json()["message"].as_str().unwrap().contains(hostile));
    assert_eq!(messages[8].json()[0]["labels"]["canary"], hostile);
    let slack = messages[4].json();
    let text = slack["text"].as_str().unwrap();
    assert!(!text.contains('<') && !text.contains("@channel"), "{text}");
}

#[tokio::test]
async fn what_a_degraded_run_left_behind_is_named() {
    let server = Server::start().await;
    let sink = generic(&server).count_degraded(true);
    let leaky = canary(Spec::new("checkout"), |run: Run| async move {
        run.defer("cart 7", async { Err(Failure::new("status of DELETE /carts/7").actual("500")) });
        run.expect("total", 30, eq(30))
    });
    let report = Runner::new().run(leaky).await;
    assert_eq!(report.outcome, Outcome::Degraded, "{report}");
    sink.deliver(&[report.into()]).await.unwrap();
    let message = server.messages()[0].json();
    let title = message["title"].as_str().unwrap();
    assert!(title.starts_with("FIRING: checkout: left behind: cart 7: "), "{title}");
    assert!(message["text"].as_str().unwrap().contains("\nleft behind: cart 7: "), "{message}");
}
