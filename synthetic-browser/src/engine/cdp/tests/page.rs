//! Documents, scripts, the mouse, the keys, pictures.

use std::future::pending;

use super::*;
use crate::engine::{EngineError, Rect, Shot};

#[tokio::test]
async fn a_page_is_opened_read_and_photographed() {
    let Some(chromium) = Chromium::start().await else { return };
    assert!(chromium.engine.version().starts_with("Chromium 1"), "{}", chromium.engine.version());
    let base = pages(&[("/", "<title>Example App</title><p>hello</p>")]).await;
    let options = ContextOptions { viewport: Some((800, 600, 1.0)), ..ContextOptions::default() };
    let mut tab = chromium.tab_with(&options).await;

    tab.open(&format!("{base}/")).await;
    assert_eq!(tab.page("() => document.title").await, "Example App");
    assert_eq!(tab.page("() => [innerWidth, innerHeight, devicePixelRatio]").await, json!([800, 600, 1]));
    assert_eq!(size(&tab.tab.screenshot(&Shot::default()).await.unwrap()), (800, 600));
}

#[tokio::test]
async fn our_world_has_the_library_and_the_page_does_not_see_it() {
    let Some(chromium) = Chromium::start().await else { return };
    let base = pages(&[("/", "<iframe></iframe><iframe srcdoc='<p>in</p>'></iframe>")]).await;
    let mut tab = chromium.tab().await;
    let library = "() => typeof globalThis.canary";
    let in_ours = |tab: &Watched, frame: FrameId| {
        let tab = Arc::clone(&tab.tab);
        async move { in_time(tab.call(&frame, World::Ours, library, &[])).await.unwrap() }
    };

    assert_eq!(in_ours(&tab, tab.main.clone()).await, "object", "in the empty document of a new tab");
    tab.open(&format!("{base}/")).await;
    assert_eq!(in_ours(&tab, tab.main.clone()).await, "object");
    assert_eq!(tab.page(library).await, "undefined");
    for index in 0..2 {
        let find = "i => document.querySelectorAll('iframe')[i]";
        let element = in_time(tab.tab.element(&tab.main, find, &[json!(index)])).await.unwrap().unwrap();
        let frame = in_time(tab.tab.frame_of(&element)).await.unwrap().unwrap();
        assert_eq!(in_ours(&tab, frame).await, "object", "in frame {index}");
    }
}

#[tokio::test]
async fn functions_are_called_with_json_and_may_wait() {
    let Some(chromium) = Chromium::start().await else { return };
    let tab = chromium.tab().await;
    let call = |function: &'static str, arguments: &'static [&'static str]| {
        let arguments: Vec<Value> = arguments.iter().map(|a| serde_json::from_str(a).unwrap()).collect();
        let (tab, main) = (Arc::clone(&tab.tab), tab.main.clone());
        async move { in_time(tab.call(&main, World::Page, function, &arguments)).await }
    };

    assert_eq!(call("(a, b) => ({ sum: a + b.c })", &["1", r#"{"c": 2}"#]).await.unwrap(), json!({ "sum": 3 }));
    assert_eq!(call("async () => { await 1; return [null] }", &[]).await.unwrap(), json!([null]));
    assert_eq!(call("() => {}", &[]).await.unwrap(), Value::Null);
    for (function, words) in [
        ("() => { throw new TypeError('no such thing') }", "TypeError: no such thing"),
        ("async () => { throw 'words' }", "Uncaught (in promise) words"),
        ("() => NaN", "the function returned NaN, which JSON cannot say"),
    ] {
        match call(function, &[]).await {
            Err(EngineError::Script(message)) => assert_eq!(message, words),
            other => panic!("{function}: {other:?}"),
        }
    }
    assert!(matches!(call("() => {", &[]).await, Err(EngineError::Script(_))));
    let element = in_time(tab.tab.element(&tab.main, "() => document.querySelector('p')", &[])).await.unwrap();
    assert!(element.is_none());
    let element = in_time(tab.tab.element(&tab.main, "() => 7", &[])).await;
    assert!(
        matches!(element, Err(EngineError::Script(message)) if message == "the function returned 7, not an element")
    );
}

#[tokio::test]
async fn the_mouse_and_the_keys_do_what_those_of_a_person_do() {
    let Some(chromium) = Chromium::start().await else { return };
    let page = "<input id=i><button id=b ondblclick='log.push(`double`)'>b</button><script>
        const log = [];
        for (const kind of ['keydown', 'input'])
          i.addEventListener(kind, e => log.push([kind, e.key ?? e.inputType, e.isTrusted]));
        b.onclick = e => log.push(['click', e.detail, e.isTrusted, e.shiftKey]);
        document.body.onwheel = e => log.push(['wheel', e.deltaY]);
        </script><form onsubmit='log.push(`submit`); return false'><input id=f></form>";
    let base = pages(&[("/", page)]).await;
    let mut tab = chromium.tab().await;
    tab.open(&format!("{base}/")).await;

    tab.click("i").await;
    tab.press(&["a", "B", "?", "é"]).await;
    assert_eq!(tab.page("() => i.value").await, "aB?é");
    assert_eq!(tab.page("() => log[0]").await, json!(["keydown", "a", true]));
    let all = ["Control", "a"].map(|key| KeyAction::Down(key.to_owned()));
    tab.tab.keys(&all).await.unwrap();
    tab.tab.keys(&["a", "Control"].map(|key| KeyAction::Up(key.to_owned()))).await.unwrap();
    tab.press(&["Delete"]).await;
    assert_eq!(tab.page("() => i.value").await, "");
    tab.tab.insert_text("pasted – 漢字").await.unwrap();
    assert_eq!(tab.page("() => [i.value, log.at(-1)[0]]").await, json!(["pasted – 漢字", "input"]));

    tab.page("() => { log.length = 0 }").await;
    tab.click("b").await;
    tab.tab.keys(&[KeyAction::Down("Shift".to_owned())]).await.unwrap();
    let mouse = [
        MouseAction::Down { button: Button::Left, count: 2 },
        MouseAction::Up { button: Button::Left, count: 2 },
        MouseAction::Wheel { dx: 0.0, dy: 5.0 },
    ];
    tab.tab.mouse(&mouse).await.unwrap();
    tab.press(&["a"]).await;
    tab.tab.keys(&[KeyAction::Up("Shift".to_owned())]).await.unwrap();
    let log = json!([["click", 1, true, false], ["click", 2, true, true], "double", ["wheel", 5]]);
    // The wheel turns when the page is drawn.
    let turned = "async () => { while (!log.some(e => e[0] === 'wheel')) await new Promise(r => setTimeout(r, 10)); return log }";
    assert_eq!(tab.page(turned).await, log);

    tab.click("f").await;
    tab.press(&["Enter"]).await;
    assert_eq!(tab.page("() => log.at(-1)").await, "submit");
    match tab.tab.keys(&[KeyAction::Down("Entr".to_owned())]).await {
        Err(error) => {
            insta::assert_snapshot!(error, @"Input.dispatchKeyEvent was refused: `Entr` is no key: a name of the UI Events standard (`Enter`) or one character is")
        }
        Ok(()) => panic!("it took a key that there is not"),
    }
}

#[tokio::test]
async fn a_picture_is_of_the_viewport_of_a_part_or_of_the_whole_page() {
    let Some(chromium) = Chromium::start().await else { return };
    // Bands of 100 pixels: band n has n × 10 in its red.
    let bands: String =
        (0..20).map(|n| format!("<div style='height:100px;background:rgb({},0,0)'></div>", n * 10)).collect();
    let page = format!("<!doctype html><body style='margin:0'>{bands}");
    let base = pages(&[("/", &page)]).await;
    let options = ContextOptions { viewport: Some((300, 200, 1.0)), ..ContextOptions::default() };
    let mut tab = chromium.tab_with(&options).await;
    tab.open(&format!("{base}/")).await;
    tab.page("() => scrollTo(0, 500)").await;

    let clip = Some(Rect { x: 10.0, y: 110.0, width: 50.0, height: 20.0 });
    for (shot, expected) in [
        (Shot { full_page: false, clip: None }, ((300, 200), 50)),
        (Shot { full_page: true, clip: None }, ((300, 2000), 0)),
        (Shot { full_page: false, clip }, ((50, 20), 60)),
        (Shot { full_page: true, clip }, ((50, 20), 10)),
    ] {
        let picture = in_time(tab.tab.screenshot(&shot)).await.unwrap();
        assert_eq!((size(&picture), red(&tab, &picture).await), expected, "{shot:?}");
    }
    assert_eq!(tab.page("() => [innerWidth, innerHeight, scrollY]").await, json!([300, 200, 500]));

    tab.tab.set_viewport(400, 300, 2.0).await.unwrap();
    assert_eq!(tab.page("() => [innerWidth, innerHeight, devicePixelRatio]").await, json!([400, 300, 2]));
    assert_eq!(size(&tab.tab.screenshot(&Shot::default()).await.unwrap()), (800, 600));
}

#[tokio::test]
async fn what_became_of_a_navigation_is_told() {
    let Some(chromium) = Chromium::start().await else { return };
    let router = Router::new()
        .route("/", get(|| async { Html("<p>hello") }))
        .route("/empty", get(|| async { axum::http::StatusCode::NO_CONTENT }))
        .route("/file", get(|| async { ([("content-disposition", "attachment; filename=a.txt")], "a") }))
        .route("/never", get(|| async { pending::<&str>().await }));
    let base = serve(router).await;
    let mut tab = chromium.tab().await;
    let document = tab.open(&format!("{base}/")).await;

    let go = |url: String| {
        let tab = Arc::clone(&tab.tab);
        async move { in_time(tab.navigate(&url)).await.unwrap() }
    };
    assert!(matches!(go(format!("{base}/#there")).await, Navigation::Within));
    assert!(matches!(go(format!("{base}/empty")).await, Navigation::Nothing));
    assert!(matches!(go(format!("{base}/file")).await, Navigation::Nothing));
    match go("http://nowhere.invalid/".to_owned()).await {
        Navigation::Failed(error) => assert_eq!(error, "net::ERR_NAME_NOT_RESOLVED"),
        other => panic!("{other:?}"),
    }

    let second = tab.open(&format!("{base}/")).await;
    assert_ne!(document, second);
    let never = format!("{base}/never");
    let waited = tokio::time::timeout(Duration::from_millis(300), tab.tab.navigate(&never)).await;
    assert!(waited.is_err(), "{waited:?}");
    assert_eq!(tab.page("() => document.body.textContent").await, "hello");
    tab.open(&format!("{base}/")).await;
    assert!(in_time(tab.tab.history(-1)).await.unwrap());
    tab.until(|event| matches!(event, Event::Loaded { .. })).await;
    assert!(in_time(tab.tab.history(1)).await.unwrap());
    tab.until(|event| matches!(event, Event::Loaded { .. })).await;
    assert!(!in_time(tab.tab.history(1)).await.unwrap());
    in_time(tab.tab.reload()).await.unwrap();
    tab.until(|event| matches!(event, Event::Loaded { .. })).await;
}

#[tokio::test]
async fn a_document_that_was_left_is_stale_and_a_script_that_waits_in_it_ends() {
    let Some(chromium) = Chromium::start().await else { return };
    let base = pages(&[("/", "<input type=file id=f>"), ("/next", "")]).await;
    for other in ["127.0.0.1", "localhost"] {
        let mut tab = chromium.tab().await;
        tab.open(&format!("{base}/")).await;
        let element = in_time(tab.tab.element(&tab.main, "() => document.querySelector('#f')", &[])).await.unwrap();
        let waiting = {
            let (tab, main) = (Arc::clone(&tab.tab), tab.main.clone());
            tokio::spawn(async move { tab.call(&main, World::Ours, "() => new Promise(() => {})", &[]).await })
        };
        // So that it is on its way before the navigation is.
        tokio::task::yield_now().await;
        assert_eq!(tab.page("() => 1").await, 1);
        tab.open(&format!("{}/next", base.replace("127.0.0.1", other))).await;
        let waited = in_time(waiting).await.unwrap();
        assert!(matches!(waited, Err(EngineError::Stale(_))), "{other}: {waited:?}");
        let set = in_time(tab.tab.set_files(&element.unwrap(), &["/dev/null".into()])).await;
        assert!(matches!(set, Err(EngineError::Stale(_))), "{other}: {set:?}");
    }
}

/// Width and height, as the head of a PNG has them.
fn size(png: &[u8]) -> (u32, u32) {
    assert_eq!(png[1..4], *b"PNG");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

/// Returns the red of the pixel at the top left.
async fn red(tab: &Watched, png: &[u8]) -> u64 {
    let function = "async png => {
        const image = await createImageBitmap(await (await fetch(png)).blob());
        const context = new OffscreenCanvas(1, 1).getContext('2d');
        context.drawImage(image, 0, 0);
        return context.getImageData(0, 0, 1, 1).data[0] }";
    let data = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, png);
    let arguments = [json!(format!("data:image/png;base64,{data}"))];
    in_time(tab.tab.call(&tab.main, World::Ours, function, &arguments)).await.unwrap().as_u64().unwrap()
}
