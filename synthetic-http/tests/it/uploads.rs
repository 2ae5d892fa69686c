//! Bodies that are put together when they are sent: forms of parts, and files.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::extract::Multipart as Received;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{post, put};
use axum::{Json, Router};
use synthetic_core::Reason;
use synthetic_core::prelude::*;
use synthetic_http::{Http, Multipart, header, json};

use crate::support::{Told, run_of};

/// Says what came: each part's file name, media type and text.
async fn parts(mut form: Received) -> Json<BTreeMap<String, (Option<String>, Option<String>, String)>> {
    let mut parts = BTreeMap::new();
    while let Some(part) = form.next_field().await.unwrap() {
        let name = part.name().unwrap().to_owned();
        let (filename, kind) = (part.file_name().map(str::to_owned), part.content_type().map(str::to_owned));
        parts.insert(name, (filename, kind, part.text().await.unwrap()));
    }
    Json(parts)
}

async fn bytes(headers: HeaderMap, body: String) -> impl IntoResponse {
    let kind = headers["content-type"].to_str().unwrap().to_owned();
    ([("x-kind", kind), ("x-length", headers["content-length"].to_str().unwrap().to_owned())], body)
}

async fn server() -> SocketAddr {
    let moved = || async { (StatusCode::PERMANENT_REDIRECT, [("location", "/parts")]) };
    let later = || async { (StatusCode::TEMPORARY_REDIRECT, [("location", "/bytes")]) };
    let app = Router::new()
        .route("/parts", post(parts))
        .route("/moved", post(moved))
        .route("/bytes", put(bytes))
        .route("/later", put(later));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    addr
}

#[tokio::test]
async fn a_form_of_parts_arrives_as_it_was_given_also_after_a_redirect() {
    let folder = tempfile::tempdir().unwrap();
    let scan = folder.path().join("scän.pdf");
    std::fs::write(&scan, "%PDF").unwrap();
    let api = Http::at(format!("http://{}", server().await));
    let form = Multipart::new()
        .text("title", "Invoice 7")
        .bytes("note", "note.txt", "text/plain", "as agreed\r\n--x")
        .file("scan", "application/pdf", &scan);
    for path in ["/parts", "/moved"] {
        let request = api.post(path).header("content-type", "text/plain").multipart(form.clone());
        let request = request
            .expect(json("$.title", serde_json::json!([null, null, "Invoice 7"])))
            .expect(json("$.note", serde_json::json!(["note.txt", "text/plain", "as agreed\r\n--x"])))
            .expect(json("$.scan", serde_json::json!(["scän.pdf", "application/pdf", "%PDF"])));
        run_of(request).await.assert_passed();
    }
}

#[tokio::test]
async fn a_file_is_read_whenever_it_is_sent_and_sent_again_on_a_redirect() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("body.csv");
    let api = Http::at(format!("http://{}", server().await));
    let request = api.put("/later").file("text/csv", &path);
    for content in ["a,b\n", "a,b,c\n"] {
        std::fs::write(&path, content).unwrap();
        let request = request.clone().expect(header("x-kind", "text/csv"));
        let request = request.expect(header("x-length", content.len().to_string()));
        run_of(request.expect(synthetic_http::body(eq(content.to_owned())))).await.assert_passed();
    }
    let replaced = request.body("text/plain", "x").expect(synthetic_http::body(eq("x".to_owned())));
    run_of(replaced).await.assert_passed();
}

#[tokio::test]
async fn a_body_that_cannot_be_put_together_is_an_error_of_our_own_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.bin");
    std::fs::write(&large, "0123456789").unwrap();
    let api = Http::at("http://127.0.0.1:1");
    let missing = folder.path().join("missing.bin");
    let part = || Multipart::new().file("scan", "text/plain", &large);
    let rows = vec![
        ("no such file", api.put("/x").file("text/plain", &missing)),
        ("a folder", api.put("/x").file("text/plain", folder.path())),
        ("too large", api.put("/x").file("text/plain", &large).max_upload(9)),
        ("no such file of a form", api.post("/x").multipart(Multipart::new().file("scan", "text/plain", &missing))),
        ("too large a file of a form", api.post("/x").multipart(part()).max_upload(9)),
        ("too large a form", api.post("/x").multipart(Multipart::new().text("a", "b")).max_upload(9)),
        ("a media type", api.post("/x").multipart(Multipart::new().file("scan", "text\n", &large))),
    ];
    let mut told = Told::default();
    for (case, request) in rows {
        let report = told.add(case, request).await;
        assert_eq!((report.reason, report.requests.len()), (Some(Reason::Setup), 0), "{case}: {report}");
    }
    insta::assert_snapshot!(told.text().replace(&folder.path().display().to_string(), "FOLDER"));
}
