//! Certificates: refused with the words that say which one and why, watched before they expire.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use synthetic_core::prelude::*;
use synthetic_core::{Clock, Reason, Runner};
use synthetic_http::{Http, Phase, cert_days_left, header, http_version, phase};
use tokio::io::AsyncWriteExt;

use crate::authority::{Authority, at, serve, year};
use crate::support::{Server, Told, run_of};

#[tokio::test]
async fn a_certificate_that_is_refused_is_shown_and_recorded() {
    let authority = Authority::new();
    let expired = authority.serve("127.0.0.1", |params| params.not_after = date_time_ymd(2021, 1, 1)).await;
    let early = authority.serve("127.0.0.1", |params| params.not_before = date_time_ymd(2079, 1, 1)).await;
    let other = authority.serve("shop.test", |_| {}).await;
    let good = authority.serve("127.0.0.1", |_| {}).await;
    let own = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2080, 1, 1));
    let self_signed = serve(vec![params.self_signed(&own).unwrap().der().clone()], &own).await;
    let plain = Server::raw(|mut stream| async move {
        tokio::io::AsyncReadExt::read(&mut stream, &mut [0; 1024]).await?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\nspeak http to this port").await
    })
    .await;

    let rows = [
        ("expired", authority.trusted(&expired), Some(year(2021))),
        ("not valid yet", authority.trusted(&early), Some(year(2080))),
        ("for another host", authority.trusted(&other), Some(year(2080))),
        ("of an unknown issuer", at(&good), Some(year(2080))),
        ("of its own", at(&self_signed), Some(year(2080))),
        ("no TLS at all", at(&plain), None),
    ];
    let mut told = Told::default();
    for (case, api, expires) in rows {
        let report = told.add(case, api.get("/health")).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Tls)), "{case}: {report}");
        let request = &report.requests[0];
        assert_eq!((request.reason, request.status), (Some(Reason::Tls), None), "{case}");
        let certificate =
            request.certificate.as_ref().map(|certificate| (certificate.host.as_str(), certificate.expires_at));
        assert_eq!(certificate, expires.map(|at| ("127.0.0.1", at)), "{case}");
        assert!(request.phases.tls.is_some() && request.phases.processing.is_none(), "{case}");
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_name_of_tls_is_shown_with_the_address_that_was_asked() {
    let authority = Authority::new();
    let server = authority.serve("shop.test", |_| {}).await;
    let by_name = Http::at(format!("https://localhost:{}", server.addr.port())).trust_pem(authority.0.pem());
    let mut told = Told::default();
    // `localhost` may be two addresses, of which one answers.
    let report = run_of(by_name.get("/health")).await;
    let peer = report.failures[0].pieces_of_evidence().iter().find(|piece| piece.label == "peer").unwrap();
    assert!(peer.text.contains("127.0.0.1"), "{}", peer.text);
    // The name in TLS is the `Host` header's, so a server can be asked by its address.
    run_of(authority.trusted(&server).get("/health").header("host", "shop.test")).await.assert_passed();
    // The name that was asked for is the one that is told.
    told.add("another name", authority.trusted(&server).get("/health").header("host", "pay.test")).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn the_days_left_of_a_certificate_are_counted_by_the_clock_of_the_run() {
    let authority = Authority::new();
    let server = authority.serve("127.0.0.1", |_| {}).await;
    let request = authority.trusted(&server).get("/health");
    run_of(request.clone().expect(cert_days_left(ge(21)))).await.assert_passed();

    let day = Duration::from_secs(86_400);
    let mut told = Told::default();
    for (now, left) in [(year(2080) - day * 20, 19), (year(2080) - day / 2, 0), (year(2080) + day / 2, -1)] {
        let runner = Runner::new().clock(Clock::starting_at(now));
        let judged = |days: i64| {
            let (runner, request) = (runner.clone(), request.clone().expect(cert_days_left(days)));
            async move {
                let request = request.clone();
                runner
                    .run(canary(Spec::new("test"), move |_| {
                        let request = request.clone();
                        async move { request.send().await.map(drop) }
                    }))
                    .await
            }
        };
        judged(left).await.assert_passed();
        told.add_report(&format!("{left} days"), &judged(21).await);
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn every_phase_of_tls_is_measured_and_the_certificate_recorded() {
    let authority = Authority::new();
    let server = authority.serve("127.0.0.1", |_| {}).await;
    let request = authority.trusted(&server).get("/health").expect(phase(Phase::Tls, under(secs(60))));
    let report =
        run_of(request.clone().expect(http_version("HTTP/1.1")).expect(header("content-type", exists()))).await;
    report.assert_passed();
    let done = report.requests[0].phases.named().map(|(_, took)| took.is_some());
    assert_eq!(done, [false, true, true, true, true]);
    let certificate = report.requests[0].certificate.as_ref().unwrap();
    assert_eq!((certificate.host.as_str(), certificate.expires_at), ("127.0.0.1", year(2080)));
    let answer = request.send().await.unwrap();
    assert_eq!((answer.tls_version(), answer.certificate_expires_at()), (Some("1.3"), Some(year(2080))));
}
