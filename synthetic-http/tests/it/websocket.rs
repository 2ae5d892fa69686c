//! WebSockets: what is said both ways, and what is told of those that go wrong.

use std::future::pending;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use synthetic_core::prelude::*;
use synthetic_core::{Reason, Result};
use synthetic_http::{Http, Message, Request, WebSocket, header, status};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Asked, Response as Answer};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::authority::{Authority, at, config};
use crate::clock::{LONG, SILENCE, Stall};
use crate::support::{Server, Told, bare, masked, read_request};

type Socket = WebSocketStream<TcpStream>;

/// Returns a server that speaks WebSocket as `speak` says, and what it was asked with.
async fn speaking<F, T>(speak: F) -> (Server, Arc<Mutex<Vec<Asked>>>)
where
    F: Fn(Socket) -> T + Clone + Send + Sync + 'static,
    T: Future<Output = ()> + Send,
{
    let asked = Arc::<Mutex<Vec<Asked>>>::default();
    let kept = Arc::clone(&asked);
    let server = Server::raw(move |stream| {
        let (speak, kept) = (speak.clone(), Arc::clone(&kept));
        async move {
            #[expect(clippy::result_large_err, reason = "the type is the library's")]
            let head = |asked: &Asked, mut answer: Answer| {
                kept.lock().unwrap().push(asked.clone());
                if asked.headers().contains_key("sec-websocket-protocol") {
                    answer.headers_mut().insert("sec-websocket-protocol", "shop.v1".parse().unwrap());
                }
                Ok(answer)
            };
            if let Ok(socket) = tokio_tungstenite::accept_hdr_async(stream, head).await {
                speak(socket).await;
            }
            Ok(())
        }
    })
    .await;
    (server, asked)
}

/// Sends these, and then echoes what comes until it is closed.
async fn echo(mut socket: Socket, first: &[&str]) {
    for text in first {
        socket.send(Frame::text(*text)).await.unwrap();
    }
    while let Some(Ok(frame)) = socket.next().await {
        if frame.is_text() || frame.is_binary() {
            let _ = socket.send(frame).await;
        }
    }
}

fn live(server: &Server) -> Request {
    Http::at(server.url()).get("/live")
}

#[tokio::test]
async fn what_is_said_is_heard_and_judged() {
    let (server, asked) = speaking(|socket| echo(socket, &["welcome", r#"{"id": 7, "status": "new"}"#])).await;
    let request = live(&server)
        .header("sec-websocket-protocol", "shop.v1")
        .bearer(synthetic_core::Secret::new("t", "t0ken-t0ken"));
    let mut live = request.expect(header("upgrade", "websocket")).websocket().await.unwrap();
    assert_eq!(live.protocol(), Some("shop.v1"));
    assert_eq!(live.expect(starts_with("welc")).await.unwrap(), "welcome");
    live.expect_json("$.status", "new").await.unwrap();
    live.send("one").await.unwrap();
    live.send(vec![1, 2]).await.unwrap();
    live.send_json(&serde_json::json!({"n": 3})).await.unwrap();
    live.send_json(&[4, 5]).await.unwrap();
    assert!(live.ping().await.unwrap() < secs(10));
    assert_eq!(live.next().await.unwrap(), Message::from("one"));
    assert_eq!(live.next().await.unwrap().as_bytes(), [1, 2]);
    live.until_json("$.n", 3).await.unwrap();
    assert_eq!(live.read::<Vec<u8>>().await.unwrap(), [4, 5]);
    live.send("last").await.unwrap();
    assert_eq!(live.until(eq("last".to_owned())).await.unwrap(), "last");
    assert_eq!(live.close().await.unwrap().code, 1000);

    let asked = asked.lock().unwrap();
    let (uri, headers) = (asked[0].uri().path(), asked[0].headers());
    assert_eq!((uri, &headers["authorization"]), ("/live", &"Bearer t0ken-t0ken".parse().unwrap()));
    assert_eq!(headers.get_all("host").iter().count(), 1);
}

#[tokio::test]
async fn a_websocket_is_one_request_of_the_run_and_follows_its_cookies() {
    let (server, asked) = speaking(|socket| echo(socket, &[])).await;
    let login = Server::answering(|_| bare("200 OK", "set-cookie: session=s1; path=/\r\n")).await;
    let (login, live) = (Http::at(login.url()), live(&server));
    let shared = Http::anywhere();
    let report = once(canary(Spec::new("test"), move |_| {
        let urls = (format!("{}", login.get("/login")), format!("{live}"));
        let api = shared.clone();
        async move {
            let (login, live) =
                (urls.0.trim_start_matches("GET ").to_owned(), urls.1.trim_start_matches("GET ").to_owned());
            api.get(login).send().await?;
            let mut live = api.get(live).websocket().await?;
            live.send("hello").await?;
            live.expect("hello").await?;
            live.close().await.map(drop)
        }
    }))
    .await;
    assert_eq!((report.outcome, report.requests.len(), report.checks), (Outcome::Passed, 2, 3), "{report}");
    let request = &report.requests[1];
    assert_eq!((&*request.method, request.status, request.reason, request.size), ("GET", Some(101), None, 5));
    assert!(request.phases.connect.is_some() && request.phases.processing.is_some());
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0].headers()["cookie"], "session=s1", "cookies know no ports");
    assert!(asked[0].headers().contains_key("traceparent"));
}

/// What is done with the WebSocket of a case.
type Act = fn(WebSocket) -> std::pin::Pin<Box<dyn Future<Output = Result> + Send>>;

async fn told_of(told: &mut Told, case: &str, request: Request, act: Act, reason: Reason) {
    tell(told, case, &report_of(request, act).await, reason);
}

/// Does something with a WebSocket in a run of its own.
async fn report_of(request: Request, act: Act) -> Report {
    once(canary(Spec::new("test"), move |_| {
        let request = request.clone();
        async move { act(request.websocket().await?).await }
    }))
    .await
}

fn tell(told: &mut Told, case: &str, report: &Report, reason: Reason) {
    told.add_report(case, report);
    assert_eq!(report.reason, Some(reason), "{case}: {report}");
    let recorded = if reason == Reason::Setup { 0 } else { 1 };
    assert_eq!(report.requests.len(), recorded, "{case}");
    // What was closed as expected was in order, whatever is tried on it later.
    let recorded = if case == "sent after its close" { None } else { Some(reason) };
    assert!(report.requests.iter().all(|request| request.reason == recorded), "{case}: {:?}", report.requests);
}

const NEXT: Act = |mut live| Box::pin(async move { live.next().await.map(drop) });
const DONE: Act = |mut live| Box::pin(async move { live.until(contains("done")).await.map(drop) });

#[tokio::test]
async fn a_server_that_does_not_open_a_websocket_is_told_by_what_it_said() {
    let refusing = Server::answering(|_| {
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: 15\r\n\r\norigin unknown\n".to_vec()
    })
    .await;
    let plain = Server::answering(|_| bare("200 OK", "")).await;
    let switch = |headers: &str| format!("HTTP/1.1 101 Switching Protocols\r\n{headers}\r\n").into_bytes();
    let key = switch("connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: AAAA\r\n");
    let key = Server::answering(move |_| key.clone()).await;
    let other = switch("connection: Upgrade\r\nupgrade: h2c\r\n");
    let other = Server::answering(move |_| other.clone()).await;
    let stall = Stall::new();
    let silences = stall.clone();
    let silent = Server::raw(move |mut stream| {
        let stall = silences.clone();
        async move {
            read_request(&mut stream).await?;
            stall.here().await
        }
    })
    .await;
    let mut told = Told::default();
    told_of(&mut told, "refused", live(&refusing), NEXT, Reason::Expectation).await;
    told_of(&mut told, "a page", live(&plain), NEXT, Reason::Expectation).await;
    told_of(&mut told, "the key of another", live(&key), NEXT, Reason::Expectation).await;
    told_of(&mut told, "another protocol", live(&other), NEXT, Reason::Expectation).await;
    let silence = stall.runs_out(report_of(live(&silent).timeout(LONG), NEXT)).await;
    tell(&mut told, "silence", &silence, Reason::Timeout);
    insta::assert_snapshot!(told.text());
    let refused = live(&refusing).expect(status(403)).websocket().await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Setup, "{refused}");
}

#[tokio::test]
async fn a_server_that_chooses_a_subprotocol_which_nobody_asked_for_is_told() {
    // It answers `shop.v1` whenever it is asked for one.
    let (server, _) = speaking(|socket| echo(socket, &["welcome"])).await;
    let asking = |names: &str| live(&server).header("sec-websocket-protocol", names);
    let chosen = asking("shop.v2, shop.v1").expect(header("sec-websocket-protocol", "shop.v1"));
    assert_eq!(chosen.websocket().await.unwrap().protocol(), Some("shop.v1"));
    let of_all = Http::at(server.url()).header("sec-websocket-protocol", "shop.v1");
    assert_eq!(of_all.get("/live").websocket().await.unwrap().protocol(), Some("shop.v1"));
    let mut told = Told::default();
    told_of(&mut told, "another one", asking("shop.v2, Shop.v1"), NEXT, Reason::Expectation).await;
    let none = live(&server).expect(header("sec-websocket-protocol", "shop.v1"));
    told_of(&mut told, "none, where one is expected", none, NEXT, Reason::Expectation).await;
    let unasked = Server::raw(|stream| async move {
        #[expect(clippy::result_large_err, reason = "the type is the library's")]
        let head = |_: &Asked, mut answer: Answer| {
            answer.headers_mut().insert("sec-websocket-protocol", "shop.v1".parse().unwrap());
            Ok(answer)
        };
        if let Ok(socket) = tokio_tungstenite::accept_hdr_async(stream, head).await {
            echo(socket, &[]).await;
        }
        Ok(())
    })
    .await;
    told_of(&mut told, "one where none was asked for", live(&unasked), NEXT, Reason::Expectation).await;
    insta::assert_snapshot!(told.text());
}

#[tokio::test]
async fn a_websocket_that_goes_wrong_is_told_with_what_came() {
    let (quiet, _) = speaking(|socket| echo(socket, &["welcome", "{\"n\": 1}"])).await;
    let stall = Stall::new();
    let silences = stall.clone();
    let (silent, _) = speaking(move |mut socket: Socket| {
        let stall = silences.clone();
        async move {
            for text in ["welcome", "{\"n\": 1}"] {
                socket.send(Frame::text(text)).await.unwrap();
            }
            stall.here().await
        }
    })
    .await;
    let (closing, _) = speaking(|mut socket: Socket| async move {
        socket.send(Frame::text("welcome")).await.unwrap();
        let close = CloseFrame { code: 1011.into(), reason: "out of memory".into() };
        socket.close(Some(close)).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let (gone, _) = speaking(|mut socket: Socket| async move {
        socket.send(Frame::text("welcome")).await.unwrap();
    })
    .await;
    let (foreign, _) = speaking(|mut socket: Socket| async move {
        socket.get_mut().write_all(&[0xF3, 0x01, 0x00]).await.unwrap();
        pending().await
    })
    .await;
    let (bytes, _) = speaking(|mut socket: Socket| async move {
        socket.send(Frame::binary(vec![0xCA, 0xFE])).await.unwrap();
        pending().await
    })
    .await;
    let expected: Act = |mut live| Box::pin(async move { live.expect("hello").await.map(drop) });
    let json: Act = |mut live| Box::pin(async move { live.expect_json("$.n", 1).await.map(drop) });
    let typed: Act = |mut live| {
        Box::pin(async move {
            live.next().await?;
            live.read::<Vec<u8>>().await.map(drop)
        })
    };
    let closed: Act = |mut live| Box::pin(async move { live.closed().await.map(drop) });
    let again: Act = |mut live| {
        Box::pin(async move {
            live.closed().await?;
            live.send("hello").await
        })
    };
    let defect: Act = |mut live| Box::pin(async move { live.until_json("$.[", 1).await.map(drop) });
    let mut told = Told::default();
    let told = &mut told;
    told_of(told, "another text", live(&quiet), expected, Reason::Expectation).await;
    told_of(told, "no JSON", live(&quiet), json, Reason::Expectation).await;
    told_of(told, "another type", live(&quiet), typed, Reason::Expectation).await;
    told_of(told, "bytes", live(&bytes), expected, Reason::Expectation).await;
    for (case, request) in [("in time", live(&silent).timeout(LONG)), ("silence", live(&silent).idle_timeout(SILENCE))]
    {
        tell(told, case, &stall.runs_out(report_of(request, DONE)).await, Reason::Timeout);
    }
    told_of(told, "closed by the server", live(&closing), DONE, Reason::Expectation).await;
    told_of(told, "sent after its close", live(&closing), again, Reason::Expectation).await;
    told_of(told, "no close", live(&gone), closed, Reason::Protocol).await;
    told_of(told, "too large", live(&quiet).max_body(5), DONE, Reason::Protocol).await;
    told_of(told, "no frame", live(&foreign), NEXT, Reason::Protocol).await;
    let report = once(canary(Spec::new("test"), {
        let request = live(&quiet);
        move |_| {
            let request = request.clone();
            async move { defect(request.websocket().await?).await }
        }
    }))
    .await;
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)));
    told.add_report("a path that is none", &report);
    insta::assert_snapshot!(std::mem::take(told).text());
}

#[tokio::test]
async fn the_close_of_the_server_can_be_what_is_awaited() {
    let (server, _) = speaking(|mut socket: Socket| async move {
        let _ = socket.next().await;
        let close = CloseFrame { code: 1008.into(), reason: "no such command".into() };
        let _ = socket.close(Some(close)).await;
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let mut live = live(&server).websocket().await.unwrap();
    live.send("nonsense").await.unwrap();
    let close = live.closed().await.unwrap();
    assert_eq!((close.code, &*close.reason), (1008, "no such command"));
    assert_eq!(close.to_string(), "code 1008 \"no such command\"");
    assert_eq!(live.close().await.unwrap(), close);
}

#[tokio::test]
async fn on_a_host_that_is_no_test_host_one_may_listen_and_say_nothing() {
    let (server, _) = speaking(|socket| echo(socket, &["welcome"])).await;
    let api = Http::at(server.url());
    let mut live = api.clone().only_test_hosts(["elsewhere.test"]).get("/live").websocket().await.unwrap();
    live.expect("welcome").await.unwrap();
    let refused = live.send("buy").await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Setup);
    let told = masked(&refused.to_string());
    assert!(told.starts_with("a message of GET /live cannot be sent: 127.0.0.1:PORT is no test host"), "{told}");
    live.close().await.unwrap();
    let mut live = api.only_test_hosts(["127.0.0.1"]).get("/live").websocket().await.unwrap();
    live.send("buy").await.unwrap();
}

#[tokio::test]
async fn over_tls_the_certificate_is_judged_and_http_1_1_agreed_on() {
    let authority = Authority::new();
    let (key, certificate) = authority.issue("127.0.0.1", |_| {});
    let mut config = config(vec![certificate], &key);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let server = Server::raw(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let stream = acceptor.accept(stream).await?;
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            socket.send(Frame::text("welcome")).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
            Ok(())
        }
    })
    .await;
    let (api, trusting) = (at(&server), authority.trusted(&server));
    let run_of = async |request: Request| {
        once(canary(Spec::new("test"), move |_| {
            let request = request.clone();
            async move {
                let mut live = request.websocket().await?;
                live.expect("welcome").await?;
                live.close().await.map(drop)
            }
        }))
        .await
    };
    let report = run_of(trusting.get("/live")).await;
    report.assert_passed();
    assert!(report.requests[0].certificate.is_some() && report.requests[0].phases.tls.is_some());
    assert_eq!(run_of(api.get("/live")).await.reason, Some(Reason::Tls));
}
