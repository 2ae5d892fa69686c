//! What every engine must do, tried on a real browser.

mod secure;
mod site;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use synthetic_core::Secret;
use tokio::sync::mpsc::UnboundedReceiver;

use self::secure::SecureSite;
pub(crate) use self::site::Site;
use super::{
    Button, Context, ContextOptions, Cookie, Decision, Engine, EngineError, Event, FrameId, KeyAction, MouseAction,
    Navigation, NewTab, Rect, Request, Response, Shot, Tab, World,
};

/// How long an event may take. It is for what never comes: nothing here waits that long when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asserts what every engine must do. `crash` is to end what renders the page of a tab, without asking it.
pub(crate) async fn check_tab(engine: Arc<dyn Engine>, crash: impl AsyncFn(&dyn Tab)) {
    let site = Site::serve().await;
    navigations(&*engine, &site).await;
    calls(&*engine, &site).await;
    frames(&*engine, &site).await;
    input(&*engine, &site).await;
    pictures(&*engine, &site).await;
    scripts_that_speak(&*engine, &site).await;
    dialogs(&*engine, &site).await;
    requests(&*engine, &site).await;
    held_requests(&*engine, &site).await;
    isolation(&*engine, &site).await;
    options(&*engine, &site).await;
    authentication(&*engine, &site).await;
    certificates(&*engine).await;
    popups(&*engine, &site).await;
    downloads(&*engine, &site).await;
    crashes(&*engine, &site, crash).await;
}

/// A tab, and the events that nobody has asked for yet.
struct Watched {
    context: Arc<dyn Context>,
    tab: Arc<dyn Tab>,
    events: UnboundedReceiver<Event>,
    seen: Vec<Event>,
}

impl Watched {
    async fn open(engine: &dyn Engine) -> Self {
        Self::with(engine, &ContextOptions { viewport: Some((800, 600, 1.0)), ..ContextOptions::default() }).await
    }

    async fn with(engine: &dyn Engine, options: &ContextOptions) -> Self {
        let context = engine.context(options).await.unwrap();
        let NewTab { tab, events } = context.tab().await.unwrap();
        Self { context, tab, events, seen: Vec::new() }
    }

    /// Waits for an event, takes it out, and leaves the others for whoever asks next.
    async fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let found = self.seen.iter().enumerate().find_map(|(index, event)| wanted(event).map(|value| (index, value)));
        if let Some((index, value)) = found {
            self.seen.remove(index);
            return value;
        }
        loop {
            let next = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let Ok(Some(event)) = next else { panic!("{what} did not come, but: {:#?}", self.seen) };
            if let Some(value) = wanted(&event) {
                return value;
            }
            self.seen.push(event);
        }
    }

    /// Goes to a URL, and waits until its document is loaded.
    async fn go(&mut self, url: &str) {
        let navigation = self.tab.navigate(url).await.unwrap();
        let Navigation::Document(expected) = navigation else { panic!("{url}: {navigation:?}") };
        self.until("Loaded", |event| match event {
            Event::Loaded { document, .. } => (*document == expected).then_some(()),
            _ => None,
        })
        .await;
    }

    async fn call(&self, world: World, function: &str) -> Value {
        self.tab.call(&self.tab.main_frame(), world, function, &[]).await.unwrap()
    }

    async fn page(&self, function: &str) -> Value {
        self.call(World::Page, function).await
    }

    async fn end(self) {
        self.context.dispose().await.unwrap();
    }
}

async fn navigations(engine: &dyn Engine, site: &Site) {
    let mut it = Watched::open(engine).await;
    let url = site.url("/");
    let Navigation::Document(first) = it.tab.navigate(&url).await.unwrap() else { panic!("no document") };
    let main = it.tab.main_frame();
    it.until("Navigated", |event| match event {
        Event::Navigated { frame, document, url: to } => {
            (*frame == main && *document == first && *to == url).then_some(())
        }
        _ => None,
    })
    .await;
    it.until("DomLoaded", |event| {
        matches!(event, Event::DomLoaded { document, .. } if *document == first).then_some(())
    })
    .await;
    it.until("Loaded", |event| matches!(event, Event::Loaded { document, .. } if *document == first).then_some(()))
        .await;
    assert_eq!(it.page("() => document.title").await, "plain");

    // The fragment.
    let navigation = it.tab.navigate(&site.url("/#part")).await.unwrap();
    assert!(matches!(navigation, Navigation::Within), "{navigation:?}");
    it.until("NavigatedWithin", |event| match event {
        Event::NavigatedWithin { url, .. } => url.ends_with("/#part").then_some(()),
        _ => None,
    })
    .await;
    it.page("() => history.pushState(null, '', '/pushed')").await;
    it.until("NavigatedWithin", |event| match event {
        Event::NavigatedWithin { url, .. } => url.ends_with("/pushed").then_some(()),
        _ => None,
    })
    .await;

    // There and back.
    it.go(&site.url("/form")).await;
    assert!(it.tab.history(-1).await.unwrap());
    it.until("Loaded", |event| matches!(event, Event::Loaded { .. }).then_some(())).await;
    assert_eq!(it.page("() => location.pathname").await, "/pushed");
    assert!(!it.tab.history(5).await.unwrap());
    it.go(&site.url("/form")).await;
    it.page("() => { window.old = true }").await;
    it.tab.reload().await.unwrap();
    it.until("Loaded", |event| matches!(event, Event::Loaded { .. }).then_some(())).await;
    assert_eq!(it.page("() => window.old").await, Value::Null);

    // Nothing to show, and nobody there.
    let navigation = it.tab.navigate(&site.url("/empty")).await.unwrap();
    assert!(matches!(navigation, Navigation::Nothing), "{navigation:?}");
    assert_eq!(it.page("() => location.pathname").await, "/form");
    let navigation = it.tab.navigate(&site::nobody().await).await.unwrap();
    assert!(matches!(&navigation, Navigation::Failed(word) if word.contains("CONNECTION_REFUSED")), "{navigation:?}");
    let navigation = it.tab.navigate("http://no-such-host.invalid/").await.unwrap();
    let words = ["NAME_NOT_RESOLVED", "UNKNOWN_HOST"];
    assert!(
        matches!(&navigation, Navigation::Failed(word) if words.iter().any(|part| word.contains(part))),
        "{navigation:?}"
    );

    // A navigation that nobody waits for any more is in nobody's way.
    assert!(tokio::time::timeout(Duration::from_millis(300), it.tab.navigate(&site.url("/slow"))).await.is_err());
    it.go(&site.url("/")).await;
    assert_eq!(it.page("() => document.title").await, "plain");
    it.end().await;
}

async fn calls(engine: &dyn Engine, site: &Site) {
    let mut it = Watched::open(engine).await;
    let main = it.tab.main_frame();
    // The first document of a tab has our library too.
    assert_eq!(it.call(World::Ours, "() => typeof canary").await, "object");
    it.tab.add_script("window.early = document.readyState + (window.mine ?? '')").await.unwrap();
    it.go(&site.url("/form")).await;
    assert_eq!(it.page("() => window.early").await, "loading");

    // Two worlds, one document.
    it.page("() => { window.theirs = 1; document.title = 'changed' }").await;
    assert_eq!(
        it.call(World::Ours, "() => [typeof window.theirs, typeof canary, document.title]").await,
        json!(["undefined", "object", "changed"])
    );
    assert_eq!(it.page("() => typeof canary").await, "undefined");
    assert_eq!(it.call(World::Ours, "() => { globalThis.kept = 5 }").await, Value::Null);
    assert_eq!(it.call(World::Ours, "() => globalThis.kept").await, 5);

    // Values in and out.
    let values = [json!({ "a": [1, 2.5, "ü\u{2028}\"'`${x}\\"] }), Value::Null, json!(true)];
    let function = "async (a, b, c) => { await null; return [a, b, c] }";
    let echoed = it.tab.call(&main, World::Ours, function, &values).await.unwrap();
    assert_eq!(echoed, Value::from(values.as_slice()));
    assert_eq!(it.page("function () { return undefined } // a comment").await, Value::Null);

    // Scripts that fail.
    for world in [World::Page, World::Ours] {
        for function in ["() => { throw new Error('on purpose') }", "async () => { throw new Error('on purpose') }"] {
            let error = it.tab.call(&main, world, function, &[]).await.unwrap_err();
            assert!(matches!(&error, EngineError::Script(text) if text.contains("on purpose")), "{error:?}");
        }
        let error = it.tab.call(&main, world, "() => { no script", &[]).await.unwrap_err();
        assert!(matches!(&error, EngineError::Script(text) if text.contains("SyntaxError")), "{error:?}");
    }

    // Elements.
    let handle = it.tab.element(&main, "id => document.getElementById(id)", &[json!("button")]).await.unwrap();
    assert!(handle.is_some());
    assert!(it.tab.frame_of(&handle.unwrap()).await.unwrap().is_none());
    assert!(it.tab.element(&main, "() => null", &[]).await.unwrap().is_none());
    assert!(it.tab.element(&main, "() => document.querySelector('nothing')", &[]).await.unwrap().is_none());

    // A document that goes takes with it what waits in it.
    let url = site.url("/");
    let forever = it.tab.call(&main, World::Ours, "() => new Promise(() => {})", &[]);
    let (waited, gone) = tokio::join!(forever, it.tab.navigate(&url));
    assert!(matches!(gone, Ok(Navigation::Document(_))), "{gone:?}");
    assert!(matches!(waited, Err(EngineError::Stale(_))), "{waited:?}");
    it.end().await;
}

async fn frames(engine: &dyn Engine, site: &Site) {
    let mut it = Watched::open(engine).await;
    let main = it.tab.main_frame();
    for host in ["near", "far"] {
        it.go(&site.url("/frames")).await;
        if host == "far" {
            let source = json!(site.foreign("/inner"));
            let function = "url => new Promise(done => { const frame = document.getElementById('it'); frame.onload = done; \
                            frame.src = url }).then(() => {})";
            it.tab.call(&main, World::Page, function, &[source]).await.unwrap();
        }
        let element = it.tab.element(&main, "() => document.getElementById('it')", &[]).await.unwrap().unwrap();
        let frame = it.tab.frame_of(&element).await.unwrap().unwrap();
        assert_ne!(frame, main);
        let text =
            it.tab.call(&frame, World::Ours, "() => document.getElementById('in').textContent", &[]).await.unwrap();
        assert_eq!(text, "inner", "{host}");
        assert_eq!(it.tab.call(&frame, World::Ours, "() => typeof canary", &[]).await.unwrap(), "object");
        let inside = it.tab.element(&frame, "() => document.getElementById('field')", &[]).await.unwrap().unwrap();
        assert_eq!(inside.frame, frame);
        it.tab.call(&frame, World::Ours, "() => document.getElementById('field').focus()", &[]).await.unwrap();
        it.tab.insert_text("typed").await.unwrap();
        let value =
            it.tab.call(&frame, World::Ours, "() => document.getElementById('field').value", &[]).await.unwrap();
        assert_eq!(value, "typed", "{host}");

        it.page("() => document.getElementById('it').remove()").await;
        it.until("FrameRemoved", |event| {
            matches!(event, Event::FrameRemoved { frame: gone } if *gone == frame).then_some(())
        })
        .await;
        let error = it.tab.call(&frame, World::Ours, "() => 1", &[]).await.unwrap_err();
        assert!(matches!(error, EngineError::Stale(_)), "{error:?}");
    }
    // One that was never loaded has the library all the same.
    it.page("() => { document.body.innerHTML = '<iframe id=it srcdoc=\"<p id=in>doc</p>\"></iframe><iframe id=blank></iframe>' }").await;
    let blank = it.tab.element(&main, "() => document.getElementById('blank')", &[]).await.unwrap().unwrap();
    let frame = it.tab.frame_of(&blank).await.unwrap().unwrap();
    assert_eq!(it.tab.call(&frame, World::Ours, "() => typeof canary", &[]).await.unwrap(), "object");
    it.end().await;
}

async fn input(engine: &dyn Engine, site: &Site) {
    let mut it = Watched::open(engine).await;
    it.go(&site.url("/form")).await;
    let at = |x, y| MouseAction::Move { x, y };
    let (down, up) = (
        |count| MouseAction::Down { button: Button::Left, count },
        |count| MouseAction::Up { button: Button::Left, count },
    );
    it.tab.mouse(&[at(140.5, 65.25), down(1), up(1), down(2), up(2)]).await.unwrap();
    let seen = it.page("() => seen.splice(0)").await;
    assert_eq!(seen, json!([["click", true, "button"], ["click", true, "button"], ["dblclick", true, "button"]]));
    it.tab.mouse(&[MouseAction::Wheel { dx: 0.0, dy: 40.0 }]).await.unwrap();
    let seen = it
        .page("async () => { while (!seen.length) await new Promise(requestAnimationFrame); return seen.splice(0) }")
        .await;
    assert_eq!(seen[0], json!(["wheel", true, "button"]));

    it.tab.mouse(&[at(150.0, 110.0), down(1), up(1)]).await.unwrap();
    it.page("() => seen.splice(0)").await;
    it.tab.insert_text("grüße 👍").await.unwrap();
    assert_eq!(it.page("() => document.getElementById('field').value").await, "grüße 👍");
    let seen = it.page("() => seen.splice(0)").await;
    assert_eq!(seen, json!([["input", true, "field"]]));
    let press = |name: &str| [KeyAction::Down(name.to_owned()), KeyAction::Up(name.to_owned())];
    it.tab.keys(&press("Backspace")).await.unwrap();
    it.tab.keys(&press("a")).await.unwrap();
    it.tab.keys(&press("Enter")).await.unwrap();
    assert_eq!(it.page("() => document.getElementById('field').value").await, "grüße a");
    let keys = it
        .page("() => seen.splice(0).filter(event => event[0] === 'keydown' && event[1]).map(event => event[2])")
        .await;
    assert_eq!(keys, json!(["Backspace", "a", "Enter"]));
    // All of it, replaced.
    let all = [
        KeyAction::Down("Control".into()),
        KeyAction::Down("a".into()),
        KeyAction::Up("a".into()),
        KeyAction::Up("Control".into()),
    ];
    it.tab.keys(&all).await.unwrap();
    it.tab.insert_text("new").await.unwrap();
    assert_eq!(it.page("() => document.getElementById('field').value").await, "new");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("given.txt");
    std::fs::write(&path, "content").unwrap();
    let element =
        it.tab.element(&it.tab.main_frame(), "() => document.getElementById('file')", &[]).await.unwrap().unwrap();
    it.tab.set_files(&element, &[path]).await.unwrap();
    let file = it.page("async () => { const [file] = document.getElementById('file').files; return [file.name, await file.text()] }").await;
    assert_eq!(file, json!(["given.txt", "content"]));
    it.end().await;
}

async fn pictures(engine: &dyn Engine, site: &Site) {
    let mut it = Watched::open(engine).await;
    it.go(&site.url("/tall")).await;
    let size = it.page("() => [innerWidth, innerHeight]").await;
    assert_eq!(size, json!([800, 600]));
    let size = async |shot: Shot| png_size(&it.tab.screenshot(&shot).await.unwrap());
    assert_eq!(size(Shot::default()).await, (800, 600));
    let (width, height) = size(Shot { full_page: true, clip: None }).await;
    // A scroll bar that takes room makes it narrower.
    assert!((780..=800).contains(&width) && height == 3000, "{width} x {height}");
    let clip = Some(Rect { x: 10.0, y: 20.0, width: 120.0, height: 70.0 });
    assert_eq!(size(Shot { full_page: false, clip }).await, (120, 70));
    let clip = Some(Rect { x: 0.0, y: 2900.0, width: 50.0, height: 100.0 });
    assert_eq!(size(Shot { full_page: true, clip }).await, (50, 100));
    it.tab.set_viewport(640, 400, 2.0).await.unwrap();
    assert_eq!(it.page("() => [innerWidth, innerHeight, devicePixelRatio]").await, json!([640, 400, 2]));
    assert_eq!(png_size(&it.tab.screenshot(&Shot::default()).await.unwrap()), (1280, 800));
    it.end().await;
}

fn png_size(png: &[u8]) -> (u32, u32) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

async fn scripts_that_speak(engine: &dyn Engine, site: &Site) {
    let mut it = Watched::open(engine).await;
    it.go(&site.url("/talk")).await;
    for (level, text, line) in [("log", "hello 1 true", 2), ("warning", "careful", 3), ("error", "broken", 4)] {
        let message = it.until(text, |event| match event {
            Event::Console(message) => (message.level == level).then(|| message.clone()),
            _ => None,
        });
        let message = message.await;
        assert_eq!((message.text.as_str(), message.line), (text, line));
        assert_eq!(message.url, site.url("/talk"));
        assert!(message.at > 1.6e12, "{}", message.at);
    }
    let (text, url, line) = it
        .until("Exception", |event| match event {
            Event::Exception { text, url, line, .. } => Some((text.clone(), url.clone(), *line)),
            _ => None,
        })
        .await;
    assert!(text.contains("nobody catches this"), "{text}");
    assert_eq!((url, line), (site.url("/talk"), 5));
    it.end().await;
}

async fn dialogs(engine: &dyn Engine, site: &Site) {
    let mut it = Watched::open(engine).await;
    for (accept, text, said) in
        [(true, Some("you"), json!("you")), (true, None, json!("me")), (false, None, Value::Null)]
    {
        it.tab.navigate(&site.url("/dialog")).await.unwrap();
        let opened = it.until("DialogOpened", |event| match event {
            Event::DialogOpened { kind, message, default } => Some((kind.clone(), message.clone(), default.clone())),
            _ => None,
        });
        assert_eq!(opened.await, ("prompt".to_owned(), "who?".to_owned(), "me".to_owned()));
        it.tab.answer_dialog(accept, text).await.unwrap();
        it.until("DialogClosed", |event| matches!(event, Event::DialogClosed).then_some(())).await;
        assert_eq!(it.page("() => window.said").await, said);
    }
    assert!(it.tab.answer_dialog(true, None).await.is_err(), "there is none");
    it.end().await;
}

async fn requests(engine: &dyn Engine, site: &Site) {
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
    let url = site::nobody().await;
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

async fn held_requests(engine: &dyn Engine, site: &Site) {
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

async fn isolation(engine: &dyn Engine, site: &Site) {
    let (mut one, mut two) = (Watched::open(engine).await, Watched::open(engine).await);
    one.go(&site.url("/cookie")).await;
    one.page("() => { localStorage.setItem('key', 'value') }").await;
    let given = Cookie {
        name: "given".to_owned(),
        value: "a=b".to_owned(),
        domain: "127.0.0.1".to_owned(),
        path: "/form".to_owned(),
        expires: Some(4_000_000_000.0),
        http_only: false,
        secure: false,
        same_site: Some("Strict".to_owned()),
    };
    one.context.set_cookies(std::slice::from_ref(&given)).await.unwrap();
    let mut cookies = one.context.cookies().await.unwrap();
    cookies.sort_by(|left, right| left.name.cmp(&right.name));
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert_eq!(Cookie { expires: None, ..cookies[0].clone() }, Cookie { expires: None, ..given });
    assert!(cookies[0].expires.is_some());
    let server = &cookies[1];
    assert_eq!((server.name.as_str(), server.value.as_str(), server.http_only), ("server", "1", true));
    assert_eq!((server.expires, server.same_site.as_deref()), (None, Some("Lax")));

    two.go(&site.url("/form")).await;
    assert_eq!(two.page("() => [document.cookie, localStorage.getItem('key')]").await, json!(["", null]));
    assert!(two.context.cookies().await.unwrap().is_empty());
    one.go(&site.url("/form")).await;
    assert_eq!(one.page("() => [document.cookie, localStorage.getItem('key')]").await, json!(["given=a=b", "value"]));

    // Both are seen: neither has stopped drawing because the other came.
    for it in [&one, &two] {
        let drawn = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(document.visibilityState))))";
        assert_eq!(it.page(drawn).await, "visible");
    }
    // Another tab of one context shares with the first.
    let NewTab { tab, mut events } = one.context.tab().await.unwrap();
    tab.navigate(&site.url("/form")).await.unwrap();
    let text = tab.call(&tab.main_frame(), World::Page, "() => localStorage.getItem('key')", &[]).await.unwrap();
    assert_eq!(text, "value");
    tab.close().await.unwrap();
    let closed = async { while !matches!(events.recv().await, Some(Event::Closed)) {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("Closed");
    assert!(tab.call(&tab.main_frame(), World::Page, "() => 1", &[]).await.is_err());
    one.end().await;
    two.end().await;
}

async fn options(engine: &dyn Engine, site: &Site) {
    let options = ContextOptions {
        viewport: Some((500, 400, 2.0)),
        locale: Some("de-CH".to_owned()),
        time_zone: Some("Asia/Tokyo".to_owned()),
        user_agent: Some("canary/1".to_owned()),
        headers: vec![("x-extra".to_owned(), "context".to_owned())],
        ..ContextOptions::default()
    };
    let mut it = Watched::with(engine, &options).await;
    it.go(&site.url("/echo")).await;
    let said = "() => [innerWidth, innerHeight, devicePixelRatio, navigator.language, \
                Intl.DateTimeFormat().resolvedOptions().timeZone, navigator.userAgent]";
    assert_eq!(it.page(said).await, json!([500, 400, 2, "de-CH", "Asia/Tokyo", "canary/1"]));
    let echoed = it.page("() => document.body.innerText").await;
    assert!(echoed.as_str().unwrap().starts_with("context|canary/1|de-CH"), "{echoed}");
    it.end().await;
}

async fn authentication(engine: &dyn Engine, site: &Site) {
    for (credentials, status, title) in
        [(Some(("user", "pass")), 200, "secret"), (Some(("user", "wrong")), 401, "stay out"), (None, 401, "stay out")]
    {
        let credentials = credentials.map(|(name, password)| (name.to_owned(), Secret::new("password", password)));
        let options = ContextOptions { credentials, ..ContextOptions::default() };
        let mut it = Watched::with(engine, &options).await;
        it.go(&site.url("/secret")).await;
        assert_eq!(it.page("() => document.title").await, title);
        let (request, response) = exchange(&mut it, &site.url("/secret"), "document").await;
        assert_eq!(response.status, status, "{request:?}");
        it.end().await;
    }
}

async fn certificates(engine: &dyn Engine) {
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

async fn popups(engine: &dyn Engine, site: &Site) {
    let mut it = Watched::open(engine).await;
    it.go(&site.url("/opener")).await;
    let link = "() => { const { x, y, width, height } = document.getElementById('open').getBoundingClientRect();
        return [x + width / 2, y + height / 2] }";
    let place = it.page(link).await;
    let (x, y) = (place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    let click = [
        MouseAction::Move { x, y },
        MouseAction::Down { button: Button::Left, count: 1 },
        MouseAction::Up { button: Button::Left, count: 1 },
    ];
    it.tab.mouse(&click).await.unwrap();
    let NewTab { tab, mut events } = loop {
        let event = tokio::time::timeout(PATIENCE, it.events.recv()).await.expect("Popup").unwrap();
        if let Event::Popup(popup) = event {
            break popup;
        }
    };
    let loaded = async {
        loop {
            if let Some(Event::Loaded { .. }) = events.recv().await
                && tab.call(&tab.main_frame(), World::Ours, "() => document.title", &[]).await.unwrap() == "plain"
            {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, loaded).await.expect("the popup's page");
    assert_eq!(tab.call(&tab.main_frame(), World::Ours, "() => typeof canary", &[]).await.unwrap(), "object");
    tab.close().await.unwrap();
    assert_eq!(it.page("() => document.title").await, "opener");
    it.end().await;
}

async fn downloads(engine: &dyn Engine, site: &Site) {
    let folder = tempfile::tempdir().unwrap();
    for folder in [Some(folder.path().to_owned()), None] {
        let options = ContextOptions { downloads: folder.clone(), ..ContextOptions::default() };
        let mut it = Watched::with(engine, &options).await;
        it.go(&site.url("/")).await;
        let navigation = it.tab.navigate(&site.url("/file")).await.unwrap();
        assert!(matches!(navigation, Navigation::Nothing), "{navigation:?}");
        let (began, url, name) = it
            .until("DownloadBegan", |event| match event {
                Event::DownloadBegan { id, url, name } => Some((id.clone(), url.clone(), name.clone())),
                _ => None,
            })
            .await;
        assert_eq!((url, name.as_str()), (site.url("/file"), "file.txt"));
        let path = it
            .until("DownloadEnded", |event| match event {
                Event::DownloadEnded { id, path } => (*id == began).then(|| path.clone()),
                _ => None,
            })
            .await;
        assert_eq!(path.is_some(), folder.is_some(), "{path:?}");
        if let Some(path) = path {
            assert_eq!(std::fs::read_to_string(path).unwrap(), "in it");
        }
        assert_eq!(it.page("() => document.title").await, "plain");
        it.end().await;
    }
}

async fn crashes(engine: &dyn Engine, site: &Site, crash: impl AsyncFn(&dyn Tab)) {
    let mut it = Watched::open(engine).await;
    it.go(&site.url("/")).await;
    let main: FrameId = it.tab.main_frame();
    let tab = Arc::clone(&it.tab);
    let waiting = tab.call(&main, World::Ours, "() => new Promise(() => {})", &[]);
    let (waited, ()) = tokio::join!(tokio::time::timeout(PATIENCE, waiting), crash(&*it.tab));
    assert!(matches!(waited, Ok(Err(EngineError::Crashed))), "{waited:?}");
    it.until("Crashed", |event| matches!(event, Event::Crashed).then_some(())).await;
    let error = it.tab.call(&main, World::Ours, "() => 1", &[]).await.unwrap_err();
    assert!(matches!(error, EngineError::Crashed), "{error:?}");
    it.end().await;
    // The browser is well.
    let mut it = Watched::open(engine).await;
    it.go(&site.url("/")).await;
    it.end().await;
}
