//! What every request passes on its way in: it is counted, and meets the faults that are set.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

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
    // So must what is measured.
    if request.uri().path().starts_with("/_admin/") || request.uri().path() == "/metrics" {
        return next.run(request).await;
    }
    let (began, method, path) = (Instant::now(), method(&request), path(&request));
    let plan = {
        let mut memory = app.memory();
        *memory.counters.entry(format!("{method} {path}")).or_default() += 1;
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
    app.metrics.record(method, path, response.status(), began.elapsed());
    if plan.lost {
        response.extensions_mut().insert(Lost);
    }
    response
}

/// Names a method, so that the number of names is bounded whatever clients ask for.
fn method(request: &Request) -> &'static str {
    match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// Names a route as it is declared, for the same reason.
fn path(request: &Request) -> String {
    request.extensions().get::<MatchedPath>().map_or("(no such route)", MatchedPath::as_str).to_owned()
}
