//! [`Request`]: a request as data, with what is expected of its answer.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;
use synthetic_core::Result;
use url::Url;

use crate::auth::{Auth, Credential};
use crate::expect::Expectation;
use crate::http::{Http, header};
use crate::response::Response;
use crate::send;
use crate::wire;

/// A request as data: it can be named, cloned and passed around, and does nothing until it is [sent](Self::send).
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, status};
///
/// let api = Http::at("https://shop.example");
/// let list = api.get("/orders").query("customerId", "c-7").expect(status(200));
/// let again = list.clone();
/// assert_eq!(again.to_string(), "GET https://shop.example/orders?customerId=…");
/// ```
#[derive(Clone)]
#[must_use = "a request does nothing until `.send().await`"]
pub struct Request {
    pub(crate) http: Http,
    pub(crate) method: Cow<'static, str>,
    pub(crate) path: String,
    pub(crate) template: Option<String>,
    query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) auth: Vec<Auth>,
    pub(crate) body: Bytes,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_body: Option<usize>,
    pub(crate) max_redirects: Option<u32>,
    pub(crate) expected: Vec<Expectation>,
    pub(crate) preferred: Vec<Expectation>,
    pub(crate) problem: Option<String>,
    pub(crate) place: &'static Location<'static>,
}

impl Request {
    pub(crate) fn new(
        http: &Http,
        method: impl Into<Cow<'static, str>>,
        path: String,
        place: &'static Location<'static>,
    ) -> Self {
        Self {
            http: http.clone(),
            method: method.into(),
            path,
            template: None,
            query: Vec::new(),
            headers: HeaderMap::new(),
            auth: Vec::new(),
            body: Bytes::new(),
            timeout: None,
            max_body: None,
            max_redirects: None,
            expected: Vec::new(),
            preferred: Vec::new(),
            problem: None,
            place,
        }
    }

    /// Demands something of the answer. All that is demanded is judged, then one failure lists everything unmet.
    ///
    /// Unless something is demanded of the [status](crate::status), it must be 2xx.
    pub fn expect(mut self, expectation: Expectation) -> Self {
        self.expected.push(expectation);
        self
    }

    /// Wishes something of the answer: what is not met degrades the run and stops nothing.
    pub fn prefer(mut self, expectation: Expectation) -> Self {
        self.preferred.push(expectation);
        self
    }

    /// Adds a query parameter, encoded as a form is.
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Adds a header; one that every request carries is replaced.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match header(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => {
                self.headers.append(name, value);
            }
            Err(problem) => self.has_problem(problem),
        }
        self
    }

    /// Adds `Authorization: Bearer …`.
    pub fn bearer(mut self, token: impl Into<Credential>) -> Self {
        self.auth.push(Auth::Bearer(token.into()));
        self
    }

    /// Adds `Authorization: Basic …`.
    pub fn basic(mut self, user: impl Into<String>, password: impl Into<Credential>) -> Self {
        self.auth.push(Auth::Basic(user.into(), password.into()));
        self
    }

    /// Adds an API key in a header of its own.
    pub fn api_key(mut self, name: impl Into<String>, key: impl Into<Credential>) -> Self {
        self.auth.push(Auth::Key(name.into(), key.into()));
        self
    }

    /// Sends a value as JSON, with `Content-Type: application/json` unless another is set.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => self.body("application/json", bytes),
            Err(error) => {
                let mut request = self;
                request.has_problem(format!("the body cannot be written as JSON: {error}"));
                request
            }
        }
    }

    /// Sends a form, with `Content-Type: application/x-www-form-urlencoded`.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(self, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", form)
    }

    /// Sends bytes, with their media type.
    pub fn body(mut self, media_type: &str, bytes: impl Into<Bytes>) -> Self {
        self.body = bytes.into();
        if !self.headers.contains_key(CONTENT_TYPE) {
            match HeaderValue::try_from(media_type) {
                Ok(value) => {
                    self.headers.insert(CONTENT_TYPE, value);
                }
                Err(_) => self.has_problem(format!("{media_type:?} is no media type")),
            }
        }
        self
    }

    /// Sets the time of this request, which is also bounded by the step's and the run's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the most bytes of the answer's body, after decoding, that are read.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// Sets how many redirects are followed; 0 takes the first answer as it is.
    pub fn max_redirects(mut self, most: u32) -> Self {
        self.max_redirects = Some(most);
        self
    }

    /// Names the path as metrics show it: `/orders/{id}`.
    ///
    /// # Default
    ///
    /// The path, with each segment that looks like an id (a number, a UUID, a long mix of letters and digits) shown as
    /// `{id}`, so that a metric's series stay few.
    pub fn template(mut self, template: impl Into<String>) -> Self {
        self.template = Some(template.into());
        self
    }

    /// Sends the request and judges its answer.
    ///
    /// Within a run it is recorded in the step that is current, and so is what failed. Outside of any run it works just
    /// the same.
    ///
    /// # Errors
    ///
    /// Returns one failure with everything that was expected and not met; or why there was no answer, in a line that
    /// names the phase (`connect to 127.0.0.1:1 refused`).
    ///
    /// # Cancellation
    ///
    /// Dropping the future closes the connection. The target may or may not have done what it was asked.
    pub async fn send(self) -> Result<Response> {
        send::send(self).await
    }

    /// Returns the URL.
    pub(crate) fn url(&self) -> Result<Url, String> {
        let base = self.http.settings().base.as_ref();
        let mut url = match base {
            _ if self.path.starts_with("http://") || self.path.starts_with("https://") => Url::parse(&self.path),
            // Nothing is parsed that has been parsed before: a canary asks for the same URL again and again.
            Some(base) if self.path.is_empty() => Ok(base.clone()),
            Some(base) => {
                let separator = if self.path.starts_with(['/', '?']) { "" } else { "/" };
                Url::parse(&format!("{}{separator}{}", base.as_str().trim_end_matches('/'), self.path))
            }
            None => {
                return Err(format!(
                    "{:?} is no URL, and there is no base URL: write it as https://host:port/path",
                    self.path
                ));
            }
        }
        .map_err(|error| format!("{:?} is no URL: {error}", self.path))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    fn has_problem(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}

/// The method and the URL, without user info and without the values of its query.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url().map_or_else(|_| self.path.clone(), |url| wire::shown(&url));
        write!(f, "{} {url}", self.method)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, preferred) = (self.expected.len(), self.preferred.len());
        write!(f, "Request({self}, {expected} expected, {preferred} preferred)")
    }
}
