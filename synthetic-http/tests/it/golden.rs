//! Bodies that equal one that was kept.

use serde_json::json as value;
use synthetic_core::Reason;
use synthetic_http::{Expectation, Http, golden, golden_json};

use crate::support::{Server, Told, ok, run_of, target, typed};

const ORDER: &str = r#"{"id": "o-77", "total": 3.0, "items": [
    {"sku": "B", "created_at": "2027-01-02", "tags": ["x", "y"]}, {"sku": "A", "created_at": "2027-01-01", "tags": []}]}"#;

fn kept() -> serde_json::Value {
    value!({ "items": [
        { "sku": "A", "created_at": "…", "tags": [] }, { "sku": "B", "created_at": "…", "tags": ["y", "x"] },
    ], "total": 3, "id": "o-1" })
}

async fn shop() -> (Server, Http) {
    let server = Server::answering(|request| match target(request) {
        "/order" => typed("200 OK", "application/json", ORDER),
        _ => ok("order o-77\nplaced 2027-01-02\ntotal 3\n"),
    })
    .await;
    let api = Http::at(server.url());
    (server, api)
}

#[tokio::test]
async fn what_is_equal_but_for_what_varies_passes() {
    let (_server, api) = shop().await;
    let masked = golden_json(kept()).mask("$.id").mask("$.items[*].created_at");
    let masked = masked.any_order("$.items").any_order("$.items[*].tags");
    run_of(api.get("/order").expect(masked)).await.assert_passed();

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.json");
    std::fs::write(&file, serde_json::to_string(&serde_json::from_str::<serde_json::Value>(ORDER).unwrap()).unwrap())
        .unwrap();
    run_of(api.get("/order").expect(golden(&file))).await.assert_passed();
    let file = folder.path().join("order.txt");
    std::fs::write(&file, "order o-1\r\nplaced 2020-01-01\r\ntotal 3\r\n").unwrap();
    let text = golden(&file).mask_text(r"\d{4}-\d\d-\d\d").mask_text(r"o-\d+");
    run_of(api.get("/text").expect(text)).await.assert_passed();
}

#[tokio::test]
async fn each_difference_is_shown_with_its_path() {
    let (_server, api) = shop().await;
    let mut told = Told::default();
    let in_order = golden_json(kept()).mask("$.id").mask("$.items[*].created_at");
    told.add("in order", api.get("/order").expect(in_order)).await;
    let other = value!({ "id": 1, "total": 4, "items": [{ "sku": "A" }, { "sku": "C" }], "paid": true });
    let other = golden_json(other).mask("$.id").any_order("$.items");
    told.add("in any order", api.get("/order").expect(other)).await;
    told.add("a text", api.get("/text").expect(golden_json(value!({})))).await;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("order.txt");
    std::fs::write(&file, "order o-1\nplaced 2027-01-02\ntotal 3\npaid\n").unwrap();
    told.add("lines", api.get("/text").expect(golden(&file))).await;
    insta::assert_snapshot!(told.text().replace(&folder.path().display().to_string(), "FOLDER"));
}

#[tokio::test]
async fn what_is_masked_must_still_be_there() {
    let (_server, api) = shop().await;
    let golden = golden_json(value!({ "id": "…", "etag": "…" })).mask("$.id").mask("$.etag");
    let report = run_of(api.get("/order").expect(golden)).await;
    let told = format!("{:?}", report.failures[0]);
    assert!(told.contains(r#"$.etag: expected "…", actual missing"#) && !told.contains("$.id"), "{told}");
}

#[tokio::test]
async fn a_golden_body_that_cannot_be_compared_sends_nothing() {
    let (server, api) = shop().await;
    let folder = tempfile::tempdir().unwrap();
    let (text, json) = (folder.path().join("order.txt"), folder.path().join("order.json"));
    std::fs::write(&text, "order").unwrap();
    std::fs::write(&json, "{").unwrap();
    let rows: Vec<(&str, Expectation)> = vec![
        ("no file", golden(folder.path().join("none.json")).into()),
        ("no JSON", golden(&json).into()),
        ("a path in a text", golden(&text).mask("$.id").into()),
        ("a pattern in JSON", golden_json(value!({})).mask_text("x").into()),
        ("a bad path", golden_json(value!({})).any_order("$.[").into()),
        ("a bad pattern", golden(&text).mask_text("(").into()),
    ];
    let mut told = Told::default();
    for (case, golden) in rows {
        let report = told.add(case, api.get("/order").expect(golden)).await;
        assert_eq!(report.reason, Some(Reason::Setup), "{case}");
    }
    assert_eq!(server.accepted(), 0);
    insta::assert_snapshot!(told.text().replace(&folder.path().display().to_string(), "FOLDER"));
}

/// Nothing by itself: what the next test starts, in a process whose environment asks for golden bodies to be written.
#[tokio::test]
async fn child_that_updates() {
    let Some(folder) = std::env::var_os("GOLDEN_FOLDER").map(std::path::PathBuf::from) else { return };
    let (_server, api) = shop().await;
    let mut told = Told::default();
    let json = golden(folder.join("new/order.json")).mask("$.id").mask("$.items[*].created_at");
    told.add("JSON", api.get("/order").expect(json)).await;
    let text = golden(folder.join("receipt.txt")).mask_text("o-[0-9]+");
    told.add("a text", api.get("/text").expect(text)).await;
    told.add("no JSON", api.get("/text").expect(golden(folder.join("text.json")))).await;
    std::fs::write(folder.join("told"), told.text()).unwrap();
}

#[tokio::test]
async fn a_golden_body_is_written_where_the_environment_says_so_and_fails_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "golden::child_that_updates"])
        .env("UPDATE_GOLDEN", "1")
        .env("GOLDEN_FOLDER", folder.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let told = read("told").replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(format!("{told}{}\n{}", read("new/order.json"), read("receipt.txt")));
    assert!(!folder.path().join("text.json").exists());

    let (_server, api) = shop().await;
    let written = golden(folder.path().join("new/order.json")).mask("$.id").mask("$.items[*].created_at");
    run_of(api.get("/order").expect(written)).await.assert_passed();
}
