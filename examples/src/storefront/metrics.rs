//! What the shop says of itself: how long its answers take, as services that Prometheus watches do.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::app::App;

const BUCKETS: [f64; 4] = [0.01, 0.1, 0.5, 2.0];

pub(crate) struct Metrics {
    registry: Registry,
    durations: Family<Labels, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    url: String,
    code: u16,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let durations = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let mut registry = Registry::default();
        registry.register("http_request_duration", "How long answers took, in seconds", durations.clone());
        Self { registry, durations }
    }

    /// Counts an answer. An answer that is lost on its way is one that the shop has given.
    pub(crate) fn record(&self, method: &'static str, url: String, code: StatusCode, took: Duration) {
        let labels = Labels { method, url, code: code.as_u16() };
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>) -> Response {
    let mut page = String::new();
    if text::encode(&mut page, &app.metrics.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], page).into_response()
}
