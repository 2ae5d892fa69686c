//! The answer to a scrape, for the listener and for the app's own server.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Response, StatusCode};
use synthetic_core::Secret;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::Shared;
use super::text::Form;

/// How many texts there are at a time: each is as long as all series together.
pub(super) const PLACES: usize = 8;
/// How long a scrape waits for its turn.
const TURN: Duration = Duration::from_secs(5);
/// How many bytes are handed to the connection at a time.
const CHUNK: usize = 64 * 1024;

/// A text on its way. It keeps its place until the reader has it all, or is gone.
#[derive(Debug, Default)]
pub(super) struct Text {
    rest: Bytes,
    _place: Option<OwnedSemaphorePermit>,
}

/// Answers a request for the metrics.
pub(super) async fn answer(shared: Arc<Shared>, method: &Method, headers: &HeaderMap) -> Response<Text> {
    if *method != Method::GET && *method != Method::HEAD {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "metrics are read by GET\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    if !shared.settings.bearer.as_ref().is_none_or(|secret| is_shown(secret, headers)) {
        let mut refused = plain(StatusCode::UNAUTHORIZED, "show the bearer token of these metrics\n");
        refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refused;
    }
    let accept: Vec<_> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let form = Form::accepted(&accept.join(","));
    let mut answer = Response::new(Text::default());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    if *method == Method::HEAD {
        return answer;
    }
    let Ok(Ok(place)) = timeout(TURN, Arc::clone(&shared.places).acquire_owned()).await else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "too many scrapers read at a time\n");
    };
    // It may be work for tenths of a second, which runs on this thread would feel.
    match tokio::task::spawn_blocking(move || shared.text(form, true)).await {
        Ok(text) => *answer.body_mut() = Text { rest: text.into(), _place: Some(place) },
        Err(_) => return plain(StatusCode::SERVICE_UNAVAILABLE, "the metrics cannot be written now\n"),
    }
    answer
}

/// Answers with a line for people.
pub(super) fn plain(status: StatusCode, line: &'static str) -> Response<Text> {
    let mut answer = Response::new(Text { rest: Bytes::from_static(line.as_bytes()), _place: None });
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// Returns whether the token is the secret, in a time that does not tell how much of it is right.
fn is_shown(secret: &Secret, headers: &HeaderMap) -> bool {
    let Some((scheme, token)) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '))
    else {
        return false;
    };
    let (token, secret) = (token.trim().as_bytes(), secret.expose().as_bytes());
    let differs = token.iter().zip(secret).fold(0, |differs, (a, b)| black_box(differs | (a ^ b)));
    scheme.eq_ignore_ascii_case("bearer") && token.len() == secret.len() && differs == 0
}

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let next = CHUNK.min(self.rest.len());
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(next)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
