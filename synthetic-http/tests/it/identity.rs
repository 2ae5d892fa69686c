//! What a request says of who sent it.

use synthetic_core::prelude::*;
use synthetic_http::Http;

use crate::support::{Server, ok, run_in, sent};

#[tokio::test]
async fn every_request_says_who_it_is_unless_told_otherwise() {
    let server = Server::answering(|_| ok("hi")).await;
    let api = Http::at(server.url());
    let sdk = concat!("synthetic-http/", env!("CARGO_PKG_VERSION"));
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let elsewhere = Http::at("https://shop.example");
    // What is sent: the user agent after the product, and whether the traceparent is the run's.
    let rows = [
        ("as it is", api.get("/"), Some("sdk"), Some("run")),
        ("to another origin", elsewhere.get(server.url()), Some("sdk"), Some("run")),
        ("anonymous", api.clone().anonymous().get("/"), None, None),
        ("a user agent", api.clone().user_agent("Mozilla/5.0").get("/"), Some("Mozilla/5.0"), Some("run")),
        ("a user agent of a request", api.get("/").header("User-Agent", "me/1"), Some("me/1"), Some("run")),
        ("a user agent of all", api.clone().header("user-agent", "us/1").get("/"), Some("us/1"), Some("run")),
        ("an anonymous user agent", api.clone().anonymous().user_agent("me/1").get("/"), Some("me/1"), None),
        ("a traceparent", api.get("/").header("Traceparent", own), Some("sdk"), Some(own)),
    ];
    for (case, request, agent, trace) in rows {
        let report = run_in(Spec::new("api-health"), request).await;
        assert_eq!(report.outcome, Outcome::Passed, "{case}: {report}");
        let seen = server.take().remove(0);
        let run = format!("{sdk} (canary api-health; run {})", report.run_id.hyphenated());
        let agent: Vec<&str> =
            agent.map(|agent| if agent == "sdk" { run.as_str() } else { agent }).into_iter().collect();
        assert_eq!(sent(&seen, "user-agent"), agent, "{case}");
        let traces = sent(&seen, "traceparent");
        match trace {
            None => assert!(traces.is_empty(), "{case}: {traces:?}"),
            Some("run") => {
                let parts: Vec<&str> = traces[0].split('-').collect();
                let [version, id, span, flags] = parts[..] else { panic!("{case}: {traces:?}") };
                assert_eq!((version, id, flags), ("00", &*report.run_id.simple().to_string(), "01"), "{case}");
                let lower_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
                assert!(span.len() == 16 && span.chars().all(lower_hex) && span != "0".repeat(16), "{case}: {span}");
            }
            Some(own) => assert_eq!(traces, [own], "{case}"),
        }
    }
}

#[tokio::test]
async fn two_requests_of_a_run_are_two_spans_of_one_trace() {
    let server = Server::answering(|_| ok("hi")).await;
    let api = Http::at(server.url());
    once(canary(Spec::new("test"), move |_| {
        let api = api.clone();
        async move {
            api.get("/").send().await?;
            api.get("/").send().await?;
            Ok(())
        }
    }))
    .await
    .assert_passed();
    let seen = server.take();
    let traces: Vec<&str> = seen.iter().flat_map(|request| sent(request, "traceparent")).collect();
    assert_eq!(traces[0][..36], traces[1][..36]);
    assert_ne!(traces[0], traces[1]);
}

#[tokio::test]
async fn outside_of_any_run_only_the_product_is_named() {
    let server = Server::answering(|_| ok("hi")).await;
    Http::at(server.url()).get("/").send().await.unwrap();
    let seen = server.take().remove(0);
    assert_eq!(sent(&seen, "user-agent"), [concat!("synthetic-http/", env!("CARGO_PKG_VERSION"))]);
    assert!(sent(&seen, "traceparent").is_empty());
}
