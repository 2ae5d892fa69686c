//! What every request passes on its way in: it is counted, and meets the faults that are set.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api::ApiError;
use super::app::App;

/// Marks a response that must not be sent: the server ends the connection instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost;

/// What will happen to one request, decided when it arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) latency: Duration,
    pub(crate) error: bool,
    pub(crate) lost: bool,
    pub(crate) late: Duration,
}

pub(crate) async fn pass(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    // The admin routes set the faults, so they must work whatever the faults are.
    if request.uri().path().starts_with("/_admin/") {
        return next.run(request).await;
    }
    let plan = {
        let mut memory = app.memory();
        *memory.counters.entry(route(&request)).or_default() += 1;
        let memory = &mut *memory;
        memory.faults.plan(&mut memory.fault_chance)
    };
    request.extensions_mut().insert(plan);
    let mut response = if plan.error {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "injected_error", "this error was asked for (`errors`)")
            .into_response()
    } else {
        next.run(request).await
    };
    // The request has been applied by now: what is slow is the answer, and a client that gives up is left in doubt.
    if !plan.latency.is_zero() {
        tokio::time::sleep(plan.latency).await;
    }
    if plan.lost {
        response.extensions_mut().insert(Lost);
    }
    response
}

/// Names a route as it is declared, so that the number of names is bounded whatever clients ask for.
fn route(request: &Request) -> String {
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    };
    let path = request.extensions().get::<MatchedPath>().map_or("(no such route)", MatchedPath::as_str);
    format!("{method} {path}")
}
