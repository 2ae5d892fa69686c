//! What a context has for itself, and what it is made with.

use serde_json::json;

use super::{PATIENCE, Site, Watched};
use crate::engine::{Button, ContextOptions, Cookie, Engine, Event, MouseAction, Navigation, NewTab, World};

pub(super) async fn isolation(engine: &dyn Engine, site: &Site) {
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

pub(super) async fn options(engine: &dyn Engine, site: &Site) {
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

pub(super) async fn popups(engine: &dyn Engine, site: &Site) {
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

pub(super) async fn downloads(engine: &dyn Engine, site: &Site) {
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
