//! An answer whose head has come and whose body is taken piece by piece.

use bytes::Bytes;
use std::time::Duration;
use synthetic_core::Failure;
#[cfg(feature = "grpc")]
use synthetic_core::Reason;
use tokio::time::{Instant, timeout_at};

use super::{
    Exchange, WireError, diagnose,
    error::{Kind, Phase, span},
    journey::Journey,
};

/// Which versions of HTTP will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Over {
    #[default]
    Any,
    /// HTTP/1.1, on a connection of its own: for what is no longer HTTP after its head.
    #[cfg(feature = "websocket")]
    Http1,
    /// HTTP/2, also where there is no TLS to agree on it, on a connection of its own.
    #[cfg(feature = "grpc")]
    Http2,
}

impl Over {
    /// Adds what may help where there was no answer that is one of HTTP.
    pub(crate) fn explained(self, failure: Failure) -> Failure {
        match self {
            #[cfg(feature = "grpc")]
            Self::Http2 if failure.reason() == Reason::Protocol => {
                failure.hint("it was spoken to in HTTP/2, as gRPC wants it: is this the port of a gRPC service, and does it speak TLS or not?")
            }
            _ => failure,
        }
    }

    /// Offers in TLS only what will do.
    pub(crate) fn offer_in(self, _tls: &mut rustls::ClientConfig) {
        match self {
            Self::Any => {}
            #[cfg(feature = "websocket")]
            Self::Http1 => _tls.alpn_protocols = vec![b"http/1.1".to_vec()],
            #[cfg(feature = "grpc")]
            Self::Http2 => _tls.alpn_protocols = vec![b"h2".to_vec()],
        }
    }
}

/// The head of an answer, and its body to come. Dropping it closes the connection.
pub(crate) struct Opened {
    pub(crate) journey: Journey,
    pub(crate) response: reqwest::Response,
}

impl Opened {
    /// Returns what is known of the answer, without its body.
    pub(crate) fn head(&self) -> Exchange {
        self.journey.so_far(Bytes::new())
    }
}

/// Returns the next bytes of a body, or `None` at its proper end.
///
/// # Errors
///
/// `Kind::Timeout` at `until`, `Kind::Idle` where nothing comes for `idle`, `Kind::BodyTooLarge` beyond the request's limit, and
/// what else a body breaks off for.
pub(crate) async fn chunk(
    journey: &mut Journey,
    response: &mut reqwest::Response,
    until: Instant,
    idle: Option<Duration>,
) -> Result<Option<Bytes>, WireError> {
    let chunk = within(journey, until, idle, response.chunk()).await?.map_err(|error| broken(journey, &error))?;
    if let Some(chunk) = &chunk {
        count(journey, chunk.len())?;
    }
    Ok(chunk)
}

/// Says why a body broke off.
pub(crate) fn broken(journey: &Journey, error: &reqwest::Error) -> WireError {
    diagnose::broken_body(error, journey.received, journey.answer().and_then(|answer| answer.expected))
}

/// Reads at most `most` bytes of a body, for at most `time`, whatever comes in between: for a failure to show.
pub(crate) async fn excerpt(response: &mut reqwest::Response, most: usize, time: Duration) -> Bytes {
    let until = Instant::now() + time;
    let mut read = Vec::new();
    while read.len() < most
        && let Ok(Ok(Some(chunk))) = timeout_at(until, response.chunk()).await
    {
        read.extend_from_slice(&chunk[..chunk.len().min(most - read.len())]);
    }
    read.into()
}

/// Waits for what comes next, until its time is up.
///
/// # Errors
///
/// `Kind::Timeout` at `until`, `Kind::Idle` after `idle`.
pub(crate) async fn within<T>(
    journey: &Journey,
    until: Instant,
    idle: Option<Duration>,
    next: impl Future<Output = T>,
) -> Result<T, WireError> {
    let silent = idle.map(|idle| Instant::now() + idle).filter(|silent| *silent < until);
    timeout_at(silent.unwrap_or(until), next).await.map_err(|_| {
        let received = journey.received;
        match (silent, idle) {
            (Some(_), Some(idle)) => {
                let message = format!("transfer: nothing came for {}, after {received} bytes", span(idle));
                WireError::new(Phase::Transfer, Kind::Idle, message)
            }
            _ => {
                let since = span(journey.since_the_head());
                let message =
                    format!("transfer: nothing more came in time: {received} bytes within {since} of the head");
                WireError::new(Phase::Transfer, Kind::Timeout, message)
            }
        }
    })
}

/// Counts what came.
///
/// # Errors
///
/// `Kind::BodyTooLarge` beyond the request's limit.
pub(crate) fn count(journey: &mut Journey, bytes: usize) -> Result<(), WireError> {
    journey.received += bytes as u64;
    let limit = journey.max_body;
    if journey.received > limit as u64 {
        let message = format!("transfer: more than the limit of {limit} bytes came");
        return Err(WireError::new(Phase::Transfer, Kind::BodyTooLarge { limit }, message));
    }
    Ok(())
}
