//! Bodies that are longer or shorter than their heads say, or said in a way that nobody can read.

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{Http, body};

use crate::support::{Server, Told, run_of};

#[tokio::test]
async fn a_length_that_is_wrong_is_told_with_what_came() {
    let mut told = Told::default();
    for (case, head, sent) in [
        ("too long", "content-length: 100", "0123456789"),
        ("far too long", "content-length: 9223372036854775807", "0123456789"),
        ("longer than can be counted", "content-length: 99999999999999999999999", "0123456789"),
        ("negative", "content-length: -1", "0123456789"),
        ("signed", "content-length: +10", "0123456789"),
        ("hexadecimal", "content-length: 0x0a", "0123456789"),
        ("empty", "content-length:", "0123456789"),
        ("two that differ", "content-length: 10\r\ncontent-length: 12", "0123456789"),
        ("two in one that differ", "content-length: 10, 12", "0123456789"),
        ("no hexadecimal size", "transfer-encoding: chunked", "ten\r\n0123456789\r\n0\r\n\r\n"),
        ("no size", "transfer-encoding: chunked", "\r\n0123456789\r\n0\r\n\r\n"),
        ("a negative size", "transfer-encoding: chunked", "-5\r\n01234\r\n0\r\n\r\n"),
        ("a size that cannot be counted", "transfer-encoding: chunked", "fffffffffffffffff\r\n0123456789\r\n0\r\n\r\n"),
        ("a size of all there is", "transfer-encoding: chunked", "ffffffffffffffff\r\n0123456789"),
        ("a chunk that is longer", "transfer-encoding: chunked", "4\r\n0123456789\r\n0\r\n\r\n"),
        ("a chunk that is shorter", "transfer-encoding: chunked", "f\r\n0123456789\r\n0\r\n\r\n"),
        ("no last chunk", "transfer-encoding: chunked", "a\r\n0123456789\r\n"),
        ("no end of the last chunk", "transfer-encoding: chunked", "a\r\n0123456789\r\n0\r\n"),
    ] {
        let server = Server::closing(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{sent}")).await;
        let report = told.add(case, Http::at(server.url()).get("/health")).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Protocol)), "{case}: {report}");
    }
    insta::assert_snapshot!(told.text());
}

/// They can be read in one way only, and every client reads them so.
#[tokio::test]
async fn a_length_that_is_odd_and_clear_is_no_failure() {
    for (case, head, sent) in [
        ("the same twice", "content-length: 10\r\ncontent-length: 10", "0123456789"),
        ("none, up to the end of the connection", "x-length: none", "0123456789"),
        ("zeros before it", "content-length: 0000000010", "0123456789"),
        ("a chunk with an extension", "transfer-encoding: chunked", "a;sum=1\r\n0123456789\r\n0\r\n\r\n"),
        ("zeros before a size", "transfer-encoding: chunked", "00000a\r\n0123456789\r\n0\r\n\r\n"),
        ("trailers", "transfer-encoding: chunked", "a\r\n0123456789\r\n0\r\nx-sum: 1\r\n\r\n"),
        // RFC 9112, section 6.3: the coding counts, and the length does not.
        ("chunks, and a length", "content-length: 3\r\ntransfer-encoding: chunked", "a\r\n0123456789\r\n0\r\n\r\n"),
    ] {
        let server = Server::closing(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{sent}")).await;
        let report = run_of(Http::at(server.url()).get("/health").expect(body("0123456789"))).await;
        assert_eq!(report.outcome, Outcome::Passed, "{case}: {report}");
    }
}

/// A head that promises as much as can be counted, and a limit that allows it, make no room for what has not come.
#[tokio::test]
async fn a_length_that_nobody_could_keep_takes_no_memory_before_it_comes() {
    let server = Server::raw(|mut stream| async move {
        use tokio::io::AsyncWriteExt;
        crate::support::read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n01234").await?;
        crate::clock::settled().await;
        stream.write_all(b"56789").await
    })
    .await;
    let report = run_of(Http::at(server.url()).max_body(usize::MAX).get("/health")).await;
    assert_eq!(report.reason, Some(Reason::Protocol), "{report}");
    let failure = report.failures[0].subject();
    assert!(failure.ends_with("connection closed after 10 of 9223372036854775807 bytes"), "{failure}");
}

#[tokio::test]
async fn an_answer_that_has_no_body_takes_none_of_what_follows() {
    for status in ["204 No Content", "304 Not Modified"] {
        let server = Server::closing(format!("HTTP/1.1 {status}\r\ncontent-length: 10\r\n\r\n0123456789")).await;
        let code: u16 = status[..3].parse().unwrap();
        let request =
            Http::at(server.url()).get("/").expect(synthetic_http::status(code)).expect(body(not(contains("0"))));
        run_of(request).await.assert_passed();
    }
    let server = Server::closing("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789").await;
    run_of(Http::at(server.url()).request("HEAD", "/")).await.assert_passed();
}
