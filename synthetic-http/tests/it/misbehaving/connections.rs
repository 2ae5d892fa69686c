//! Connections that end, half end, or go on when they should not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{Http, Request, body};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::rogue::{Rogue, TIME};
use crate::authority::{Authority, config};
use crate::clock::settled;
use crate::support::{Server, Told, ok, read_request, run_of};

#[tokio::test]
async fn a_connection_that_ends_is_told_with_its_phase_and_how_it_ended() {
    let mut told = Told::default();
    for (case, says) in [
        ("after the request", ""),
        ("within the head", "HTTP/1.1 200 OK\r\ncontent-ty"),
        ("within the body", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789"),
        ("within a body of no length", "HTTP/1.1 200 OK\r\n\r\n0123456789"),
        ("within a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n01234"),
    ] {
        let reset = Rogue::new(move |mut hand| async move {
            hand.read_request().await?;
            hand.say(says.as_bytes()).await?;
            // What is not read yet is lost with a reset, so it is left until it has been.
            settled().await;
            hand.reset()
        })
        .await;
        let report = told.add(&format!("a reset {case}"), reset.api().get("/health")).await;
        assert_eq!(report.reason, Some(Reason::Protocol), "a reset {case}: {report}");
        if case == "within a body of no length" {
            // Its end is the end of the connection, and so an answer.
            continue;
        }
        let half = Rogue::new(move |mut hand| async move {
            hand.read_request().await?;
            hand.say(says.as_bytes()).await?;
            // It goes on listening: a connection that is closed in one direction only.
            hand.stream.shutdown().await?;
            hand.stall().await
        })
        .await;
        let report = told.add(&format!("half an end {case}"), half.api().get("/health")).await;
        assert_eq!(report.reason, Some(Reason::Protocol), "half an end {case}: {report}");
        half.is_left().await;
    }
    for (case, request) in
        [("http", Http::at as fn(String) -> Http), ("https", |url| Http::at(url.replace("http:", "https:")))]
    {
        let at_once = Rogue::new(|hand| async move { hand.reset() }).await;
        let report = run_of(request(at_once.server.url()).timeout(TIME).get("/health")).await;
        // The system tells of it while the connection is made, while it is written to, or while it is read from.
        let reasons = [Some(Reason::Connect), Some(Reason::Tls), Some(Reason::Protocol)];
        assert!(reasons.contains(&report.reason), "{case}: {report}");
        let failure = report.failures[0].subject();
        assert!(failure.contains("reset"), "{case}: {failure}");
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_handshake_that_ends_is_told_with_how_it_ended() {
    let mut told = Told::default();
    for (case, says, resets) in [
        ("an end", b"".as_slice(), false),
        ("an end within it", b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", false),
        ("a reset", b"", true),
        ("an alert", b"\x15\x03\x03\x00\x02\x02\x28", false),
        ("an unknown alert", b"\x15\x03\x03\x00\x02\x02\xee", false),
        ("http", b"HTTP/1.1 400 Bad Request\r\n\r\n", false),
        ("an empty record", b"\x16\x03\x03\x00\x00", false),
        ("a record that is too long", b"\x16\x03\x03\xff\xff", false),
        ("data before the handshake", b"\x17\x03\x03\x00\x02hi", false),
        ("a handshake that is none", b"\x16\x03\x03\x00\x04\xff\x00\x00\x00", false),
    ] {
        let rogue = Rogue::new(move |mut hand| async move {
            // A hello is one record, and comes whole.
            let mut hello = [0; 5];
            hand.stream.read_exact(&mut hello).await?;
            hand.stream.read_exact(&mut vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))]).await?;
            hand.say(says).await?;
            if resets { hand.reset() } else { Ok(()) }
        })
        .await;
        let report = told.add(case, rogue.tls().get("/health")).await;
        assert_eq!(report.reason, Some(Reason::Tls), "{case}: {report}");
    }
    insta::assert_snapshot!(told.text());
}

/// Without the alert that says so, the end of TLS may be anybody's doing, and what came is not all there was (RFC 8446,
/// section 6.1).
#[tokio::test]
async fn the_end_of_a_body_without_the_end_of_tls_is_no_answer() {
    let authority = Authority::new();
    let (key, certificate) = authority.issue("127.0.0.1", |_| {});
    let acceptor = TlsAcceptor::from(Arc::new(config(vec![certificate], &key)));
    for (says_so, reason) in [(true, None), (false, Some(Reason::Protocol))] {
        let acceptor = acceptor.clone();
        let server = Server::raw(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await?;
                read_request(&mut stream).await?;
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n0123456789").await?;
                stream.flush().await?;
                if says_so { stream.shutdown().await } else { stream.get_mut().0.shutdown().await }
            }
        })
        .await;
        let report = run_of(authority.trusted(&server).get("/health").expect(body("0123456789"))).await;
        assert_eq!(report.reason, reason, "{report}");
    }
}

/// Sends two requests in one run, the second when the server has done all that it does.
async fn twice(rogue: &Rogue, second: impl Fn(&Http) -> Request + Send + Sync + 'static) -> Report {
    let api = rogue.api();
    let second = Arc::new(second);
    let (first, go) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (came, may_go) = (Arc::clone(&first), Arc::clone(&go));
    let run = once(canary(Spec::new("test"), move |run: Run| {
        let (api, second, came, may_go) = (api.clone(), Arc::clone(&second), Arc::clone(&came), Arc::clone(&may_go));
        async move {
            run.step("first", api.get("/first").send()).await?;
            came.notify_one();
            may_go.notified().await;
            run.step("second", second(&api).send()).await.map(drop)
        }
    }));
    let conduct = async {
        first.notified().await;
        rogue.is_done().await;
        go.notify_one();
    };
    let ((), report) = tokio::join!(conduct, run);
    report
}

/// Answers the first request of each connection, and lets `then` do what is to be done with the connection.
async fn answering_once(says: &'static str, resets: bool, closes: bool) -> Rogue {
    Rogue::new(move |mut hand| async move {
        hand.read_request().await?;
        hand.say(&ok("hi")).await?;
        hand.say(says.as_bytes()).await?;
        settled().await;
        if resets {
            hand.done();
            return hand.reset();
        }
        if closes {
            hand.stream.shutdown().await?;
        }
        hand.stall().await
    })
    .await
}

#[tokio::test]
async fn a_kept_connection_that_died_since_or_has_more_on_it_is_not_used_again() {
    for (case, says, resets, closes) in [
        ("an end", "", false, true),
        ("a reset", "", true, false),
        ("a farewell", "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", false, true),
        ("a second answer", "HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno", false, false),
        ("garbage", "garbage", false, false),
        ("a line", "\r\n", false, false),
    ] {
        let rogue = answering_once(says, resets, closes).await;
        let report = twice(&rogue, |api| api.post("/orders").json("sku").expect(body("hi"))).await;
        assert_eq!(report.outcome, Outcome::Passed, "{case}: {report}");
        assert_eq!(rogue.server.accepted(), 2, "{case}");
        assert!(!report.requests[1].reused, "{case}");
    }
}

/// Answers the first request of each connection, reads the next, and ends the connection: what a client sees that asked in the
/// instant in which the server gave the connection up.
async fn giving_up(resets: bool) -> Rogue {
    Rogue::new(move |mut hand| async move {
        hand.read_request().await?;
        hand.say(&ok("hi")).await?;
        hand.done();
        hand.read_request().await?;
        if resets { hand.reset() } else { Ok(()) }
    })
    .await
}

/// RFC 9110, section 9.2.2: what only reads may be sent again where the connection ended before any answer.
#[tokio::test]
async fn what_only_reads_is_asked_again_where_a_kept_connection_ends_in_the_same_instant() {
    for resets in [false, true] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let rogue = giving_up(resets).await;
            let report = twice(&rogue, move |api| api.request(method, "/second")).await;
            assert_eq!(report.outcome, Outcome::Passed, "{method}: {report}");
            assert_eq!((rogue.server.accepted(), report.requests.len()), (2, 2), "{method}");
            assert!(!report.requests[1].reused && report.requests[1].phases.connect.is_some(), "{method}");
        }
    }
}

#[tokio::test]
async fn what_changes_something_is_never_sent_twice() {
    let mut told = Told::default();
    for (resets, method) in [(false, "POST"), (true, "POST"), (false, "PUT"), (false, "DELETE"), (false, "PATCH")] {
        let rogue = giving_up(resets).await;
        let report = twice(&rogue, move |api| api.request(method, "/second")).await;
        assert_eq!(report.reason, Some(Reason::Protocol), "{method}: {report}");
        assert_eq!(rogue.server.accepted(), 1, "{method}");
        told.add_report(&format!("{method}{}", if resets { ", reset" } else { "" }), &report);
    }
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_server_that_gives_every_connection_up_is_asked_twice_and_no_more() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let rogue = Rogue::new(move |mut hand| {
        let count = Arc::clone(&count);
        async move {
            // The first request of all is answered, and none after it.
            hand.read_request().await?;
            if count.fetch_add(1, Ordering::SeqCst) == 0 {
                hand.say(&ok("hi")).await?;
                hand.done();
                hand.read_request().await?;
                count.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        }
    })
    .await;
    let report = twice(&rogue, |api| api.get("/second")).await;
    let failure = report.failures[0].subject();
    assert!(failure.ends_with(&format!("{} closed the connection without an answer", rogue.server.addr)), "{failure}");
    assert_eq!((asked.load(Ordering::SeqCst), rogue.server.accepted()), (3, 2));
}

/// A request that is new to its connection is sent once, whatever it does: that the server ends it is the server's doing.
#[tokio::test]
async fn on_a_new_connection_nothing_is_asked_again() {
    let rogue = Rogue::new(|mut hand| async move { hand.read_request().await.map(drop) }).await;
    let report = run_of(rogue.api().get("/health")).await;
    assert_eq!(report.reason, Some(Reason::Protocol), "{report}");
    assert_eq!(rogue.server.accepted(), 1);
}

/// Which of the two comes first is for the system to say. An answer that was there before the question is one at best, and
/// never one to the next.
#[tokio::test]
async fn an_answer_before_the_request_is_an_answer_or_a_failure_and_never_one_to_the_next() {
    let rogue = Rogue::new(|mut hand| async move {
        hand.say(&ok("early")).await?;
        hand.read_request().await?;
        hand.stall().await
    })
    .await;
    let report = run_of(rogue.api().get("/health").expect(body("early"))).await;
    if report.outcome != Outcome::Passed {
        assert_eq!(report.reason, Some(Reason::Protocol), "{report}");
        let failure = report.failures[0].subject();
        assert!(failure.starts_with("GET /health: processing: "), "{failure}");
    }

    // A server that refuses before it has read all that is sent: its answer counts, if it is still there to be read.
    let refusing = Rogue::new(|mut hand| async move {
        hand.stream.read_exact(&mut [0; 64]).await?;
        hand.say(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await?;
        // It reads on, as RFC 9112, section 9.6, asks of it: what is not read ends in a reset that takes the answer along.
        hand.stall().await
    })
    .await;
    let upload = refusing.api().post("/upload").body("application/octet-stream", vec![b'x'; 8 << 20]);
    let report = run_of(upload.expect(synthetic_http::status(413))).await;
    assert_eq!(report.outcome, Outcome::Passed, "{report}");
}

/// Nothing of what a server sends besides its answer is taken for that of another request.
#[tokio::test]
async fn what_is_sent_besides_an_answer_is_not_part_of_it() {
    async fn said(stream: &mut TcpStream, more: &str) -> std::io::Result<()> {
        let request = read_request(stream).await?;
        let name = crate::support::target(&request).to_owned();
        stream.write_all(&[ok(&name), more.as_bytes().to_vec()].concat()).await
    }
    for more in ["garbage", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nother", "\r\n\r\n"] {
        let server = Server::raw(move |mut stream| async move {
            loop {
                said(&mut stream, more).await?;
            }
        })
        .await;
        let api = Http::at(server.url());
        let report = once(canary(Spec::new("test"), move |_| {
            let api = api.clone();
            async move {
                for name in ["/a", "/b", "/c"] {
                    api.get(name).expect(body(name)).send().await?;
                }
                Ok(())
            }
        }))
        .await;
        assert_eq!(report.outcome, Outcome::Passed, "{more:?}: {report}");
        assert_eq!(server.accepted(), 3, "{more:?}");
    }
}

#[tokio::test]
async fn redirects_that_go_round_end_at_the_limit_wherever_they_lead() {
    let mut told = Told::default();
    let other = Arc::new(std::sync::OnceLock::<String>::new());
    let there = Arc::clone(&other);
    let here = Server::answering(move |request| {
        let to = match crate::support::target(request) {
            "/self" => "/self".to_owned(),
            "/other" => format!("{}/back", there.get().unwrap()),
            // A new one each time, so that nobody who remembers them sees a loop.
            path => format!("{path}x"),
        };
        crate::support::bare("302 Found", &format!("location: {to}\r\n"))
    })
    .await;
    let back = format!("location: {}/other\r\n", here.url());
    let second = Server::answering(move |_| crate::support::bare("307 Temporary Redirect", &back)).await;
    other.set(second.url()).unwrap();
    for (case, path) in [("to itself", "/self"), ("to and fro", "/other"), ("ever on", "/x")] {
        here.take();
        let report = told.add(case, Http::at(here.url()).get(path)).await;
        assert_eq!((report.outcome, report.requests[0].redirects), (Outcome::Failed, 10), "{case}: {report}");
    }
    insta::assert_snapshot!(told.text());
}
