//! Reading an answer: as JSON of a type, by path, and what is said where that fails.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{Http, Response};

use crate::support::{Server, Told, ok};

#[derive(Debug, PartialEq, Deserialize)]
struct Order {
    id: String,
    total: f64,
}

const ORDERS: &str =
    r#"{"count": 2, "next": null, "orders": [{"id": "o-1", "total": 1.5}, {"id": "o-2", "total": 2}]}"#;

async fn answer(body: &'static str) -> Response {
    let server = Server::answering(move |_| ok(body)).await;
    Http::at(server.url()).get("/orders").send().await.unwrap()
}

#[tokio::test]
async fn a_body_is_read_as_what_is_asked_for() {
    let answer = answer(ORDERS).await;
    assert_eq!(answer.json::<Value>().unwrap()["count"], 2);
    assert_eq!(answer.json::<BTreeMap<String, Value>>().unwrap().len(), 3);
    assert_eq!(answer.read::<u32>("$.count").unwrap(), 2);
    assert_eq!(answer.read::<String>("$.orders[0].id").unwrap(), "o-1");
    assert_eq!(answer.read::<Vec<String>>("$.orders[*].id").unwrap(), ["o-1", "o-2"]);
    assert_eq!(answer.read::<Vec<String>>("$.none[*].id").unwrap(), [""; 0], "a path for many may find none");
    assert_eq!(answer.read::<Option<String>>("$.next").unwrap(), None);
    assert_eq!(answer.read::<Order>("$.orders[1]").unwrap(), Order { id: "o-2".into(), total: 2.0 });
    assert_eq!(answer.read::<Vec<Order>>("$.orders").unwrap().len(), 2);
}

#[tokio::test]
async fn an_answer_tells_how_it_came() {
    let answer = answer("x").await;
    assert_eq!((answer.status(), answer.http_version(), answer.tls_version()), (200, "HTTP/1.1", None));
    assert_eq!((answer.header("Content-Type"), answer.header("x-none")), (Some("text/plain"), None));
    assert_eq!(answer.header_all("content-length").collect::<Vec<_>>(), ["1"]);
    assert_eq!((answer.text().as_ref(), answer.wire_size(), answer.redirects()), ("x", 1, 0));
    assert!(answer.url().ends_with("/orders") && answer.peer().unwrap().ip().is_loopback());
    assert!(answer.latency() >= answer.phases().processing.unwrap());
    assert_eq!(answer.certificate_expires_at(), None);
    assert_eq!(format!("{answer:?}"), "Response(GET /orders: HTTP/1.1 200 OK, text/plain, 1 bytes\nx)");
}

#[tokio::test]
async fn what_cannot_be_read_is_said_and_fails_the_run() {
    let (orders, page) = (answer(ORDERS).await, answer("<html>").await);
    let answers = std::sync::Arc::new((orders, page));
    let report = once(canary(Spec::new("test"), move |_| {
        let answers = std::sync::Arc::clone(&answers);
        async move {
            let (orders, page) = &*answers;
            let _ = orders.json::<Order>();
            let _ = orders.json::<Vec<Order>>();
            let _ = page.json::<Option<Order>>();
            let _ = orders.read::<u32>("$.orders[0].id");
            let _ = orders.read::<Vec<u32>>("$.orders[*].id");
            let _ = orders.read::<String>("$.orders[2].id");
            let _ = page.read::<String>("$.id");
            let _ = orders.read::<String>("$.orders[");
            Ok(())
        }
    }))
    .await;
    assert_eq!(report.failures.len(), 8, "each is recorded, although none was returned");
    assert_eq!(report.failures.last().map(Failure::reason), Some(Reason::Setup));
    let mut told = Told::default();
    told.add_report("unreadable", &report);
    insta::assert_snapshot!(told.text());

    let outside = answer("<html>").await.json::<Order>().unwrap_err();
    assert_eq!(outside.subject(), "body of GET /orders");
}
