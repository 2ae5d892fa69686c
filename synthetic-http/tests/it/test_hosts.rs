//! Requests that change something go to test hosts only.

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::Http;

use crate::support::{Server, bare, ok, run_of, target};

#[tokio::test]
async fn what_is_no_test_host_is_never_asked_to_change_anything() {
    let server = Server::answering(|_| ok("hi")).await;
    let production = Http::at(server.url()).only_test_hosts(["staging.shop.example"]);
    for request in [
        production.post("/"),
        production.put("/"),
        production.patch("/"),
        production.delete("/"),
        production.request("PURGE", "/"),
    ] {
        let report = run_of(request.clone()).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{request}: {report}");
        let failure = report.failures[0].to_string();
        assert!(
            failure.contains("is no test host, and only those may be changed (listed are staging.shop.example)"),
            "{failure}"
        );
    }
    assert_eq!(server.accepted(), 0);
    for request in [production.get("/"), production.head("/"), production.request("OPTIONS", "/")] {
        run_of(request).await.assert_passed();
    }
    let staging = production.only_test_hosts([&server.addr.to_string()]);
    run_of(staging.post("/")).await.assert_passed();
}

#[tokio::test]
async fn a_redirect_does_not_send_a_change_on_to_another_host() {
    let production = Server::answering(|_| ok("changed")).await;
    for (code, goes_on) in [(307, false), (308, false), (302, true), (303, true)] {
        let location = format!("location: {}/there\r\n", production.url());
        let staging = Server::answering(move |_| bare(&format!("{code} Moved"), &location)).await;
        let api = Http::at(staging.url()).only_test_hosts([staging.addr.to_string()]);
        let report = run_of(api.post("/orders")).await;
        let seen = production.take();
        if goes_on {
            report.assert_passed(); // As a GET.
            assert!(seen[0].starts_with("GET") && target(&seen[0]) == "/there", "{seen:?}");
        } else {
            assert_eq!(report.reason, Some(Reason::Setup), "{code}: {report}");
            assert!(report.failures[0].to_string().contains("redirect: 127.0.0.1:"), "{report}");
            assert!(seen.is_empty(), "{code}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_list_that_is_none_is_said_with_the_first_request() {
    let server = Server::answering(|_| ok("hi")).await;
    let api = Http::at(server.url()).only_test_hosts(["https://shop.example/"]);
    let report = run_of(api.get("/")).await;
    assert_eq!(report.reason, Some(Reason::Setup));
    assert!(report.failures[0].to_string().contains("is no test host: write it as staging.shop.example"), "{report}");
}
