//! What is captured of a body and how it was packed, and what all requests of an `Http` expect.

use serde::Deserialize;
use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{
    Expectation, Http, body_captures, charset, content_encoding, header, size, status, that, transferred,
};

use crate::support::{Server, Told, bare, ok, run_of, typed};

const RECEIPT: &str = "order o-7 of 42 pieces\norder o-8 of 1 piece\n";

/// `abc` a hundred times, by gzip.
const PACKED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0x4c, 0x4a, 0x4e, 0x1c, 0x45, 0xc4, 0x21, 0x00,
    0x84, 0xb8, 0xc4, 0xd0, 0x2c, 0x01, 0x00, 0x00,
];

fn packed() -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html; Charset=\"UTF-8\"\r\ncontent-encoding: GZIP\r\n";
    let mut answer = format!("{head}content-length: {}\r\n\r\n", PACKED.len()).into_bytes();
    answer.extend_from_slice(PACKED);
    answer
}

async fn check(answer: Vec<u8>, rows: Vec<(&str, Expectation, Expectation)>) -> String {
    let server = Server::answering(move |_| answer.clone()).await;
    let api = Http::at(server.url());
    let mut told = Told::default();
    for (case, holds, does_not) in rows {
        let report = run_of(api.get("/receipt").expect(holds)).await;
        assert_eq!(report.outcome, Outcome::Passed, "{case}: {report}");
        told.add(case, api.get("/receipt").expect(does_not)).await;
    }
    told.text()
}

#[tokio::test]
async fn what_is_captured_is_judged_as_a_type() {
    let rows = vec![
        ("a number", body_captures::<u32>(r"of (\d+)", 42_u32), body_captures::<u32>(r"of (\d+)", lt(10))),
        (
            "a tuple",
            body_captures::<(String, u8)>(r"order (\S+) of (\d+)", eq(("o-7".to_owned(), 42))),
            body_captures::<(String, u8)>(r"order (\S+) of (\d+) box", eq(("o-7".to_owned(), 42))),
        ),
        (
            "a text",
            body_captures::<String>(r"(?m)^order (\S+) of 1 ", "o-8"),
            body_captures::<u8>(r"order (\S+)", exists()),
        ),
        (
            "presence",
            body_captures::<String>("refunded", not(exists())),
            body_captures::<String>("piece", not(exists())),
        ),
    ];
    insta::assert_snapshot!(check(ok(RECEIPT), rows).await);
}

#[tokio::test]
async fn how_a_body_was_packed_is_judged() {
    let rows = vec![
        ("charset", charset("utf-8"), charset("iso-8859-1")),
        ("encoding", content_encoding(one_of(["gzip", "br"])), content_encoding(not(exists()))),
        ("bytes on the wire", transferred(PACKED.len() as u64), transferred(300)),
        ("bytes of the body", size(300), size(PACKED.len() as u64)),
    ];
    insta::assert_snapshot!(check(packed(), rows).await);
}

#[tokio::test]
async fn a_body_that_was_not_packed_says_so() {
    let rows = vec![
        ("charset", charset(not(exists())), charset("utf-8")),
        ("encoding", content_encoding(not(exists())), content_encoding("gzip")),
        ("bytes on the wire", transferred(RECEIPT.len() as u64), transferred(0)),
    ];
    insta::assert_snapshot!(check(ok(RECEIPT), rows).await);
}

#[derive(Debug, PartialEq, Deserialize)]
struct Order {
    id: String,
    pieces: u32,
}

#[tokio::test]
async fn what_is_captured_is_read_to_go_on_with() {
    let server = Server::answering(|_| ok(RECEIPT)).await;
    let receipt = Http::at(server.url()).get("/receipt").send().await.unwrap();
    assert_eq!(receipt.capture::<(String, u32)>(r"order (\S+) of (\d+)").unwrap(), ("o-7".to_owned(), 42));
    let order = receipt.capture::<Order>(r"order (?<id>\S+) of (?<pieces>\d+) piece\n").unwrap();
    assert_eq!(order, Order { id: "o-8".to_owned(), pieces: 1 });
    let mut told = Told::default();
    told.add_failure("no match", &receipt.capture::<u32>(r"refund of (\d+)").unwrap_err());
    told.add_failure("another type", &receipt.capture::<u32>(r"order (\S+)").unwrap_err());
    let failure = receipt.capture::<u32>("(").unwrap_err();
    assert_eq!(failure.reason(), Reason::Setup);
    told.add_failure("no pattern", &failure);
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_pattern_that_is_none_sends_nothing() {
    let server = Server::answering(|_| ok("")).await;
    let report = run_of(Http::at(server.url()).get("/").expect(body_captures::<String>("(", exists()))).await;
    assert_eq!((report.reason, server.accepted()), (Some(Reason::Setup), 0));
}

#[tokio::test]
async fn what_an_http_expects_is_expected_of_every_request_of_it() {
    let server = Server::answering(|request| match crate::support::target(request) {
        "/gone" => bare("404 Not Found", "x-trace: 1\r\n"),
        "/plain" => ok("up"),
        _ => bare("201 Created", "x-trace: 1\r\n"),
    })
    .await;
    let api = Http::at(server.url()).expect(header("x-trace", exists())).expect(status(201));
    run_of(api.get("/made")).await.assert_passed();
    run_of(api.get("/gone").expect(status(404))).await.assert_passed();
    let mut told = Told::default();
    told.add("neither holds", api.get("/plain")).await;
    told.add("the request asks for another status", api.get("/made").expect(status(404))).await;

    let wishing = Http::at(server.url()).prefer(header("x-trace", exists()));
    assert_eq!(run_of(wishing.get("/plain")).await.outcome, Outcome::Degraded);
    let mistaken = Http::at(server.url()).expect(body_captures::<String>("(", exists()));
    assert_eq!(run_of(mistaken.get("/plain")).await.reason, Some(Reason::Setup));
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn what_an_http_expects_is_not_expected_of_the_removal_of_things() {
    let server = Server::answering(|request| match request.split(' ').next() {
        Some("DELETE") => bare("404 Not Found", ""),
        _ => typed("201 Created", "application/json", r#"{"id": "o-7"}"#),
    })
    .await;
    let api = Http::at(server.url()).expect(header("content-type", exists()));
    let orders = api.resource("shop/order").delete("/orders/{id}").id("$.id");
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let (api, orders) = (api.clone(), orders.clone());
        async move { run.create(&orders, |_| api.post("/orders").send()).await.map(drop) }
    }))
    .await;
    report.assert_passed();
    assert_eq!(server.take().len(), 2);
}

#[tokio::test]
async fn an_expectation_judges_for_one_that_is_made_of_it() {
    let server = Server::answering(|_| ok(RECEIPT)).await;
    let (one, other) = (charset(exists()), body_captures::<u8>(r"of (\d+)", 42_u8));
    let either = that("either", move |answer| one.judge(answer).or_else(|_| other.judge(answer)));
    run_of(Http::at(server.url()).get("/").expect(either)).await.assert_passed();
    let mistaken = body_captures::<u8>("(", not(exists()));
    let answer = Http::at(server.url()).get("/").send().await.unwrap();
    let told = mistaken.judge(&answer).unwrap_err().to_string();
    assert_eq!(told, r#"expected can be judged, actual the pattern "(" is invalid: unclosed group"#);
}
