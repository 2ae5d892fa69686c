//! TLS without HTTP: handshakes, and how they begin, against servers of a few lines with certificates made here.

use std::future::{Future, pending};
use std::io;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, date_time_ymd};
use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::net::{StartTls, Tls, alpn};
use synthetic_http::{OverTls, cert_days_left, cert_issuer, cert_names, cert_subject, tls_cipher, tls_version};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, config, members_only, year};
use crate::clock::{LONG, Stall};
use crate::support::{Server, Told, run_check};

/// Serves TLS once `before` is done with the connection, and answers every line with `+PONG`.
async fn serve<F, T>(authority: &Authority, change: impl FnOnce(&mut CertificateParams), before: F) -> Server
where
    F: Fn(BufStream<TcpStream>) -> T + Clone + Send + Sync + 'static,
    T: Future<Output = io::Result<BufStream<TcpStream>>> + Send,
{
    let (key, certificate) = authority.issue("127.0.0.1", change);
    let mut config = config(vec![certificate], &key);
    config.alpn_protocols = vec![b"pong".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::raw(move |stream| {
        let (acceptor, before) = (acceptor.clone(), before.clone());
        async move {
            let stream = before(BufStream::new(stream)).await?;
            let mut stream = BufStream::new(acceptor.accept(stream).await?);
            let mut line = String::new();
            while stream.read_line(&mut line).await? > 0 {
                stream.write_all(b"+PONG\r\n").await?;
                stream.flush().await?;
            }
            Ok(())
        }
    })
    .await
}

async fn plain(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Server {
    serve(authority, change, |stream| async move { Ok(stream) }).await
}

fn trusting(authority: &Authority, server: &Server) -> Tls {
    Tls::at(server.addr.to_string()).trust_pem(authority.0.pem())
}

async fn run_of(check: Tls) -> Report {
    run_check(move || {
        let check = check.clone();
        async move { check.connect().await.map(drop) }
    })
    .await
}

#[tokio::test]
async fn a_handshake_is_judged_by_what_the_server_shows() {
    let authority = Authority::new();
    let server = plain(&authority, |params| params.distinguished_name.push(DnType::OrganizationName, "Shop")).await;
    let check = trusting(&authority, &server)
        .alpn_offer("pong")
        .send("PING\r\n")
        .expect_line("+PONG")
        .expect(cert_days_left(ge(21)))
        .expect(tls_version("1.3"))
        .expect(tls_cipher(starts_with("TLS_AES_")))
        .expect(alpn("pong"))
        .expect(cert_issuer("CN=Test Authority"))
        .expect(cert_subject(contains("O=Shop")))
        .expect(cert_names(contains("127.0.0.1")));
    let report = run_of(check.clone()).await;
    report.assert_passed();
    let request = &report.requests[0];
    assert_eq!((&*request.method, request.url.as_str()), ("TLS", format!("tls://{}", server.addr).as_str()));
    assert_eq!((request.protocol.as_deref(), request.is_success()), (Some("TLS 1.3"), true));
    let certificate = request.certificate.as_ref().unwrap();
    assert_eq!((certificate.host.as_str(), certificate.expires_at), ("127.0.0.1", year(2080)));
    let done = request.phases.named().map(|(_, took)| took.is_some());
    assert_eq!(done, [false, true, true, true, false]);

    let shaken = check.connect().await.unwrap();
    assert_eq!((shaken.alpn(), shaken.certificate_names().map(<[_]>::len)), (Some("pong"), Some(1)));
    assert_eq!(shaken.bytes(), b"+PONG\r\n");

    let mut told = Told::default();
    let unmet = trusting(&authority, &server)
        .expect(tls_version("1.2"))
        .expect(alpn(exists()))
        .expect(cert_issuer(contains("Let's Encrypt")))
        .expect(cert_names(contains("shop.test")));
    let report = run_of(unmet).await;
    assert_eq!(report.reason, Some(Reason::Expectation));
    // The suite is the machine's choice.
    let text = format!("{:?}", report.failures[0]);
    assert!(text.contains("answer    TLS 1.3, TLS_"), "{text}");
    told.add_report(
        "nothing to offer, nothing agreed on",
        &run_of(trusting(&authority, &server).expect(alpn("h2"))).await,
    );
    run_of(trusting(&authority, &server).expect(alpn(not(exists())))).await.assert_passed();
    let other = run_of(trusting(&authority, &server).alpn_offer("h2")).await;
    assert_eq!(other.reason, Some(Reason::Tls));
    told.add_report("a protocol that the server does not speak", &other);
    insta::assert_snapshot!(told.text().replace("AES_128_GCM_SHA256", "AES_256_GCM_SHA384"));
}

#[tokio::test]
async fn a_handshake_that_fails_says_why_and_records_the_expiry() {
    let authority = Authority::new();
    let expired = plain(&authority, |params| params.not_after = date_time_ymd(2021, 1, 1)).await;
    let early = plain(&authority, |params| params.not_before = date_time_ymd(2079, 1, 1)).await;
    let good = plain(&authority, |_| {}).await;
    let not_tls = Server::raw(|mut stream| async move {
        stream.read_u8().await?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await
    })
    .await;
    let gone = Server::raw(|_| async { Ok(()) }).await;
    let rows = [
        ("expired", trusting(&authority, &expired), Some(year(2021))),
        ("not valid yet", trusting(&authority, &early), Some(year(2080))),
        ("for another host", trusting(&authority, &good).server_name("pay.test"), Some(year(2080))),
        ("of an unknown issuer", Tls::at(good.addr.to_string()), Some(year(2080))),
        ("no TLS at all", trusting(&authority, &not_tls), None),
        ("hung up", trusting(&authority, &gone), None),
    ];
    let mut told = Told::default();
    for (case, check, expires) in rows {
        let report = run_of(check).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Tls)), "{case}: {report}");
        let request = &report.requests[0];
        assert_eq!(request.certificate.as_ref().map(|certificate| certificate.expires_at), expires, "{case}");
        assert!(request.phases.tls.is_some() && !request.is_success(), "{case}");
        // Whether the hung up connection is closed or reset is the system's choice.
        if case != "hung up" {
            told.add_report(case, &report);
        }
    }
    insta::assert_snapshot!(told.text());
}

/// Reads a line, which has to be this one, and answers it.
async fn turn(stream: &mut BufStream<TcpStream>, line: &str, answer: &str) -> io::Result<()> {
    let mut read = String::new();
    stream.read_line(&mut read).await?;
    assert_eq!(read.trim_end(), line);
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await
}

async fn say(stream: &mut BufStream<TcpStream>, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await
}

#[tokio::test]
async fn tls_is_asked_for_in_the_words_of_other_protocols() {
    let authority = Authority::new();
    let smtp = serve(
        &authority,
        |_| {},
        |mut stream| async move {
            say(&mut stream, "220-mail.test\r\n220 ready\r\n").await?;
            turn(&mut stream, "EHLO localhost", "250-mail.test\r\n250-starttls\r\n250 HELP\r\n").await?;
            turn(&mut stream, "STARTTLS", "220 go ahead\r\n").await?;
            Ok(stream)
        },
    )
    .await;
    let imap = serve(
        &authority,
        |_| {},
        |mut stream| async move {
            say(&mut stream, "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n").await?;
            turn(&mut stream, "a1 STARTTLS", "* CAPABILITY IMAP4rev1\r\na1 OK begin\r\n").await?;
            Ok(stream)
        },
    )
    .await;
    let postgres = serve(
        &authority,
        |_| {},
        |mut stream| async move {
            let mut request = [0; 8];
            stream.read_exact(&mut request).await?;
            assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
            say(&mut stream, "S").await?;
            Ok(stream)
        },
    )
    .await;
    for (server, protocol) in [(smtp, StartTls::Smtp), (imap, StartTls::Imap), (postgres, StartTls::Postgres)] {
        let check = trusting(&authority, &server).starttls(protocol).expect(cert_days_left(ge(21)));
        let report = run_of(check).await;
        report.assert_passed();
        let done = report.requests[0].phases.named().map(|(_, took)| took.is_some());
        assert_eq!(done, [false, true, true, true, false], "{protocol:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_consent_to_tls_is_told_with_what_it_said() {
    let authority = Authority::new();
    /// Says each text after a line of its client, the first at once.
    async fn scripted(texts: &'static [&'static str]) -> Server {
        Server::raw(move |stream| async move {
            let mut stream = BufStream::new(stream);
            for text in texts {
                say(&mut stream, text).await?;
                stream.read_line(&mut String::new()).await?;
            }
            Ok(())
        })
        .await
    }
    let rows: [(&str, StartTls, &'static [&'static str]); 9] = [
        ("smtp refuses everybody", StartTls::Smtp, &["554 go away\r\n"]),
        ("smtp offers no TLS", StartTls::Smtp, &["220 hi\r\n", "250-mail.test\r\n250 HELP\r\n"]),
        ("smtp changes its mind", StartTls::Smtp, &["220 hi\r\n", "250 STARTTLS\r\n", "454 not now\r\n"]),
        ("smtp hangs up", StartTls::Smtp, &[]),
        ("smtp says more", StartTls::Smtp, &["220 hi\r\n", "250 STARTTLS\r\n", "220 go\r\n250 and more\r\n"]),
        ("imap says bye", StartTls::Imap, &["* BYE full\r\n"]),
        ("imap refuses", StartTls::Imap, &["* OK hi\r\n", "a1 BAD what?\r\n"]),
        ("postgres has none", StartTls::Postgres, &["N"]),
        ("postgres is something else", StartTls::Postgres, &["HTTP/1.1 400 Bad Request\r\n"]),
    ];
    let mut told = Told::default();
    for (case, protocol, texts) in rows {
        let server = scripted(texts).await;
        let report = run_of(trusting(&authority, &server).starttls(protocol)).await;
        assert_eq!(report.reason, Some(Reason::Protocol), "{case}: {report}");
        told.add_report(case, &report);
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_server_that_stalls_is_told_with_the_phase() {
    let authority = Authority::new();
    let stall = Stall::new();
    // It takes every connection, and says a byte a second that is part of nothing.
    let slows = stall.clone();
    let slow = Server::raw(move |mut stream| {
        let stall = slows.clone();
        async move {
            stream.write_all(b"2").await?;
            stall.reached();
            for _ in 0..4 {
                tokio::time::sleep(secs(1)).await;
                stream.write_all(b"2").await?;
            }
            pending().await
        }
    })
    .await;
    let silences = stall.clone();
    let silent = Server::raw(move |mut stream| {
        let stall = silences.clone();
        async move {
            stream.read_u8().await?;
            stall.here().await
        }
    })
    .await;
    let mut told = Told::default();
    let rows = [
        ("the handshake", trusting(&authority, &silent)),
        ("starttls", trusting(&authority, &slow).starttls(StartTls::Smtp)),
    ];
    for (case, check) in rows {
        let report = stall.runs_out(run_of(check.timeout(LONG))).await;
        assert_eq!(report.reason, Some(Reason::Timeout), "{case}: {report}");
        told.add_report(case, &report);
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn what_cannot_be_checked_is_an_error_of_our_own() {
    let mut told = Told::default();
    let rows = [
        ("no port", Tls::at("mail.test")),
        ("a name that is none", Tls::at("127.0.0.1:1").server_name("a b")),
        ("a certificate that is none", Tls::at("127.0.0.1:1").trust_pem("hello")),
        ("a protocol without a name", Tls::at("127.0.0.1:1").alpn_offer("")),
    ];
    for (case, check) in rows {
        let report = run_of(check).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{case}");
        assert!(report.requests.is_empty(), "{case}");
        told.add_report(case, &report);
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn one_authority_can_be_trusted_alone_and_a_client_certificate_shown() {
    let (authority, clients) = (Authority::new(), Authority::named("Partners"));
    let acceptor = TlsAcceptor::from(Arc::new(members_only(&authority, &clients)));
    let server = Server::raw(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await?;
            stream.write_all(b"welcome\r\n").await?;
            stream.shutdown().await
        }
    })
    .await;
    let (certificate, key) = clients.client("canary");
    let check = Tls::at(server.addr.to_string()).expect_line("welcome").client_certificate(&certificate, &key);
    run_of(check.clone().trust_only_pem(authority.0.pem())).await.assert_passed();
    let untrusting = run_of(check.trust_only_pem(clients.0.pem())).await;
    assert_eq!(untrusting.reason, Some(Reason::Tls), "{untrusting}");
    let nobody = run_of(trusting(&authority, &server).expect_line("welcome")).await;
    assert_eq!(nobody.outcome, Outcome::Failed, "{nobody}");
    assert!(nobody.to_string().contains("CertificateRequired"), "{nobody}");
}
