//! What is made by requests: what is known of it when it failed, what its requests carry, and how long they may take.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use synthetic_core::cleanup::Recovery;
use synthetic_core::prelude::*;
use synthetic_http::{Http, Request, Response, json, status};

use crate::clock::{LONG, Stall};
use crate::support::{Server, bare, ok, sent, target};

/// Orders of a server that knows of nothing, with a search that is counted there. Its answers are never quiet for long.
#[derive(Clone)]
struct Orders(Http);

impl Resource for Orders {
    const KIND: &'static str = "shop/order";
    type Made = Response;
    type Id = u32;

    fn id(&self, _: &Response) -> u32 {
        7
    }

    async fn delete(&self, id: &u32) -> Result<Gone> {
        self.0.delete(format!("/orders/{id}")).send().await?;
        Ok(Gone::Deleted)
    }

    async fn find(&self, mark: &Mark) -> Result<Vec<u32>> {
        self.0.get("/found").query("reference", mark).send().await?.json()
    }

    fn recovery(&self) -> Recovery {
        Recovery::default().quiescence(Duration::ZERO).create_timeout(mins(1))
    }
}

/// Creates an order by a request, and returns the report.
async fn creating(http: &Http, request: impl Fn(Mark) -> Request + Send + Sync + 'static) -> Report {
    let orders = Orders(http.clone());
    let request = std::sync::Arc::new(request);
    once(canary(Spec::new("test"), move |run: Run| {
        let (orders, request) = (orders.clone(), std::sync::Arc::clone(&request));
        async move {
            run.create(&orders, |mark| request(mark).send()).await?;
            Ok(())
        }
    }))
    .await
}

/// Answers the search with nothing, deletes with 404, and all else as told.
fn with_search(answer: &'static str, headers: &'static str) -> impl Fn(&str) -> Vec<u8> {
    move |request| match (request.split(' ').next().unwrap(), target(request)) {
        (_, path) if path.starts_with("/found") => ok("[]"),
        ("GET", _) => bare("404 Not Found", ""),
        ("DELETE", _) => bare("404 Not Found", ""),
        _ => bare(answer, headers),
    }
}

#[tokio::test]
async fn only_what_was_certainly_not_made_is_not_looked_for() {
    let rows = [
        ("400 Bad Request", "", true),
        ("401 Unauthorized", "", true),
        ("404 Not Found", "", true),
        ("410 Gone", "", true),
        ("422 Unprocessable Content", "", true),
        ("429 Too Many Requests", "", true),
        ("408 Request Timeout", "", false),
        ("409 Conflict", "", false),
        ("500 Internal Server Error", "", false),
        ("503 Service Unavailable", "", false),
        ("200 OK", "", false),                              // 201 was expected.
        ("303 See Other", "location: /nowhere\r\n", false), // The 404 there says nothing of the first hop.
        ("307 Temporary Redirect", "location: gopher://x/\r\n", false),
    ];
    for (answer, headers, certain) in rows {
        let server = Server::answering(with_search(answer, headers)).await;
        let http = Http::at(server.url());
        let api = http.clone();
        let report = creating(&http, move |_| api.post("/orders").expect(status(201))).await;
        assert_eq!(report.outcome, Outcome::Failed, "{answer}: {report}");
        let searched = server.take().iter().filter(|request| target(request).starts_with("/found")).count();
        assert_eq!((searched, report.cleanup.items.len()), if certain { (0, 0) } else { (1, 1) }, "{answer}: {report}");
        assert_eq!(report.cleanup.left_behind(), 0, "{answer}: {report}");
    }
}

#[tokio::test]
async fn what_was_never_sent_is_not_looked_for_and_what_was_cut_off_is() {
    let server = Server::answering(with_search("201 Created", "")).await;
    let http = Http::at(server.url());
    let cut_off = Server::closing("").await;
    let rows = [
        ("http://127.0.0.1:1/orders".to_owned(), 0),
        ("no whole URL at all".to_owned(), 0),
        ("http://name.invalid/orders".to_owned(), 0),
        (format!("{}/orders", cut_off.url()), 1),
    ];
    for (url, searches) in rows {
        let whole = url.clone();
        let report = creating(&http, move |_| Http::anywhere().post(whole.clone())).await;
        assert!(!report.outcome.is_up(), "{url}: {report}");
        let seen = server.take();
        assert_eq!((seen.len(), report.cleanup.items.len()), (searches, searches), "{url}: {seen:?}\n{report}");
    }
}

#[tokio::test]
async fn a_refusal_that_follows_a_creation_closes_nothing() {
    let server = Server::answering(with_search("201 Created", "")).await;
    let orders = Orders(Http::at(server.url()));
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let orders = orders.clone();
        async move {
            let api = orders.0.clone();
            run.create(&orders, |_| async move {
                api.post("/orders").send().await?;
                api.get("/orders/7").send().await // 404: the read model is behind.
            })
            .await?;
            Ok(())
        }
    }))
    .await;
    assert_eq!(report.cleanup.items.len(), 1, "{report}");
    assert!(server.take().iter().any(|request| target(request).starts_with("/found")));
}

#[tokio::test]
async fn what_changes_something_says_which_run_it_belongs_to_and_what_it_makes() {
    let server =
        Server::answering(|request| if target(request).starts_with("/found") { ok("[7]") } else { ok("{}") }).await;
    let http = Http::at(server.url());
    let of = |requests: &[String], method: &str, path: &str, name: &str| -> Vec<String> {
        let start = format!("{method} {path}");
        let request = requests.iter().find(|request| request.starts_with(&start)).unwrap_or_else(|| panic!("{start}"));
        sent(request, name).into_iter().map(str::to_owned).collect()
    };

    let api = http.clone();
    let report = creating(&http, move |mark| api.post("/orders").idempotency_key(&mark)).await;
    report.assert_passed();
    let (requests, run) = (server.take(), report.run_id.hyphenated().to_string());
    let mark = report.cleanup.items[0].mark.clone().unwrap();
    for name in ["idempotency-key", "synthetic-mark"] {
        assert_eq!(of(&requests, "POST", "/orders", name), [mark.as_str()], "{name}");
    }
    for (method, path) in [("POST", "/orders"), ("DELETE", "/orders/7")] {
        assert_eq!(of(&requests, method, path, "synthetic-run"), [run.as_str()], "{method}");
    }
    assert!(of(&requests, "GET", "/found", "synthetic-run").is_empty(), "a search changes nothing");

    let named = http.clone().mark_headers("X-Run", "X-Mark");
    let api = named.clone();
    let report = creating(&named, move |_| api.post("/orders").header("x-mark", "mine")).await;
    let requests = server.take();
    assert_eq!(of(&requests, "POST", "/orders", "x-run"), [report.run_id.to_string()]);
    assert_eq!(of(&requests, "POST", "/orders", "x-mark"), ["mine"], "what a request says itself stands");

    let foreign = Http::at("http://localhost:1"); // Another origin than the server's.
    let url = format!("{}/orders", server.url());
    for quiet in [http.clone().without_marks(), http.clone().anonymous(), foreign] {
        let url = url.clone();
        creating(&http, move |_| quiet.post(url.clone())).await;
        let requests = server.take();
        for name in ["synthetic-run", "synthetic-mark"] {
            assert!(of(&requests, "POST", "/orders", name).is_empty(), "{name}: {requests:?}");
        }
    }
}

#[tokio::test]
async fn the_answer_to_a_creation_is_waited_for_also_when_the_time_of_the_run_is_up() {
    let stall = Stall::new();
    let asked = stall.clone();
    let server = Server::raw(move |mut stream| {
        let asked = asked.clone();
        async move {
            while let Ok(request) = crate::support::read_request(&mut stream).await {
                if request.starts_with("POST") {
                    asked.reached();
                    // Longer than all that the run has.
                    tokio::time::sleep(LONG + secs(3)).await;
                }
                let answer = if target(&request).starts_with("/found") { ok("[7]") } else { ok("{}") };
                tokio::io::AsyncWriteExt::write_all(&mut stream, &answer).await?;
            }
            Ok(())
        }
    })
    .await;
    let orders = Orders(Http::at(server.url()));
    let creating = once(canary(Spec::new("test").timeout(LONG), move |run: Run| {
        let orders = orders.clone();
        async move {
            let api = orders.0.clone();
            run.create(&orders, |_| api.post("/orders").timeout(mins(1)).send()).await?;
            Ok(())
        }
    }));
    let report = stall.runs_out(creating).await;
    assert_eq!(report.reason, Some(synthetic_core::Reason::Timeout), "{report}");
    assert!(report.duration < LONG + secs(1), "waiting for an answer is none of the body's time: {report}");
    assert_eq!(report.requests[0].status, Some(200), "it was answered: {report}");
    assert_eq!(report.cleanup.items[0].name, "shop/order 7", "its id is known: {report}");
    assert_eq!(report.cleanup.left_behind(), 0);
}

#[tokio::test]
async fn a_delete_is_tried_again_when_another_try_may_help() {
    let (deletes, answers) =
        (AtomicU32::new(0), ["503 Service Unavailable", "429 Too Many Requests", "204 No Content"]);
    let server = Server::answering(move |request| match (request.split(' ').next().unwrap(), target(request)) {
        ("DELETE", _) => bare(answers[deletes.fetch_add(1, Ordering::SeqCst) as usize], ""),
        (_, path) if path.starts_with("/found") => ok("[7]"),
        _ => ok("{}"),
    })
    .await;
    let http = Http::at(server.url());
    let api = http.clone();
    let report = creating(&http, move |_| api.post("/orders").expect(json("$", eq(serde_json::json!({}))))).await;
    report.assert_passed();
    let deleted: Vec<_> = report.requests.iter().filter(|request| request.method == "DELETE").collect();
    assert_eq!(deleted.len(), 3);
    assert!(deleted.iter().all(|request| request.cleanup), "they are none of the journey's requests");
}
