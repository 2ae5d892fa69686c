//! Who the client is, and whom it trusts.

use synthetic_core::prelude::*;
use synthetic_core::{Reason, Secret};
use synthetic_http::Http;

use crate::authority::{Authority, accept, at, members_only};
use crate::support::{Told, run_of};

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
