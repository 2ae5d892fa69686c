//! Requests: what is told of them, and what can be done to them.

use super::*;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use bytes::Bytes;
use synthetic_core::Secret;
use url::Url;

use crate::engine::{Credentials, Decision, Request, RequestId, Response};

#[tokio::test]
async fn a_request_is_told_of_from_beginning_to_end() {
    let Some(chromium) = Chromium::start().await else { return };
    let page = "<script src=/app.js></script>";
    let script = "fetch('/order?x=1#part', { method: 'POST', headers: { 'x-canary': 'yes' }, body: 'two things' })";
    let router = Router::new()
        .route("/", get(move || async move { ([("set-cookie", "a=1"), ("x-two", "b")], Html(page)) }))
        .route("/app.js", get(move || async move { ([("content-type", "text/javascript")], script) }))
        .route("/order", axum::routing::post(|| async { (StatusCode::CREATED, "done") }));
    let base = serve(router).await;
    let mut tab = chromium.tab().await;
    tab.tab.navigate(&format!("{base}/")).await.unwrap();

    let document = sent(&mut tab, "/").await;
    assert_eq!((&*document.method, &*document.kind, document.navigation), ("GET", "document", true));
    assert_eq!(document.frame, Some(tab.main.clone()));
    assert!(document.at > 1e12 && document.initiator.is_empty() && document.redirect.is_none());
    let answer = answered(&mut tab, &document.id).await;
    assert_eq!((answer.status, &*answer.mime_type, &*answer.protocol), (200, "text/html", "HTTP/1.1"));
    assert!(!answer.from_cache && answer.at >= document.at);
    assert_eq!(answer.peer.as_deref(), base.strip_prefix("http://"));
    let header = |name: &str| answer.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| &**v);
    assert_eq!((header("set-cookie"), header("x-two")), (Some("a=1"), Some("b")));
    assert!(
        answer.timing.connect.is_some() && answer.timing.processing.is_some() && answer.timing.tls.is_none(),
        "{answer:?}"
    );

    let script = sent(&mut tab, "/app.js").await;
    assert_eq!((&*script.kind, &*script.initiator, script.navigation), ("script", "parser", false));
    let order = sent(&mut tab, "/order?x=1#part").await;
    assert_eq!((&*order.method, &*order.kind, order.body.as_deref()), ("POST", "fetch", Some(&b"two things"[..])));
    assert_eq!(order.initiator, format!("script {base}/app.js:1"));
    assert!(order.headers.iter().any(|(name, value)| name == "x-canary" && value == "yes"));
    let answer = answered(&mut tab, &order.id).await;
    assert_eq!((answer.status, &*answer.status_text), (201, "Created"));
    let (transferred, at) = tab
        .take(|event| match event {
            Event::Finished { id, at, transferred, timing } if *id == order.id => {
                assert_eq!(*timing, answer.timing);
                Some((*transferred, *at))
            }
            _ => None,
        })
        .await;
    assert!(transferred > 4 && at >= answer.at, "{transferred} {at} {}", answer.at);
    assert_eq!(in_time(tab.tab.body(&order.id)).await.unwrap().as_deref(), Some(&b"done"[..]));
    assert_eq!(in_time(tab.tab.body(&RequestId("none".into()))).await.unwrap(), None);
}

#[tokio::test]
async fn a_redirect_keeps_its_request_and_has_its_answer() {
    let Some(chromium) = Chromium::start().await else { return };
    let router = Router::new()
        .route("/", get(|| async { (StatusCode::FOUND, [("location", "/there"), ("set-cookie", "hop=1")]) }))
        .route("/there", get(|| async { Redirect::permanent("/end").into_response() }))
        .route("/end", get(|| async { Html("end") }));
    let base = serve(router).await;
    let mut tab = chromium.tab().await;
    tab.tab.navigate(&format!("{base}/")).await.unwrap();
    let first = sent(&mut tab, "/").await;
    for (path, status) in [("/there", 302), ("/end", 308)] {
        let next = sent(&mut tab, path).await;
        assert_eq!(next.id, first.id);
        assert_eq!(next.redirect.as_ref().unwrap().status, status);
        assert!(next.redirect.unwrap().headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("location")));
    }
    assert_eq!(answered(&mut tab, &first.id).await.url, format!("{base}/end"));
}

#[tokio::test]
async fn a_request_that_comes_to_nothing_says_why() {
    let Some(chromium) = Chromium::start().await else { return };
    // It is nobody else's for as long as it is bound, and nobody listens on it.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = taken.local_addr().unwrap();
    let page =
        format!("<script>fetch('http://{closed}/');fetch('/stuck', {{signal: AbortSignal.timeout(100)}})</script>");
    let router = Router::new()
        .route("/", get(move || async move { Html(page) }))
        .route("/stuck", get(std::future::pending::<&str>));
    let base = serve(router).await;
    let mut tab = chromium.tab().await;
    tab.tab.navigate(&format!("{base}/")).await.unwrap();
    for (wanted, cancelled) in [("net::ERR_CONNECTION_REFUSED", false), ("net::ERR_ABORTED", true)] {
        tab.take(|event| match event {
            Event::Failed { error, cancelled: c, .. } => (error == wanted && *c == cancelled).then_some(()),
            _ => None,
        })
        .await;
    }
}

#[tokio::test]
async fn requests_are_held_until_it_is_said_what_becomes_of_them() {
    let Some(chromium) = Chromium::start().await else { return };
    let page = "<script>
        const ask = path => fetch(path).then(async r => [r.status, r.headers.get('x-own'), await r.text()], e => e.name);
        Promise.all(['/go', '/stop', '/own'].map(ask)).then(all => { answers = all })</script>";
    let base = pages(&[("/", page), ("/go", "gone")]).await;
    let mut tab = chromium.tab().await;
    in_time(tab.tab.hold_requests(true)).await.unwrap();
    let going = {
        let (tab, url) = (Arc::clone(&tab.tab), format!("{base}/"));
        tokio::spawn(async move { tab.navigate(&url).await })
    };
    let mut left = 4;
    while left > 0 {
        let (held, request) = held(&mut tab, "").await;
        let decision = match request.url.strip_prefix(&base).unwrap() {
            "/favicon.ico" => {
                tab.tab.decide(&held, Decision::Abort).await.unwrap();
                continue;
            }
            "/stop" => Decision::Abort,
            "/own" => Decision::Answer {
                status: 418,
                headers: vec![("x-own".to_owned(), "own".to_owned())],
                body: Bytes::from_static("täpot".as_bytes()),
            },
            path => {
                assert_eq!((request.navigation, path == "/"), (path == "/", request.kind == "document"));
                Decision::Continue
            }
        };
        in_time(tab.tab.decide(&held, decision)).await.unwrap();
        left -= 1;
    }
    in_time(going).await.unwrap().unwrap();
    let answers =
        "async () => { while (!globalThis.answers) await new Promise(r => setTimeout(r, 10)); return answers }";
    assert_eq!(tab.page(answers).await, json!([[200, null, "gone"], "TypeError", [418, "own", "täpot"]]));
    tab.take(|event| match event {
        Event::Failed { error, .. } => error.contains("BLOCKED_BY_CLIENT").then_some(()),
        _ => None,
    })
    .await;

    // What is held when holding ends goes on.
    let asked = "() => { globalThis.late = ask('/go') .then(all => all[0]) }";
    tab.page(asked).await;
    held(&mut tab, "/go").await;
    in_time(tab.tab.hold_requests(false)).await.unwrap();
    assert_eq!(tab.page("() => late").await, 200);
}

#[tokio::test]
async fn credentials_are_given_once_to_whom_they_are_for() {
    let Some(chromium) = Chromium::start().await else { return };
    let page = |headers: HeaderMap| async move {
        // `canary:secret`
        match headers.get("authorization").is_some_and(|value| value == "Basic Y2FuYXJ5OnNlY3JldA==") {
            true => Html("in").into_response(),
            false => (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=a")], Html("out")).into_response(),
        }
    };
    let base = serve(Router::new().route("/", get(page))).await;
    let cases = [
        (Some((&*base, "secret")), "in"),
        (Some((&*base, "wrong")), "out"),
        (Some(("http://elsewhere.example", "secret")), "out"),
        (None, "out"),
    ];
    for (credentials, text) in cases {
        let credentials = credentials.map(|(url, password)| Credentials {
            origin: Url::parse(url).unwrap().origin(),
            user: "canary".to_owned(),
            password: Secret::new("password", password),
        });
        let mut tab = chromium.tab_with(&ContextOptions { credentials, ..ContextOptions::default() }).await;
        tab.open(&format!("{base}/")).await;
        assert_eq!(tab.page("() => document.body.textContent").await, text);
    }
}

#[tokio::test]
async fn requests_of_workers_and_of_frames_of_other_processes_are_told_of() {
    let Some(chromium) = Chromium::start().await else { return };
    let worker = "fetch('/of-worker').then(() => postMessage(1)); console.log('worker')";
    let router = Router::new()
        .route("/", get(|| async { Html("<script>new Worker('/worker.js')</script><iframe id=f></iframe>") }))
        .route("/worker.js", get(move || async move { ([("content-type", "text/javascript")], worker) }))
        .route("/of-worker", get(|| async { "w" }))
        .route("/frame", get(|| async { Html("<script>fetch('/of-frame')</script>") }))
        .route("/of-frame", get(|| async { "f" }));
    let base = serve(router).await;
    let other = base.replace("127.0.0.1", "localhost");
    let mut tab = chromium.tab().await;
    tab.tab.navigate(&format!("{base}/")).await.unwrap();
    let asked = sent(&mut tab, "/of-worker").await;
    finished(&mut tab, &asked.id).await;
    assert_eq!(in_time(tab.tab.body(&asked.id)).await.unwrap().as_deref(), Some(&b"w"[..]));

    let go = "url => { f.src = url }";
    in_time(tab.tab.call(&tab.main, World::Page, go, &[json!(format!("{other}/frame"))])).await.unwrap();
    let document = sent(&mut tab, "/frame").await;
    assert!(document.navigation);
    answered(&mut tab, &document.id).await;
    let asked = sent(&mut tab, "/of-frame").await;
    assert_eq!(asked.frame, document.frame);
    finished(&mut tab, &asked.id).await;
    assert_eq!(in_time(tab.tab.body(&asked.id)).await.unwrap().as_deref(), Some(&b"f"[..]));
}

/// Returns the next request that is held and whose URL ends so.
async fn held(tab: &mut Watched, path: &str) -> (String, Request) {
    tab.take(|event| match event {
        Event::Held { held, request } if request.url.ends_with(path) => Some((held.clone(), request.clone())),
        _ => None,
    })
    .await
}

/// Returns the next request for a path.
async fn sent(tab: &mut Watched, path: &str) -> Request {
    tab.take(|event| match event {
        Event::Request(request) if request.url.splitn(4, '/').nth(3) == Some(&path[1..]) => Some(request.clone()),
        _ => None,
    })
    .await
}

async fn answered(tab: &mut Watched, id: &RequestId) -> Response {
    tab.take(|event| match event {
        Event::Response(response) if response.id == *id => Some(response.clone()),
        _ => None,
    })
    .await
}

async fn finished(tab: &mut Watched, wanted: &RequestId) {
    tab.take(|event| match event {
        Event::Finished { id, .. } => (id == wanted).then_some(()),
        _ => None,
    })
    .await;
}
