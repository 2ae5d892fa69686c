//! What can be expected of an answer: what holds passes, and what does not hold says so.

use std::time::Duration;

use serde_json::json as value;
use synthetic_core::Reason;
use synthetic_core::expect::Mismatch;
use synthetic_core::prelude::*;
use synthetic_http::{
    Expectation, Http, Phase, body, cert_days_left, cookie, header, http_version, json, latency, phase, redirects,
    sha256, size, status, that,
};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{Told, ok, run_of};

const SHA256: &str = "e2e85f4b2dc2e54bd1d5b5f2a4d6e7c0e2c6f0d4c5a9b7e1f3d2c1b0a9f8e7d6";

async fn shop(answer: ResponseTemplate) -> (MockServer, Http) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let http = Http::at(server.uri());
    (server, http)
}

fn orders() -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(value!({
            "db": "up", "count": 2,
            "orders": [{ "id": "o-1", "status": "pending" }, { "id": "o-2", "status": "shipped" }],
        }))
        .append_header("x-region", "eu")
        .append_header("x-region", "us")
        .append_header("set-cookie", "session=s-1; HttpOnly")
        .append_header("set-cookie", "theme=dark")
}

fn agrees(wanted: u16) -> Expectation {
    that("status and count agree", move |answer| {
        if answer.status() == wanted {
            Ok(())
        } else {
            Err(Mismatch::new(format!("status {wanted}"), answer.status().to_string()))
        }
    })
}

#[tokio::test]
async fn every_expectation_holds_or_says_what_was_there_instead() {
    let (_server, api) = shop(orders()).await;
    let minute = Duration::from_secs(60);
    let rows: Vec<(&str, Expectation, Expectation)> = vec![
        ("a status", status(200), status(201)),
        ("one of some statuses", status([200, 204]), status([201, 204])),
        ("a range of statuses", status(200..=299), status(400..=499)),
        ("a matcher of the status", status(lt(400)), status(ge(500))),
        ("a header", header("Content-Type", starts_with("application/json")), header("content-type", "text/html")),
        ("a header that is there twice", header("x-region", "eu, us"), header("x-region", "eu")),
        ("a header that is there", header("x-region", exists()), header("x-none", exists())),
        ("a header that is not there", header("x-none", not(exists())), header("x-region", not(exists()))),
        ("a value of no header", header("x-region", contains("us")), header("x-none", contains("us"))),
        ("a body", body(contains("pending")), body(contains("cancelled"))),
        ("a plain JSON value", json("$.db", "up"), json("$.db", "down")),
        ("a number", json("$.count", ge(1)), json("$.count", ge(3))),
        (
            "a list",
            json("$.orders[*].status", every(one_of(["pending", "shipped"]))),
            json("$.orders[*].status", every("pending")),
        ),
        ("a path that is there", json("$.db", exists()), json("$.cache", exists())),
        ("a path that is not there", json("$.cache", not(exists())), json("$.db", not(exists()))),
        ("a value of no path", json("$.orders[0].id", "o-1"), json("$.orders[2].id", "o-3")),
        ("latency", latency(under(minute)), latency(under(Duration::ZERO))),
        ("a phase", phase(Phase::Processing, under(minute)), phase(Phase::Processing, under(Duration::ZERO))),
        ("a phase that was not started", phase(Phase::Connect, under(minute)), phase(Phase::Tls, under(minute))),
        ("a look-up of an address", phase(Phase::Resolve, not(exists())), phase(Phase::Resolve, under(minute))),
        ("no certificate", cert_days_left(not(exists())), cert_days_left(ge(21))),
        ("redirects", redirects(0), redirects(ge(1))),
        ("the version", http_version("HTTP/1.1"), http_version("HTTP/2")),
        ("a cookie", cookie("session", "s-1"), cookie("theme", "light")),
        ("a cookie that is not set", cookie("none", not(exists())), cookie("none", exists())),
        ("a size", size(between(1, 1_000)), size(0)),
        ("anything else", agrees(200), agrees(404)),
    ];
    let mut told = Told::default();
    for (case, holds, does_not) in rows {
        let report = run_of(api.get("/orders").expect(holds)).await;
        assert_eq!(report.outcome, Outcome::Passed, "{case}: {report}");
        told.add(case, api.get("/orders").expect(does_not)).await;
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_digest_is_compared_without_case() {
    let (_server, api) = shop(ResponseTemplate::new(200).set_body_string("abc")).await;
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    run_of(api.get("/logo.png").expect(sha256(abc))).await.assert_passed();
    run_of(api.get("/logo.png").expect(sha256(abc.to_uppercase()))).await.assert_passed();
    let mut told = Told::default();
    told.add("another digest", api.get("/logo.png").expect(sha256(SHA256))).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn one_failure_lists_everything_that_is_unmet() {
    let (_server, api) =
        shop(ResponseTemplate::new(503).set_body_json(value!({ "error": "upstream unavailable" }))).await;
    let request =
        api.post("/orders").json(&value!({ "sku": "A" })).expect(status(201)).expect(json("$.status", "pending"));
    let report =
        run_of(request.expect(header("content-type", starts_with("application/json"))).expect(size(lt(10)))).await;
    assert_eq!(report.failures.len(), 1);
    let mut told = Told::default();
    told.add_report("all at once", &report);
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn what_is_preferred_degrades_and_stops_nothing() {
    let (_server, api) = shop(orders()).await;
    let request = api.get("/orders").prefer(latency(under(Duration::ZERO))).prefer(json("$.count", gt(5)));
    let report = run_of(request.prefer(status(200))).await;
    assert_eq!((report.outcome, report.failures.len(), report.unmet.len()), (Outcome::Degraded, 0, 2));
    assert_eq!(report.requests[0].reason, None);
    let mut told = Told::default();
    told.add_report("preferred", &report);
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn unless_the_status_is_expected_it_must_be_2xx() {
    let mut told = Told::default();
    for answer in [500, 404, 304] {
        let (_server, api) = shop(ResponseTemplate::new(answer).set_body_json(value!({ "db": "up" }))).await;
        told.add(&format!("{answer}, nothing expected"), api.get("/health")).await;
        told.add(&format!("{answer}, JSON expected"), api.get("/health").expect(json("$.db", "up"))).await;
        let report = run_of(api.get("/health").prefer(status(200))).await;
        assert_eq!(report.outcome, Outcome::Failed, "what is preferred is no demand");
        run_of(api.get("/health").expect(status(answer))).await.assert_passed();
        run_of(api.get("/health").expect(status(any_of((lt(200), ge(300)))))).await.assert_passed();
    }
    for answer in [200, 204, 299] {
        let (_server, api) = shop(ResponseTemplate::new(answer)).await;
        run_of(api.get("/health")).await.assert_passed();
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_mistake_in_an_expectation_is_an_error_of_our_own_and_sends_nothing() {
    let server = crate::support::Server::answering(|_| ok("{}")).await;
    let api = Http::at(server.url());
    let mut told = Told::default();
    for (case, mistaken) in [
        ("a path", json("$.orders[", exists())),
        ("a pattern", body(matches("(unclosed"))),
        ("a pattern within", header("x", not(matches("(unclosed")))),
    ] {
        told.add(case, api.get("/orders").expect(mistaken.clone())).await;
        let report = run_of(api.get("/orders").prefer(mistaken)).await;
        assert_eq!(report.reason, Some(Reason::Setup), "{case}");
        assert_eq!((report.requests.len(), server.accepted()), (0, 0));
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_body_that_is_not_json_says_so() {
    let mut told = Told::default();
    for (case, page) in [("a page", "<html>Bad Gateway</html>"), ("nothing", ""), ("half", "{\"db\": ")] {
        let (_server, api) = shop(ResponseTemplate::new(200).set_body_raw(page, "text/html")).await;
        told.add(case, api.get("/health").expect(json("$.db", "up"))).await;
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_long_body_is_shown_in_part_and_binary_as_text() {
    let mut told = Told::default();
    let (_server, api) = shop(ResponseTemplate::new(500).set_body_string("ä".repeat(5_000))).await;
    let report = told.add("long", api.get("/")).await;
    let answer = report.failures[0].pieces_of_evidence().iter().find(|piece| piece.label == "answer").unwrap();
    assert!(answer.text.ends_with("ä …"), "{}", answer.text);
    let (_server, api) = shop(ResponseTemplate::new(500).set_body_bytes(vec![0xff, b'o', b'k'])).await;
    let mut told = Told::default();
    told.add("not UTF-8", api.get("/")).await;
    insta::assert_snapshot!(told.text());
}
