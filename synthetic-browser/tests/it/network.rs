//! Requests of pages: seen, counted, expected, blocked, answered.

use std::time::Duration;

use serde_json::json;
use synthetic_browser::Answer;
use synthetic_core::Reason;
use synthetic_core::prelude::*;

use crate::support::{Site, in_each_browser, journey, told};

/// A page that asks for a style, a picture that is missing, and an answer of an API.
fn shop() -> Site {
    Site::new(
        "<link rel=stylesheet href=/style.css><img src=/missing.png><p id=out style='height:30px'></p><button id=b>Buy</button><script>
        fetch('/api/orders/17?token=t0p').then(async answer => out.textContent = answer.status + ' ' + await answer.text());
        b.onclick = () => fetch('/api/buy', { method: 'POST', body: '{}' }).then(() => out.textContent = 'bought');
        </script>",
    )
    .answer("/style.css", (200, "text/css", "p { color: red }".to_owned(), Duration::ZERO))
    .answer("/api/orders/17", (200, "application/json", r#"{"id":17}"#.to_owned(), Duration::ZERO))
    .answer("/api/buy", (503, "application/json", r#"{"error":"sold out"}"#.to_owned(), Duration::ZERO))
}

#[test]
fn every_request_of_a_page_is_in_the_report_with_its_step() {
    in_each_browser(|browser| async move {
        let report = journey(&browser, shop(), |run, page| async move {
            // Nothing moves any more, and nothing else is written there.
            page.id("out").text(starts_with("200")).await?;
            run.step("buy", async {
                let bought = page.response("POST /api/buy", page.button("Buy").click()).await?;
                assert_eq!((bought.status, &*bought.kind, bought.step), (Some(503), "fetch", vec!["buy".to_owned()]));
                assert!(bought.duration.is_some() && bought.failed.is_none());
                page.id("out").text("bought").await
            })
            .await?;
            let listed = page.requests();
            let style = listed.iter().find(|request| request.url.ends_with("/style.css")).unwrap();
            assert_eq!((&*style.method, style.status, &*style.kind), ("GET", Some(200), "stylesheet"));
            assert!(style.size > 0 && !style.from_cache && !style.in_frame, "{style:?}");
            Ok(())
        })
        .await;
        report.assert_passed();
        let mut told: Vec<String> = report
            .requests
            .iter()
            .map(|request| {
                let path = request.url.split_once("//").and_then(|(_, rest)| rest.split_once('/')).unwrap().1;
                let status = request.status.map_or("none".to_owned(), |status| status.to_string());
                format!("{} /{path} {status} in {:?}", request.method, request.step)
            })
            .collect();
        told.sort();
        assert_eq!(
            told,
            [
                "GET / 200 in None",
                "GET /api/orders/{id} 200 in None",
                "GET /missing.png 404 in None",
                "GET /style.css 200 in None",
                "POST /api/buy 503 in Some(0)",
            ]
        );
        let document = report.requests.iter().find(|request| request.url.ends_with('/')).unwrap();
        assert!(document.phases.processing.is_some() && document.phases.transfer.is_some(), "{document:?}");
        assert_eq!(document.protocol.as_deref(), Some("HTTP/1.1"));
        assert!(!document.cleanup && document.size > 0 && !document.duration.is_zero());
        assert!(!format!("{:?}", report.requests).contains("t0p"));
    });
}

#[test]
fn what_had_no_answer_is_recorded_with_its_reason() {
    in_each_browser(|browser| async move {
        // It is nobody else's for as long as it is bound, and nobody listens on it.
        let taken = tokio::net::TcpSocket::new_v4().unwrap();
        taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = taken.local_addr().unwrap();
        let html = format!(
            "<p id=out></p><script>fetch('http://{closed}/').catch(() => out.textContent = 'refused')</script>"
        );
        let report = journey(&browser, Site::new(&html), move |_, page| async move {
            page.id("out").text("refused").await?;
            assert!(!page.no_failed_requests().prefer().await?);
            page.no_failed_requests().except(format!("http://{closed}/")).await
        })
        .await;
        let failed: Vec<_> = report.requests.iter().filter(|request| request.status.is_none()).collect();
        assert_eq!(failed.len(), 1, "{:?}", report.requests);
        assert_eq!(failed[0].reason, Some(Reason::Connect));
        assert!(report.failures.is_empty(), "{report:?}");
    });
}

#[test]
fn requests_are_blocked_and_answered_from_the_first_one_on() {
    in_each_browser(|browser| async move {
        let again = browser.clone();
        let report = journey(&browser, shop(), move |run, page| {
            let browser = again.clone();
            async move {
                let page = browser
                    .page(&run)
                    .base(page.url())
                    .block(["**/*.css", "GET /missing.*"])
                    .answer("/api/orders/*", Answer::json(200, json!({ "id": 18 })))
                    .await?;
                page.goto("/").await?;
                page.id("out").text(r#"200 {"id":18}"#).await?;
                let colour = page.evaluate("getComputedStyle(out).color").await?;
                assert_eq!(colour, "rgb(0, 0, 0)");
                page.answer("**/api/buy", Answer::text(201, "ok").header("x-by", "us")).await?;
                page.button("Buy").click().await?;
                page.expect_request("POST /api/buy", eq(201)).await?;
                page.no_failed_requests().await
            }
        })
        .await;
        report.assert_passed();
        let ours: Vec<_> = report.requests.iter().filter(|request| request.url.ends_with("/api/buy")).collect();
        assert!(ours.is_empty(), "{ours:?}");
        let documents = report.requests.iter().filter(|request| request.url.ends_with('/')).count();
        assert_eq!(documents, 2);
    });
}

#[test]
fn a_failure_about_requests_says_which_ones_were_made() {
    in_each_browser(|browser| async move {
        let report = journey(&browser, shop(), |_, page| async move {
            page.id("out").text(starts_with("200")).await?;
            let page = page.patient(ms(300));
            let _ = page.expect_request("/api/orders/*", eq(201)).await;
            let _ = page.expect_requests("**/*.css", eq(0)).await;
            let _ = page.no_failed_requests().await;
            let _ = page.wait_for_response("/api/cart").await;
            let _ = page.block(["/{a"]).await;
            assert!(!page.expect_request("/api/cart", eq(200)).prefer().await?);
            page.expect_requests("**/*.css", ge(1)).await
        })
        .await;
        let told: Vec<String> = report.failures.iter().map(told).collect();
        let has = |n: usize, texts: &[&str]| {
            for text in texts {
                assert!(told[n].contains(text), "{text:?} in {}", told[n]);
            }
        };
        has(0, &["status of /api/orders/*", "is equal to 201", "/api/orders/17?token=…: 200"]);
        has(1, &["number of requests **/*.css", "is equal to 0", "1: GET http://127.0.0.1:PORT/style.css: 200"]);
        has(2, &["requests of the page", "none has failed", "1 failed: GET http://127.0.0.1:PORT/missing.png: 404"]);
        has(3, &["answer to /api/cart", "is there within 300 ms", "no such request was made, but "]);
        has(4, &[r#""/{a" is no pattern for requests: a { without a }"#]);
        assert!(!told.join("\n").contains("t0p"), "{told:?}");
    });
}
