//! What is around a page: dialogs, popups, frames of other processes, downloads, cookies, settings, crashes.

use super::*;
use crate::engine::{Cookie, EngineError, Shot};

#[tokio::test]
async fn a_dialog_is_told_of_and_answered() {
    let Some(chromium) = Chromium::start().await else { return };
    let base = pages(&[("/", "<button id=b onclick='answer = prompt(`name?`, `nobody`)'>b</button>")]).await;
    let mut tab = chromium.tab().await;
    tab.open(&format!("{base}/")).await;

    // The click is not done before the dialog is.
    let click = {
        let (tab, actions) = (Arc::clone(&tab.tab), click_at(15.0, 20.0));
        tokio::spawn(async move { tab.mouse(&actions).await })
    };
    let opened = tab.until(|event| matches!(event, Event::DialogOpened { .. })).await;
    let Event::DialogOpened { kind, message, default } = opened else { unreachable!() };
    assert_eq!((&*kind, &*message, &*default), ("prompt", "name?", "nobody"));
    in_time(tab.tab.answer_dialog(true, Some("canary"))).await.unwrap();
    tab.until(|event| matches!(event, Event::DialogClosed)).await;
    in_time(click).await.unwrap().unwrap();
    assert_eq!(tab.page("() => answer").await, "canary");
    assert!(matches!(tab.tab.answer_dialog(true, None).await, Err(EngineError::Refused { .. })));
}

#[tokio::test]
async fn a_popup_is_a_tab_that_has_everything_before_its_scripts_run() {
    let Some(chromium) = Chromium::start().await else { return };
    let popup = "<script>seen = [window.early, new Intl.DateTimeFormat().resolvedOptions().timeZone]</script>";
    let opener = "<a id=plain href=/popup target=_blank>a</a> <a id=opener href=/popup target=_blank rel=opener>b</a>
        <button id=script onclick='window.open(`/popup`)'>c</button>";
    let base = pages(&[("/", opener), ("/popup", popup)]).await;
    let options = ContextOptions { time_zone: Some("Asia/Tokyo".to_owned()), ..ContextOptions::default() };
    let mut tab = chromium.tab_with(&options).await;
    tab.tab.add_script("globalThis.early = 'early'").await.unwrap();
    tab.open(&format!("{base}/")).await;

    for id in ["plain", "opener", "script"] {
        tab.click(id).await;
        let new = tab.find(|event| if let Event::Popup(new) = event { Some(new) } else { None }).await;
        let mut popup = Watched::new(new);
        let url = format!("{base}/popup");
        popup.until(|event| matches!(event, Event::Navigated { url: u, .. } if *u == url)).await;
        popup.until(|event| matches!(event, Event::Loaded { .. })).await;
        assert_eq!(popup.page("() => seen").await, json!(["early", "Asia/Tokyo"]), "{id}");
        let library = "() => typeof canary";
        assert_eq!(in_time(popup.tab.call(&popup.main, World::Ours, library, &[])).await.unwrap(), "object");
        in_time(popup.tab.close()).await.unwrap();
        popup.until(|event| matches!(event, Event::Closed)).await;
        assert!(popup.events.recv().await.is_none());
        let call = popup.tab.call(&popup.main, World::Page, "() => 1", &[]).await;
        assert_eq!(call.unwrap_err().to_string(), "the command was refused: the tab was closed");
        popup.tab.close().await.unwrap();
    }
}

#[tokio::test]
async fn tabs_side_by_side_are_all_in_front_and_have_the_focus() {
    let Some(chromium) = Chromium::start().await else { return };
    let opener = "<a id=a href=/ target=_blank>a</a><input id=i>";
    let base = pages(&[("/", opener)]).await;
    let options = ContextOptions { viewport: Some((640, 480, 1.0)), ..ContextOptions::default() };
    let context = chromium.context(&options).await;
    let mut tabs = Vec::new();
    for _ in 0..2 {
        let mut tab = Watched::new(in_time(context.tab()).await.unwrap());
        tab.open(&format!("{base}/")).await;
        tab.click("i").await;
        tabs.push(tab);
    }
    tabs[0].click("a").await;
    let popup = tabs[0].find(|event| if let Event::Popup(new) = event { Some(new) } else { None }).await;
    let mut popup = Watched::new(popup);
    popup.until(|event| matches!(event, Event::Loaded { document, .. } if !document.0.is_empty())).await;
    tabs.push(popup);
    tabs.push(chromium.tab().await);
    for tab in &tabs {
        let seen = "async () => {
            await new Promise(requestAnimationFrame);
            return [document.visibilityState, document.hasFocus()] }";
        assert_eq!(tab.page(seen).await, json!(["visible", true]));
        in_time(tab.tab.screenshot(&Shot::default())).await.unwrap();
    }
    assert_eq!(tabs[2].page("() => [innerWidth, innerHeight]").await, json!([640, 480]));
}

#[tokio::test]
async fn a_frame_of_another_process_is_like_any_other() {
    let Some(chromium) = Chromium::start().await else { return };
    let inner = "<body style='margin:0'><input id=i style='margin:0'><script>seen = window.early;
        console.log('from within')</script>";
    let base = pages(&[("/", "<body style='margin:0'><iframe id=f></iframe>"), ("/inner", inner)]).await;
    let other = base.replace("127.0.0.1", "localhost");
    let mut tab = chromium.tab().await;
    tab.tab.add_script("globalThis.early = 'early'").await.unwrap();
    tab.open(&format!("{base}/")).await;
    let element = in_time(tab.tab.element(&tab.main, "() => document.querySelector('#f')", &[])).await;
    let element = element.unwrap().unwrap();
    let frame = in_time(tab.tab.frame_of(&element)).await.unwrap().unwrap();

    // There, back, and there again.
    for host in [&other, &base, &other] {
        let url = format!("{host}/inner");
        in_time(tab.tab.call(&tab.main, World::Page, "url => { f.src = url }", &[json!(url)])).await.unwrap();
        tab.until(|event| matches!(event, Event::Navigated { frame: f, url: u, .. } if *f == frame && *u == url)).await;
        tab.until(|event| matches!(event, Event::Loaded { frame: f, .. } if *f == frame)).await;
        for (world, function, expected) in [
            (World::Page, "() => seen", json!("early")),
            (World::Page, "() => location.href", json!(url)),
            (World::Ours, "() => typeof canary", json!("object")),
        ] {
            assert_eq!(in_time(tab.tab.call(&frame, world, function, &[])).await.unwrap(), expected, "{url}");
        }
        // What is not on the screen cannot be clicked.
        let shown = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))";
        in_time(tab.tab.call(&frame, World::Ours, shown, &[])).await.unwrap();
        in_time(tab.tab.mouse(&click_at(20.0, 15.0))).await.unwrap();
        tab.press(&["a"]).await;
        in_time(tab.tab.insert_text("b")).await.unwrap();
        let value = in_time(tab.tab.call(&frame, World::Page, "() => i.value", &[])).await.unwrap();
        assert_eq!(value, "ab", "{url}");
        let input = in_time(tab.tab.element(&frame, "() => document.querySelector('#i')", &[])).await.unwrap().unwrap();
        assert_eq!(in_time(tab.tab.frame_of(&input)).await.unwrap(), None);
    }

    tab.page("() => f.remove()").await;
    tab.until(|event| matches!(event, Event::FrameRemoved { frame: f } if *f == frame)).await;
    let call = in_time(tab.tab.call(&frame, World::Page, "() => 1", &[])).await;
    assert!(matches!(call, Err(EngineError::Stale(_))), "{call:?}");
}

#[tokio::test]
async fn a_download_is_told_of_and_kept_where_it_was_wanted() {
    let Some(chromium) = Chromium::start().await else { return };
    let file = || async { ([("content-disposition", "attachment; filename=report.txt")], "figures") };
    let router = Router::new().route("/", get(|| async { Html("<a id=a href=/file>a</a>") })).route("/file", get(file));
    let base = serve(router).await;
    let folder = tempfile::tempdir().unwrap();
    for wanted in [Some(folder.path().to_owned()), None] {
        let options = ContextOptions { downloads: wanted.clone(), ..ContextOptions::default() };
        let mut tab = chromium.tab_with(&options).await;
        tab.open(&format!("{base}/")).await;
        tab.click("a").await;
        let began = tab.until(|event| matches!(event, Event::DownloadBegan { .. })).await;
        let Event::DownloadBegan { id, url, name } = began else { unreachable!() };
        assert_eq!((&*url, &*name), (&*format!("{base}/file"), "report.txt"));
        let ended = tab.until(|event| matches!(event, Event::DownloadEnded { .. })).await;
        let Event::DownloadEnded { id: ended, path } = ended else { unreachable!() };
        assert_eq!(id, ended);
        let text = path.map(|path| std::fs::read_to_string(path).unwrap());
        assert_eq!(text.as_deref(), wanted.map(|_| "figures"));
    }
}

#[tokio::test]
async fn contexts_share_no_cookies_and_those_of_one_can_be_given_to_another() {
    let Some(chromium) = Chromium::start().await else { return };
    let page = |headers: axum::http::HeaderMap| async move {
        let sent = headers.get("cookie").map_or(String::new(), |value| value.to_str().unwrap().to_owned());
        ([("set-cookie", "session=1; HttpOnly; SameSite=Lax")], Html(sent))
    };
    let base = serve(Router::new().route("/", get(page))).await;
    let first = chromium.context(&ContextOptions::default()).await;
    let mut tab = Watched::new(in_time(first.tab()).await.unwrap());
    tab.open(&format!("{base}/")).await;
    tab.page("() => { document.cookie = 'theme=dark; max-age=1000' }").await;
    let mut cookies = in_time(first.cookies()).await.unwrap();
    cookies.sort_by(|a, b| a.name.cmp(&b.name));
    let session = Cookie {
        name: "session".to_owned(),
        value: "1".to_owned(),
        domain: "127.0.0.1".to_owned(),
        path: "/".to_owned(),
        expires: None,
        http_only: true,
        secure: false,
        same_site: Some("Lax".to_owned()),
    };
    assert_eq!(cookies[0], session);
    assert_eq!(cookies[1].name, "theme");
    assert!(cookies[1].expires.is_some());

    let second = chromium.context(&ContextOptions::default()).await;
    assert_eq!(in_time(second.cookies()).await.unwrap(), []);
    in_time(second.set_cookies(&cookies)).await.unwrap();
    let mut tab = Watched::new(in_time(second.tab()).await.unwrap());
    tab.open(&format!("{base}/")).await;
    let sent = tab.page("() => document.body.textContent").await;
    assert!(sent.as_str().unwrap().contains("session=1") && sent.as_str().unwrap().contains("theme=dark"), "{sent}");
    assert_eq!(in_time(second.cookies()).await.unwrap().len(), 2);

    in_time(first.dispose()).await.unwrap();
    assert!(matches!(first.tab().await, Err(EngineError::Refused { .. })));
}

#[tokio::test]
async fn a_context_has_the_settings_it_was_made_with() {
    let Some(chromium) = Chromium::start().await else { return };
    let page = |headers: axum::http::HeaderMap| async move {
        let one = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        Html(format!("{:?}", [one("accept-language"), one("user-agent"), one("x-canary")]))
    };
    let base = serve(Router::new().route("/", get(page))).await;
    let options = ContextOptions {
        locale: Some("de-DE".to_owned()),
        time_zone: Some("Europe/Zurich".to_owned()),
        user_agent: Some("canary/1".to_owned()),
        headers: vec![("x-canary".to_owned(), "yes".to_owned())],
        ..ContextOptions::default()
    };
    let mut tab = chromium.tab_with(&options).await;
    tab.open(&format!("{base}/")).await;
    let text = "() => document.body.textContent";
    assert_eq!(tab.page(text).await, r#"[Some("de-DE"), Some("canary/1"), Some("yes")]"#);
    let seen = "() => [navigator.language, (1234.5).toLocaleString(), new Date(0).getHours(), navigator.userAgent]";
    assert_eq!(tab.page(seen).await, json!(["de-DE", "1.234,5", 1, "canary/1"]));
    in_time(tab.tab.set_extra_headers(&[("x-canary".to_owned(), "again".to_owned())])).await.unwrap();
    tab.open(&format!("{base}/")).await;
    assert!(tab.page(text).await.as_str().unwrap().contains("again"));

    let wrong = ContextOptions { time_zone: Some("Europe/Atlantis".to_owned()), ..ContextOptions::default() };
    let tab = in_time(chromium.context(&wrong).await.tab()).await;
    insta::assert_snapshot!(tab.unwrap_err(), @"Emulation.setTimezoneOverride was refused: Invalid timezone id");
}

#[tokio::test]
async fn files_are_given_to_an_input() {
    let Some(chromium) = Chromium::start().await else { return };
    let base = pages(&[("/", "<input type=file multiple id=f>")]).await;
    let mut tab = chromium.tab().await;
    tab.open(&format!("{base}/")).await;
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.txt", "b.txt"].map(|name| folder.path().join(name));
    for path in &paths {
        std::fs::write(path, "content").unwrap();
    }
    let input = in_time(tab.tab.element(&tab.main, "() => document.querySelector('#f')", &[])).await.unwrap().unwrap();
    in_time(tab.tab.set_files(&input, &paths)).await.unwrap();
    let files = tab.page("async () => [f.files[0].name, await f.files[1].text()]").await;
    assert_eq!(files, json!(["a.txt", "content"]));
}

#[tokio::test]
async fn what_is_written_to_the_console_and_thrown_is_told() {
    let Some(chromium) = Chromium::start().await else { return };
    let page = "<script>
        console.log('%s has %d items, %i%%', 'cart', 3.7, 50.9, { a: 1, b: [1, 'x'], c: null }, undefined, true);
        console.warn(new Map([['k', 1]]), [1, { d: 2 }], document.body, () => 1, Symbol('s'), 10n, -0);
        console.error(new Error('no such cart'));
        console.assert(1 === 2, 'sums');
        function check() { throw new RangeError('too many') }
        setTimeout(() => check());
        Promise.reject('words');
        fetch('/missing');
        </script>";
    let base = pages(&[("/", page)]).await;
    let mut tab = chromium.tab().await;
    in_time(tab.tab.navigate(&format!("{base}/"))).await.unwrap();
    let mut lines = Vec::new();
    while lines.len() < 7 {
        let line = tab
            .find(|event| match event {
                Event::Console(message) => {
                    assert!(message.at > 1e12, "{message:?}");
                    Some(format!("{} {} {}:{}", message.level, message.text, message.url, message.line))
                }
                Event::Exception { text, url, line, column, stack } => {
                    Some(format!("thrown {text} {url}:{line}:{column}\n{stack}"))
                }
                _ => None,
            })
            .await;
        // The icon is asked for when the browser finds the time.
        if !line.contains("favicon") {
            lines.push(line.replace(&base, "BASE"));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    log cart has 3 items, 50% {a: 1, b: Array(2), c: null} undefined true BASE/:2
    warning Map(1) {"k" => 1} [1, Object] null () => 1 Symbol(s) 10n -0 BASE/:3
    error Error: no such cart
        at BASE/:4:23 BASE/:4
    error sums BASE/:5
    thrown RangeError: too many BASE/:6:34
        at check (BASE/:6:34)
        at BASE/:7:26
    thrown Uncaught (in promise) words BASE/:8:17
        at BASE/:8:17
    error Failed to load resource: the server responded with a status of 404 (Not Found) BASE/missing:0
    "#);
}

#[tokio::test]
async fn a_page_that_crashes_ends_what_waits_in_it_and_nothing_else() {
    let Some(chromium) = Chromium::start().await else { return };
    let base = pages(&[("/", "hello")]).await;
    let mut tab = chromium.tab().await;
    tab.open(&format!("{base}/")).await;
    let waiting = {
        let (tab, main) = (Arc::clone(&tab.tab), tab.main.clone());
        tokio::spawn(async move { tab.call(&main, World::Ours, "() => new Promise(() => {})", &[]).await })
    };
    assert_eq!(tab.page("() => 1").await, 1);
    let crash = in_time(tab.tab.raw("Page.crash", json!({}))).await;
    assert!(matches!(crash, Err(EngineError::Crashed)), "{crash:?}");
    let waited = in_time(waiting).await.unwrap();
    assert!(matches!(waited, Err(EngineError::Crashed)), "{waited:?}");
    tab.until(|event| matches!(event, Event::Crashed)).await;
    let call = tab.tab.call(&tab.main, World::Page, "() => 1", &[]).await;
    assert!(matches!(call, Err(EngineError::Crashed)), "{call:?}");
    in_time(tab.tab.close()).await.unwrap();
    tab.until(|event| matches!(event, Event::Closed)).await;

    let mut other = chromium.tab().await;
    other.open(&format!("{base}/")).await;
}

#[tokio::test]
async fn a_browser_that_is_killed_or_closed_is_gone_and_so_is_what_waits() {
    for killed in [true, false] {
        let Some(chromium) = Chromium::start().await else { return };
        let mut tab = chromium.tab().await;
        let waiting = {
            let (tab, main) = (Arc::clone(&tab.tab), tab.main.clone());
            tokio::spawn(async move { tab.call(&main, World::Ours, "() => new Promise(() => {})", &[]).await })
        };
        assert_eq!(tab.page("() => 1").await, 1);
        if killed {
            chromium.kill();
        } else {
            in_time(chromium.engine.close()).await;
        }
        let why = in_time(chromium.engine.gone()).await;
        assert!(why.contains("closed the connection"), "{why}");
        let waited = in_time(waiting).await.unwrap();
        let expected = |error: &EngineError| {
            matches!(error, EngineError::Gone(_)) || !killed && matches!(error, EngineError::Refused { .. })
        };
        assert!(expected(waited.as_ref().unwrap_err()), "{waited:?}");
        let context = chromium.engine.context(&ContextOptions::default()).await;
        assert!(matches!(context, Err(EngineError::Gone(_))), "{context:?}");
        while tab.events.recv().await.is_some() {}
    }
}
