//! What goes into a page, and what it looks like.

use serde_json::json;

use super::{Site, Watched};
use crate::engine::{Button, Engine, KeyAction, MouseAction, Rect, Shot};

pub(super) async fn input(engine: &dyn Engine, site: &Site) {
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

pub(super) async fn pictures(engine: &dyn Engine, site: &Site) {
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
