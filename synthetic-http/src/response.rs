//! [`Response`]: an answer, whole, with how it came.

use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::Value;
use synthetic_core::expect::{Found, JsonPath, check_json, exists};
use synthetic_core::report::Phases;
use synthetic_core::secret::Redactor;
use synthetic_core::{Failure, Mark, Result, Run};

use crate::capture::Texts;
use crate::curl::{AsSent, with_command};
use crate::expect::{Expectation, OverTls, compiled, nothing_matches};
use crate::explain::{head, redirects, requested, times};
use crate::header::{make_legible, text};
use crate::measure::{phases, version};
use crate::request::Request;
use crate::scope::raise;
use crate::wire::Exchange;

/// Holds an answer with its whole body, and how it came.
///
/// It is as the target sent it: what it says back of a secret is in it, also in its `Debug`, except in the body that is
/// shown there.
pub struct Response {
    /// `POST /orders`, as failures name it.
    pub(crate) name: String,
    pub(crate) exchange: Exchange,
    json: OnceLock<Result<Value, String>>,
    /// The body is still to come.
    head_only: bool,
    #[cfg(feature = "html")]
    page: OnceLock<Result<crate::html::Page, String>>,
    /// What knows the secrets of the request, outside of any run.
    redactor: Option<Redactor>,
    /// What was asked, once the answer is as it was expected to be, so that what cannot be read of it later can be asked again.
    request: Option<Box<Request>>,
    /// What was made by it.
    made: Option<Mark>,
}

impl Response {
    pub(crate) fn new(name: String, mut exchange: Exchange, redactor: Option<Redactor>) -> Self {
        make_legible(&mut exchange.headers);
        Self {
            name,
            exchange,
            json: OnceLock::new(),
            #[cfg(feature = "html")]
            page: OnceLock::new(),
            head_only: false,
            redactor,
            request: None,
            made: None,
        }
    }

    /// Notes what was made.
    pub(crate) fn that_made(self, made: Option<Mark>) -> Self {
        Self { made, ..self }
    }

    /// Notes what was asked.
    pub(crate) fn to(self, request: Request) -> Self {
        Self { request: Some(Box::new(request)), ..self }
    }

    /// Returns what of the request was decided when it was sent.
    pub(crate) fn as_sent(&self) -> AsSent {
        AsSent {
            cookies: self.exchange.cookies.clone(),
            mark: self.made.clone(),
            redirected: !self.exchange.hops.is_empty(),
            ..AsSent::default()
        }
    }

    /// Makes an answer whose body is still to come: its head can be judged.
    pub(crate) fn head_only(name: String, exchange: Exchange, redactor: Option<Redactor>) -> Self {
        Self { head_only: true, ..Self::new(name, exchange, redactor) }
    }

    /// Returns whether an expectation can be judged on it.
    pub(crate) fn can_be_judged_by(&self, expectation: &Expectation) -> bool {
        !self.head_only || expectation.is_of_the_head()
    }

    /// Returns the status: `200`.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.exchange.status.as_u16()
    }

    /// Returns the first value of a header, if it is there. Names are compared without case.
    ///
    /// A value that is not UTF-8 is read as ISO-8859-1, in which every byte is a character (RFC 9110, section 5.5): no byte is
    /// lost.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        text(self.exchange.headers.get(name)?)
    }

    /// Returns all values of a header in their order, each as [`header`](Self::header) has it.
    pub fn header_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.exchange.headers.get_all(name).iter().filter_map(text)
    }

    /// Returns the elements of a header that is a list, of all its lines in their order, without those that are empty
    /// (RFC 9110, section 5.6.1). None of them may be quoted.
    pub(crate) fn header_list<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.header_all(name).flat_map(|line| line.split(',')).map(str::trim).filter(|element| !element.is_empty())
    }

    /// Returns the body, decoded. An encoding that is not known, or the feature `compression` that is off, leaves it as it
    /// came.
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
    /// Returns a failure that says where the body is not as the type wants it, with an excerpt. Within a run it is
    /// recorded.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[derive(serde::Deserialize)] struct Order { id: String }
    /// # async fn example(api: synthetic_http::Http) -> synthetic_core::Result {
    /// let order: Order = api.get("/orders/7").send().await?.json()?;
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let place = Location::caller();
        serde_json::from_slice(&self.exchange.body).map_err(|error| {
            let expected = format!("is JSON of the form {}", short_type_name::<T>());
            self.unreadable(expected, &self.why_not(&error), place)
        })
    }

    /// Reads what a JSON path (RFC 9535) selects: the value of a path that can only select one, else a list of them.
    ///
    /// # Errors
    ///
    /// Returns a failure that says what is there instead, or an error of our own that says where the path is wrong.
    /// Within a run it is recorded.
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
        let place = Location::caller();
        let subject = format!("{path} of {}", self.name);
        let raise = |failure: Failure| self.raise(failure.at(place));
        let path = JsonPath::parse(path).map_err(|error| raise(Failure::setup(format!("{subject}: {error}"))))?;
        let root = self.value().map_err(|why| self.unreadable("is JSON".to_owned(), why, place))?;
        let found = match path.find(root) {
            Found::One(value) => T::deserialize(value),
            Found::Many(values) => T::deserialize(Value::Array(values.into_iter().cloned().collect())),
            Found::Missing => {
                let missing = check_json(root, &path, &exists()).err().map(|mismatch| mismatch.actual);
                let failure = Failure::new(subject).expected("exists").actual(missing.unwrap_or_default());
                return Err(raise(self.with_evidence(failure)));
            }
        };
        found.map_err(|error| {
            let expected = format!("is of the form {}", short_type_name::<T>());
            let failure = Failure::new(subject).expected(expected).actual(error.to_string());
            raise(self.with_evidence(failure))
        })
    }

    /// Reads what a regular expression captures in the body as text: one group as a scalar, several as a tuple, named ones as
    /// a struct. The first match counts; without groups it is all that matched.
    ///
    /// # Errors
    ///
    /// Returns a failure that says that nothing matches, or what was captured and is not of the type; or an error of our own
    /// that says why the pattern is invalid. Within a run it is recorded.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(api: synthetic_http::Http) -> synthetic_core::Result {
    /// let receipt = api.get("/receipt.txt").send().await?;
    /// let (order, pieces) = receipt.capture::<(String, u32)>(r"order (\w+) of (\d+)")?;
    /// # Ok(()) }
    /// ```
    #[track_caller]
    pub fn capture<T: DeserializeOwned>(&self, pattern: &str) -> Result<T> {
        let place = Location::caller();
        let subject = format!("capture of \"{pattern}\" in the body of {}", self.name);
        let raise = |failure: Failure| self.raise(failure.at(place));
        let regex = compiled(pattern).map_err(|why| raise(Failure::setup(format!("{}: {why}", self.name))))?;
        let text = self.text();
        let (expected, actual) = match Texts::captured(&regex, &text).map(Texts::read::<T>) {
            Some(Ok(value)) => return Ok(value),
            Some(Err(why)) => (format!("is of the form {}", short_type_name::<T>()), why),
            None => ("exists".to_owned(), nothing_matches(&text)),
        };
        Err(raise(self.lacks(subject, expected, actual)))
    }

    /// Returns a failure about something in the body.
    pub(crate) fn lacks(&self, subject: String, expected: String, actual: String) -> Failure {
        self.with_evidence(Failure::new(subject).expected(expected).actual(actual))
    }

    /// Adds what was asked, what came, by which redirects, and how long it took.
    pub(crate) fn with_evidence(&self, failure: Failure) -> Failure {
        let exchange = &self.exchange;
        let mut failure = failure.evidence("request", self.request()).evidence("answer", self.excerpt());
        if !exchange.hops.is_empty() {
            failure = failure.evidence("followed", redirects(&exchange.hops, &exchange.final_url));
        }
        failure.evidence("times", times(&exchange.phases))
    }

    /// Returns how long the answer took, from the first look-up to the last byte, redirects included.
    #[must_use]
    pub fn latency(&self) -> Duration {
        self.exchange.elapsed
    }

    /// Returns the parts of that time, summed over redirects; `None` for what was not started.
    #[must_use]
    pub fn phases(&self) -> Phases {
        phases(&self.exchange.phases)
    }

    /// Returns how many redirects were followed.
    #[must_use]
    pub fn redirects(&self) -> usize {
        self.exchange.hops.len()
    }

    /// Returns the URL that gave the answer, after redirects, without user info but with its whole query.
    #[must_use]
    pub fn url(&self) -> &str {
        self.exchange.final_url.as_str()
    }

    /// Returns the address that gave the answer; `None` through a proxy.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.exchange.remote_addr
    }

    /// Returns the size of the body in bytes as it was received, before it was decoded. [`body`](Self::body) is what it
    /// became.
    #[must_use]
    pub fn wire_size(&self) -> u64 {
        self.exchange.wire_size
    }

    /// Returns the version of TLS, `1.2` or `1.3`; `None` without TLS.
    #[must_use]
    pub fn tls_version(&self) -> Option<&'static str> {
        OverTls::tls_version(self)
    }

    /// Returns the cipher suite as IANA names it, `TLS_AES_128_GCM_SHA256`; `None` without TLS. On a connection that was used
    /// again it is what was last agreed on with a server of the same certificate.
    #[must_use]
    pub fn tls_cipher(&self) -> Option<&'static str> {
        OverTls::tls_cipher(self)
    }

    /// Returns the version of the protocol: `HTTP/1.1`, `HTTP/2`.
    #[must_use]
    pub fn http_version(&self) -> &'static str {
        version(self.exchange.version)
    }

    /// Returns when the first certificate of the chain that the server showed expires; `None` without TLS.
    #[must_use]
    pub fn certificate_expires_at(&self) -> Option<SystemTime> {
        OverTls::certificate_expires_at(self)
    }

    /// Returns the body as a JSON value, parsed once, or why it is none.
    pub(crate) fn value(&self) -> Result<&Value, &str> {
        let parse = || serde_json::from_slice(&self.exchange.body).map_err(|error| self.why_not(&error));
        self.json.get_or_init(parse).as_ref().map_err(String::as_str)
    }

    /// Returns the body as a page of HTML, parsed once, or which limit it exceeds. Every text is a page, for a browser as for
    /// the parser.
    #[cfg(feature = "html")]
    pub(crate) fn page(&self) -> Result<&crate::html::Page, &str> {
        self.page.get_or_init(|| crate::html::Page::parse(&self.text())).as_ref().map_err(String::as_str)
    }

    fn unreadable(&self, expected: String, why: &str, place: &'static Location<'static>) -> Failure {
        let failure = Failure::new(format!("body of {}", self.name))
            .expected(expected)
            .actual(format!("a body that is not: {why}"));
        self.raise(self.with_evidence(failure).at(place))
    }

    fn why_not(&self, error: &serde_json::Error) -> String {
        if self.exchange.body.is_empty() { "it is empty".to_owned() } else { error.to_string() }
    }

    pub(crate) fn raise(&self, failure: Failure) -> Failure {
        let (run, redactor) = (Run::current(), self.redactor.as_ref());
        let failure = match &self.request {
            Some(request) => with_command(failure, request, &self.as_sent(), run.as_ref(), redactor),
            None => failure,
        };
        raise(failure, run.as_ref(), redactor)
    }

    /// Returns what was asked for, as a failure shows it.
    pub(crate) fn request(&self) -> String {
        let method = self.name.split(' ').next().unwrap_or_default();
        requested(method, &self.exchange.hops, &self.exchange.final_url)
    }

    /// Returns the head of the answer, as a failure shows it.
    pub(crate) fn head(&self) -> String {
        let Exchange { version, status, headers, body, .. } = &self.exchange;
        let size = if self.head_only { String::new() } else { format!(", {} bytes", body.len()) };
        head(*version, *status, headers) + &size
    }

    /// Returns the head and the beginning of the body, as a failure shows it.
    pub(crate) fn excerpt(&self) -> String {
        let (head, text) = (self.head(), self.text());
        // Scrubbed first and cut then: half a secret is not recognised.
        let text = match (Run::current(), &self.redactor) {
            (Some(run), _) => run.redact(&text).into_owned().into(),
            (None, Some(redactor)) => redactor.redact(&text).into_owned().into(),
            (None, None) => text,
        };
        let mut body: String = text.chars().take(EXCERPT).collect();
        if body.len() < text.len() {
            body.push_str(" …");
        }
        if body.is_empty() { head } else { format!("{head}\n{body}") }
    }
}

/// How many characters of a body a failure shows.
pub(crate) const EXCERPT: usize = 1024;

/// Returns a type's name without the modules it is in: `Vec<String>`.
pub(crate) fn short_type_name<T>() -> String {
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
