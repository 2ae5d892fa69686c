//! Bearer tokens: how a client gets one, and what it opens.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Form, FromRequest, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::api::ApiError;
use super::app::App;

/// The bearer token that every shop accepts, beside those of `POST /login`: what a service would call an API key.
pub const API_TOKEN: &str = "storefront-demo-token";

/// The user name that a shop knows unless [`Storefront::user`](super::Storefront::user) names another one.
pub const USERNAME: &str = "canary";

/// The password of [`USERNAME`].
pub const PASSWORD: &str = "canary-password";

/// A user name and its password, from a body of JSON or of a form.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    pub(crate) password: String,
}

impl<S: Send + Sync> FromRequest<S> for Credentials {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if media_type(request.headers()).eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let body = Form::<Self>::from_request(request, state).await;
            return body.map(|Form(credentials)| credentials).map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is larger than 64 KiB")
                }
                StatusCode::UNPROCESSABLE_ENTITY => ApiError::invalid("the form needs `username` and `password`"),
                _ => ApiError::bad_request(rejection.body_text()),
            });
        }
        let bytes = Bytes::from_request(request, state).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            if error.is_data() {
                ApiError::invalid("the body needs the strings `username` and `password`")
            } else {
                ApiError::bad_request(format!("the body is neither JSON nor a form: {error}"))
            }
        })
    }
}

pub(crate) async fn login(State(app): State<Arc<App>>, credentials: Credentials) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Granted {
        token: String,
        /// In seconds.
        expires_in: u64,
    }
    if !app.knows(&credentials.username, &credentials.password) {
        return Err(ApiError::unauthorized("wrong user name or password"));
    }
    let mut memory = app.memory();
    let granted =
        Granted { token: memory.tokens.issue(Instant::now()), expires_in: memory.tokens.lifetime().as_secs() };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(granted)).into_response())
}

pub(crate) async fn account(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Account<'a> {
        username: &'a str,
        tier: &'static str,
    }
    let token = bearer(&headers).ok_or_else(|| ApiError::unauthorized("`Authorization: Bearer <token>` is missing"))?;
    if token != API_TOKEN && !app.memory().tokens.is_valid(token, Instant::now()) {
        return Err(ApiError::unauthorized("the token is unknown or has expired"));
    }
    Ok(Json(Account { username: &app.settings.username, tier: "gold" }).into_response())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim()
}
