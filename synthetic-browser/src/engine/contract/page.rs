//! What a page does, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{PATIENCE, Site, Watched, site};
use crate::engine::{Engine, EngineError, Event, FrameId, Navigation, Tab, World};

pub(super) async fn navigations(engine: &dyn Engine, site: &Site) {
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
    let nobody = site::Nobody::new();
    let navigation = it.tab.navigate(&nobody.url()).await.unwrap();
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

pub(super) async fn calls(engine: &dyn Engine, site: &Site) {
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

pub(super) async fn frames(engine: &dyn Engine, site: &Site) {
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

pub(super) async fn scripts_that_speak(engine: &dyn Engine, site: &Site) {
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

pub(super) async fn dialogs(engine: &dyn Engine, site: &Site) {
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

pub(super) async fn crashes(engine: &dyn Engine, site: &Site, crash: impl AsyncFn(&dyn Tab)) {
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
