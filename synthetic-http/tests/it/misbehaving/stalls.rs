//! Servers that stop, or nearly stop, in each phase.

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{Http, Request};
use tokio::net::TcpSocket;
use tokio::time::Instant;

use super::rogue::{LATE, Rogue, TIME, when_its_time_is_up};
use crate::clock::settled;
use crate::support::{Told, run_of};

/// Lets a request end with its time, and adds what it says.
async fn stalled(told: &mut Told, case: &str, rogue: &Rogue, request: Request) {
    let report = when_its_time_is_up(case, rogue, request).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Timeout)), "{case}: {report}");
    assert_eq!(report.requests[0].reason, Some(Reason::Timeout), "{case}");
    rogue.is_left().await;
    told.add_report(case, &report);
}

#[tokio::test]
async fn a_server_that_stops_is_left_when_the_time_is_up_and_the_phase_is_named() {
    let mut told = Told::default();

    let mute = Rogue::new(|hand| hand.stall()).await;
    stalled(&mut told, "nothing in TLS", &mute, mute.tls().get("/health")).await;
    let half = Rogue::new(|mut hand| async move {
        // The head of a ServerHello (RFC 8446, section 4), of which the rest never comes.
        hand.say(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03").await?;
        hand.stall().await
    })
    .await;
    stalled(&mut told, "a part of the handshake", &half, half.tls().get("/health")).await;

    let deaf = Rogue::new(|hand| async move {
        hand.done();
        std::future::pending::<()>().await;
        drop(hand);
        Ok(())
    })
    .await;
    // More than the system takes for a server that reads none of it.
    let upload = deaf.api().post("/upload").body("application/octet-stream", vec![b'x'; 32 << 20]);
    let report = when_its_time_is_up("a request that is not read", &deaf, upload).await;
    assert_eq!(report.reason, Some(Reason::Timeout), "{report}");
    told.add_report("a request that is not read", &report);

    for (case, says) in [
        ("no answer", ""),
        ("a part of the status line", "HTTP/1.1 2"),
        ("a part of the head", "HTTP/1.1 200 OK\r\ncontent-type: text/pl"),
        ("a head that does not end", "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"),
        ("an answer that is to come", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("no body", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"),
        ("a part of the body", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789"),
        ("a body without an end", "HTTP/1.1 200 OK\r\n\r\n0123456789"),
        ("a part of a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n01234"),
        ("a part of a chunk's size", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n1"),
        ("no last chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n"),
        ("a part of the trailers", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n0\r\nx-sum: "),
        ("a redirect's body", "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 100\r\n\r\n0123456789"),
    ] {
        let rogue = Rogue::stalling(says).await;
        stalled(&mut told, case, &rogue, rogue.api().get("/health")).await;
    }
    insta::assert_snapshot!(told.text());
}

/// A byte now and then is as good as none: what counts is when the answer is there.
#[tokio::test]
async fn a_server_that_sends_a_byte_now_and_then_has_no_more_time_than_one_that_is_silent() {
    let (processing, transfer) = ("processing: 127.0.0.1:", "transfer: body not complete within ");
    for (case, says, piece, phase) in [
        ("a head", "HTTP/1.1 200 OK\r\nx-slow: ", "x", processing),
        ("fields", "HTTP/1.1 200 OK\r\n", "a: b\r\n", processing),
        ("early hints", "", "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n", processing),
        ("a body", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", "x", transfer),
        ("chunks", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n", transfer),
        ("a redirect's body", "HTTP/1.1 302 Found\r\nlocation: /next\r\n\r\n", "x", transfer),
    ] {
        let rogue = Rogue::new(move |mut hand| async move {
            hand.read_request().await?;
            hand.say(says.as_bytes()).await?;
            hand.drip(piece.as_bytes()).await
        })
        .await;
        let report = when_its_time_is_up(case, &rogue, rogue.api().get("/health")).await;
        assert_eq!(report.reason, Some(Reason::Timeout), "{case}: {report}");
        let failure = report.failures[0].subject();
        assert!(failure.starts_with(&format!("GET /health: {phase}")), "{case}: {failure}");
    }
}

/// The queue of a listener that nobody takes connections from is full, and the system is silent to the next.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_port_that_takes_no_connection_is_left_when_the_time_is_up() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let addr = listener.local_addr().unwrap();
    let _first = tokio::net::TcpStream::connect(addr).await.unwrap();
    let begun = Instant::now();
    let sending = tokio::spawn(run_of(Http::at(format!("http://{addr}")).timeout(TIME).get("/health")));
    settled().await;
    let before = begun.elapsed();
    // From here on nobody does anything, and the clock goes on by itself.
    tokio::time::pause();
    let report = sending.await.unwrap();
    assert_eq!(report.reason, Some(Reason::Timeout), "{report}");
    let took = report.requests[0].duration;
    assert!((TIME - before..=TIME + LATE).contains(&took), "{took:?}");
    let failure = &report.failures[0];
    let told = format!("GET /health: connect to {addr}: no answer within ");
    assert!(failure.subject().starts_with(&told), "{report}");
}

#[cfg(feature = "http2")]
#[tokio::test]
async fn http_2_has_the_same_time() {
    let mut told = Told::default();
    // A frame of settings (RFC 9113, section 6.5), and one that says that ours were read.
    let settings = b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0";
    // The head of an answer: `:status: 200` alone, by its index in HPACK's table (RFC 7541, appendix A), to stream 1.
    let head = b"\0\0\x01\x01\x04\0\0\0\x01\x88";
    for (case, says) in [
        ("nothing", Vec::new()),
        ("settings only", settings.to_vec()),
        ("a part of a frame", [settings.as_slice(), b"\0\x40\0\x01\x04\0"].concat()),
        ("a head only", [settings.as_slice(), head].concat()),
    ] {
        let rogue = Rogue::new(move |mut hand| {
            let says = says.clone();
            async move {
                read_http_2(&mut hand.stream).await?;
                hand.say(&says).await?;
                hand.stall().await
            }
        })
        .await;
        stalled(&mut told, case, &rogue, rogue.api().http2_only().get("/health")).await;
    }
    insta::assert_snapshot!(told.text());
}

/// Reads all frames up to that of a request's head (RFC 9113, sections 3.4 and 4.1).
#[cfg(feature = "http2")]
async fn read_http_2(stream: &mut tokio::net::TcpStream) -> std::io::Result<()> {
    use tokio::io::AsyncReadExt;
    const HEADERS: u8 = 1;
    stream.read_exact(&mut [0; b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len()]).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        stream.read_exact(&mut vec![0; length]).await?;
        if head[3] == HEADERS {
            return Ok(());
        }
    }
}
