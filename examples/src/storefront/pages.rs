//! What a person sees in a browser, and the session behind it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde_json::json;
use tokio::time::Instant;

use super::api::ApiError;
use super::app::App;
use super::auth::Credentials;
use super::order_book::{Filter, Status};

const SESSION: &str = "storefront_session";
const RECENT: usize = 5;

pub(crate) async fn home() -> Html<&'static str> {
    Html(include_str!("pages/home.html"))
}

pub(crate) async fn login() -> Html<String> {
    login_page("")
}

pub(crate) async fn sign_in(State(app): State<Arc<App>>, credentials: Credentials) -> Response {
    if !app.knows(&credentials.username, &credentials.password) {
        let page = login_page(r#"<p id="login-error" role="alert">Wrong user name or password.</p>"#);
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], page).into_response();
    }
    let session = app.memory().sessions.issue(Instant::now());
    let cookie = format!("{SESSION}={session}; Path=/; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/dashboard")).into_response()
}

pub(crate) async fn dashboard(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if signed_in(&app, &headers).is_none() {
        return Redirect::to("/login").into_response();
    }
    let page = include_str!("pages/dashboard.html").replace("{{username}}", &escaped(&app.settings.username));
    ([(header::CACHE_CONTROL, "no-store")], Html(page)).into_response()
}

pub(crate) async fn activity(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    signed_in(&app, &headers).ok_or_else(|| ApiError::unauthorized("there is no session: sign in at /login"))?;
    let orders = app.memory().orders.list(&Filter::default(), Instant::now());
    let count = |status| orders.iter().filter(|order| order.status == status).count();
    let recent = orders.iter().rev().take(RECENT).map(|order| format!("{} × {} ordered", order.quantity, order.sku));
    let body = json!({
        "nav": ["Dashboard", "Orders", "Account"],
        "metrics": {
            "orders": orders.len(),
            "pending": count(Status::Pending),
            "confirmed": count(Status::Confirmed),
        },
        "activity": recent.chain([format!("{} signed in", app.settings.username)]).collect::<Vec<_>>(),
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

pub(crate) async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if let Some(session) = signed_in(&app, &headers) {
        app.memory().sessions.revoke(session);
    }
    let cookie = format!("{SESSION}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

fn login_page(error: &str) -> Html<String> {
    Html(include_str!("pages/login.html").replace("{{error}}", error))
}

/// Returns the session that the request carries, if it is open.
fn signed_in<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, session) = pairs.find(|(name, _)| *name == SESSION)?;
    app.memory().sessions.is_valid(session, Instant::now()).then_some(session)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_user_name_is_shown_and_not_obeyed() {
        assert_eq!(escaped(r#"<b title="a&'b">"#), "&lt;b title=&quot;a&amp;&#39;b&quot;&gt;");
    }
}
