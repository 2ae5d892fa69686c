//! Servers that send without end: what a check reads of it is bounded, and the connection is left.

use synthetic_core::Reason;
use synthetic_core::prelude::*;
#[cfg(feature = "http2")]
use synthetic_http::Http;
use synthetic_http::Request;

use super::rogue::{IN_BETWEEN, Rogue, when_its_time_is_up};
use crate::support::{Told, run_of};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
/// The most that is read of a body, unless said otherwise.
const LIMIT: u64 = 1024 * 1024;

async fn left(told: &mut Told, case: &str, rogue: &Rogue, request: Request) {
    let report = run_of(request).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Protocol)), "{case}: {report}");
    rogue.is_left().await;
    assert!(rogue.written() < LIMIT * 3 + IN_BETWEEN, "{case}: {} bytes", rogue.written());
    told.add_report(case, &report);
}

#[tokio::test]
async fn a_body_without_an_end_is_left_at_the_limit() {
    let mut told = Told::default();
    let endless = "x".repeat(65_536);
    let chunk = format!("10000\r\n{endless}\r\n");
    let small = "1\r\nx\r\n".repeat(8_192);
    for (case, says, piece) in [
        ("up to the end of the connection", "HTTP/1.1 200 OK\r\n\r\n", &endless),
        ("a length of ages", "HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n", &endless),
        ("chunks", CHUNKED, &chunk),
        ("a chunk's extension", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;", &endless),
        ("a failure's body", "HTTP/1.1 500 Oh\r\n\r\n", &endless),
    ] {
        let rogue = Rogue::flooding(says, piece.as_bytes()).await;
        left(&mut told, case, &rogue, rogue.api().get("/health")).await;
    }
    // Each chunk goes its way alone, and a million of them would take seconds.
    let crumbs = Rogue::flooding(CHUNKED, small).await;
    left(&mut told, "chunks of a byte", &crumbs, crumbs.api().max_body(4_096).get("/health")).await;
    for (case, piece) in [("trailers", "a: b\r\n".repeat(8_192)), ("a trailer", endless)] {
        let rogue = Rogue::flooding(format!("{CHUNKED}1\r\nx\r\n0\r\nx-sum: "), piece).await;
        left(&mut told, case, &rogue, rogue.api().get("/health")).await;
    }
    insta::assert_snapshot!(told.text());
}

/// The body of a redirect is of no use: it is read so far that the connection can be used again, and then left.
#[tokio::test]
async fn a_redirect_whose_body_has_no_end_is_followed() {
    let rogue = Rogue::new(|mut hand| async move {
        if hand.read_request().await?.starts_with("GET /next") {
            return hand.say(&crate::support::ok("there")).await;
        }
        hand.say(b"HTTP/1.1 302 Found\r\nlocation: /next\r\n\r\n").await?;
        hand.flood(&[b'x'; 65_536]).await
    })
    .await;
    run_of(rogue.api().get("/health")).await.assert_passed();
    rogue.is_left().await;
    assert!(rogue.written() < IN_BETWEEN, "{} bytes", rogue.written());
}

/// Serves what floods over HTTP/2, which has frames instead of lines.
#[cfg(feature = "http2")]
#[tokio::test]
async fn http_2_has_bounds_too() {
    use axum::body::{Body, Bytes};
    use axum::http::Response;
    use axum::routing::get;

    let wide = get(async || Response::builder().header("x-wide", "x".repeat(20_000)).body(Body::empty()).unwrap());
    let many = get(async || {
        let fields = (0..2_000).fold(Response::builder(), |answer, at| answer.header(format!("x-{at}"), "x"));
        fields.body(Body::empty()).unwrap()
    });
    let endless = get(async || {
        Body::from_stream(futures_util::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 16_384]))
        }))
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/wide", wide).route("/many", many).route("/endless", endless);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut told = Told::default();
    for path in ["/wide", "/many", "/endless"] {
        let report = told.add(path, Http::at(&url).http2_only().get(path)).await;
        assert_eq!(report.reason, Some(Reason::Protocol), "{path}: {report}");
    }
    insta::assert_snapshot!(told.text());
}

/// What never ends and is never too much ends with the time, although there is always something to read.
#[tokio::test]
async fn a_flood_that_is_no_body_ends_with_the_time() {
    let mut told = Told::default();
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n".repeat(64);
    let to_come = "HTTP/1.1 100 Continue\r\n\r\n".repeat(64);
    for (case, piece) in [("hints", &hints), ("answers to come", &to_come)] {
        let rogue = Rogue::flooding("", piece.as_bytes()).await;
        let report = when_its_time_is_up(case, &rogue, rogue.api().get("/health")).await;
        assert_eq!(report.reason, Some(Reason::Timeout), "{case}: {report}");
        rogue.is_left().await;
        told.add_report(case, &report);
    }
    insta::assert_snapshot!(told.text());
}
