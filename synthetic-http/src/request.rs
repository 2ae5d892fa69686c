//! [`Request`]: a request as data, with what is expected of its answer.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::Serialize;
use synthetic_core::Mark;
use url::Url;

use crate::auth::{Auth, Credential, OAuth};
use crate::expect::Expectation;
use crate::header::header;
use crate::multipart::Multipart;
use crate::settings::Settings;
use crate::upload::{MAX_UPLOAD, Upload};
use crate::wire;

/// Holds a request as data: it can be named, cloned and passed around, and does nothing until it is [sent](Self::send).
///
/// What is wrong with it, such as a header that is none, is said when it is sent, as an error of our own; the first
/// mistake counts. Its `Display` is the method and the URL, without the values of its query.
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
    pub(crate) settings: Arc<Settings>,
    pub(crate) method: Cow<'static, str>,
    pub(crate) path: String,
    pub(crate) template: Option<String>,
    query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) auth: Vec<Auth>,
    pub(crate) body: Bytes,
    /// What the body is put together from when it is sent, in place of `body`.
    pub(crate) upload: Option<Upload>,
    pub(crate) max_upload: u64,
    /// The media type of the body, unless a header says another.
    pub(crate) media_type: Option<HeaderValue>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_body: Option<usize>,
    pub(crate) max_redirects: Option<u32>,
    pub(crate) expected: Vec<Expectation>,
    pub(crate) preferred: Vec<Expectation>,
    /// It carries nothing that the `Http` says of who sends it: no header of its own, no credentials, no cookie.
    pub(crate) as_a_stranger: bool,
    /// What the [`Http`](crate::Http) expects of every answer is expected of this one too.
    pub(crate) judged_by_http: bool,
    pub(crate) problem: Option<String>,
    /// How long the answer may be silent, where it is taken piece by piece.
    pub(crate) idle_timeout: Option<Duration>,
    /// It changes nothing, whatever its method says.
    pub(crate) only_reads: bool,
    pub(crate) place: &'static Location<'static>,
}

impl Request {
    pub(crate) fn new(
        settings: &Arc<Settings>,
        method: impl Into<Cow<'static, str>>,
        path: String,
        place: &'static Location<'static>,
    ) -> Self {
        Self {
            settings: Arc::clone(settings),
            method: method.into(),
            path,
            template: None,
            query: Vec::new(),
            headers: HeaderMap::new(),
            auth: Vec::new(),
            body: Bytes::new(),
            upload: None,
            max_upload: MAX_UPLOAD,
            media_type: None,
            timeout: None,
            max_body: None,
            max_redirects: None,
            expected: Vec::new(),
            preferred: Vec::new(),
            as_a_stranger: false,
            judged_by_http: true,
            problem: None,
            idle_timeout: None,
            only_reads: false,
            place,
        }
    }

    /// Demands something of the answer. All that is demanded is judged, then one failure lists everything unmet, the
    /// first in the lead.
    ///
    /// Unless something is demanded of the [status](crate::status), here or by the [`Http`](crate::Http::expect), it must
    /// be 2xx.
    pub fn expect(mut self, expectation: impl Into<Expectation>) -> Self {
        let mut expectation = expectation.into();
        self.has_defect(&mut expectation);
        self.expected.push(expectation);
        self
    }

    /// Wishes something of the answer: what is not met degrades the run and stops nothing. Outside of any run it does
    /// nothing.
    pub fn prefer(mut self, expectation: impl Into<Expectation>) -> Self {
        let mut expectation = expectation.into();
        self.has_defect(&mut expectation);
        self.preferred.push(expectation);
        self
    }

    /// Leaves aside what the [`Http`](crate::Http) expects of every answer.
    pub(crate) fn judged_alone(mut self) -> Self {
        self.judged_by_http = false;
        self
    }

    /// Adds a query parameter, encoded as a form is: a space becomes `+`. What the path has stays before it.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(api: synthetic_http::Http) -> synthetic_core::Result {
    /// api.get("/orders?sort=id").query("q", "a&b ü").send().await?; // GET /orders?sort=id&q=a%26b+%C3%BC
    /// # Ok(()) }
    /// ```
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Adds a header, in place of the one that the [`Http`](crate::Http) would send; the same name again adds a value.
    ///
    /// It follows redirects to wherever they lead, except for `Authorization`, `Cookie` and `Host`. On https, `Host` is
    /// also the name in TLS, so that a server can be asked by its address; that cannot be done through a proxy, and is refused
    /// before anything is sent. On http through a proxy, it is the URL that says where the request goes.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match header(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => {
                self.headers.append(name, value);
            }
            Err(problem) => self.has_problem(problem),
        }
        self
    }

    /// Adds `Idempotency-Key` with the mark of what is made: a target that knows such keys makes one thing however often the
    /// request comes.
    ///
    /// The mark stands there as it is, as Stripe, Adyen and most others take it; the header's draft would have it in quotes.
    ///
    /// Source: draft-ietf-httpapi-idempotency-key-header-07; <https://docs.stripe.com/api/idempotent_requests>.
    ///
    /// # Examples
    ///
    /// ```
    /// # use synthetic_core::prelude::*;
    /// # use synthetic_http::Http;
    /// # fn example(api: Http, mark: Mark) {
    /// let _place_order = api.post("/orders").idempotency_key(&mark);
    /// # }
    /// ```
    pub fn idempotency_key(self, mark: &Mark) -> Self {
        self.header("idempotency-key", mark)
    }

    /// Adds `Authorization: Bearer …`, in place of the one of the [`Http`](crate::Http). It goes where this request goes, but follows
    /// no redirect to another origin.
    pub fn bearer(mut self, token: impl Into<Credential>) -> Self {
        self.auth.push(Auth::Bearer(token.into()));
        self
    }

    /// Adds `Authorization: Basic …`, as [`bearer`](Self::bearer) does. A user name has no colon.
    pub fn basic(self, user: impl Into<String>, password: impl Into<Credential>) -> Self {
        self.authenticate(Auth::basic(user.into(), password.into()))
    }

    /// Adds an API key in a header of its own, as [`bearer`](Self::bearer) does.
    pub fn api_key(self, name: impl AsRef<str>, key: impl Into<Credential>) -> Self {
        self.authenticate(Auth::key(name.as_ref(), key.into()))
    }

    /// Adds `Authorization: Bearer …` with a token from an authorization server, as [`bearer`](Self::bearer) does.
    pub fn oauth(mut self, tokens: OAuth) -> Self {
        self.auth.push(Auth::OAuth(tokens));
        self
    }

    /// Answers a challenge with `Authorization: Digest …`, as [`Http::digest`](crate::Http::digest) does.
    #[cfg(feature = "digest")]
    pub fn digest(self, user: impl Into<String>, password: impl Into<Credential>) -> Self {
        self.authenticate(Auth::digest(user.into(), password.into()))
    }

    /// Signs the request with AWS Signature Version 4.
    #[cfg(feature = "sigv4")]
    pub fn sigv4(mut self, keys: crate::auth::SigV4) -> Self {
        self.auth.push(Auth::SigV4(keys));
        self
    }

    /// Sends a value as JSON, with `Content-Type: application/json` unless a header says another.
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

    /// Sends a form, with `Content-Type: application/x-www-form-urlencoded` unless a header says another.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::Http;
    /// let _login = Http::at("https://shop.example").post("/login").form([("user", "ann"), ("page", "/")]);
    /// ```
    pub fn form<N: AsRef<str>, V: AsRef<str>>(self, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", form)
    }

    /// Sends bytes, with their media type unless a header says another. Whatever body was set before is replaced.
    pub fn body(mut self, media_type: &str, bytes: impl Into<Bytes>) -> Self {
        (self.body, self.upload) = (bytes.into(), None);
        match HeaderValue::try_from(media_type) {
            Ok(media_type) => self.media_type = Some(media_type),
            Err(_) => self.has_problem(format!("{media_type:?} is no media type: write it as text/plain")),
        }
        self
    }

    /// Sends the content of a file, with its media type unless a header says another. Whatever body was set before is replaced.
    ///
    /// It is read whenever the request is sent, once, whatever redirects follow, and is at most [`max_upload`](Self::max_upload)
    /// bytes. A file that cannot be read is an error of our own that names it, and nothing is sent.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(api: synthetic_http::Http) -> synthetic_core::Result {
    /// api.put("/avatar").file("image/png", "fixtures/avatar.png").send().await?;
    /// # Ok(()) }
    /// ```
    pub fn file(self, media_type: &str, path: impl Into<PathBuf>) -> Self {
        let mut request = self.body(media_type, Bytes::new());
        request.upload = Some(Upload::File(path.into()));
        request
    }

    /// Sends a form of parts: texts, bytes and files. Whatever body was set before is replaced, and so is a `Content-Type` among
    /// the headers, which cannot know how the parts are told apart.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use synthetic_http::Multipart;
    /// # async fn example(api: synthetic_http::Http) -> synthetic_core::Result {
    /// let form = Multipart::new().text("title", "Invoice 7").file("scan", "application/pdf", "fixtures/invoice.pdf");
    /// api.post("/documents").multipart(form).send().await?;
    /// # Ok(()) }
    /// ```
    pub fn multipart(self, form: Multipart) -> Self {
        let mut request = self.body(&form.media_type(), Bytes::new());
        request.headers.remove("content-type");
        if let Some(defect) = form.defect() {
            request.has_problem(defect);
        }
        request.upload = Some(Upload::Multipart(form));
        request
    }

    /// Sets the most bytes of a body that is read from files; a larger one is an error of our own, and nothing is sent.
    ///
    /// # Default
    ///
    /// 32 MiB.
    pub fn max_upload(mut self, bytes: u64) -> Self {
        self.max_upload = bytes;
        self
    }

    /// Sets the time of this request, from its start to the last byte of its answer: what is looked up for it is part of that,
    /// secrets and [tokens](crate::OAuth), and so are redirects. The time of its step and of its run bound it too.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how long an answer that is taken piece by piece may be silent: a [stream](Self::stream), [events](Self::events).
    /// An answer that is read as a whole has only its [`timeout`](Self::timeout).
    ///
    /// # Default
    ///
    /// As long as the request has time.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Sets the most bytes of the answer's body, after decoding, that are read; a larger one fails the request.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// Sets how many redirects are followed; 0 takes the first answer as it is. The redirect that is one too many is the
    /// answer.
    pub fn max_redirects(mut self, most: u32) -> Self {
        self.max_redirects = Some(most);
        self
    }

    /// Names the path as metrics show it: `/orders/{id}`. It also names what has a name for an id: `/users/{name}`.
    ///
    /// # Default
    ///
    /// The path, with each segment that looks like an id (a number, a UUID, a long mix of letters and digits) shown as
    /// `{id}`, so that a metric's series stay few.
    pub fn template(mut self, template: impl Into<String>) -> Self {
        self.template = Some(template.into());
        self
    }

    /// Returns the method that says whether the request may change something.
    pub(crate) fn counts_as(&self) -> &str {
        if self.only_reads { "GET" } else { &self.method }
    }

    /// Returns the URL.
    pub(crate) fn url(&self) -> Result<Url, String> {
        let base = self.settings.base.as_ref();
        let mut url = match base {
            _ if is_absolute(&self.path) => Url::parse(&self.path),
            // Nothing is parsed that has been parsed before: a canary asks for the same URL again and again.
            Some(base) if self.path.is_empty() => Ok(base.clone()),
            // A query belongs to the base URL as it is written, with or without a slash at its end.
            Some(base) if self.path.starts_with('?') => Url::parse(&[base.as_str(), &self.path].concat()),
            Some(base) => {
                let separator = if self.path.starts_with('/') { "" } else { "/" };
                Url::parse(&[base.as_str().trim_end_matches('/'), separator, &self.path].concat())
            }
            None => {
                let path = wire::shown_text(&self.path);
                return Err(format!(
                    "{path:?} is no whole URL, and there is no base URL: write https://host:port/path, or use `Http::at`"
                ));
            }
        }
        .map_err(|error| format!("{:?} is no URL: {error}", wire::shown_text(&self.path)))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    /// Returns what is demanded of the answer: by the [`Http`](crate::Http), unless the request says otherwise, and by the
    /// request.
    pub(crate) fn demands(&self) -> impl Iterator<Item = &Expectation> {
        let own_status = self.expected.iter().any(Expectation::is_of_the_status);
        let of_all = self
            .settings
            .expected
            .iter()
            .filter(move |expectation| self.judged_by_http && !(own_status && expectation.is_of_the_status()));
        of_all.chain(&self.expected)
    }

    /// Returns what is wished of the answer: by the [`Http`](crate::Http), and by the request.
    pub(crate) fn wishes(&self) -> impl Iterator<Item = &Expectation> {
        let of_all = self.settings.preferred.iter().filter(|_| self.judged_by_http);
        of_all.chain(&self.preferred)
    }

    fn authenticate(mut self, auth: Result<Auth, String>) -> Self {
        match auth {
            Ok(auth) => self.auth.push(auth),
            Err(problem) => self.has_problem(problem),
        }
        self
    }

    fn has_defect(&mut self, expectation: &mut Expectation) {
        if let Some(defect) = expectation.take_defect() {
            self.has_problem(defect);
        }
    }

    pub(crate) fn has_problem(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}

/// The method and the URL, without user info and without the values of its query.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url().map_or_else(|_| wire::shown_text(&self.path), |url| wire::shown(&url));
        write!(f, "{} {url}", self.method)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, preferred) = (self.expected.len(), self.preferred.len());
        write!(f, "Request({self}, {expected} expected, {preferred} preferred)")
    }
}

fn is_absolute(path: &str) -> bool {
    let begins_with = |scheme: &str| path.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    begins_with("http://") || begins_with("https://")
}
