//! Who the client is, and whom it trusts.

use std::sync::{Arc, Mutex};

use synthetic_core::prelude::*;
use synthetic_core::{Reason, Secret};
use synthetic_http::{Http, body, status};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, accept, anyone, at, members_only};
use crate::support::{Server, Told, bare, ok, read_request, run_of};

#[tokio::test]
async fn a_client_certificate_opens_the_door_and_without_it_the_failure_says_so() {
    let (authority, clients) = (Authority::new(), Authority::named("Partners"));
    let server = accept(members_only(&authority, &clients)).await;
    let api = authority.trusted(&server);
    let (certificate, key) = clients.client("canary");
    run_of(api.clone().client_certificate(&certificate, &key).get("/")).await.assert_passed();

    let mut told = Told::default();
    told.add("none", api.clone().get("/health")).await;
    let (certificate, key) = authority.client("canary");
    told.add("of another authority", api.client_certificate(&certificate, &key).get("/health")).await;
    insta::assert_snapshot!(told.text());
}

/// Serves over TLS who shows a certificate and who does not; notes of each request whether there was one.
async fn curious(authority: &Authority, clients: &Authority, answer: Vec<u8>) -> (Server, Arc<Mutex<Vec<bool>>>) {
    let (key, certificate) = authority.issue("127.0.0.1", |_| {});
    let acceptor = TlsAcceptor::from(Arc::new(anyone(vec![certificate], &key, clients)));
    let shown = Arc::<Mutex<Vec<bool>>>::default();
    let kept = Arc::clone(&shown);
    let server = Server::raw(move |stream| {
        let (acceptor, kept, answer) = (acceptor.clone(), Arc::clone(&kept), answer.clone());
        async move {
            let mut stream = acceptor.accept(stream).await?;
            loop {
                read_request(&mut stream).await?;
                kept.lock().unwrap().push(stream.get_ref().1.peer_certificates().is_some());
                stream.write_all(&answer).await?;
                stream.flush().await?;
            }
        }
    })
    .await;
    (server, shown)
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_its_origin_and_to_no_other() {
    let (authority, clients) = (Authority::new(), Authority::named("Partners"));
    let (certificate, key) = clients.client("canary");
    let (away, seen_away) = curious(&authority, &clients, ok("away")).await;
    let away_url = away.url().replace("http:", "https:");
    let (home, seen_at_home) =
        curious(&authority, &clients, bare("307 Temporary Redirect", &format!("location: {away_url}/\r\n"))).await;
    let api = authority.trusted(&home).client_certificate(&certificate, &key);

    run_of(api.get("/").expect(body("away"))).await.assert_passed();
    assert_eq!((take(&seen_at_home), take(&seen_away)), (vec![true], vec![false]), "after a redirect");
    run_of(api.get(&away_url)).await.assert_passed();
    assert_eq!(take(&seen_away), [false], "by a full URL");
    run_of(api.get(&away_url).header("host", "127.0.0.1")).await.assert_passed();
    assert_eq!(take(&seen_away), [false]);

    let anywhere = Http::anywhere().trust_pem(authority.0.pem()).client_certificate(&certificate, &key);
    run_of(anywhere.get(&away_url)).await.assert_passed();
    run_of(anywhere.get(home.url().replace("http:", "https:"))).await.assert_passed();
    assert_eq!((take(&seen_at_home), take(&seen_away)), (vec![true], vec![true, false]), "without a base URL");

    // Also where a connection on which it was shown is open.
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let api = api.clone();
        async move {
            api.get("/").max_redirects(0).expect(status(307)).send().await?;
            run.soft("preflight", api.preflight("/").origin("https://shop.test").send()).await;
            Ok(())
        }
    }))
    .await;
    assert_eq!((report.requests.len(), take(&seen_at_home)), (2, vec![true, false]), "in a preflight: {report}");
}

fn take(seen: &Mutex<Vec<bool>>) -> Vec<bool> {
    std::mem::take(&mut seen.lock().unwrap())
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_used_is_told_before_anything_is_sent() {
    let authority = Authority::new();
    let (certificate, key) = authority.client("canary");
    let (_, other) = authority.client("other");
    let (another, text) = (Secret::new("key", "not a key at all"), "not a certificate");
    let mut told = Told::default();
    for (case, certificate, key) in [
        ("the key of another", certificate.as_str(), &other),
        ("no key", &certificate, &another),
        ("no certificate", text, &key),
    ] {
        let report =
            told.add(case, Http::at("https://127.0.0.1:1").client_certificate(certificate, key).get("/")).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{case}");
        assert!(report.requests.is_empty(), "{case}");
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn one_authority_is_trusted_instead_of_the_platforms() {
    let (one, other) = (Authority::new(), Authority::new());
    let (by_one, by_other) = (one.serve("127.0.0.1", |_| {}).await, other.serve("127.0.0.1", |_| {}).await);
    run_of(at(&by_one).trust_only_pem(one.0.pem()).get("/")).await.assert_passed();
    let report = run_of(at(&by_other).trust_only_pem(one.0.pem()).get("/")).await;
    assert_eq!(report.reason, Some(Reason::Tls), "{report}");
    let both = at(&by_other).trust_only_pem(one.0.pem()).trust_pem(other.0.pem());
    run_of(both.get("/")).await.assert_passed();
    let report = run_of(at(&by_one).trust_only_pem("no PEM").get("/")).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{report}");
}
