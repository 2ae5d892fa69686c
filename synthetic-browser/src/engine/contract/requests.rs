//! What a page asks the network for.

use std::collections::HashSet;

use serde_json::json;
use synthetic_core::Secret;
use url::Url;

use super::{SecureSite, Site, Watched, site};
use crate::engine::{ContextOptions, Credentials, Decision, Engine, Event, Navigation, Request, Response, World};

pub(super) async fn requests(engine: &dyn Engine, site: &Site) {
    let mut it = Watched::open(engine).await;
    it.go(&site.url("/load")).await;
    it.page("async () => { while (!window.all) await new Promise(done => setTimeout(done, 10)) }").await;
    let document = exchange(&mut it, &site.url("/load"), "document").await;
    assert!(document.0.navigation && document.0.frame == Some(it.tab.main_frame()));
    assert_eq!((document.1.status, document.1.mime_type.as_str()), (200, "text/html"));
    assert_eq!(document.1.protocol, "HTTP/1.1");
    assert!(document.1.timing.connect.is_some() && document.1.timing.tls.is_none(), "{:?}", document.1.timing);
    assert!(document.1.timing.processing.is_some());
    assert!(document.0.at > 1.6e12 && document.1.at >= document.0.at, "{} {}", document.0.at, document.1.at);

    let script = exchange(&mut it, &site.url("/script.js"), "script").await;
    assert!(!script.0.navigation);
    assert_eq!(it.tab.body(&script.0.id).await.unwrap().as_deref(), Some(&b"window.loaded = 1;"[..]));
    let image = exchange(&mut it, &site.url("/missing.png"), "image").await;
    assert_eq!(image.1.status, 404);
    let fetch = exchange(&mut it, &site.url("/data"), "fetch").await;
    assert_eq!((fetch.0.method.as_str(), fetch.1.status), ("POST", 200));
    assert!(fetch.0.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("x-kind") && value == "test"));
    assert_eq!(it.tab.body(&fetch.0.id).await.unwrap().as_deref(), Some(&b"{\"answer\":42}"[..]));

    // A redirect is one request that goes on.
    let first = request(&mut it, &site.url("/redirect"), "fetch").await;
    let second = request(&mut it, &site.url("/"), "fetch").await;
    assert_eq!(first.id, second.id);
    let redirect = second.redirect.expect("the answer that redirected");
    assert_eq!((redirect.status, redirect.url), (302, site.url("/redirect")));
    assert_eq!(response(&mut it, &first).await.status, 200);

    // One that fails.
    let nobody = site::Nobody::new();
    let url = nobody.url();
    it.tab.call(&it.tab.main_frame(), World::Page, "url => fetch(url).catch(() => {})", &[json!(url)]).await.unwrap();
    let failed = request(&mut it, &url, "fetch").await;
    let (error, cancelled) = it
        .until("Failed", |event| match event {
            Event::Failed { id, error, cancelled, .. } if *id == failed.id => Some((error.clone(), *cancelled)),
            _ => None,
        })
        .await;
    assert!(error.contains("CONNECTION_REFUSED") && !cancelled, "{error}");

    it.tab.set_extra_headers(&[("x-extra".to_owned(), "more".to_owned())]).await.unwrap();
    it.go(&site.url("/echo")).await;
    assert!(it.page("() => document.body.innerText").await.as_str().unwrap().starts_with("more|"));
    it.end().await;
}

pub(super) async fn held_requests(engine: &dyn Engine, site: &Site) {
    let mut it = Watched::open(engine).await;
    it.go(&site.url("/")).await;
    it.tab.hold_requests(true).await.unwrap();
    let function = "() => { window.got = {}; for (const path of ['/data', '/blocked', '/made'])
        fetch(path).then(async answer => { got[path] = [answer.status, await answer.text(), answer.headers.get('x-made')] },
        () => { got[path] = 'failed' }) }";
    it.page(function).await;
    let mut decided = HashSet::new();
    while decided.len() < 3 {
        let (held, request) = it
            .until("Held", |event| match event {
                Event::Held { held, request } => Some((held.clone(), request.clone())),
                _ => None,
            })
            .await;
        let path = request.url.trim_start_matches(&site.url("")).to_owned();
        let decision = match path.as_str() {
            "/blocked" => Decision::Abort,
            "/made" => Decision::Answer {
                status: 418,
                headers: vec![
                    ("x-made".to_owned(), "here".to_owned()),
                    ("content-type".to_owned(), "text/plain".to_owned()),
                ],
                body: "made up".into(),
            },
            _ => Decision::Continue,
        };
        it.tab.decide(&held, decision).await.unwrap();
        decided.insert(path);
    }
    let got = it.page("async () => { while (Object.keys(got).length < 3) await new Promise(done => setTimeout(done, 10)); return got }").await;
    let expected =
        json!({ "/data": [200, "{\"answer\":42}", null], "/blocked": "failed", "/made": [418, "made up", "here"] });
    assert_eq!(got, expected);
    // Whoever lets go lets through what was held.
    it.page("() => { fetch('/data').then(() => { window.through = true }) }").await;
    it.until("Held", |event| matches!(event, Event::Held { .. }).then_some(())).await;
    it.tab.hold_requests(false).await.unwrap();
    it.page("async () => { while (!window.through) await new Promise(done => setTimeout(done, 10)) }").await;
    it.go(&site.url("/form")).await;
    it.end().await;
}

pub(super) async fn authentication(engine: &dyn Engine, site: &Site) {
    let here = site.url("/");
    let cases = [
        (Some((&*here, "pass")), 200, "secret"),
        (Some((&*here, "wrong")), 401, "stay out"),
        (Some(("https://elsewhere.example/", "pass")), 401, "stay out"),
        (None, 401, "stay out"),
    ];
    for (credentials, status, title) in cases {
        let credentials = credentials.map(|(url, password)| Credentials {
            origin: Url::parse(url).unwrap().origin(),
            user: "user".to_owned(),
            password: Secret::new("password", password),
        });
        let options = ContextOptions { credentials, ..ContextOptions::default() };
        let mut it = Watched::with(engine, &options).await;
        it.go(&site.url("/secret")).await;
        assert_eq!(it.page("() => document.title").await, title);
        let (request, response) = exchange(&mut it, &site.url("/secret"), "document").await;
        assert_eq!(response.status, status, "{request:?}");
        it.end().await;
    }
}

pub(super) async fn certificates(engine: &dyn Engine) {
    let site = SecureSite::serve().await;
    let mut it = Watched::open(engine).await;
    let navigation = it.tab.navigate(&site.url()).await.unwrap();
    let words = ["CERT", "ISSUER"];
    assert!(
        matches!(&navigation, Navigation::Failed(word) if words.iter().any(|part| word.contains(part))),
        "{navigation:?}"
    );
    it.end().await;
    let options = ContextOptions { accept_bad_certificates: true, ..ContextOptions::default() };
    it = Watched::with(engine, &options).await;
    it.go(&site.url()).await;
    assert_eq!(it.page("() => document.title").await, "secure");
    let (_, response) = exchange(&mut it, &site.url(), "document").await;
    assert!(response.timing.connect.is_some() && response.timing.tls.is_some(), "{:?}", response.timing);
    it.end().await;
}

/// Waits until a request is done, and returns how it began and what was answered.
async fn exchange(it: &mut Watched, url: &str, kind: &str) -> (Request, Response) {
    let request = request(it, url, kind).await;
    let response = response(it, &request).await;
    let transferred = it
        .until("Finished", |event| match event {
            Event::Finished { id, transferred, .. } => (*id == request.id).then_some(*transferred),
            _ => None,
        })
        .await;
    assert!(transferred > 0, "{url}");
    (request, response)
}

async fn request(it: &mut Watched, url: &str, kind: &str) -> Request {
    let wanted = |event: &Event| match event {
        Event::Request(request) => (request.url == url && request.kind == kind).then(|| request.clone()),
        _ => None,
    };
    it.until(&format!("the request {kind} {url}"), wanted).await
}

async fn response(it: &mut Watched, request: &Request) -> Response {
    it.until(&format!("the answer of {}", request.url), |event| match event {
        Event::Response(response) => (response.id == request.id).then(|| response.clone()),
        _ => None,
    })
    .await
}
