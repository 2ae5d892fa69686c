//! What can be expected of an answer.

mod answer;
#[cfg(any(feature = "schema", feature = "golden"))]
mod brief;
mod budget;
mod captures;
mod cookies;
mod cors;
mod encoding;
#[cfg(feature = "golden")]
mod golden;
pub(crate) mod graphql;
mod headers;
mod hops;
#[cfg(feature = "html")]
mod html;
mod of;
#[cfg(feature = "openapi")]
mod openapi;
mod rate_limit;
#[cfg(feature = "schema")]
mod schema;
mod security;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use synthetic_core::expect::{self, JsonPath, JsonPathError, Matcher, Mismatch, Sense};

pub(crate) use self::answer::HasTls;
pub use self::answer::{OverTls, Timed};
pub use self::budget::budget;
pub use self::captures::body_captures;
pub(crate) use self::captures::{compiled, nothing_matches};
pub use self::cookies::{cookie, cookie_attribute, cookie_attributes, cookie_lifetime};
pub(crate) use self::cors::{Asked, cors};
pub use self::encoding::{charset, content_encoding, transferred};
#[cfg(feature = "golden")]
pub use self::golden::{Golden, golden, golden_json};
pub use self::headers::{header_count, header_each};
pub use self::hops::redirect_chain;
#[cfg(feature = "html")]
pub use self::html::{html, html_all, html_attribute, html_count};
pub(crate) use self::of::{No, of, of_part};
#[cfg(feature = "openapi")]
pub use self::openapi::{OpenApi, openapi};
pub use self::rate_limit::rate_limit_left;
#[cfg(feature = "schema")]
pub use self::schema::{JsonSchema, json_schema};
pub use self::security::{SecurityHeaders, security_headers};
pub use self::tls::{
    cert_days_left, cert_issuer, cert_names, cert_self_signed, cert_subject, tls_cipher, tls_version, trusted_days_left,
};
use crate::response::Response;

/// Holds what is expected of an answer: demanded with [`Request::expect`](crate::Request::expect), or wished for with
/// [`Request::prefer`](crate::Request::prefer). A value, cheap to clone.
///
/// It is about the answer to an HTTP request, unless its type says otherwise: [network checks](crate::net) have answers of
/// their own. What all answers have, such as their [latency], can be expected of any.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Expectation, Http, header};
///
/// /// What every answer of this service should have.
/// fn hardened() -> Expectation {
///     header("strict-transport-security", contains("max-age="))
/// }
///
/// let _page = Http::at("https://shop.example").get("/").prefer(hardened());
/// ```
#[must_use = "an expectation does nothing until it is given to a request"]
pub struct Expectation<A: ?Sized = Response> {
    judge: Arc<dyn Judge<A>>,
    of_the_status: bool,
    /// The head of the answer is all that is judged.
    of_the_head: bool,
    /// What is wrong with the expectation itself, such as a path that is none.
    defect: Option<String>,
}

/// Judges one thing about an answer.
trait Judge<A: ?Sized = Response>: Send + Sync {
    /// Returns what is judged, as a failure begins: `status`, `$.db`.
    fn subject(&self) -> String;
    /// Returns what was wanted and what was there.
    fn judge(&self, answer: &A) -> Result<(), Mismatch>;
}

impl<A: ?Sized> Expectation<A> {
    fn new(judge: impl Judge<A> + 'static, defect: Option<String>) -> Self {
        Self { judge: Arc::new(judge), of_the_status: false, of_the_head: false, defect }
    }

    /// Takes out why it can never be judged: a mistake in the canary, which is found before anything is sent.
    pub(crate) fn take_defect(&mut self) -> Option<String> {
        let defect = self.defect.take()?;
        Some(format!("what is expected of {}: {defect}", self.subject()))
    }

    /// Says that the head of the answer is all that is judged, so that an answer whose body is still to come can be.
    pub(crate) fn of_the_head(mut self) -> Self {
        self.of_the_head = true;
        self
    }

    pub(crate) fn is_of_the_head(&self) -> bool {
        self.of_the_head
    }

    pub(crate) fn is_of_the_status(&self) -> bool {
        self.of_the_status
    }

    pub(crate) fn subject(&self) -> String {
        self.judge.subject()
    }

    /// Judges an answer: for expectations that are made of others.
    ///
    /// # Errors
    ///
    /// Returns what was wanted and what was there, or what is wrong with the expectation itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::{Expectation, header, json, that};
    ///
    /// /// Either the answer is fresh, or it says that it is not.
    /// fn fresh_or_marked() -> Expectation {
    ///     let (fresh, marked) = (json("$.fresh", true), header("x-cache", "STALE"));
    ///     that("freshness", move |answer| fresh.judge(answer).or_else(|_| marked.judge(answer)))
    /// }
    /// # let _ = fresh_or_marked();
    /// ```
    pub fn judge(&self, answer: &A) -> Result<(), Mismatch> {
        match &self.defect {
            None => self.judge.judge(answer),
            Some(defect) => Err(Mismatch::new("can be judged", defect.clone())),
        }
    }
}

impl<A: ?Sized> Clone for Expectation<A> {
    fn clone(&self) -> Self {
        Self {
            judge: Arc::clone(&self.judge),
            of_the_status: self.of_the_status,
            of_the_head: self.of_the_head,
            defect: self.defect.clone(),
        }
    }
}

impl<A: ?Sized> fmt::Debug for Expectation<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expectation({})", self.judge.subject())
    }
}

/// Expects a status: `status(200)`, `status([200, 204])`, `status(200..=299)`, `status(lt(400))`.
///
/// It takes the place of the default, which is 2xx.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, status};
///
/// let api = Http::at("https://shop.example");
/// let _gone = api.delete("/orders/7").expect(status([200, 202, 204, 404]));
/// let _any = api.get("/").expect(status(lt(500)));
/// ```
pub fn status(matcher: impl Matcher<u16> + 'static) -> Expectation {
    Expectation { of_the_status: true, ..of("status", "", matcher, |answer: &Response, _| Ok(answer.status())) }
        .of_the_head()
}

/// Expects something of a header's value: `header("content-type", starts_with("application/json"))`.
///
/// Names are compared without case. Of a header that is there more than once, the values are joined with `, `, as
/// RFC 9110 says (section 5.3). `exists()` and `not(exists())` judge whether it is there. A value that is not UTF-8 is read as
/// [`Response::header`] does; those of cookies (`Set-Cookie`) are not shown in a failure.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, header};
///
/// let _page = Http::at("https://shop.example").get("/")
///     .expect(header("Content-Type", starts_with("text/html")))
///     .expect(header("x-debug", not(exists())));
/// ```
pub fn header(name: impl Into<String>, matcher: impl Matcher<String> + 'static) -> Expectation {
    let name = name.into().to_ascii_lowercase();
    let judged = of("header", name.as_str(), matcher, |answer: &Response, name| {
        let values: Vec<&str> = answer.header_all(name).collect();
        if values.is_empty() { Err(format!("no header {name}")) } else { Ok(values.join(", ")) }
    });
    if !cookies::sets_cookies(&name) {
        return judged.of_the_head();
    }
    let defect = judged.defect.clone();
    that_or(format!("header {name}"), defect, move |answer: &Response| {
        let lines: Vec<String> = answer.header_all(&name).map(cookies::masked).collect();
        judged.judge(answer).map_err(|mismatch| match lines.is_empty() {
            true => mismatch,
            false => Mismatch::new(mismatch.expected, format!("{:?}", lines.join(", "))),
        })
    })
    .of_the_head()
}

/// Expects something of the body as text: `body(contains("Example App"))`. Bytes that are not UTF-8 are replaced.
pub fn body(matcher: impl Matcher<String> + 'static) -> Expectation {
    of("body", "", matcher, |answer, _| Ok(answer.text().into_owned()))
}

/// Expects something of what a JSON path (RFC 9535) selects in the body: `json("$.db", "up")`, where a plain value means
/// `eq`.
///
/// A path that can only select one thing gives that to the matcher; any other gives the list of all it selects. What is
/// not there fails, unless the matcher is about presence: `exists()`, `not(exists())`.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, json};
///
/// let api = Http::at("https://shop.example");
/// let _orders = api.get("/orders")
///     .expect(json("$.count", ge(1)))
///     .expect(json("$.orders[*].status", every(one_of(["pending", "confirmed"]))));
/// ```
pub fn json(path: impl Into<String>, matcher: impl Matcher<Value> + 'static) -> Expectation {
    let path = path.into();
    let parsed = JsonPath::parse(&path);
    let defect = parsed.as_ref().err().map(ToString::to_string).or_else(|| matcher.defect());
    Expectation::new(Json { path, parsed, matcher }, defect)
}

struct Json<M> {
    path: String,
    parsed: Result<JsonPath, JsonPathError>,
    matcher: M,
}

impl<M: Matcher<Value>> Judge for Json<M> {
    fn subject(&self) -> String {
        self.path.clone()
    }

    fn judge(&self, answer: &Response) -> Result<(), Mismatch> {
        let wanted = || expect::described(&self.matcher, Sense::Is);
        let path = self.parsed.as_ref().map_err(|error| Mismatch::new(wanted(), error.to_string()))?;
        let root = answer.value().map_err(|why| Mismatch::new(wanted(), format!("a body that is not JSON: {why}")))?;
        expect::check_json(root, path, &self.matcher)
    }
}

/// Expects something of the time from the first look-up to the last byte, redirects included:
/// `latency(under(ms(300)))`.
pub fn latency<A: Timed + 'static>(matcher: impl Matcher<Duration> + 'static) -> Expectation<A> {
    of("latency", "", matcher, |answer: &A, _| Ok(answer.latency()))
}

/// Expects something of one part of that time: `phase(Phase::Processing, under(ms(200)))`.
///
/// A phase that was not started (a connection that was used again is neither resolved nor connected) cannot be judged,
/// and fails.
pub fn phase<A: Timed + 'static>(phase: Phase, matcher: impl Matcher<Duration> + 'static) -> Expectation<A> {
    of("phase", phase.as_str(), matcher, |answer: &A, name| {
        let took = answer.phases().named().into_iter().find(|(phase, _)| *phase == name).and_then(|(_, took)| took);
        took.ok_or_else(|| {
            let other = match name {
                "tls" => "the URL is not https, or ",
                "resolve" => "the URL has an address instead of a name, or ",
                _ => "",
            };
            format!("not started: {other}the connection was used again")
        })
    })
}

/// Names a part of a request's time, as blackbox_exporter defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Looking up the name.
    Resolve,
    /// Connecting, without the look-up and without TLS.
    Connect,
    /// The TLS handshake.
    Tls,
    /// From the connection being ready to the first byte of the answer.
    Processing,
    /// From the first byte of the answer to its last.
    Transfer,
}

impl Phase {
    /// Returns its name in reports and metrics: `processing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Processing => "processing",
            Self::Transfer => "transfer",
        }
    }
}

/// Expects something of the number of redirects that were followed: `redirects(1)`, `redirects(le(2))`. At most
/// [`max_redirects`](crate::Http::max_redirects) are.
pub fn redirects(matcher: impl Matcher<u16> + 'static) -> Expectation {
    of("redirects", "", matcher, |answer: &Response, _| Ok(u16::try_from(answer.redirects()).unwrap_or(u16::MAX)))
        .of_the_head()
}

/// Expects something of the version of the protocol, `HTTP/1.1` or `HTTP/2`: `http_version("HTTP/2")`.
pub fn http_version(matcher: impl Matcher<String> + 'static) -> Expectation {
    of("HTTP version", "", matcher, |answer: &Response, _| Ok(answer.http_version().to_owned())).of_the_head()
}

/// Expects the SHA-256 of the body, decoded, in hexadecimal of either case.
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, sha256};
///
/// let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
/// let _download = Http::at("https://shop.example").get("/catalogue.pdf").expect(sha256(digest));
/// ```
pub fn sha256(hex: impl Into<String>) -> Expectation {
    of("SHA-256 of the body", "", expect::eq(hex.into().to_ascii_lowercase()), |answer, _| {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, answer.body());
        Ok(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    })
}

/// Expects something of the size of the body in bytes, decoded: `size(between(1, 10_000))`.
pub fn size(matcher: impl Matcher<u64> + 'static) -> Expectation {
    of("size of the body", "", matcher, |answer, _| Ok(answer.body().len() as u64))
}

/// Expects what a function says of the whole answer: for what no other expectation covers.
///
/// It returns `Err` with what was wanted, as a verb phrase, and what was there.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::Mismatch;
/// use synthetic_http::{Http, that};
///
/// let _request = Http::at("https://shop.example").get("/").expect(that("body and header agree", |answer| {
///     let says: usize = answer.header("x-count").and_then(|count| count.parse().ok()).unwrap_or(0);
///     let lines = answer.text().lines().count();
///     if says == lines { Ok(()) } else { Err(Mismatch::new(format!("has {says} lines"), format!("{lines} lines"))) }
/// }));
/// ```
pub fn that(
    subject: impl Into<String>,
    judge: impl Fn(&Response) -> Result<(), Mismatch> + Send + Sync + 'static,
) -> Expectation {
    Expectation::new(That { subject: subject.into(), judge }, None)
}

/// Makes an expectation of a function, and of what is wrong with what it was given.
fn that_or<A: ?Sized + 'static>(
    subject: String,
    defect: Option<String>,
    judge: impl Fn(&A) -> Result<(), Mismatch> + Send + Sync + 'static,
) -> Expectation<A> {
    Expectation::new(That { subject, judge }, defect)
}

struct That<F> {
    subject: String,
    judge: F,
}

impl<A: ?Sized, F: Fn(&A) -> Result<(), Mismatch> + Send + Sync> Judge<A> for That<F> {
    fn subject(&self) -> String {
        self.subject.clone()
    }

    fn judge(&self, answer: &A) -> Result<(), Mismatch> {
        (self.judge)(answer)
    }
}
