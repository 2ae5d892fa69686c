//! [`Response`]: an answer, whole, with how it came.

use std::fmt;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::Value;
use synthetic_core::expect::{Found, JsonPath, check_json, exists};
use synthetic_core::report::Phases;
use synthetic_core::{Failure, Result, Run};

use crate::wire::{self, Exchange};

/// An answer with its whole body, and how it came.
pub struct Response {
    /// `POST /orders`, as failures name it.
    pub(crate) name: String,
    pub(crate) exchange: Exchange,
    json: OnceLock<Result<Value, String>>,
}

impl Response {
    pub(crate) fn new(name: String, exchange: Exchange) -> Self {
        Self { name, exchange, json: OnceLock::new() }
    }

    /// Returns the status: `200`.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.exchange.status.as_u16()
    }

    /// Returns the first value of a header, if it is there and is text. Names are compared without case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.exchange.headers.get(name)?.to_str().ok()
    }

    /// Returns all values of a header that are text.
    pub fn header_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.exchange.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    /// Returns the body, decoded.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.exchange.body
    }

    /// Returns the body as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.exchange.body)
    }

    /// Reads the body as JSON of a type.
    ///
    /// # Errors
    ///
    /// Returns a failure that says where the body is not as the type wants it, with an excerpt.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let place = std::panic::Location::caller();
        serde_json::from_slice(&self.exchange.body).map_err(|error| {
            let expected = format!("is JSON of the form {}", short_type_name::<T>());
            self.unreadable(expected, error.to_string()).at(place)
        })
    }

    /// Reads what a JSON path (RFC 9535) selects: the value of a path that can only select one, else a list of them.
    ///
    /// # Errors
    ///
    /// Returns a failure that says what is there instead, or where the path is wrong.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(api: synthetic_http::Http) -> synthetic_core::Result {
    /// let ids: Vec<String> = api.get("/orders").send().await?.read("$.orders[*].id")?;
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let place = std::panic::Location::caller();
        let subject = format!("{path} of {}", self.name);
        let path = JsonPath::parse(path).map_err(|error| Failure::setup(error.to_string()).at(place))?;
        let root = self.value().map_err(|why| self.unreadable("is JSON".to_owned(), why.to_owned()).at(place))?;
        let raise = |failure: Failure| raise(failure.at(place));
        let found = match path.find(root) {
            Found::One(value) => T::deserialize(value),
            Found::Many(values) => T::deserialize(Value::Array(values.into_iter().cloned().collect())),
            Found::Missing => {
                let missing = check_json(root, &path, &exists()).err().map(|mismatch| mismatch.actual);
                let failure = Failure::new(subject).expected("exists").actual(missing.unwrap_or_default());
                return Err(raise(failure));
            }
        };
        found.map_err(|error| {
            let expected = format!("is of the form {}", short_type_name::<T>());
            raise(Failure::new(subject).expected(expected).actual(error.to_string()).evidence("answer", self.excerpt()))
        })
    }

    /// Returns how long the answer took, from the first look-up to the last byte, redirects included.
    #[must_use]
    pub fn latency(&self) -> Duration {
        self.exchange.elapsed
    }

    /// Returns the parts of that time, summed over redirects.
    #[must_use]
    pub fn phases(&self) -> Phases {
        phases(&self.exchange.phases)
    }

    /// Returns how many redirects were followed.
    #[must_use]
    pub fn redirects(&self) -> usize {
        self.exchange.hops.len()
    }

    /// Returns the URL that gave the answer, after redirects, without user info.
    #[must_use]
    pub fn url(&self) -> &str {
        self.exchange.final_url.as_str()
    }

    /// Returns the version of the protocol: `HTTP/1.1`, `HTTP/2`.
    #[must_use]
    pub fn http_version(&self) -> &'static str {
        version(self.exchange.version)
    }

    /// Returns when the first certificate of the chain that the server showed expires; `None` without TLS.
    #[must_use]
    pub fn certificate_expires_at(&self) -> Option<SystemTime> {
        earliest_expiry(self.exchange.tls.as_ref())
    }

    /// Returns the body as a JSON value, parsed once, or why it is none.
    pub(crate) fn value(&self) -> Result<&Value, &str> {
        let parse = || serde_json::from_slice(&self.exchange.body).map_err(|error| error.to_string());
        self.json.get_or_init(parse).as_ref().map_err(String::as_str)
    }

    fn unreadable(&self, expected: String, why: String) -> Failure {
        raise(
            Failure::new(format!("body of {}", self.name))
                .expected(expected)
                .actual(format!("{} bytes that are not: {why}", self.exchange.body.len()))
                .evidence("answer", self.excerpt()),
        )
    }

    /// Returns the head and the beginning of the body, as a failure shows it.
    pub(crate) fn excerpt(&self) -> String {
        let exchange = &self.exchange;
        let reason = exchange.status.canonical_reason().unwrap_or_default();
        let kind = self.header("content-type").unwrap_or("no content type");
        let head = format!("{} {} {reason}, {kind}, {} bytes", self.http_version(), self.status(), exchange.body.len());
        let text = self.text();
        let mut body: String = text.chars().take(EXCERPT).collect();
        if body.len() < text.len() {
            body.push_str(" …");
        }
        if body.is_empty() { head } else { format!("{head}\n{body}") }
    }
}

/// How many characters of a body a failure shows.
const EXCERPT: usize = 1024;

fn raise(failure: Failure) -> Failure {
    match Run::current() {
        Some(run) => run.raise(failure),
        None => failure,
    }
}

pub(crate) fn phases(wire: &wire::Phases) -> Phases {
    let mut phases = Phases::default();
    phases.resolve = wire.resolve;
    phases.connect = wire.connect;
    phases.tls = wire.tls;
    phases.processing = wire.processing;
    phases.transfer = wire.transfer;
    phases
}

pub(crate) fn version(version: reqwest::Version) -> &'static str {
    match version {
        reqwest::Version::HTTP_09 => "HTTP/0.9",
        reqwest::Version::HTTP_10 => "HTTP/1.0",
        reqwest::Version::HTTP_11 => "HTTP/1.1",
        reqwest::Version::HTTP_2 => "HTTP/2",
        reqwest::Version::HTTP_3 => "HTTP/3",
        _ => "HTTP",
    }
}

/// Returns when the first certificate that the server showed expires, as blackbox_exporter's
/// `probe_ssl_earliest_cert_expiry` does.
pub(crate) fn earliest_expiry(tls: Option<&wire::TlsInfo>) -> Option<SystemTime> {
    let earliest = tls?.certs().iter().map(|certificate| certificate.not_after).min()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(earliest).unwrap_or(0)))
}

/// Returns a type's name without the modules it is in: `Vec<String>`.
fn short_type_name<T>() -> String {
    let name = std::any::type_name::<T>();
    let parts = name.split_inclusive(['<', '>', ',', ' ', '(', ')', '[', ']', '&']);
    parts.map(|part| part.rsplit("::").next().unwrap_or(part)).collect()
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}: {})", self.name, self.excerpt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_named_without_its_modules() {
        assert_eq!(short_type_name::<Vec<std::string::String>>(), "Vec<String>");
        assert_eq!(short_type_name::<std::collections::HashMap<u8, Option<Value>>>(), "HashMap<u8, Option<Value>>");
    }
}
