//! The order routes.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::api::{ApiError, JsonBody};
use super::app::App;
use super::gate::Plan;
use super::order_book::{Arrival, Change, Filter, NewOrder, Order, Refusal, Status};

const MOST_PIECES: u32 = 1000;
const LONGEST_TEXT: usize = 256;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Extension(plan): Extension<Plan>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Response, ApiError> {
    let key = idempotency_key(&headers)?;
    let new = new_order(object(&body)?)?;
    let arrival = Arrival { now: Instant::now(), wall: Timestamp::now(), late: plan.late };
    let limit = app.settings.max_orders;
    let placed = app.memory().orders.place(new, key, arrival).map_err(|refusal| match refusal {
        Refusal::KeyReused => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "this `Idempotency-Key` has been used with another body",
        ),
        Refusal::Full => ApiError::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "full",
            format!("the shop holds at most {limit} orders: delete some"),
        ),
    })?;
    // The order is in the book from here on: a client that leaves, or whose answer is lost, does not take it back.
    if !plan.lost && placed.takes_effect > arrival.now {
        tokio::time::sleep_until(placed.takes_effect).await;
    }
    let location = format!("/orders/{}", placed.order.id);
    let mut response = (StatusCode::CREATED, [(header::LOCATION, location)], Json(placed.order)).into_response();
    if placed.replayed {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, header::HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Unknown parameters are refused: who misspells a filter would otherwise get every order, and might delete them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    reference: Option<String>,
    customer_id: Option<String>,
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Listed {
        orders: Vec<Order>,
        count: usize,
    }
    let Query(wanted) = wanted.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    let filter = Filter { reference: wanted.reference, customer_id: wanted.customer_id };
    let orders = app.memory().orders.list(&filter, Instant::now());
    Ok(Json(Listed { count: orders.len(), orders }).into_response())
}

pub(crate) async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Order>, ApiError> {
    app.memory().orders.get(&id, Instant::now()).map(Json).ok_or_else(no_such_order)
}

pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Json<Order>, ApiError> {
    let body = object(&body)?;
    let change = Change { quantity: quantity(body)?, status: status(body)? };
    if change.quantity.is_none() && change.status.is_none() {
        return Err(ApiError::invalid("nothing to change: give `quantity` or `status`"));
    }
    app.memory().orders.change(&id, change, Instant::now()).map(Json).ok_or_else(no_such_order)
}

pub(crate) async fn delete(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    if app.memory().orders.delete(&id, Instant::now()) { Ok(StatusCode::NO_CONTENT) } else { Err(no_such_order()) }
}

fn no_such_order() -> ApiError {
    ApiError::not_found("there is no order with this id")
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=LONGEST_TEXT).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::bad_request(format!(
            "`Idempotency-Key` must be 1 to {LONGEST_TEXT} visible ASCII characters"
        ))),
    }
}

fn object(body: &Value) -> Result<&Map<String, Value>, ApiError> {
    body.as_object().ok_or_else(|| ApiError::invalid("the body must be a JSON object"))
}

fn new_order(body: &Map<String, Value>) -> Result<NewOrder, ApiError> {
    let sku = text(body, "sku")?.filter(|sku| !sku.is_empty()).ok_or_else(|| ApiError::invalid("`sku` is missing"))?;
    Ok(NewOrder {
        sku,
        quantity: quantity(body)?.unwrap_or(1),
        reference: text(body, "reference")?,
        customer_id: text(body, "customerId")?,
    })
}

fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= LONGEST_TEXT => Ok(Some(text.clone())),
        Some(_) => Err(ApiError::invalid(format!("`{name}` must be a string of at most {LONGEST_TEXT} bytes"))),
    }
}

fn quantity(body: &Map<String, Value>) -> Result<Option<u32>, ApiError> {
    match body.get("quantity") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let pieces = value.as_u64().and_then(|pieces| u32::try_from(pieces).ok());
            pieces
                .filter(|pieces| (1..=MOST_PIECES).contains(pieces))
                .map(Some)
                .ok_or_else(|| ApiError::invalid(format!("`quantity` must be a whole number from 1 to {MOST_PIECES}")))
        }
    }
}

fn status(body: &Map<String, Value>) -> Result<Option<Status>, ApiError> {
    match body.get("status") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => Status::deserialize(value)
            .map(Some)
            .map_err(|_| ApiError::invalid("`status` must be pending, confirmed, shipped or cancelled")),
    }
}
