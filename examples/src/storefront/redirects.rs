//! Redirects of every kind, for tests of clients.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::api::ApiError;

const MOST_HOPS: u8 = 100;

pub(crate) async fn chain(hops: Result<Path<u8>, PathRejection>) -> Result<Response, ApiError> {
    match hops {
        Ok(Path(1)) => redirect(StatusCode::FOUND, "/health"),
        Ok(Path(hops)) if (2..=MOST_HOPS).contains(&hops) => {
            redirect(StatusCode::FOUND, &format!("/redirect/{}", hops - 1))
        }
        _ => Err(ApiError::bad_request(format!("the number of hops must be from 1 to {MOST_HOPS}"))),
    }
}

#[derive(Deserialize)]
pub(crate) struct Target {
    url: String,
    status: Option<u16>,
}

pub(crate) async fn to(target: Result<Query<Target>, QueryRejection>) -> Result<Response, ApiError> {
    let Query(target) = target.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    let status = match target.status.unwrap_or(302) {
        301 => StatusCode::MOVED_PERMANENTLY,
        302 => StatusCode::FOUND,
        303 => StatusCode::SEE_OTHER,
        307 => StatusCode::TEMPORARY_REDIRECT,
        308 => StatusCode::PERMANENT_REDIRECT,
        other => {
            return Err(ApiError::bad_request(format!("`status` must be 301, 302, 303, 307 or 308, and is {other}")));
        }
    };
    redirect(status, &target.url)
}

fn redirect(status: StatusCode, to: &str) -> Result<Response, ApiError> {
    let location = HeaderValue::from_str(to)
        .map_err(|_| ApiError::bad_request("`url` must not contain line breaks or other control characters"))?;
    Ok((status, [(header::LOCATION, location)]).into_response())
}
