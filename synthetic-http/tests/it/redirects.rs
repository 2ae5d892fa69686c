//! Redirects through the whole crate: how many are followed, what becomes of the request, what a failure tells.

use synthetic_core::prelude::*;
use synthetic_http::{Http, redirects, status};

use crate::support::{Server, Told, bare, ok, run_of, target};

/// `/0` leads to `/1`, that to `/2`, and `/2` answers; `/loop` leads to itself.
async fn chain(code: &'static str) -> Server {
    Server::answering(move |request| match target(request) {
        "/0" => bare(code, "location: /1\r\n"),
        "/1" => bare(code, "location: /2?token=t0p-s3cret\r\n"),
        "/loop" => bare(code, "location: /loop\r\n"),
        _ => ok("there"),
    })
    .await
}

#[tokio::test]
async fn redirects_are_followed_up_to_the_limit() {
    let server = chain("302 Found").await;
    let api = Http::at(server.url());
    for (most, code, followed) in [(0, 302, 0_u16), (1, 302, 1), (2, 200, 2), (3, 200, 2)] {
        let request = api.get("/0").max_redirects(most).expect(status(code)).expect(redirects(followed));
        let report = run_of(request).await;
        assert_eq!(report.outcome, Outcome::Passed, "{most}: {report}");
        assert_eq!((report.requests[0].status, report.requests[0].redirects), (Some(code), u32::from(followed)));
    }
    run_of(api.get("/0")).await.assert_passed();
    let answer = api.get("/0").send().await.unwrap();
    assert_eq!((answer.redirects(), answer.url()), (2, &*format!("{}/2?token=t0p-s3cret", server.url())));

    let mut told = Told::default();
    told.add("none followed", api.clone().max_redirects(0).get("/0")).await;
    told.add("one followed", api.get("/0").max_redirects(1)).await;
    told.add("a loop", api.get("/loop").max_redirects(3)).await;
    told.add("at the end", api.get("/0").expect(status(201))).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_post_is_sent_again_by_307_and_308_only() {
    for (code, method, body) in [
        ("301 Moved Permanently", "GET", ""),
        ("302 Found", "GET", ""),
        ("303 See Other", "GET", ""),
        ("307 Temporary Redirect", "POST", "[1]"),
        ("308 Permanent Redirect", "POST", "[1]"),
    ] {
        let server = chain(code).await;
        run_of(Http::at(server.url()).post("/0").json(&[1])).await.assert_passed();
        let last = server.take().pop().unwrap();
        assert!(last.starts_with(method) && last.ends_with(&format!("\r\n\r\n{body}")), "{code}: {last}");
    }
}
