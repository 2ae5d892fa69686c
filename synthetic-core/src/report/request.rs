//! What one request of a run saw, in words that every protocol and every sink shares.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::json;
use crate::failure::{Reason, Text};

/// Says what one request saw. Protocol crates record it, sinks make metrics of it, neither knows the other.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use synthetic_core::report::RequestReport;
///
/// let request = RequestReport::new("GET", "https://shop.example/orders/{id}").status(200).duration(Duration::from_millis(12));
/// assert!(request.is_success());
/// assert!(!RequestReport::new("GET", "https://shop.example/").status(503).is_success());
/// assert!(RequestReport::new("TCP", "tcp://db.internal:5432").is_success());
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestReport {
    /// The step it was made in, by its place in [`Report::steps`](super::Report::steps).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// The method: `GET`; of another protocol, its name: `TCP`, `DNS`.
    pub method: Text,
    /// The URL as a template, without query and without user info: never a raw URL, since it becomes a label.
    pub url: String,
    /// The status of the answer; `None` when there was no answer, or the protocol has no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed; `None` when everything that was expected of it held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// How long it took, from the first look-up to the last byte.
    #[serde(rename = "duration_ms", with = "json::millis")]
    pub duration: Duration,
    /// Its parts.
    #[serde(default, skip_serializing_if = "Phases::is_empty")]
    pub phases: Phases,
    /// The size of the answer's body in bytes, decoded.
    #[serde(default)]
    pub size: u64,
    /// How many redirects were followed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redirects: u32,
    /// The version of the protocol: `HTTP/1.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Text>,
    /// The address that was connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SocketAddr>,
    /// The certificate that the server showed, also when it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// Whether an existing connection was used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// Whether it was part of cleanup, not of the journey.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cleanup: bool,
}

impl RequestReport {
    /// Begins the report of a request: its method, and its URL as a template (`https://shop.example/orders/{id}`).
    #[must_use]
    pub fn new(method: impl Into<Text>, url: impl Into<String>) -> Self {
        Self {
            step: None,
            method: method.into(),
            url: url.into(),
            status: None,
            reason: None,
            duration: Duration::ZERO,
            phases: Phases::default(),
            size: 0,
            redirects: 0,
            protocol: None,
            peer: None,
            certificate: None,
            reused: false,
            cleanup: false,
        }
    }

    /// Sets the status of the answer.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets how long it took.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// Returns whether everything that was expected of it held, and its status, where its protocol has one, is below 400.
    ///
    /// What had no answer has a [reason](Self::reason), so that a request without a status is one of a protocol that knows
    /// none: a TCP connection, a look-up in DNS.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.reason.is_none() && self.status.is_none_or(|status| status < 400)
    }

    pub(crate) fn rewrite(&mut self, rewrite: &dyn Fn(&mut String)) {
        rewrite(&mut self.url);
        if let Some(certificate) = &mut self.certificate {
            rewrite(&mut certificate.host);
        }
    }
}

/// Returns the path of a URL as the name of its kind, where nobody has given one: what looks like an id is `{id}`.
///
/// An id is a segment that is a number, a UUID or a ULID, a mark of a run, a mix of letters and digits of 12 or more, or
/// anything longer than 64 bytes. A version (`v1`) is none.
///
/// # Examples
///
/// ```
/// use synthetic_core::report::path_template;
///
/// assert_eq!(path_template("/v1/orders/17/items"), "/v1/orders/{id}/items");
/// ```
#[must_use]
pub fn path_template(path: &str) -> String {
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    segments.flat_map(|segment| ["/", if looks_like_an_id(segment) { "{id}" } else { segment }]).collect()
}

fn looks_like_an_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let all_digits = digits > 0 && digits == segment.len();
    let mixed = digits > 0 && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    all_digits || segment.starts_with("syn1-") || (mixed && segment.len() >= 12) || segment.len() > 64
}

/// The parts of a request, as blackbox_exporter defines them. `None` for what was not done: a connection that was used
/// again is neither resolved nor connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Phases {
    /// Looking up the name.
    #[serde(rename = "resolve_ms", default, with = "json::optional_millis", skip_serializing_if = "Option::is_none")]
    pub resolve: Option<Duration>,
    /// Connecting, without the look-up and without TLS.
    #[serde(rename = "connect_ms", default, with = "json::optional_millis", skip_serializing_if = "Option::is_none")]
    pub connect: Option<Duration>,
    /// The TLS handshake.
    #[serde(rename = "tls_ms", default, with = "json::optional_millis", skip_serializing_if = "Option::is_none")]
    pub tls: Option<Duration>,
    /// From the connection being ready to the first byte of the answer.
    #[serde(
        rename = "processing_ms",
        default,
        with = "json::optional_millis",
        skip_serializing_if = "Option::is_none"
    )]
    pub processing: Option<Duration>,
    /// From the first byte of the answer to its last.
    #[serde(rename = "transfer_ms", default, with = "json::optional_millis", skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Duration>,
}

impl Phases {
    /// Returns the phases with their names, in their order.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, Option<Duration>); 5] {
        [
            ("resolve", self.resolve),
            ("connect", self.connect),
            ("tls", self.tls),
            ("processing", self.processing),
            ("transfer", self.transfer),
        ]
    }

    /// Returns whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The certificate of a host, as far as its expiry is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Certificate {
    /// The host that showed it.
    pub host: String,
    /// When the first certificate of the chain that it showed expires.
    #[serde(with = "json::rfc3339")]
    pub expires_at: SystemTime,
}

impl Certificate {
    /// Says that `host` showed a chain whose first certificate to expire does so at `expires_at`.
    #[must_use]
    pub fn new(host: impl Into<String>, expires_at: SystemTime) -> Self {
        Self { host: host.into(), expires_at }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
