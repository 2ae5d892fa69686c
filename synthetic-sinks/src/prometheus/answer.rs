//! The answer to a scrape, for the listener and for the app's own server.

use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Response, StatusCode};
use synthetic_core::Secret;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, timeout, timeout_at};

use super::Shared;
use super::text::{Form, Writer};

/// How many texts are written at a time, each on a thread of its own.
pub(super) const PLACES: usize = 8;
/// How long a scrape waits for its turn.
const TURN: Duration = Duration::from_secs(5);
/// How long a client may take for everything.
pub(super) const STAY: Duration = Duration::from_secs(30);
/// How many chunks of a text may wait for its reader.
const AHEAD: usize = 4;

/// A text on its way.
#[derive(Debug)]
pub(super) enum Text {
    /// It is short, or there is none.
    Known(Bytes),
    /// It is being written, and ends with an empty chunk: if that does not come, it is not the whole.
    Written(Receiver<Bytes>),
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
    let mut answer = Response::new(Text::Known(Bytes::new()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    if *method == Method::HEAD {
        return answer;
    }
    let Ok(Ok(place)) = timeout(TURN, Arc::clone(&shared.places).acquire_owned()).await else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "too many scrapers read at a time\n");
    };
    let (chunks, text) = channel(AHEAD);
    let (runtime, deadline) = (Handle::current(), Instant::now() + STAY);
    // It may be work for tenths of a second, which runs on this thread would feel; and it waits for its reader.
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let send = |chunk: Bytes| matches!(runtime.block_on(timeout_at(deadline, chunks.send(chunk))), Ok(Ok(())));
        let mut reader = |chunk: String| send(chunk.into());
        let mut writer = Writer::read_by(form, &mut reader);
        shared.write(&mut writer);
        if writer.hand_on() {
            writer.end_all();
            let _ = send(writer.finish().into()) && send(Bytes::new());
        }
    });
    *answer.body_mut() = Text::Written(text);
    answer
}

/// Answers with a line for people.
pub(super) fn plain(status: StatusCode, line: &'static str) -> Response<Text> {
    let mut answer = Response::new(Text::Known(Bytes::from_static(line.as_bytes())));
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
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let chunk = match &mut *self {
            Self::Known(text) => std::mem::take(text),
            Self::Written(chunks) => match ready!(chunks.poll_recv(task)) {
                Some(chunk) => chunk,
                // The connection breaks, so that nobody takes a part of the text for the whole.
                None => return Poll::Ready(Some(Err(io::Error::other("the text was not written to its end")))),
            },
        };
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Known(text) if text.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Known(text) => SizeHint::with_exact(text.len() as u64),
            Self::Written(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn next(text: &mut Text) -> Option<io::Result<Bytes>> {
        let frame = poll_fn(|task| Pin::new(&mut *text).poll_frame(task)).await?;
        Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
    }

    #[tokio::test]
    async fn a_text_that_breaks_off_is_an_error_and_not_a_shorter_text() {
        for whole in [true, false] {
            let (chunks, text) = channel(AHEAD);
            let mut text = Text::Written(text);
            chunks.send(Bytes::from_static(b"a")).await.unwrap();
            if whole {
                chunks.send(Bytes::new()).await.unwrap();
            }
            drop(chunks);
            assert_eq!(next(&mut text).await.unwrap().unwrap(), "a");
            assert_eq!(next(&mut text).await.is_none(), whole);
        }
    }
}
