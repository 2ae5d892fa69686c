//! Answers whose head is not as HTTP has it.

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{Http, status};

use super::rogue::{IN_BETWEEN, Rogue, TIME};
use crate::support::{Server, Told, bare, run_of};

#[tokio::test]
async fn a_head_that_is_none_is_a_failure_of_the_protocol_that_says_what_came() {
    let mut told = Told::default();
    let wide = format!("HTTP/1.1 200 OK\r\nx-wide: {}\r\n\r\n", "x".repeat(1 << 20));
    let wide_name = format!("HTTP/1.1 200 OK\r\n{}: x\r\ncontent-length: 0\r\n\r\n", "x".repeat(70_000));
    let long_reason = format!("HTTP/1.1 200 {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101));
    for (case, answer) in [
        ("HTTP/0.9", b"<html>hello</html>".as_slice()),
        ("binary", b"\x00\x01\x02\xff\xfe\r\n\r\n"),
        ("TLS at a port for http", b"\x15\x03\x01\x00\x02\x02\x46"),
        ("HTTP/2 at one for HTTP/1.1", b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64"),
        ("a request instead of an answer", b"GET / HTTP/1.1\r\nhost: shop.example\r\n\r\n"),
        ("a version to come", b"HTTP/4.2 200 OK\r\n\r\n"),
        ("no status", b"HTTP/1.1\r\n\r\n"),
        ("a status of two digits", b"HTTP/1.1 99 OK\r\ncontent-length: 0\r\n\r\n"),
        ("a status below all classes", b"HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n"),
        ("a status of four digits", b"HTTP/1.1 1000 OK\r\ncontent-length: 0\r\n\r\n"),
        ("a status in words", b"HTTP/1.1 OK 200\r\n\r\n"),
        ("a field without a colon", b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
        ("a field without a name", b"HTTP/1.1 200 OK\r\n: value\r\n\r\n"),
        ("a space before the colon", b"HTTP/1.1 200 OK\r\nx-one : value\r\ncontent-length: 0\r\n\r\n"),
        ("a NUL in a value", b"HTTP/1.1 200 OK\r\nx-one: a\0b\r\ncontent-length: 0\r\n\r\n"),
        ("cut within the status line", b"HTTP/1.1 20"),
        ("cut within the fields", b"HTTP/1.1 200 OK\r\ncontent-ty"),
        ("one that was to come and did not", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("101 fields", many.as_bytes()),
        ("a name of 70 KB", wide_name.as_bytes()),
        ("a value of 1 MiB", wide.as_bytes()),
        ("a reason of 1 MiB", long_reason.as_bytes()),
    ] {
        let server = Server::closing(answer).await;
        let report = told.add(case, Http::at(server.url()).get("/health")).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Protocol)), "{case}: {report}");
        assert_eq!(server.accepted(), 1, "{case}");
    }
    insta::assert_snapshot!(told.text());
}

/// What every browser takes is no failure either.
#[tokio::test]
async fn a_head_that_is_unusual_is_an_answer_all_the_same() {
    for (case, answer, code) in [
        ("lines that end with a line feed", "HTTP/1.1 200 OK\ncontent-length: 2\n\nhi", 200),
        ("a folded field", "HTTP/1.1 200 OK\r\nx-one: a\r\n b\r\ncontent-length: 2\r\n\r\nhi", 200),
        ("no reason", "HTTP/1.1 204\r\n\r\n", 204),
        ("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhi", 200),
        ("a status of no class", "HTTP/1.1 999 Unknown\r\ncontent-length: 2\r\n\r\nhi", 999),
        ("bytes above ASCII", "HTTP/1.1 200 Grüße\r\nx-one: Grüße\r\ncontent-length: 2\r\n\r\nhi", 200),
        (
            "100 fields",
            &bare("200 OK", &"a: b\r\n".repeat(99)).iter().map(|byte| *byte as char).collect::<String>(),
            200,
        ),
        ("another protocol, unasked", "HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", 101),
        (
            "hints before it",
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n",
            204,
        ),
    ] {
        let server = Server::closing(answer).await;
        let report = run_of(Http::at(server.url()).get("/health").expect(status(code))).await;
        assert_eq!(report.outcome, Outcome::Passed, "{case}: {report}");
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_left_when_it_is_too_large() {
    for (case, says, piece) in [
        ("a status line", "HTTP/1.1 200 ", "OK"),
        ("a field", "HTTP/1.1 200 OK\r\nx-long: ", "xxxxxxxxxxxxxxxx"),
        ("fields", "HTTP/1.1 200 OK\r\n", "a: b\r\n"),
        ("long fields", "HTTP/1.1 200 OK\r\n", "x-token: 0123456789012345678901234567890123456789\r\n"),
    ] {
        let rogue = Rogue::flooding(says, piece.repeat(4096)).await;
        let report = run_of(rogue.api().get("/health")).await;
        assert_eq!(report.reason, Some(Reason::Protocol), "{case}: {report}");
        let failure = report.failures[0].subject();
        assert!(failure.starts_with("GET /health: processing: the head of the answer of "), "{case}: {failure}");
        rogue.is_left().await;
        assert!(rogue.written() < IN_BETWEEN, "{case}: {} bytes", rogue.written());
    }
}

/// Whatever a head has in it, the failure that shows it can be read by a person and fits into a log.
#[tokio::test]
async fn a_failure_does_not_grow_with_the_head_that_it_tells_of() {
    let wide = "x".repeat(90_000);
    for (case, answer) in [
        ("a content type", bare("500 Oh", &format!("content-type: {wide}\r\n"))),
        ("cookies", bare("500 Oh", &format!("set-cookie: {wide}\r\n"))),
        ("a location", bare("302 Found", &format!("location: ftp://{wide}/{wide}\r\n"))),
        ("a location that is none", bare("302 Found", &format!("location: http://[{wide}\r\n"))),
        (
            "a place where nobody is",
            bare("302 Found", &format!("location: http://127.0.0.1:1/{}\r\n", &wide[..60_000])),
        ),
        ("a URL that is too long", bare("302 Found", &format!("location: http://127.0.0.1:1/{wide}\r\n"))),
        ("a host", bare("302 Found", &format!("location: http://{wide}.invalid/\r\n"))),
        ("a reason", format!("HTTP/1.1 500 {wide}\r\ncontent-length: 0\r\n\r\n").into_bytes()),
    ] {
        let server = Server::closing(answer).await;
        let report = run_of(Http::at(server.url()).get("/health").timeout(TIME)).await;
        assert_eq!(report.outcome, Outcome::Failed, "{case}: {report}");
        let told = format!("{:?}", report.failures[0]);
        assert!(told.len() < 20_000, "{case}: {} bytes", told.len());
    }
}
