//! Credentials that are rotated while somebody uses them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use synthetic_core::prelude::*;
use synthetic_core::secret::{Cached, Secret, SecretError};
use synthetic_core::{Reason, Report, Runner, SecretStore};
use synthetic_http::{Http, Request, from_secret, status};
use tokio::time::advance;

use crate::support::{Server, bare, ok, sent};

/// The value of `shop/token`, and how often it was looked up; `None` is a store that is down.
#[derive(Clone, Default)]
struct Vault(Arc<(Mutex<Option<&'static str>>, AtomicUsize)>);

impl Vault {
    fn of(value: &'static str) -> Self {
        let vault = Self::default();
        vault.set(Some(value));
        vault
    }

    fn set(&self, value: Option<&'static str>) {
        *self.0.0.lock().unwrap() = value;
    }

    fn asked(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

#[async_trait::async_trait]
impl SecretStore for Vault {
    fn name(&self) -> &str {
        "vault"
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        self.0.1.fetch_add(1, Ordering::SeqCst);
        if name == "shop/stalls" {
            std::future::pending::<()>().await;
        }
        match *self.0.0.lock().unwrap() {
            Some(value) => Ok((name == "shop/token").then(|| Secret::new(name, value))),
            None => Err(SecretError::store("vault", name, "connection refused")),
        }
    }
}

/// A shop that takes one token, a runner that caches it, and the token that the runner knows.
struct Rotated {
    shop: Server,
    vault: Vault,
    runner: Runner,
}

const OLD: &str = "old-s3cret-token";
const NEW: &str = "new-s3cret-token";

impl Rotated {
    /// The runner has used the old one, a minute ago; since then the shop takes the new one only.
    async fn since_a_minute() -> Self {
        let accepted = Arc::new(Mutex::new(OLD));
        let known = Arc::clone(&accepted);
        let shop = Server::answering(move |request| {
            if request.starts_with("POST /elsewhere") {
                bare("303 See Other", "location: /orders\r\n")
            } else if sent(request, "authorization") == [format!("Bearer {}", known.lock().unwrap())] {
                ok("[]")
            } else {
                bare("401 Unauthorized", "content-length: 0\r\n")
            }
        })
        .await;
        let vault = Vault::of(OLD);
        let rotated = Self { shop, runner: Runner::new().secrets(Cached::new(vault.clone())), vault };
        rotated.run(rotated.get()).await.assert_passed();
        rotated.shop.take();
        *accepted.lock().unwrap() = NEW;
        rotated.vault.set(Some(NEW));
        // By hand: a clock that runs on by itself would not wait for a socket.
        tokio::time::pause();
        advance(Duration::from_secs(60)).await;
        tokio::time::resume();
        rotated
    }

    fn api(&self) -> Http {
        Http::at(self.shop.url()).bearer(from_secret("shop/token"))
    }

    fn get(&self) -> Request {
        self.api().get("/orders")
    }

    async fn run(&self, request: Request) -> Report {
        let body = move |_| {
            let request = request.clone();
            async move { request.send().await.map(drop) }
        };
        self.runner.run(canary(Spec::new("orders"), body)).await
    }
}

#[tokio::test]
async fn a_request_with_a_rotated_secret_is_sent_again_with_its_new_value() {
    let it = Rotated::since_a_minute().await;
    let report = it.run(it.get()).await;
    report.assert_passed();
    let tokens: Vec<_> = it.shop.take().iter().map(|request| sent(request, "authorization")[0].to_owned()).collect();
    assert_eq!(tokens, [format!("Bearer {OLD}"), format!("Bearer {NEW}")]);
    let requests: Vec<_> = report.requests.iter().map(|request| (request.status, request.reason)).collect();
    assert_eq!(requests, [(Some(401), Some(Reason::Expectation)), (Some(200), None)]);
    assert_eq!(
        report.warnings,
        ["GET /orders was answered with 401: the secret \"shop/token\" has another value by now, \
          with which it was sent again"]
    );
    let shown = format!("{report} {report:?} {}", serde_json::to_string(&report).unwrap());
    assert!(!shown.contains(OLD) && !shown.contains(NEW), "{shown}");

    let report = it.run(it.get()).await;
    assert_eq!((it.shop.take().len(), it.vault.asked(), report.warnings), (1, 2, vec![]));
}

#[tokio::test]
async fn a_stream_with_a_rotated_secret_is_begun_again_with_its_new_value() {
    let it = Rotated::since_a_minute().await;
    let request = it.get();
    let body = move |_| {
        let request = request.clone();
        async move { request.stream().await?.next_line().await.map(drop) }
    };
    let report = it.runner.run(canary(Spec::new("orders"), body)).await;
    report.assert_passed();
    let tokens: Vec<_> = it.shop.take().iter().map(|request| sent(request, "authorization")[0].to_owned()).collect();
    assert_eq!(tokens, [format!("Bearer {OLD}"), format!("Bearer {NEW}")]);
    let requests: Vec<_> = report.requests.iter().map(|request| (request.status, request.reason)).collect();
    assert_eq!(requests, [(Some(401), Some(Reason::Expectation)), (Some(200), None)]);
}

#[tokio::test]
async fn a_post_that_was_refused_is_sent_again_with_its_body() {
    let it = Rotated::since_a_minute().await;
    it.run(it.api().post("/orders").json(&["one"])).await.assert_passed();
    let seen = it.shop.take();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.ends_with("[\"one\"]")), "{seen:?}");
}

#[tokio::test]
async fn a_refusal_that_is_expected_or_comes_after_a_redirect_is_taken_as_it_is() {
    let it = Rotated::since_a_minute().await;
    it.run(it.get().expect(status(401))).await.assert_passed();
    assert_eq!(it.shop.take().len(), 1);

    // The old one is still given: nobody has said that it was refused.
    let report = it.run(it.api().post("/elsewhere")).await;
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    assert_eq!(it.shop.take().len(), 2, "the redirect, and where it leads");
    assert_eq!(it.vault.asked(), 1);
}

#[tokio::test]
async fn a_secret_that_is_wrong_is_asked_for_once_in_a_run_and_the_answer_stands() {
    let it = Rotated::since_a_minute().await;
    it.vault.set(Some("wrong-as-well"));
    let api = it.api();
    let report = it
        .runner
        .run(canary(Spec::new("orders"), move |run: Run| {
            let api = api.clone();
            async move {
                for _ in 0..3 {
                    run.soft("orders", api.get("/orders").send()).await;
                }
                Ok(())
            }
        }))
        .await;
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    assert!(report.failures[0].to_string().contains("status of GET /orders"), "{report}");
    // Once more with the value that was new, and that is the end of it.
    assert_eq!((it.shop.take().len(), it.vault.asked()), (4, 2));
}

#[tokio::test]
async fn a_store_that_is_down_leaves_the_refusal_as_the_failure_and_says_why() {
    let it = Rotated::since_a_minute().await;
    it.vault.set(None);
    let report = it.run(it.get()).await;
    assert_eq!((report.outcome, it.shop.take().len()), (Outcome::Failed, 1), "{report}");
    assert_eq!(
        report.warnings,
        ["GET /orders was answered with 401: its credentials could not be asked for anew: \
          secret \"shop/token\" cannot be had from vault"]
    );
}

#[tokio::test]
async fn a_secret_that_the_author_has_in_hand_is_current_in_the_next_run() {
    let it = Rotated::since_a_minute().await;
    let in_hand = |url: String| {
        canary(Spec::new("orders"), move |run: Run| {
            let api = Http::at(url.clone());
            async move {
                let token = run.secret("shop/token").await?;
                api.get("/orders").bearer(token).send().await.map(drop)
            }
        })
    };
    let report = it.runner.run(in_hand(it.shop.url())).await;
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    it.runner.run(in_hand(it.shop.url())).await.assert_passed();
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_request_bounds_the_wait_for_its_secrets_and_the_failure_says_so() {
    let runner = Runner::new().secrets(Vault::of(OLD));
    let report = runner
        .run(canary(Spec::new("orders"), |_| async {
            let api = Http::at("http://127.0.0.1:1").bearer(from_secret("shop/stalls"));
            api.get("/orders").timeout(Duration::from_secs(2)).send().await.map(drop)
        }))
        .await;
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{report}");
    assert_eq!(
        report.failures[0].to_string(),
        "GET http://127.0.0.1:1/orders cannot be sent: the secret \"shop/stalls\" was still being looked up when the \
         request's time of 2 s was up"
    );
    assert!(report.duration < Duration::from_secs(3), "{report}");
}
