//! Requests without an answer: whoever is called at night reads what happened, where, and what to look at.

use std::time::Duration;

use synthetic_core::prelude::*;
use synthetic_core::secret::EnvSecrets;
use synthetic_core::{Reason, Runner};
use synthetic_http::{Http, Request, from_secret};
use tokio::net::TcpSocket;

use crate::misbehaving::Rogue;
use crate::support::{Server, Told, bare, ok, run_in, run_of};

/// Returns a port that nobody listens at, and that nobody else is given as long as it is held.
fn nobody() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

#[tokio::test]
async fn a_target_that_gives_no_answer_is_told_by_what_it_did() {
    let garbage = Server::closing("NOT HTTP AT ALL\r\n\r\n").await;
    let early = Server::closing("").await;
    let half = Server::closing("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789").await;
    let large = Server::closing(ok(&"x".repeat(2_000))).await;
    let not_gzip = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nplain";
    let not_gzip = Server::closing(not_gzip.as_slice()).await;
    let astray = Server::answering(|_| bare("302 Found", "location: ftp://files.example/x\r\n")).await;
    let (_held, gone) = nobody();
    let to_gone = format!("location: {gone}/next?token=t0p\r\n");
    let to_gone = Server::answering(move |_| bare("302 Found", &to_gone)).await;

    let rows: Vec<(&str, Request, Reason)> = vec![
        ("refused", Http::at(&gone).get("/health"), Reason::Connect),
        ("garbage", Http::at(garbage.url()).get("/health"), Reason::Protocol),
        ("closed at once", Http::at(early.url()).get("/health"), Reason::Protocol),
        ("closed within the body", Http::at(half.url()).get("/health"), Reason::Protocol),
        ("too large", Http::at(large.url()).max_body(1_000).get("/health"), Reason::Protocol),
        #[cfg(feature = "compression")]
        ("not gzip", Http::at(not_gzip.url()).get("/health"), Reason::Protocol),
        ("redirected astray", Http::at(astray.url()).get("/health"), Reason::Protocol),
        ("redirected to nobody", Http::at(to_gone.url()).get("/health"), Reason::Connect),
    ];
    let _ = &not_gzip;
    let mut told = Told::default();
    for (case, request, reason) in rows {
        let report = told.add(case, request).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(reason)), "{case}: {report}");
        assert_eq!(report.requests[0].reason, Some(reason), "{case}");
    }
    #[cfg(feature = "compression")]
    insta::assert_snapshot!(told.text());
}

/// What a resolver says of it depends on the machine; with one that works, "no such host".
#[tokio::test]
async fn a_host_that_is_unknown_is_a_failure_of_dns() {
    let report = run_of(Http::at("http://shop.invalid").get("/health")).await;
    let failure = &report.failures[0];
    assert_eq!((report.outcome, failure.reason()), (Outcome::Failed, Reason::Dns));
    assert!(failure.subject().starts_with("GET /health: resolve shop.invalid: "), "{report}");
    assert!(failure.advice().unwrap().contains("DNS"), "{report}");
    assert!(report.requests[0].phases.resolve.is_some() && report.requests[0].phases.connect.is_none());
}

#[tokio::test]
async fn a_run_or_a_step_whose_time_is_up_first_still_names_the_phase() {
    let mut told = Told::default();
    let rogue = Rogue::stalling("").await;
    let report = once_it_waits(&rogue, run_in(Spec::new("test").timeout(secs(10)), rogue.api().get("/health"))).await;
    assert_eq!((report.reason, report.requests.len()), (Some(Reason::Timeout), 1), "{report}");
    told.add_report("the run's", &report);

    let rogue = Rogue::stalling("").await;
    let api = rogue.api();
    let run = once(canary(Spec::new("test"), move |run: Run| {
        let request = api.get("/health");
        async move { run.step("outer", async { run.step("check", request.send()).await }).timeout(secs(10)).await.map(drop) }
    }));
    let report = once_it_waits(&rogue, run).await;
    assert_eq!((report.reason, report.requests.len()), (Some(Reason::Timeout), 1), "{report}");
    assert_eq!(report.requests[0].step, Some(1));
    told.add_report("the step's", &report);
    insta::assert_snapshot!(told.text());
}

/// Stops the clock when the server has been asked: it then goes on by itself, as nobody does anything any more.
async fn once_it_waits(rogue: &Rogue, run: impl Future<Output = Report>) -> Report {
    let conduct = async {
        rogue.is_done().await;
        tokio::time::pause();
    };
    let (report, ()) = tokio::join!(run, conduct);
    tokio::time::resume();
    report
}

#[tokio::test]
async fn a_request_that_cannot_be_made_is_an_error_of_our_own_and_sends_nothing() {
    let server = Server::answering(|_| ok("hi")).await;
    let at = |base: &str| Http::at(base).get("/health");
    let api = Http::at(server.url());
    let no_secrets = from_secret("shop/no-such-token");
    let rows: Vec<(&str, Request)> = vec![
        ("base URL without a scheme", at("shop.example/v1")),
        ("base URL without a host", at("http://")),
        ("base URL of another scheme", at("ftp://shop.example")),
        ("base URL with a port that is none", at("http://ann:pa/ss@shop.example:port/?token=t0p-s3cret")),
        ("base URL with an encoded port", at("http://127.0.0.1%3A80")),
        ("base URL with a query", at("http://shop.example/?token=t0p-s3cret")),
        ("no base URL", Http::anywhere().get("/health?token=t0p-s3cret")),
        ("a URL that is none", api.get("http://shop.example:99999/x?token=t0p-s3cret")),
        ("a header's name", api.get("/health").header("x header", "1")),
        ("a header's value", api.get("/health").header("x-two", "one\r\nx-three: two")),
        ("a header of all", api.clone().header("x:", "1").get("/health")),
        ("a user agent", api.clone().user_agent("one\ntwo").get("/health")),
        ("a method", api.request("GET IT", "/health")),
        ("a media type", api.post("/health").body("text\n", "x")),
        ("JSON that is none", api.post("/health").json(&std::collections::BTreeMap::from([((1, 2), 3)]))),
        ("a user with a colon", api.get("/health").basic("ann:x", from_secret("any"))),
        ("an API key's header", api.get("/health").api_key("x key", from_secret("any"))),
        ("credentials for nobody", Http::anywhere().bearer(from_secret("any")).get(server.url())),
        ("a missing secret", api.get("/health").bearer(no_secrets)),
        ("a secret with no name", api.get("/health").bearer(from_secret(""))),
        ("a root that is none", api.clone().trust_pem("no certificate").get("/health")),
    ];
    let mut told = Told::default();
    for (case, request) in rows {
        let report = told.add(case, request).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{case}: {report}");
        assert_eq!((report.requests.len(), report.checks, server.accepted()), (0, 1, 0), "{case}");
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_secret_that_no_header_can_carry_is_named_and_not_shown() {
    let server = Server::answering(|_| ok("hi")).await;
    let api = Http::at(server.url());
    let mut told = Told::default();
    for (case, value) in [("a line break", "two\nlines"), ("too short", "abc")] {
        let request = api.get("/").api_key("x-key", from_secret("shop/key"));
        let runner =
            Runner::new().secrets(EnvSecrets::with_lookup(move |name| (name == "SHOP_KEY").then(|| value.into())));
        let report = runner
            .run(canary(Spec::new("test"), move |_| {
                let request = request.clone();
                async move { request.send().await.map(drop) }
            }))
            .await;
        assert_eq!(report.reason, Some(Reason::Setup), "{report}");
        told.add_report(case, &report);
    }
    assert_eq!(server.accepted(), 0);
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_failure_counts_also_if_the_body_forgets_to_return_it() {
    let report = once(canary(Spec::new("test"), |_| async {
        let _ = Http::at("http://shop.invalid").get("/").send().await;
        let _ = Http::anywhere().get("/").send().await;
        let _ = Http::anywhere().get("http://127.0.0.1/").bearer(from_secret("shop/none")).send().await;
        Ok(())
    }))
    .await;
    let reasons: Vec<Reason> = report.failures.iter().map(Failure::reason).collect();
    assert_eq!(reasons, [Reason::Dns, Reason::Setup, Reason::Setup]);
}

#[tokio::test]
async fn a_time_of_ages_is_no_overflow() {
    let server = Server::answering(|_| ok("hi")).await;
    run_of(Http::at(server.url()).timeout(Duration::MAX).get("/")).await.assert_passed();
    Http::at(server.url()).get("/").timeout(Duration::MAX).send().await.unwrap();
}

#[tokio::test]
async fn a_dropped_request_closes_its_connection() {
    let rogue = Rogue::stalling("HTTP/1.1 200 OK\r\n").await;
    {
        let request = rogue.api().get("/").send();
        let mut request = std::pin::pin!(request);
        tokio::select! {
            answer = &mut request => panic!("it stalls: {answer:?}"),
            () = rogue.is_done() => {}
        }
    }
    rogue.is_left().await;
}
