//! TCP: connections, dialogues, and ports that are closed, against servers of a few lines.

use std::time::Duration;

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::net::{Tcp, said};
use synthetic_http::{Phase, latency, phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::clock::{LONG, Stall};
use crate::support::{Server, Told, closed_port, run_check};

/// Greets, and answers each line by its word.
async fn mail() -> Server {
    Server::raw(|mut stream| async move {
        stream.write_all(b"220 mail.test ready\r\n").await?;
        let mut buffer = [0; 1024];
        loop {
            let count = stream.read(&mut buffer).await?;
            let answer: &[u8] = match &buffer[..count] {
                b"" => return Ok(()),
                // In two pieces, neither of which ends with a line.
                b"EHLO me\r\n" => {
                    stream.write_all(b"250-mail.test\r\n250-SI").await?;
                    b"ZE 1000\r\n250 HELP\r\n"
                }
                b"QUIT\r\n" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    return Ok(());
                }
                b"\x05\x01\x00" => b"\x05\x00",
                _ => b"500 what?\r\n",
            };
            stream.write_all(answer).await?;
        }
    })
    .await
}

/// Greets, and says no more.
async fn stalling(greeting: &'static str, stall: &Stall) -> Server {
    let stall = stall.clone();
    Server::raw(move |mut stream| {
        let stall = stall.clone();
        async move {
            stream.write_all(greeting.as_bytes()).await?;
            stall.here().await
        }
    })
    .await
}

async fn told(told: &mut Told, case: &str, check: Tcp) -> Report {
    let report = report_of(check).await;
    told.add_report(case, &report);
    report
}

async fn report_of(check: Tcp) -> Report {
    run_check(move || {
        let check = check.clone();
        async move { check.connect().await.map(drop) }
    })
    .await
}

#[tokio::test]
async fn to_expect_no_bytes_is_a_mistake_that_is_found_before_anything_is_sent() {
    let server = mail().await;
    let mut said = Told::default();
    let report = told(&mut said, "none", Tcp::at(server.addr.to_string()).expect_bytes("")).await;
    assert_eq!((report.outcome, report.reason, server.accepted()), (Outcome::Error, Some(Reason::Setup), 0));
    assert!(said.text().contains("`expect_bytes` is given no bytes"));
}

#[tokio::test]
async fn a_dialogue_is_held_in_turns_and_recorded_as_a_request() {
    let server = mail().await;
    let at = server.addr.to_string();
    let report = run_check(move || {
        let check = Tcp::at(&*at)
            .expect_line(starts_with("220 "))
            .send("EHLO me\r\n")
            .expect_match(matches("(?m)^250 "))
            .send(&b"\x05\x01\x00"[..])
            .expect_bytes(&b"\x05\x00"[..])
            .send("QUIT\r\n")
            .expect_line("221 bye")
            .expect_end()
            .expect(said(contains("250-SIZE 1000")))
            .expect(latency(under(secs(60))))
            .expect(phase(Phase::Connect, under(secs(60))))
            .prefer(said(not(contains("HELP"))));
        async move {
            let talk = check.connect().await?;
            assert!(talk.text().starts_with("220 mail.test ready\r\n250-mail.test"), "{}", talk.text());
            assert!(talk.peer().is_some());
            Ok(())
        }
    })
    .await;
    assert_eq!(report.outcome, Outcome::Degraded, "{report}");
    assert_eq!(report.unmet.len(), 1);
    let request = &report.requests[0];
    assert_eq!((&*request.method, request.url.as_str()), ("TCP", format!("tcp://{}", server.addr).as_str()));
    assert!(request.is_success() && request.status.is_none(), "{request:?}");
    assert_eq!((request.peer, request.size), (Some(server.addr), 72));
    let done = request.phases.named().map(|(_, took)| took.is_some());
    assert_eq!(done, [false, true, false, true, false]);
}

#[tokio::test]
async fn a_line_is_answered_in_its_own_words() {
    let server = Server::raw(|mut stream| async move {
        stream.write_all(b"NOTICE hi\r\nPING :7f3a extra\r\n").await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        stream.write_all(if &answer == b"PONG :7f3a\r\n" { b"welcome\r\n" } else { b"go away\r\n" }).await
    })
    .await;
    let at = || Tcp::at(server.addr.to_string());
    let talk = at().reply(r"^PING :(\S+)", "PONG :$1\r\n").expect_line("welcome").connect().await.unwrap();
    assert!(talk.text().ends_with("extra\r\nwelcome\r\n"), "{}", talk.text());
    let stall = Stall::new();
    let silent = stalling("NOTICE hi\r\nPING :7f3a extra\r\n", &stall).await;
    let unasked = Tcp::at(silent.addr.to_string()).reply("^HELLO", "").timeout(LONG);
    let failure = stall.runs_out(unasked.connect()).await.unwrap_err();
    assert_eq!(failure.reason(), Reason::Timeout);
    assert!(failure.to_string().contains("read a line that matches ^HELLO"), "{failure}");
}

#[tokio::test]
async fn what_is_not_as_expected_is_told_with_the_dialogue() {
    let server = mail().await;
    let at = || Tcp::at(server.addr.to_string());
    let mut all = Told::default();
    let report = told(
        &mut all,
        "a line, and all that is said",
        at().expect_line(starts_with("554 ")).send("QUIT\r\n").expect(said(contains("bye"))),
    )
    .await;
    assert_eq!((report.reason, report.requests[0].reason), (Some(Reason::Expectation), Some(Reason::Expectation)));
    told(&mut all, "bytes", at().expect_bytes(&b"220 other"[..])).await;
    told(&mut all, "the end", at().expect_line("220 mail.test ready").send("NOOP\r\n").expect_end()).await;
    let stall = Stall::new();
    let silent = stalling("220 mail.test ready\r\n", &stall).await;
    let check = Tcp::at(silent.addr.to_string()).timeout(LONG).expect_match(contains("ready to serve"));
    let report = stall.runs_out(report_of(check)).await;
    all.add_report("a match that does not come", &report);
    assert_eq!(report.reason, Some(Reason::Timeout));
    let report = told(
        &mut all,
        "a line of one that hangs up",
        at().send("QUIT\r\n").expect_line(exists()).expect_line("221 bye").expect_line("222"),
    )
    .await;
    assert_eq!(report.reason, Some(Reason::Protocol));
    told(&mut all, "more than is read", at().max_read(10).expect_match(contains("ready"))).await;
    told(&mut all, "a latency", at().expect(latency(under(Duration::ZERO)))).await;
    insta::assert_snapshot!(all.text());
}

#[tokio::test]
async fn what_cannot_be_checked_is_an_error_of_our_own_and_nothing_is_connected() {
    let server = mail().await;
    let at = || Tcp::at(server.addr.to_string());
    let mut all = Told::default();
    let rows = [
        ("no port", Tcp::at("db.internal")),
        ("a pattern of a line", at().expect_line(matches("("))),
        ("a pattern of a match", at().expect_match(not(matches("(")))),
        ("a pattern of a line that is answered", at().reply("(", "")),
        ("a group that the pattern does not have", at().reply("PING (.*)", "PONG $2")),
        ("a pattern of what is expected", at().expect(said(matches("(")))),
        ("a pattern of what is preferred", at().prefer(said(matches("(")))),
    ];
    for (case, check) in rows {
        let report = told(&mut all, case, check).await;
        assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{case}");
        assert!(report.requests.is_empty(), "{case}");
    }
    assert_eq!(server.accepted(), 0);
    insta::assert_snapshot!(all.text());
}

#[tokio::test]
async fn no_connection_is_told_with_its_phase() {
    let port = closed_port().port();
    let mut all = Told::default();
    let report = told(&mut all, "refused", Tcp::at(format!("127.0.0.1:{port}"))).await;
    assert_eq!(report.reason, Some(Reason::Connect));
    assert!(!report.requests[0].is_success());
    let report = told(&mut all, "no such host", Tcp::at("no-such-host.invalid:80")).await;
    assert_eq!(report.reason, Some(Reason::Dns));
    insta::assert_snapshot!(all.text());
}

#[tokio::test]
async fn a_port_is_closed_only_if_it_refuses() {
    let server = mail().await;
    let open = server.addr;
    let port = closed_port().port();
    let report = run_check(move || async move { Tcp::at(format!("127.0.0.1:{port}")).refused().await }).await;
    report.assert_passed();
    assert!(report.requests[0].is_success());

    let mut all = Told::default();
    let report = run_check(move || async move { Tcp::at(open.to_string()).refused().await }).await;
    assert_eq!(report.reason, Some(Reason::Expectation));
    all.add_report("open", &report);
    let report = run_check(|| async { Tcp::at("no-such-host.invalid:80").refused().await }).await;
    assert_eq!(report.reason, Some(Reason::Dns));
    all.add_report("not reached at all", &report);
    let report = run_check(|| async { Tcp::at("127.0.0.1:1").send("hi").refused().await }).await;
    assert_eq!(report.reason, Some(Reason::Setup));
    all.add_report("nothing can be said", &report);
    insta::assert_snapshot!(all.text());
}

#[tokio::test]
async fn the_time_of_the_run_ends_a_check_too() {
    let stall = Stall::new();
    let silent = stalling("", &stall).await;
    let at = silent.addr.to_string();
    let spec = Spec::new("test").timeout(LONG);
    let running = once(canary(spec, move |_| {
        let at = at.clone();
        async move { Tcp::at(at).expect_line("hi").connect().await.map(drop) }
    }));
    let report = stall.runs_out(running).await;
    assert_eq!(report.reason, Some(Reason::Timeout), "{report}");
    let failure = &report.failures[0];
    assert!(failure.to_string().contains("read a line that is equal to \"hi\""), "{failure}");
    assert!(failure.advice().unwrap().starts_with("the time of the run"), "{failure:?}");
}
