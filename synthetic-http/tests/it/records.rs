//! What a request leaves in the run that it was made in.

use serde_json::json as value;
use synthetic_core::prelude::*;
use synthetic_core::{Reason, Report};
use synthetic_http::{Http, status};

use crate::support::{Server, bare, ok, run_of};

async fn shop() -> Server {
    Server::answering(|request| {
        if request.starts_with("GET /old") {
            bare("302 Found", "location: /orders/17\r\n")
        } else if request.starts_with("GET /broken") {
            b"HTTP/1.1 200 OK\r\ncontent-length: nine\r\n\r\n".to_vec()
        } else {
            ok("hello")
        }
    })
    .await
}

#[tokio::test]
async fn a_request_is_recorded_with_how_it_went() {
    let server = shop().await;
    let api = Http::at(server.url());
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let api = api.clone();
        async move {
            api.get("/orders/17").query("token", "t0p-s3cret").send().await?;
            run.step("second", async {
                api.get("/old/01890a5d-ac96-774b-bcce-b302099a8057").template("/old/{order}").send().await?;
                Ok(())
            })
            .await
        }
    }))
    .await;
    report.assert_passed();
    assert_eq!(report.checks, 3, "two requests and a step");
    let [first, second] = &report.requests[..] else { panic!("{report:?}") };
    assert_eq!((&*first.method, first.url.as_str()), ("GET", &*format!("{}/orders/{{id}}", server.url())));
    assert_eq!((first.status, first.reason, first.size, first.redirects), (Some(200), None, 5, 0));
    assert_eq!((first.protocol.as_deref(), first.peer), (Some("HTTP/1.1"), Some(server.addr)));
    assert_eq!((first.step, first.reused, first.cleanup, &first.certificate), (None, false, false, &None));
    assert!(first.is_success() && first.duration > ms(0) && first.duration <= report.duration);
    let done = first.phases.named().map(|(_, took)| took.is_some());
    assert_eq!(done, [false, true, false, true, true], "an address over http is neither looked up nor over TLS");

    assert_eq!(second.url, format!("{}/old/{{order}}", server.url()));
    assert_eq!((second.step, second.redirects, second.reused, second.size), (Some(0), 1, true, 5));
    assert_eq!(second.phases.connect, None);
}

#[tokio::test]
async fn a_request_that_failed_is_recorded_with_why() {
    let server = shop().await;
    let api = Http::at(server.url());
    let report = run_of(api.get("/orders").expect(status(201))).await;
    let request = &report.requests[0];
    assert_eq!((request.status, request.reason), (Some(200), Some(Reason::Expectation)));
    assert!(!request.is_success());

    let report = run_of(api.get("/broken")).await;
    let request = &report.requests[0];
    assert_eq!((request.status, request.reason), (None, Some(Reason::Protocol)));
    assert_eq!((request.peer, request.phases.connect.is_some()), (Some(server.addr), true));

    let half = Server::closing("HTTP/1.1 206 Partial Content\r\ncontent-length: 9\r\n\r\nhalf").await;
    let report = run_of(Http::at(half.url()).get("/")).await;
    let request = &report.requests[0];
    assert_eq!((request.status, request.reason), (Some(206), Some(Reason::Protocol)), "the head had come");
}

#[tokio::test]
async fn a_request_of_the_cleanup_is_marked_as_such_and_does_not_fail_the_journey() {
    let server = shop().await;
    let api = Http::at(server.url());
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let api = api.clone();
        async move {
            let api = run.step("create", async { Ok(api) }).await?;
            let undo = api.delete("/orders/17").expect(status(204));
            run.defer("delete the order", async move { undo.send().await.map(drop) });
            api.get("/orders/17").send().await?;
            Ok(())
        }
    }))
    .await;
    let marks: Vec<_> = report.requests.iter().map(|request| (&*request.method, request.cleanup)).collect();
    assert_eq!(marks, [("GET", false), ("DELETE", true)]);
    assert_eq!((report.outcome, report.reason, report.failures.len()), (Outcome::Degraded, Some(Reason::Leftover), 0));
    let why = report.cleanup.items[0].failure.as_ref().unwrap();
    assert_eq!(why.to_string(), "status of DELETE /orders/17: expected is equal to 204, actual 200");
}

#[tokio::test]
async fn a_request_is_a_check() {
    let server = shop().await;
    let report: Report = run_of(Http::at(server.url()).get("/")).await;
    assert_eq!((report.outcome, report.checks), (Outcome::Passed, 1));
}

#[tokio::test]
async fn outside_of_any_run_everything_works_the_same() {
    let server = shop().await;
    let api = Http::at(server.url());
    let answer = api.post("/orders").json(&value!({ "sku": "A" })).send().await.unwrap();
    assert_eq!((answer.status(), answer.body()), (200, b"hello".as_slice()));
    let failure = api.get("/orders").expect(status(201)).prefer(status(202)).send().await.unwrap_err();
    assert_eq!(failure.to_string(), "status of GET /orders: expected is equal to 201, actual 200");
    let failure = Http::at("http://127.0.0.1:1").get("/").send().await.unwrap_err();
    assert_eq!(
        (failure.reason(), failure.to_string().as_str()),
        (Reason::Connect, "GET /: connect to 127.0.0.1:1 refused")
    );
}
