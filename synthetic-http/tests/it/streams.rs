//! Answers that are taken piece by piece: what comes, what bounds it, and what is told when it breaks off.

use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{
    Http, Request, ResponseStream, body, cookie, header, header_count, http_version, latency, status,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::clock::{LONG, SILENCE, Stall};
use crate::support::{Server, Told, bare, ok, read_request, sent};

/// Returns a server that sends the head of an endless body and these pieces, and then what `then` does.
async fn pieces(head: &'static str, pieces: &'static [&'static str], then: fn(TcpStream) -> Then) -> Server {
    stalling_pieces(head, pieces, then, &Stall::new()).await
}

/// The same, which says when it hangs.
async fn stalling_pieces(
    head: &'static str,
    pieces: &'static [&'static str],
    then: fn(TcpStream) -> Then,
    stall: &Stall,
) -> Server {
    let stall = stall.clone();
    Server::raw(move |mut stream| {
        let stall = stall.clone();
        async move {
            read_request(&mut stream).await?;
            stream.write_all(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n{head}\r\n").as_bytes()).await?;
            for piece in pieces {
                stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await?;
                stream.flush().await?;
                tokio::task::yield_now().await;
            }
            match then(stream) {
                Then::End(mut stream) => stream.write_all(b"0\r\n\r\n").await,
                Then::Close => Ok(()),
                Then::Hang(stream) => {
                    let _stream = stream;
                    stall.here().await
                }
            }
        }
    })
    .await
}

enum Then {
    End(TcpStream),
    Close,
    Hang(TcpStream),
}

#[derive(serde::Deserialize, Debug, PartialEq)]
struct Row {
    id: u32,
}

async fn all(stream: &mut ResponseStream) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(chunk) = stream.next().await? {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}

#[tokio::test]
async fn pieces_lines_and_json_lines_come_as_they_were_cut_by_their_sender() {
    let server = pieces("x-kind: rows\r\n", &["{\"id\"", ":1}\n\r\n{\"id\":2}\r", "\n{\"id\":3}"], Then::End).await;
    let get = || Http::at(server.url()).get("/rows").expect(header("x-kind", "rows")).expect(http_version("HTTP/1.1"));

    let mut stream = get().stream().await.unwrap();
    assert_eq!((stream.status(), stream.header("X-Kind")), (200, Some("rows")));
    assert_eq!(all(&mut stream).await.unwrap(), b"{\"id\":1}\n\r\n{\"id\":2}\r\n{\"id\":3}");
    assert!(stream.next().await.unwrap().is_none(), "the end stays the end");

    let mut stream = get().stream().await.unwrap();
    let mut lines = Vec::new();
    while let Some(line) = stream.next_line().await.unwrap() {
        lines.push(line);
    }
    assert_eq!(lines, ["{\"id\":1}", "", "{\"id\":2}", "{\"id\":3}"]);

    let mut stream = get().stream().await.unwrap();
    let mut rows = Vec::new();
    while let Some(row) = stream.next_json::<Row>().await.unwrap() {
        rows.push(row.id);
    }
    assert_eq!(rows, [1, 2, 3]);

    let mut stream = get().stream().await.unwrap();
    assert_eq!(stream.next_line().await.unwrap().unwrap(), "{\"id\":1}");
    assert_eq!(all(&mut stream).await.unwrap(), b"\r\n{\"id\":2}\r\n{\"id\":3}", "bytes go on where a line ended");
}

async fn told_of(told: &mut Told, case: &str, request: Request, reason: Reason) {
    tell(told, case, &report_of(request).await, reason);
}

/// Reads all rows in a run of its own.
async fn report_of(request: Request) -> Report {
    once(canary(Spec::new("test"), move |_| {
        let request = request.clone();
        async move {
            let mut stream = request.stream().await?;
            while stream.next_json::<Row>().await?.is_some() {}
            Ok(())
        }
    }))
    .await
}

fn tell(told: &mut Told, case: &str, report: &Report, reason: Reason) {
    told.add_report(case, report);
    let wanted = if reason == Reason::Setup { Outcome::Error } else { Outcome::Failed };
    assert_eq!((report.outcome, report.reason), (wanted, Some(reason)), "{case}: {report}");
    let recorded: Vec<_> = report.requests.iter().map(|request| request.reason).collect();
    assert_eq!(recorded, if reason == Reason::Setup { vec![] } else { vec![Some(reason)] }, "{case}");
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_what_came_and_what_bounded_it() {
    let rows: &[&str] = &["{\"id\":1}\n", "{\"id\":2}\n"];
    let closing = pieces("", rows, |_| Then::Close).await;
    let stall = Stall::new();
    let hanging = stalling_pieces("", rows, Then::Hang, &stall).await;
    let foreign = pieces("", &["{\"id\":1}\nid 2\n"], Then::End).await;
    let short = pieces("", rows, Then::End).await;
    let refusing = Server::answering(|_| {
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nno capacity\r\n"
            .to_vec()
    })
    .await;
    let get = |server: &Server| Http::at(server.url()).get("/rows");
    let mut told = Told::default();
    let told = &mut told;
    told_of(told, "closed early", get(&closing), Reason::Protocol).await;
    for (case, request) in [("silent", get(&hanging).idle_timeout(SILENCE)), ("slow", get(&hanging).timeout(LONG))] {
        tell(told, case, &stall.runs_out(report_of(request)).await, Reason::Timeout);
    }
    told_of(told, "too large", get(&short).max_body(10), Reason::Protocol).await;
    told_of(told, "not JSON", get(&foreign), Reason::Expectation).await;
    told_of(told, "refused", get(&refusing), Reason::Expectation).await;
    told_of(told, "a header", get(&short).expect(header("x-kind", "rows")), Reason::Expectation).await;
    told_of(told, "a body is expected", get(&short).expect(body(contains("x"))), Reason::Setup).await;
    told_of(told, "a latency is preferred", get(&short).prefer(latency(under(ms(9)))), Reason::Setup).await;
    insta::assert_snapshot!(std::mem::take(told).text());
}

#[tokio::test]
async fn what_an_http_expects_of_the_body_of_a_stream_is_told_as_not_judged() {
    let server = pieces("x-kind: rows\r\n", &["{\"id\":1}\n"], Then::End).await;
    let api = Http::at(server.url())
        .expect(header("x-kind", "rows"))
        .expect(body(contains("x")))
        .prefer(latency(under(ms(9))));
    let of = async |request: Request| {
        once(canary(Spec::new("test"), move |_| {
            let request = request.clone();
            async move { request.stream().await?.next().await.map(drop) }
        }))
        .await
    };
    let report = of(api.get("/rows")).await;
    report.assert_passed();
    assert_eq!(
        report.warnings,
        [
            "the answer to GET /rows came piece by piece, so that what its `Http` expects of body, latency was not judged"
        ]
    );
    let report = of(Http::at(server.url()).expect(header("x-kind", "rows")).get("/rows")).await;
    assert_eq!(report.warnings, [""; 0]);
}

#[tokio::test]
async fn the_time_of_the_step_that_reads_bounds_a_stream_that_an_earlier_step_began() {
    let server = pieces("", &["{\"id\":1}\n"], Then::Hang).await;
    let api = Http::at(server.url());
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let request = api.get("/rows");
        async move {
            let mut stream = run.step("begin", request.stream()).await?;
            run.step("first", stream.next()).await?;
            run.step("second", stream.next()).timeout(ms(200)).await?;
            Ok(())
        }
    }))
    .await;
    let failure = &report.failures[0];
    assert_eq!((report.reason, failure.reason()), (Some(Reason::Timeout), Reason::Timeout), "{report}");
    assert!(failure.subject().starts_with("GET /rows: transfer: nothing more came in time: 9 bytes"), "{report}");
    assert!(failure.advice().unwrap().contains("of its step"), "{report}");
    assert!(failure.step().contains(&"second".to_owned()), "{failure:?}");
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_recorded_with_what_had_come() {
    let server = pieces("", &["0123456789"], Then::Hang).await;
    let api = Http::at(server.url());
    let report = once(canary(Spec::new("test"), move |_| {
        let request = api.get("/rows/17");
        async move {
            let mut stream = request.stream().await?;
            assert_eq!(stream.next().await?.unwrap().len(), 10);
            Ok(())
        }
    }))
    .await;
    assert_eq!((report.outcome, report.requests.len(), report.checks), (Outcome::Passed, 1, 1), "{report}");
    let request = &report.requests[0];
    assert_eq!((request.status, request.size, request.reason), (Some(200), 10, None));
    assert!(request.url.ends_with("/rows/{id}"), "{}", request.url);
}

#[tokio::test]
async fn a_stream_carries_what_every_request_carries() {
    let server = Server::answering(|request| match request.contains(" /login ") {
        true => bare("200 OK", "set-cookie: session=s1; path=/\r\n"),
        false => ok("x"),
    })
    .await;
    let api = Http::at(server.url()).header("x-all", "1").bearer(synthetic_core::Secret::new("token", "t0ken-t0ken"));
    let report = once(canary(Spec::new("test"), move |_| {
        let api = api.clone();
        async move {
            let mut login = api.get("/login").expect(cookie("session", exists())).expect(status(200)).stream().await?;
            assert!(login.next().await?.is_none());
            api.get("/rows").stream().await.map(drop)
        }
    }))
    .await;
    assert_eq!((report.outcome, report.requests.len()), (Outcome::Passed, 2), "{report}");
    let seen = server.take().remove(1);
    assert_eq!(sent(&seen, "cookie"), ["session=s1"]);
    assert_eq!(sent(&seen, "authorization"), ["Bearer t0ken-t0ken"]);
    assert_eq!((sent(&seen, "x-all"), sent(&seen, "accept-encoding")), (vec!["1"], vec!["identity"]));
    assert_eq!(sent(&seen, "traceparent").len(), 1);
}

#[tokio::test]
async fn of_what_an_http_expects_only_the_head_is_judged() {
    let server = pieces("x-trace: 1\r\n", &["one"], Then::End).await;
    let api = Http::at(server.url()).expect(body("two")).expect(latency(lt(secs(0))));
    let mut stream = api.clone().expect(header("x-trace", "1")).get("/").stream().await.unwrap();
    assert_eq!(all(&mut stream).await.unwrap(), b"one");
    let failure = api.expect(header_count("x-trace", 2)).get("/").stream().await.unwrap_err();
    assert_eq!(failure.reason(), Reason::Expectation, "{failure}");
}
