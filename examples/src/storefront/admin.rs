//! A look behind the counter: what exists, and which faults are set.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::time::Instant;

use super::api::{ApiError, JsonBody};
use super::app::App;
use super::faults::Faults;
use super::order_book::{Filter, Order};

/// Holds what exists in a shop at one moment; as JSON it is the answer of `GET /_admin/state`.
///
/// A canary that cleans up leaves `orders` empty and `unapplied` at 0.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// The orders that a client can see now, oldest first.
    pub orders: Vec<Order>,
    /// How many creates have arrived and take effect only later ([`Faults::late_application_ms`]).
    pub unapplied: usize,
    /// How many browser sessions are open.
    pub sessions: usize,
    /// How many bearer tokens are valid, without the fixed one.
    pub tokens: usize,
    /// How many requests each route has had, as in `"GET /orders/{id}": 3`, with those that met a fault, and without the
    /// admin routes.
    pub counters: BTreeMap<String, u64>,
}

impl Snapshot {
    pub(crate) fn of(app: &App) -> Self {
        let now = Instant::now();
        let memory = app.memory();
        Self {
            orders: memory.orders.list(&Filter::default(), now),
            unapplied: memory.orders.unapplied(now),
            sessions: memory.sessions.count(now),
            tokens: memory.tokens.count(now),
            counters: memory.counters.clone(),
        }
    }
}

pub(crate) async fn state(State(app): State<Arc<App>>) -> Json<Snapshot> {
    Json(Snapshot::of(&app))
}

pub(crate) async fn reset(State(app): State<Arc<App>>) -> StatusCode {
    app.memory().reset();
    StatusCode::NO_CONTENT
}

pub(crate) async fn faults(State(app): State<Arc<App>>) -> Json<Faults> {
    Json(app.memory().faults.clone())
}

pub(crate) async fn set_faults(
    State(app): State<Arc<App>>,
    JsonBody(body): JsonBody,
) -> Result<Json<Faults>, ApiError> {
    let faults = Faults::from_json(&body).map_err(|error| ApiError::bad_request(error.to_string()))?;
    app.memory().faults = faults.clone();
    Ok(Json(faults))
}

pub(crate) async fn clear_faults(State(app): State<Arc<App>>) -> StatusCode {
    app.memory().faults = Faults::none();
    StatusCode::NO_CONTENT
}
