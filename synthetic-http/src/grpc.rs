//! [`GrpcHealth`]: the question of gRPC whether a service can be used.

use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use reqwest::header::HeaderMap;
use synthetic_core::expect::Mismatch;
use synthetic_core::{Failure, Result};

use self::code::Code;
use crate::account::Account;
use crate::auth::Credential;
use crate::expect::{self, Expectation, status};
use crate::http::Http;
use crate::open::{Answer, open};
use crate::request::Request;
use crate::wire::{self, Over};

mod code;
mod message;

/// Says whether a service can be used, as `grpc.health.v1` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServingStatus {
    /// The server does not know.
    Unknown,
    /// It can be used.
    Serving,
    /// It cannot be used now.
    NotServing,
    /// The server has no such service. Only a watched one is said to be so; who asks once is told with the status `NOT_FOUND`.
    ServiceUnknown,
}

impl ServingStatus {
    /// Returns its name in `health.proto`: `NOT_SERVING`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Serving => "SERVING",
            Self::NotServing => "NOT_SERVING",
            Self::ServiceUnknown => "SERVICE_UNKNOWN",
        }
    }

    fn of(number: u64) -> Option<Self> {
        [Self::Unknown, Self::Serving, Self::NotServing, Self::ServiceUnknown]
            .get(usize::try_from(number).ok()?)
            .copied()
    }
}

impl fmt::Display for ServingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Holds a health check of gRPC as data, as [`Request`] holds a request. Feature `grpc`.
///
/// It is sent over HTTP/2 on a connection of its own: agreed on in TLS for https, and without asking for http. Unless it says
/// otherwise, the service must be [`Serving`](ServingStatus::Serving). It changes nothing, so that
/// [`Http::only_test_hosts`] lets it through.
///
/// Source: <https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto>;
/// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>.
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_http::Http;
/// # async fn example() -> Result {
/// let orders = Http::at("https://orders.example:443");
/// orders.grpc_health("shop.Orders").send().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a health check does nothing until `.send().await`"]
pub struct GrpcHealth {
    request: Request,
    service: String,
    /// `None` takes any.
    wanted: Option<ServingStatus>,
}

impl Http {
    /// Begins a health check of a gRPC service, by its full name: `shop.Orders`. No name is the server as a whole.
    #[track_caller]
    pub fn grpc_health(&self, service: impl Into<String>) -> GrpcHealth {
        let place = Location::caller();
        let mut request = self.at_place("POST", "/grpc.health.v1.Health/Check".to_owned(), place);
        request.only_reads = true;
        GrpcHealth { request, service: service.into(), wanted: Some(ServingStatus::Serving) }
    }
}

impl GrpcHealth {
    /// Expects another status than [`Serving`](ServingStatus::Serving).
    pub fn expect_status(mut self, status: ServingStatus) -> Self {
        self.wanted = Some(status);
        self
    }

    /// Takes whatever status the server answers with: it is then for the canary to judge.
    pub fn any_status(mut self) -> Self {
        self.wanted = None;
        self
    }

    /// Demands something of the head of the answer, as [`Request::expect`] does.
    pub fn expect(self, expectation: impl Into<Expectation>) -> Self {
        self.with(|request| request.expect(expectation))
    }

    /// Adds metadata, as [`Request::header`] does.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.with(|request| request.header(name, value))
    }

    /// Adds `Authorization: Bearer …`, as [`Request::bearer`] does.
    pub fn bearer(self, token: impl Into<Credential>) -> Self {
        self.with(|request| request.bearer(token))
    }

    /// Sets the time that the check has, as [`Request::timeout`] does.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|request| request.timeout(timeout))
    }

    /// Changes the request that the check is sent with: for all that has no method here.
    pub fn with(mut self, change: impl FnOnce(Request) -> Request) -> Self {
        self.request = change(self.request);
        self
    }

    /// Asks, and returns the status of the service.
    ///
    /// # Errors
    ///
    /// As of [`Request::send`]; a failure where the service has another status than is expected; and one where the server answers
    /// with a gRPC status that is not `OK`, such as `NOT_FOUND` for a service that it does not know and `UNIMPLEMENTED` where it
    /// has no health service.
    pub async fn send(self) -> Result<ServingStatus> {
        Box::pin(check(self)).await
    }
}

async fn check(health: GrpcHealth) -> Result<ServingStatus> {
    let GrpcHealth { request, service, wanted } = health;
    let mut request = request.body("application/grpc", message::request(&service)).header("te", "trailers");
    if !request.expected.iter().any(Expectation::is_of_the_status) {
        request.expected.insert(0, status(200));
    }
    let request = request.max_redirects(0).expect(is_grpc());
    let Answer { head, response, mut account } = open(request, Over::Http2).await?;
    let (body, trailers) = read(response, &mut account).await?;
    let subject = match &*service {
        "" => format!("health of the server, {}", account.name),
        service => format!("health of {service}, {}", account.name),
    };
    let judged = judge(&head.headers, &trailers, &body, wanted);
    judged.map_err(|(mismatch, hint)| {
        let failure = account.with_evidence(Failure::mismatch(subject, mismatch));
        let failure = hint.into_iter().fold(failure, Failure::hint);
        account.raise(failure)
    })
}

fn is_grpc() -> Expectation {
    expect::that("content type", |answer| match answer.header("content-type") {
        Some(kind) if kind.get(..16).is_some_and(|start| start.eq_ignore_ascii_case("application/grpc")) => Ok(()),
        Some(kind) => Err(Mismatch::new("begins with application/grpc", format!("{kind:?}"))),
        None => Err(Mismatch::new("begins with application/grpc", "no content type")),
    })
    .of_the_head()
}

/// Reads the messages of an answer, and the trailers that end it.
async fn read(response: reqwest::Response, account: &mut Account) -> Result<(Bytes, HeaderMap)> {
    let deadline = account.deadline();
    let mut body = reqwest::Body::from(response);
    let (mut whole, mut trailers) = (BytesMut::new(), HeaderMap::new());
    let error = loop {
        let Some(journey) = &mut account.journey else { return Err(account.over()) };
        let next = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx));
        let frame = match wire::within(journey, deadline.at, account.idle, next).await {
            Ok(None) => {
                account.finish();
                return Ok((whole.freeze(), trailers));
            }
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => break wire::broken(journey, &error),
            Err(error) => break error,
        };
        match frame.into_data() {
            Ok(data) => {
                if let Err(error) = wire::count(journey, data.len()) {
                    break error;
                }
                whole.extend_from_slice(&data);
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    };
    let failure = account.broken(error, deadline);
    Err(account.raise(failure))
}

/// Returns the status of the service, or what was wanted, what was there, and what may help.
fn judge(
    head: &HeaderMap,
    trailers: &HeaderMap,
    body: &[u8],
    wanted: Option<ServingStatus>,
) -> Result<ServingStatus, (Mismatch, Option<&'static str>)> {
    let expected = wanted.map_or_else(|| "is answered".to_owned(), |wanted| format!("is {wanted}"));
    let refused = |actual: String, hint| Err((Mismatch::new(expected.clone(), actual), hint));
    // An answer without a message has its trailers in its head.
    let find = |name: &str| trailers.get(name).or_else(|| head.get(name)).and_then(|value| value.to_str().ok());
    let Some(code) = find("grpc-status") else {
        return refused(
            "an answer without a grpc-status".to_owned(),
            Some("was it broken off by a proxy that does not know gRPC?"),
        );
    };
    let code = Code::of(code);
    if !code.is_ok() {
        let said = find("grpc-message").filter(|said| !said.is_empty());
        let said = said.map(|said| percent_encoding::percent_decode_str(said).decode_utf8_lossy().into_owned());
        let said = said.map(|said| format!(": {said:?}")).unwrap_or_default();
        return refused(format!("the gRPC status {code}{said}"), code.hint());
    }
    let number = match message::response(body) {
        Ok(number) => number,
        Err(why) => return refused(format!("an answer that is no HealthCheckResponse: {why}"), None),
    };
    let Some(status) = ServingStatus::of(number) else {
        return refused(format!("the status {number}, which grpc.health.v1 does not know"), None);
    };
    if wanted.is_some_and(|wanted| wanted != status) { refused(status.to_string(), None) } else { Ok(status) }
}

impl fmt::Display for GrpcHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request.fmt(f)
    }
}

impl fmt::Debug for GrpcHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrpcHealth({}, {:?})", self.request, self.service)
    }
}
