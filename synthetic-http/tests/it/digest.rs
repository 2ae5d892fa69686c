//! Digest: a server of it that checks what it is told, independently.

use std::sync::{Arc, Mutex};

use synthetic_core::prelude::*;
use synthetic_core::secret::{Cached, SecretError};
use synthetic_core::{Reason, Runner, Secret, SecretStore};
use synthetic_http::{Http, Request, from_secret, status};

use crate::support::{Server, bare, ok, run_of, sent, target};

/// Serves those who answer its challenge for `ann` with `s3cret-word`, by SHA-256, each nonce for two requests.
async fn guarded() -> Server {
    guarded_besides(Arc::new(Mutex::new("s3cret-word")), OLD).await
}

/// Another challenge, that nobody has to take.
const OLD: &str = "www-authenticate: Digest realm=\"the shop\", nonce=\"old\", algorithm=MD5, qop=\"auth\"\r\n";

async fn guarded_by(password: Arc<Mutex<&'static str>>) -> Server {
    guarded_besides(password, OLD).await
}

/// Challenges another way too.
async fn guarded_besides(password: Arc<Mutex<&'static str>>, other: &'static str) -> Server {
    let nonce = Mutex::new((0, 2));
    Server::answering(move |request| {
        let (number, uses) = &mut *nonce.lock().unwrap();
        let given = sent(request, "authorization").first().copied().unwrap_or_default();
        let of = |name: &str| {
            let from = given.split(&format!("{name}=")).nth(1).unwrap_or_default();
            from.trim_start_matches('"').split(['"', ',']).next().unwrap_or_default().to_owned()
        };
        let hash = |text: String| {
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
            hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        let first = hash(format!("ann:the shop:{}", password.lock().unwrap()));
        let second = hash(format!("{}:{}", request.split(' ').next().unwrap(), target(request)));
        let response = hash(format!("{first}:n-{number}:{}:{}:auth:{second}", of("nc"), of("cnonce")));
        if *uses > 0 && of("nonce") == format!("n-{number}") && of("response") == response && of("uri") == target(request) {
            *uses -= 1;
            return ok("welcome");
        }
        (*number, *uses) = (*number + 1, 2);
        let challenge = format!(
            "{other}www-authenticate: Digest realm=\"the shop\", nonce=\"n-{number}\", algorithm=SHA-256, qop=\"auth, auth-int\", stale=true\r\n"
        );
        bare("401 Unauthorized", &challenge)
    })
    .await
}

fn secret(word: &str) -> Secret {
    Secret::new("shop/password", word)
}

fn statuses(report: &synthetic_core::Report) -> Vec<Option<u16>> {
    report.requests.iter().map(|request| request.status).collect()
}

#[tokio::test]
async fn a_challenge_is_answered_and_used_for_further_requests_until_it_is_stale() {
    let server = guarded().await;
    let api = Http::at(server.url()).digest("ann", secret("s3cret-word"));
    let request = |path: &str| api.post(path).query("q", "a b").json(&["x"]);
    let report = run_of(request("/orders")).await;
    report.assert_passed();
    assert_eq!(statuses(&report), [Some(401), Some(200)]);
    assert_eq!(report.requests[0].reason, None, "a challenge is no failure");
    assert!(server.take().iter().all(|request| request.ends_with("[\"x\"]")), "the body is sent again");
    for expected in [vec![Some(200)], vec![Some(401), Some(200)]] {
        let report = run_of(request("/other")).await;
        report.assert_passed();
        assert_eq!(statuses(&report), expected);
    }
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_in_no_report() {
    let server = guarded().await;
    let wrong = |request: Request| async move {
        let report = run_of(request).await;
        let text = format!("{report} {report:?}");
        assert!(!text.contains("wr0ng-word"), "{text}");
        (report.outcome, report.reason)
    };
    let api = Http::at(server.url());
    let request = api.get("/orders").digest("ann", secret("wr0ng-word"));
    assert_eq!(wrong(request.clone()).await, (Outcome::Failed, Some(Reason::Expectation)));
    assert_eq!(server.take().len(), 2);
    run_of(request.expect(status(401))).await.assert_passed();
    assert_eq!(wrong(api.get("/").digest("a:b", secret("wr0ng-word"))).await.1, Some(Reason::Setup));
}

#[tokio::test]
async fn a_challenge_that_cannot_be_answered_is_told() {
    let server = Server::answering(|_| {
        bare("401 Unauthorized", "www-authenticate: Digest realm=r, nonce=n, qop=\"auth-int\"\r\n")
    })
    .await;
    let report = run_of(Http::at(server.url()).digest("ann", secret("s3cret-word")).get("/orders")).await;
    assert_eq!((report.outcome, server.take().len()), (Outcome::Failed, 1), "{report}");
    assert!(report.warnings[0].contains("wants the quality of protection \"auth-int\""), "{:?}", report.warnings);
}

#[tokio::test]
async fn a_password_goes_to_its_origin_only() {
    let away = guarded().await;
    let api = Http::at("http://127.0.0.1:1").digest("ann", secret("s3cret-word"));
    let report = run_of(api.get(format!("{}/orders", away.url()))).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(away.take().iter().all(|request| sent(request, "authorization").is_empty()));
}

#[tokio::test]
async fn a_challenge_is_answered_before_a_stream_begins() {
    let server = guarded().await;
    let mut stream = Http::at(server.url()).digest("ann", secret("s3cret-word")).get("/live").stream().await.unwrap();
    assert_eq!(stream.next().await.unwrap().as_deref(), Some(b"welcome".as_slice()));
    assert_eq!(server.take().len(), 2);
}

#[cfg(unix)]
#[tokio::test]
async fn the_command_that_repeats_a_request_proves_the_password_too() {
    use crate::curl::{command, paste, there_is_curl};
    if !there_is_curl() {
        return;
    }
    // Of several challenges curl answers the first.
    let server = guarded_besides(Arc::new(Mutex::new("s3cret-word")), "").await;
    let request = Http::at(server.url()).digest("ann", secret("s3cret-word")).get("/in?x=1").expect(status(201));
    let report = run_of(request).await;
    let command = command(&report.failures[0]);
    let folder = tempfile::tempdir().unwrap();
    let (_, output) = paste(&command, folder.path(), &[("SHOP_PASSWORD", "s3cret-word")]).await;
    assert!(output.contains("welcome"), "{command}\n{output}");
}

/// A store of one password, which may be rotated.
struct Store(Arc<Mutex<&'static str>>);

#[async_trait::async_trait]
impl SecretStore for Store {
    fn name(&self) -> &str {
        "store"
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        Ok(Some(Secret::new(name, *self.0.lock().unwrap())))
    }
}

#[tokio::test]
async fn a_password_that_was_rotated_is_asked_for_anew_and_proved() {
    for knows_the_challenge in [false, true] {
        let password = Arc::new(Mutex::new("old-s3cret"));
        let server = guarded_by(Arc::clone(&password)).await;
        let runner = Runner::new().secrets(Cached::new(Store(Arc::clone(&password))));
        let api = Http::at(server.url()).digest("ann", from_secret("shop/password"));
        let get = || {
            let api = api.clone();
            canary(Spec::new("orders"), move |_| {
                let api = api.clone();
                async move {
                    api.get("/orders").send().await?;
                    api.get("/orders").send().await.map(drop)
                }
            })
        };
        if knows_the_challenge {
            runner.run(get()).await.assert_passed();
        } else {
            let other = api.clone().digest("ann", from_secret("shop/password"));
            let prime = canary(Spec::new("prime"), move |_| {
                let other = other.clone();
                async move { other.get("/orders").send().await.map(drop) }
            });
            runner.run(prime).await.assert_passed();
        }
        *password.lock().unwrap() = "new-s3cret";
        // A store that caches looks a refused value up again when it is a little old.
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(60)).await;
        tokio::time::resume();
        let report = runner.run(get()).await;
        report.assert_passed();
        assert_eq!(statuses(&report), [Some(401), Some(401), Some(200), Some(200)], "{report}");
        assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
        let shown = format!("{report:?}");
        assert!(shown.contains("has another value by now") && !shown.contains("s3cret"), "{shown}");
    }
}
