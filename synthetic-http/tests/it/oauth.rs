//! Tokens: one for all who need it, renewed when it is refused, and a server of them that fails is not the target.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use synthetic_core::prelude::*;
use synthetic_core::{AnyCanary, Reason, Runner, Secret};
use synthetic_http::{Http, OAuth, Request};
use tokio::time::advance;

use crate::clock::{LONG, Stall};
use crate::support::{Server, Told, bare, ok, run_of, sent, target};

const SECRET: &str = "cl1ent&s3cret";

/// An authorization server that gives `token-1`, `token-2` and so on, and a shop that takes the last of them.
struct Shop {
    tokens: Server,
    shop: Server,
    given: Arc<AtomicUsize>,
}

impl Shop {
    async fn with(expires_in: &'static str) -> Self {
        let given = Arc::new(AtomicUsize::new(0));
        let (count, last) = (Arc::clone(&given), Arc::clone(&given));
        let tokens = Server::answering(move |_| {
            let token = count.fetch_add(1, Ordering::SeqCst) + 1;
            json(&format!("{{\"access_token\":\"t0ken-number-{token}\",\"token_type\":\"bearer\"{expires_in}}}"))
        })
        .await;
        let shop = Server::answering(move |request| {
            let token = format!("Bearer t0ken-number-{}", last.load(Ordering::SeqCst));
            if sent(request, "authorization") == [token] { ok("[]") } else { bare("401 Unauthorized", "") }
        })
        .await;
        Self { tokens, shop, given }
    }

    fn oauth(&self) -> OAuth {
        let url = format!("{}/oauth/token?tenant=s3cret-tenant", self.tokens.url());
        OAuth::client_credentials(url, "canary:1", Secret::new("shop/client-secret", SECRET))
    }

    fn get(&self) -> Request {
        Http::at(self.shop.url()).oauth(self.oauth().scope("a").scope("b").parameter("audience", "shop")).get("/orders")
    }
}

fn json(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

fn sending(request: Request) -> AnyCanary {
    AnyCanary::from(canary(Spec::new("orders"), move |_| {
        let request = request.clone();
        async move { request.send().await.map(drop) }
    }))
}

#[tokio::test]
async fn a_token_is_asked_for_as_the_standard_says_and_kept_across_runs() {
    let it = Shop::with(",\"expires_in\":3600").await;
    let get = it.get();
    let report = run_of(get.clone()).await;
    report.assert_passed();
    assert_eq!(report.requests.len(), 2, "the request for the token is in the report");
    run_of(get.clone()).await.assert_passed();
    let asked = it.tokens.take();
    assert_eq!(asked.len(), 1);
    // RFC 6749, section 2.3.1: each half is encoded as in a form before it is put into Basic.
    assert_eq!(sent(&asked[0], "authorization"), ["Basic Y2FuYXJ5JTNBMTpjbDFlbnQlMjZzM2NyZXQ="]);
    assert!(asked[0].ends_with("\r\n\r\ngrant_type=client_credentials&scope=a+b&audience=shop"), "{}", asked[0]);
    assert_eq!(target(&asked[0]), "/oauth/token?tenant=s3cret-tenant");

    let in_the_body = Http::at(it.shop.url()).oauth(it.oauth().secret_in_body()).get("/orders");
    run_of(in_the_body).await.assert_passed();
    let asked = it.tokens.take().remove(0);
    assert!(
        asked.ends_with("grant_type=client_credentials&client_id=canary%3A1&client_secret=cl1ent%26s3cret"),
        "{asked}"
    );
    assert!(sent(&asked, "authorization").is_empty());
}

#[tokio::test]
async fn however_many_runs_need_a_token_at_once_one_is_asked_for() {
    let it = Shop::with("").await;
    let request = it.get();
    let runs = (0..20).map(|_| sending(request.clone()));
    let runs: Vec<_> = runs.map(|orders| tokio::spawn(async move { Runner::new().run(orders).await })).collect();
    for run in runs {
        run.await.unwrap().assert_passed();
    }
    assert_eq!(it.given.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_waits_for_the_request_of_another_shares_its_failure_and_tells_no_secret() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let opened = Arc::clone(&gate);
    let tokens = Server::raw(move |mut stream| {
        let opened = Arc::clone(&opened);
        async move {
            crate::support::read_request(&mut stream).await?;
            opened.notified().await;
            let body = format!("{{\"error\":\"invalid_client\",\"error_description\":\"{SECRET} is wrong\"}}");
            let answer = format!("HTTP/1.1 401 Unauthorized\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await
        }
    })
    .await;
    let secret = Secret::new("shop/client-secret", SECRET);
    let oauth = OAuth::client_credentials(tokens.url(), "canary", secret);
    let request = Http::at("http://127.0.0.1:1").oauth(oauth).get("/orders");
    let runs = (0..10).map(|_| sending(request.clone()));
    let runs: Vec<_> = runs.map(|orders| tokio::spawn(async move { Runner::new().run(orders).await })).collect();
    while tokens.accepted() == 0 {
        tokio::task::yield_now().await;
    }
    // On one thread, a round is one poll of each: by now all of them wait.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    gate.notify_one();
    for run in runs {
        let report = run.await.unwrap();
        assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{report}");
        assert!(report.to_string().contains("invalid_client: [redacted:shop/client-secret] is wrong"), "{report}");
    }
    assert_eq!(tokens.accepted(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let it = Shop::with(",\"expires_in\":600").await;
    let request = it.get();
    for (wait, given) in [(0, 1), (560, 1), (20, 2), (0, 2)] {
        // By hand: a clock that runs on by itself would not wait for a socket.
        tokio::time::pause();
        advance(Duration::from_secs(wait)).await;
        tokio::time::resume();
        run_of(request.clone()).await.assert_passed();
        assert_eq!(it.given.load(Ordering::SeqCst), given, "after {wait} s more");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once_in_a_run() {
    let it = Shop::with("").await;
    let request = it.get();
    run_of(request.clone()).await.assert_passed();
    // Somebody else has got one since, and the shop takes no other.
    it.given.fetch_add(1, Ordering::SeqCst);
    let report = run_of(request.clone()).await;
    report.assert_passed();
    assert_eq!(
        report.requests.iter().map(|request| request.status).collect::<Vec<_>>(),
        [Some(401), Some(200), Some(200)]
    );
    assert_eq!(report.warnings.len(), 1);
    assert!(
        report.warnings[0]
            .starts_with("GET /orders was answered with 401: it was sent again with a new token from http://"),
        "{:?}",
        report.warnings
    );
    let text = format!("{report} {report:?} {}", serde_json::to_string(&report).unwrap());
    assert!(!text.contains("t0ken-number") && !text.contains("s3cret"), "{text}");

    let refusing = Server::answering(|_| bare("401 Unauthorized", "")).await;
    let report = run_of(Http::at(refusing.url()).oauth(it.oauth()).get("/orders")).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Expectation)), "{report}");
    assert_eq!(refusing.take().len(), 2);
}

#[tokio::test]
async fn requests_side_by_side_that_are_refused_share_a_new_token() {
    let it = Shop::with("").await;
    let request = it.get();
    run_of(request.clone()).await.assert_passed();
    it.given.fetch_add(1, Ordering::SeqCst);
    let report = once(canary(Spec::new("orders"), move |_| {
        let request = request.clone();
        async move {
            let each = || async { request.clone().send().await.map(drop) };
            let (first, second, third) = tokio::join!(each(), each(), each());
            first.and(second).and(third)
        }
    }))
    .await;
    report.assert_passed();
    assert_eq!(it.given.load(Ordering::SeqCst), 3, "one new token for all of them");
}

#[tokio::test]
async fn how_long_a_token_lasts_may_be_written_as_a_text() {
    let it = Shop::with(",\"expires_in\":\"600\"").await;
    let request = it.get();
    for (wait, given) in [(0, 1), (560, 1), (20, 2)] {
        tokio::time::pause();
        advance(Duration::from_secs(wait)).await;
        tokio::time::resume();
        run_of(request.clone()).await.assert_passed();
        assert_eq!(it.given.load(Ordering::SeqCst), given, "after {wait} s more");
    }
}

#[tokio::test]
async fn a_server_of_tokens_that_fails_is_told_apart_from_the_target() {
    let shop = Server::answering(|_| ok("[]")).await;
    let answers = Arc::new(Mutex::new(Vec::new()));
    let next = Arc::clone(&answers);
    let tokens = Server::answering(move |_| next.lock().unwrap().pop().unwrap()).await;
    let refused = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    let get = |url: String| {
        let oauth = OAuth::client_credentials(url, "canary", Secret::new("shop/client-secret", SECRET));
        Http::at(shop.url()).oauth(oauth).get("/orders")
    };
    let mut told = Told::default();
    for (case, answer, reason) in [
        (
            "it refuses",
            refused("401 Unauthorized", "{\"error\":\"invalid_client\",\"error_description\":\"no such client\"}"),
            Reason::Setup,
        ),
        ("it is broken", refused("503 Service Unavailable", "<html>"), Reason::Expectation),
        ("no token", json("{\"token_type\":\"bearer\"}"), Reason::Expectation),
        ("no type", json("{\"access_token\":\"t0ken-number-1\"}"), Reason::Expectation),
        (
            "no time",
            json("{\"access_token\":\"t0ken-number-1\",\"token_type\":\"bearer\",\"expires_in\":\"soon\"}"),
            Reason::Expectation,
        ),
        ("another type", json("{\"access_token\":\"t0ken-number-1\",\"token_type\":\"mac\"}"), Reason::Expectation),
    ] {
        answers.lock().unwrap().push(answer);
        let report = told.add(case, get(format!("{}/token", tokens.url()))).await;
        assert_eq!(report.reason, Some(reason), "{case}: {report}");
        assert_eq!(report.failures.len(), 1, "{case}");
    }
    let report = told.add("nobody is there", get("http://127.0.0.1:1/token".to_owned())).await;
    assert_eq!(report.reason, Some(Reason::Connect), "{report}");
    told.add("no URL", get("id.example/token".to_owned())).await;
    assert!(shop.take().is_empty(), "the target was never asked");
    let text = told.text();
    assert!(!text.contains("t0ken") && !text.contains(SECRET), "{text}");
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn the_time_of_a_request_bounds_the_wait_for_its_token_and_the_failure_says_so() {
    // It accepts and says nothing.
    let stall = Stall::new();
    let silences = stall.clone();
    let silent = Server::raw(move |mut stream| {
        let stall = silences.clone();
        async move {
            crate::support::read_request(&mut stream).await?;
            stall.here().await
        }
    })
    .await;
    let shop = Server::answering(|_| ok("[]")).await;
    let oauth = || {
        let url = format!("{}/oauth/token", silent.url());
        OAuth::client_credentials(url, "canary:1", Secret::new("shop/client-secret", SECRET))
    };
    // A request for a token itself has an hour.
    let patient = oauth().through(Http::anywhere().timeout(Duration::from_secs(3_600)));
    let request = Http::at(shop.url()).oauth(patient).get("/orders").timeout(LONG);
    let mut told = Told::default();
    let report = stall.runs_out(run_of(request.clone())).await;
    told.add_report("the request's time", &report);
    assert_eq!((report.reason, report.requests.len()), (Some(Reason::Timeout), 1), "{report}");
    // One that waits for the request of another has its own time too.
    let other = request.clone().timeout(Duration::from_secs(3_600));
    let waiting = tokio::spawn(async move { run_of(other).await });
    while silent.accepted() < 2 {
        tokio::task::yield_now().await;
    }
    let report = stall.runs_out(run_of(request)).await;
    told.add_report("the time of one that waits", &report);
    waiting.abort();
    assert!(shop.take().is_empty());
    insta::assert_snapshot!(told.text());
}
