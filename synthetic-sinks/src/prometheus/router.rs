//! The metrics in the app's own server.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method};
use axum::routing::any;

use super::Prometheus;
use super::answer::answer;
use super::listen::PATH;

impl Prometheus {
    /// Returns an axum router with one route, `/metrics`, to be merged into the app's own. A [`bearer`](Self::bearer) token is
    /// asked for here too.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use synthetic_sinks::Prometheus;
    ///
    /// let metrics = Prometheus::new();
    /// let app: Router = Router::new().route("/", get(|| async { "a shop" })).merge(metrics.router());
    /// # let _ = app;
    /// ```
    pub fn router(&self) -> Router {
        let shared = Arc::clone(&self.shared);
        let handler = move |method: Method, headers: HeaderMap| {
            let shared = Arc::clone(&shared);
            async move { answer(shared, &method, &headers).await.map(Body::new) }
        };
        Router::new().route(PATH, any(handler))
    }
}
