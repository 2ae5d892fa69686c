//! What the shop says about itself.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::app::App;

// Written out, because a reader of the raw text expects this order of the keys.
const UP: &str = r#"{"status":"ok","version":"1.4.2","checks":{"db":"up","cache":"up"}}"#;
const DOWN: &str = r#"{"status":"unavailable","version":"1.4.2","checks":{"db":"down","cache":"up"}}"#;
const WRONG: &str = r#"{"status":"ok","checks":{"db":"down"}}"#;

pub(crate) async fn show(State(app): State<Arc<App>>) -> impl IntoResponse {
    let (unhealthy, wrong_json) = {
        let memory = app.memory();
        (memory.faults.unhealthy, memory.faults.wrong_json)
    };
    let (status, body) = match (unhealthy, wrong_json) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, DOWN),
        (false, true) => (StatusCode::OK, WRONG),
        (false, false) => (StatusCode::OK, UP),
    };
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body)
}
