//! Certificates: refused with the words that say which one and why, watched before they expire.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use synthetic_core::prelude::*;
use synthetic_core::{Clock, Reason, Runner};
use synthetic_http::{
    Http, Phase, cert_days_left, cert_issuer, cert_names, cert_self_signed, cert_subject, header, http_version, phase,
    tls_cipher, tls_version, trusted_days_left,
};
use tokio::io::AsyncWriteExt;

use crate::authority::{Authority, accept, at, private, serve, year};
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

#[tokio::test]
async fn what_a_server_sends_besides_is_told_apart_from_what_it_is_trusted_by() {
    let authority = Authority::new();
    // A root that has expired, and that no client needs: the one of the authority is trusted.
    let stale = Authority::named_until("Old Root", 2021);
    let (key, certificate) = authority.issue("127.0.0.1", |_| {});
    let server = serve(vec![certificate, stale.0.der().clone()], &key).await;
    let request = authority.trusted(&server).get("/health");
    let report = run_of(request.clone().expect(trusted_days_left(ge(365))).prefer(cert_days_left(ge(21)))).await;
    assert_eq!((report.outcome, report.unmet.len()), (Outcome::Degraded, 1), "{report}");
    let certificate = report.requests[0].certificate.as_ref().unwrap();
    assert_eq!(certificate.expires_at, year(2021), "the earliest of all that were presented");
    let left = request.send().await.unwrap();
    assert_eq!(left.certificate_expires_at(), Some(year(2021)));
}

#[tokio::test]
async fn a_certificate_with_eight_days_left_passes_today_and_is_warned_of() {
    let authority = Authority::new();
    let end = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 9 * 86_400).unwrap();
    let end = end.to_zoned(jiff::tz::TimeZone::UTC);
    let (month, day) = (u8::try_from(end.month()).unwrap(), u8::try_from(end.day()).unwrap());
    let end = date_time_ymd(i32::from(end.year()), month, day);
    let server = authority.serve("127.0.0.1", |params| params.not_after = end).await;
    let request = authority.trusted(&server).get("/health");
    // At midnight it is one less.
    let report = run_of(request.expect(cert_days_left(one_of([7, 8]))).prefer(trusted_days_left(ge(21)))).await;
    assert_eq!((report.outcome, report.unmet.len()), (Outcome::Degraded, 1), "{report}");
}

#[tokio::test]
async fn tls_and_its_certificate_can_be_expected() {
    let authority = Authority::new();
    let server = authority.serve("127.0.0.1", |params| params.subject_alt_names.push(name("shop.test"))).await;
    let api = authority.trusted(&server);
    let request = api
        .get("/health")
        .expect(tls_version("1.3"))
        .expect(tls_cipher(starts_with("TLS_AES_")))
        .expect(cert_issuer("CN=Test Authority"))
        .expect(cert_subject("CN=shop.test"))
        .expect(cert_names(some("shop.test")))
        .expect(cert_self_signed(false));
    let twice = request.clone();
    let report = once(canary(Spec::new("test"), move |_| {
        let request = twice.clone();
        async move {
            request.clone().send().await?;
            request.send().await.map(drop)
        }
    }))
    .await;
    report.assert_passed();
    assert!(report.requests[1].reused, "and all of it is known of a connection that is used again");

    let mut told = Told::default();
    let all = |request: synthetic_http::Request| {
        request
            .expect(tls_version("1.2"))
            .expect(tls_cipher(contains("CBC")))
            .expect(cert_issuer(contains("Let's Encrypt")))
            .expect(cert_subject("CN=pay.test"))
            .expect(cert_names(some("pay.test")))
            .expect(cert_self_signed(true))
            .expect(trusted_days_left(lt(0)))
    };
    let masked_cipher = api.get("/health");
    let report = run_of(all(masked_cipher)).await;
    let text = format!("{:?}", report.failures[0]);
    for part in [
        "TLS cipher of GET /health: expected contains \"CBC\", actual \"TLS_AES_",
        "names of the certificate of GET /health: expected has an element that is equal to \"pay.test\"",
        "self-signed certificate of GET /health: expected is equal to true, actual false",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let plain = Server::answering(|_| crate::support::ok("hi")).await;
    told.add("no TLS", all(Http::at(plain.url()).get("/health"))).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn tls_1_2_is_told_too() {
    let authority = Authority::new();
    let (key, certificate) = authority.issue("127.0.0.1", |_| {});
    let provider = std::sync::Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&tokio_rustls::rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private(&key))
        .unwrap();
    let server = accept(config).await;
    let request = authority.trusted(&server).get("/").expect(tls_version("1.2"));
    run_of(request.expect(tls_cipher(starts_with("TLS_ECDHE_ECDSA_WITH_")))).await.assert_passed();
}

fn name(dns: &str) -> rcgen::SanType {
    rcgen::SanType::DnsName(dns.try_into().unwrap())
}
