//! Real browsers that all tests share, small sites, and journeys over them.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use synthetic_browser::{Browser, Page};
use synthetic_core::prelude::*;
use tokio::runtime::Runtime;

/// Browsers belong to a runtime: this one is that of all tests.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

static BROWSERS: LazyLock<[Browser; 2]> =
    LazyLock::new(|| [Browser::chromium().max_pages(16), Browser::firefox().max_pages(16)]);

/// Runs a test in each browser that is there. In CI, all must be.
pub(crate) fn in_each_browser<Fut: Future<Output = ()>>(test: impl Fn(Browser) -> Fut) {
    RUNTIME.block_on(async {
        for browser in BROWSERS.iter() {
            if is_there(browser).await {
                println!("in {}", if std::ptr::eq(browser, &BROWSERS[0]) { "Chromium" } else { "Firefox" });
                test(browser.clone()).await;
            }
        }
    });
}

/// Returns what a test says, which is the same in each browser that is there; nothing where there is none.
pub(crate) fn said_by_each_browser<Fut: Future<Output = Vec<String>>>(test: impl Fn(Browser) -> Fut) -> Option<String> {
    let said = Mutex::new(Vec::new());
    in_each_browser(|browser| async {
        let text = test(browser).await.join("\n");
        said.lock().unwrap().push(text);
    });
    let mut said = said.into_inner().unwrap();
    if let [one, other] = &said[..] {
        assert_eq!(one, other, "the browsers say different things");
    }
    said.pop()
}

/// Runs a test in Chromium.
pub(crate) fn in_chromium<Fut: Future<Output = ()>>(test: impl FnOnce(Browser) -> Fut) {
    RUNTIME.block_on(async {
        if is_there(&BROWSERS[0]).await {
            test(BROWSERS[0].clone()).await;
        }
    });
}

async fn is_there(browser: &Browser) -> bool {
    match browser.launch().await {
        Ok(_) => true,
        Err(missing) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing:?}");
            println!("skipped: {missing}");
            false
        }
    }
}

/// What a site answers: status, media type, body, and how long it takes to.
pub(crate) type Answer = (u16, &'static str, String, Duration);

type Pages = HashMap<&'static str, Answer>;

/// A site on 127.0.0.1, stopped with the tests.
#[derive(Debug, Default)]
pub(crate) struct Site {
    pages: Pages,
}

impl Site {
    /// Begins a site with its page at `/`.
    pub(crate) fn new(html: &str) -> Self {
        Self::default().page("/", html)
    }

    pub(crate) fn page(self, path: &'static str, html: &str) -> Self {
        self.answer(path, (200, "text/html", format!("<!doctype html><meta charset=utf-8>{html}"), Duration::ZERO))
    }

    pub(crate) fn answer(mut self, path: &'static str, answer: Answer) -> Self {
        self.pages.insert(path, answer);
        self
    }

    /// Starts it, and returns its URL without a slash at the end.
    pub(crate) async fn start(self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::new(self.pages));
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }
}

async fn answer(State(pages): State<Arc<Pages>>, uri: Uri, headers: HeaderMap) -> Response {
    if uri.path() == "/headers" {
        let mut lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default())).collect();
        lines.sort();
        return lines.join("\n").into_response();
    }
    if uri.path() == "/guarded" {
        return match headers.get("authorization").and_then(|value| value.to_str().ok()) {
            Some(authorization) => authorization.to_owned().into_response(),
            None => {
                (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"canary\"")], "who?").into_response()
            }
        };
    }
    let Some((status, media_type, body, wait)) = pages.get(uri.path()).cloned() else {
        return (StatusCode::NOT_FOUND, "no such page").into_response();
    };
    tokio::time::sleep(wait).await;
    let status = StatusCode::from_u16(status).unwrap();
    let mut headers = vec![("content-type", media_type.to_owned())];
    match uri.path() {
        "/old" => headers.push(("location", body.clone())),
        "/file" => headers.push(("content-disposition", "attachment; filename=\"invoice.csv\"".to_owned())),
        "/private" => headers.push(("set-cookie", "session=0123456789abcdef0123; Path=/; HttpOnly".to_owned())),
        _ => {}
    }
    let mut answer = (status, body).into_response();
    for (name, value) in headers {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}

/// Opens a page of a site and does something with it, as a run.
pub(crate) async fn journey<F, Fut>(browser: &Browser, site: Site, body: F) -> Report
where
    F: Fn(Run, Page) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    let url = site.start().await;
    let (browser, body) = (browser.clone(), Arc::new(body));
    once(canary(Spec::new("journey").timeout(secs(60)), move |run: Run| {
        let (browser, url, body) = (browser.clone(), url.clone(), Arc::clone(&body));
        async move {
            // What is expected to be missing is soon found to be.
            let page = browser.page(&run).base(url).patience(ms(400)).downloads().await?;
            page.goto("/").await?;
            body(run, page.patient(secs(10))).await
        }
    }))
    .await
}

/// Does something that works.
pub(crate) async fn works<F, Fut>(browser: &Browser, html: &str, body: F)
where
    F: Fn(Page) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    journey(browser, Site::new(html), move |_, page| body(page)).await.assert_passed();
}

/// Does something that fails in a short time, and returns the whole text of the failure, without what is another each time.
pub(crate) async fn fails<F, Fut>(browser: &Browser, site: Site, body: F) -> String
where
    F: Fn(Page) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    let report = journey(browser, site, move |_, page| body(page.patient(ms(400)))).await;
    assert_eq!(report.cleanup.left_behind(), 0, "{report:?}");
    assert_eq!(report.failures.len(), 1, "{report:?}");
    told(&report.failures[0])
}

pub(crate) fn told(failure: &Failure) -> String {
    let text = format!("{failure:?}");
    let mut told = String::new();
    let mut rest = text.as_str();
    // Ports and places in the source.
    while let Some(at) = rest.find("127.0.0.1:") {
        let (before, after) = rest.split_at(at + "127.0.0.1:".len());
        told.push_str(before);
        told.push_str("PORT");
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    told.push_str(rest);
    let first = told.lines().next().unwrap_or_default().to_owned();
    told.replacen(&first, first.split("    ").next().unwrap_or_default(), 1)
}
