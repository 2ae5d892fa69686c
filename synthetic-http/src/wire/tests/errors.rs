//! Failures: the phase, the kind and the words.

use super::*;
use crate::wire::{
    Connection,
    diagnose::Scene,
    error::{age, date, span},
    record::Attempt,
    shown,
    way::Way,
};

#[tokio::test]
async fn a_closed_port_refuses() {
    let addr = closed_port();
    let url: Url = format!("http://{addr}/").parse().unwrap();
    let failed = check(client().send(get(url)).await, Phase::Connect, Kind::Refused, "connect to {peer} refused");
    assert_eq!(failed.trail.remote_addr, Some(addr));
    assert!(failed.trail.phases.connect.is_some() && failed.trail.phases.processing.is_none());

    let named =
        Client::new(&ClientSettings { lookup: names([("shop.test", 0)]), ..ClientSettings::default() }).unwrap();
    let url: Url = format!("https://shop.test:{}/", addr.port()).parse().unwrap();
    let failed =
        check(named.send(get(url)).await, Phase::Connect, Kind::Refused, "connect to {peer} (127.0.0.1) refused");
    assert_eq!(failed.trail.resolved, [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_from_a_resolver_that_does_not_answer() {
    #[derive(Debug)]
    struct Broken;
    impl Lookup for Broken {
        fn lookup(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
            let empty = host == "empty.test";
            Box::pin(async move {
                if empty { Ok(Vec::new()) } else { Err(io::Error::other("Temporary failure in name resolution")) }
            })
        }
    }
    let url = |host: &str| -> Url { format!("http://{host}/").parse().unwrap() };
    let unknown = Client::new(&ClientSettings { lookup: names([]), ..ClientSettings::default() }).unwrap();
    let gone = unknown.send(get(url("shop.invalid"))).await;
    check(gone, Phase::Resolve, Kind::NotFound, "resolve shop.invalid: no such host");

    let broken = Client::new(&ClientSettings { lookup: Some(Arc::new(Broken)), ..ClientSettings::default() }).unwrap();
    let down = broken.send(get(url("shop.test"))).await;
    check(down, Phase::Resolve, Kind::ResolverFailed, "resolve shop.test: Temporary failure in name resolution");
    let empty = broken.send(get(url("empty.test"))).await;
    check(empty, Phase::Resolve, Kind::NotFound, "resolve empty.test: no such host");
}

#[tokio::test(start_paused = true)]
async fn a_slow_lookup_counts_against_the_deadline() {
    let client =
        Client::new(&ClientSettings { lookup: names([("shop.test", 60_000)]), ..ClientSettings::default() }).unwrap();
    let url = "http://shop.test/".parse().unwrap();
    let failed = client.send(within(url, ms(100))).await.unwrap_err();
    assert_eq!((failed.error.phase(), failed.error.kind()), (Phase::Resolve, Kind::Timeout));
    assert!(failed.error.to_string().starts_with("resolve shop.test: no answer within "), "{}", failed.error);
    assert!(failed.trail.phases.resolve.is_some() && failed.trail.elapsed >= ms(99), "{:?}", failed.trail);
    assert_eq!(failed.trail.phases.connect, None);
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_at_the_deadline_and_sees_the_connection_close() {
    let (closed, told) = tokio::sync::oneshot::channel();
    let closed = Arc::new(std::sync::Mutex::new(Some(closed)));
    let stalled = Arc::new(Semaphore::new(0));
    let told_there = Arc::clone(&stalled);
    let server = Server::start(move |mut stream| {
        let (closed, stalled) = (Arc::clone(&closed), Arc::clone(&told_there));
        async move {
            read_request(&mut stream).await?;
            stalled.add_permits(1);
            let mut rest = Vec::new();
            let ended = stream.read_to_end(&mut rest).await;
            closed.lock().unwrap().take().unwrap().send(ended.is_ok()).unwrap();
            Ok(())
        }
    })
    .await;
    let begun = Instant::now();
    let failed = run_out(client(), within(server.url("/"), LONG), stalled).await;
    assert!(begun.elapsed() >= LONG);
    assert_eq!((failed.error.phase(), failed.error.kind()), (Phase::Processing, Kind::Timeout));
    // The connection took a part of the 10 s, and how much of them is this machine's affair.
    let message = failed.error.to_string();
    let (start, end) = (format!("processing: {} sent no answer within ", server.addr), " s of the request");
    assert!(message.starts_with(&start) && message.ends_with(end), "{message}");
    assert!(told.await.unwrap());
    // Its time began when the request was made, which is somewhat earlier than it was sent.
    assert!(failed.trail.elapsed > LONG / 2, "{:?}", failed.trail);
}

#[tokio::test]
async fn a_deadline_that_has_passed_sends_nothing() {
    let server = Server::answering(|_| ok("hi")).await;
    let late = client().send(within(server.url("/a?b=c"), Duration::ZERO)).await;
    check(late, Phase::Setup, Kind::Timeout, "the time was up before http://{peer}/a?b=… was requested");
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn what_is_not_an_answer_is_said_so() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200));
    let rows: [(&str, Kind, &str); 5] = [
        (
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            Kind::Protocol,
            "processing: the answer is not HTTP: {peer} sent an invalid status line",
        ),
        (
            "HTTP/1.1 banana OK\r\n\r\n",
            Kind::Protocol,
            "processing: the answer is not HTTP: {peer} sent an invalid status line",
        ),
        (
            "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
            Kind::Protocol,
            "processing: the answer is not HTTP: {peer} sent an invalid header line",
        ),
        ("", Kind::ClosedEarly, "processing: {peer} closed the connection without an answer"),
        (
            &many,
            Kind::HeadTooLarge,
            "processing: the head of the answer of {peer} is too large, or has over 100 fields",
        ),
    ];
    for (sent, kind, message) in rows {
        let server = Server::closing(sent).await;
        let failed = check(client().send(get(server.url("/"))).await, Phase::Processing, kind, message);
        assert!(failed.trail.phases.processing.is_some() && failed.trail.phases.transfer.is_none());
        assert_eq!(failed.trail.connection, Some(Connection::New));
    }
}

#[tokio::test]
async fn a_reset_is_told_from_a_close() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await?;
        stream.set_zero_linger()
    })
    .await;
    let message = "processing: {peer} reset the connection without an answer";
    check(client().send(get(server.url("/"))).await, Phase::Processing, Kind::Reset, message);
}

#[tokio::test]
async fn a_body_that_breaks_off_says_how_far_it_came() {
    let rows: [(&str, Kind, &str); 4] = [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789",
            Kind::ClosedEarly,
            "transfer: connection closed after 10 of 100 bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n",
            Kind::ClosedEarly,
            "transfer: connection closed after 0 of 100 bytes",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n",
            Kind::ClosedEarly,
            "transfer: connection closed after 4 bytes, before the end of the body",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\nxyz\r\n",
            Kind::Protocol,
            "transfer: the body is not well-formed after 4 bytes, before the end of the body: Invalid chunk size line: missing size digit",
        ),
    ];
    for (sent, kind, message) in rows {
        let server = Server::closing(sent).await;
        let failed = check(client().send(get(server.url("/"))).await, Phase::Transfer, kind, message);
        assert_eq!(failed.trail.status.unwrap().as_u16(), 200);
        assert!(failed.trail.phases.transfer.is_some());
    }
}

#[tokio::test]
async fn a_body_that_stalls_ends_at_the_deadline() {
    let stalled = Arc::new(Semaphore::new(0));
    let told_there = Arc::clone(&stalled);
    let server = Server::start(move |mut stream| {
        let stalled = Arc::clone(&told_there);
        async move {
            read_request(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n0123456789").await?;
            stalled.add_permits(1);
            std::future::pending().await
        }
    })
    .await;
    let failed = run_out(client(), within(server.url("/"), LONG), stalled).await;
    assert_eq!((failed.error.phase(), failed.error.kind()), (Phase::Transfer, Kind::Timeout));
    let message = failed.error.to_string();
    assert!(message.starts_with("transfer: body not complete within "), "{message}");
    assert!(message.ends_with(" s of the head: 10 of 100 bytes"), "{message}");
}

#[tokio::test]
async fn an_endless_body_is_left_at_the_limit() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
        loop {
            stream.write_all(&[b'x'; 65_536]).await?;
        }
    })
    .await;
    let message = "transfer: body larger than the limit of 1048576 bytes (decoded)";
    let kind = Kind::BodyTooLarge { limit: 1_048_576 };
    check(client().send(get(server.url("/"))).await, Phase::Transfer, kind, message);
}

#[tokio::test]
async fn a_url_that_is_not_http_is_refused_without_its_secrets() {
    let ftp = client().send(get("ftp://user:hunter2@shop.test/?key=hunter2".parse().unwrap())).await;
    let failed = ftp.unwrap_err();
    assert_eq!(failed.error.to_string(), "only http and https URLs can be requested, not a `ftp:` URL");
    assert_eq!(failed.error.kind(), Kind::BadRequest);
}

#[tokio::test]
async fn no_message_holds_userinfo_or_a_value_of_the_query() {
    let addr = closed_port();
    let url = format!("http://user:hunter2@{addr}/?key=hunter2#hunter2").parse().unwrap();
    let failed = client().send(get(url)).await.unwrap_err();
    assert_eq!(failed.error.to_string(), format!("connect to {addr} refused"));
    assert!(!format!("{:?}", failed.error).contains("hunter2"));
}

#[tokio::test]
async fn an_ipv6_address_keeps_its_brackets() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
    let server = Server::on(listener, |mut stream| async move {
        let request = read_request(&mut stream).await?;
        stream.write_all(&ok(header(&request, "host").unwrap())).await
    });
    let exchange = answer(&client(), get(server.url("/"))).await;
    assert_eq!(exchange.body, server.addr.to_string());
    assert_eq!(exchange.phases.resolve, None);
    let closed = "http://[::1]:1/".parse().unwrap();
    check(client().send(get(closed)).await, Phase::Connect, Kind::Refused, "connect to {peer} refused");
}

#[tokio::test]
async fn time_that_runs_out_is_charged_to_the_phase_it_ran_out_in() {
    let now = Instant::now();
    let blank = Attempt {
        started: now,
        resolving: None,
        resolved: None,
        addresses: Vec::new(),
        handshake: None,
        chain: None,
        negotiated: None,
        ready: None,
        detached: false,
    };
    let resolving = Attempt { resolving: Some(now), ..blank.clone() };
    let connecting =
        Attempt { resolved: Some(now), addresses: vec![IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))], ..resolving.clone() };
    let shaking = Attempt { handshake: Some(now), ..connecting.clone() };
    let ready = Attempt { ready: Some(now), ..shaking.clone() };
    let detached = Attempt { detached: true, ..resolving.clone() };
    let url = "https://shop.test/".parse().unwrap();
    let rows = [
        (Some(&blank), "connect to shop.test:443: no answer within 3 s"),
        (Some(&resolving), "resolve shop.test: no answer within 3 s"),
        (Some(&connecting), "connect to shop.test:443 (10.0.0.1): no answer within 3 s"),
        (Some(&shaking), "tls handshake with shop.test:443: not complete within 3 s"),
        (Some(&ready), "processing: shop.test:443 sent no answer within 3 s of the request"),
        (Some(&detached), "processing: shop.test:443 sent no answer within 3 s of the request"),
        (None, "processing: shop.test:443 sent no answer within 3 s of the request"),
    ];
    for (attempt, message) in rows {
        let way = Way::default();
        let scene = Scene { url: &url, named: None, attempt, way: &way };
        assert_eq!(scene.timed_out(Duration::from_secs(3)).to_string(), message);
    }
}

#[test]
fn spans_ages_and_dates_read_as_a_person_writes_them() {
    let spans =
        [(0, "0 ms"), (42, "42 ms"), (249, "250 ms"), (996, "1 s"), (1_234, "1.2 s"), (2_999, "3 s"), (29_999, "30 s")];
    for (millis, text) in spans {
        assert_eq!(span(ms(millis)), text);
    }
    let ages =
        [(59, "less than an hour"), (3_600, "1 hour"), (7_300, "2 hours"), (86_400, "1 day"), (200_000, "2 days")];
    for (seconds, text) in ages {
        assert_eq!(age(seconds), text);
    }
    let dates = [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_795_046_400, "2026-11-19T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (4_102_444_800, "2100-01-01T00:00:00Z"),
    ];
    for (unix, text) in dates {
        assert_eq!(date(unix), text);
    }
}

#[test]
fn a_url_is_shown_without_its_secrets() {
    let rows = [
        ("http://a.test", "http://a.test/"),
        ("https://user:pw@a.test:8443/x/y?q=1&r=2#frag", "https://a.test:8443/x/y?q=…&r=…"),
        ("http://a.test/?token", "http://a.test/?…"),
        ("http://[::1]:80/?a=b=c", "http://[::1]/?a=…"),
    ];
    for (url, text) in rows {
        assert_eq!(shown(&url.parse().unwrap()), text);
    }
}
