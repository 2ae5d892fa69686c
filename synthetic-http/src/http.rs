//! [`Http`]: where requests go and what all of them carry.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use url::Url;

#[cfg(feature = "sigv4")]
use crate::auth::SigV4;
use crate::auth::{Auth, Credential, OAuth};
use crate::expect::Expectation;
use crate::header::{header, header_name};
use crate::request::Request;
use crate::settings::{Agent, Marking, Settings};
use crate::test_hosts::TestHosts;
use crate::wire;

/// Says where requests go and what all of them carry: a base URL, headers, credentials, timeouts. Cheap to clone.
///
/// Clones share their connections and their cookies. One that is changed has its own, as a second user has.
///
/// A problem in what it is given (a URL that is none, a header with a line break) is reported by the first request that
/// is sent, as an error of our own that names the place where the request was written.
///
/// # Default
///
/// - connections: fresh for every run, used again within it ([`reuse_connections`](Self::reuse_connections))
/// - TLS: verified against the platform's trusted roots ([`trust_pem`](Self::trust_pem) adds one)
/// - timeout: 10 s a request, always within the step's and the run's
/// - body: at most 1 MiB, decoded
/// - redirects: at most 10, without credentials to another origin
/// - cookies: kept within a run, fresh for the next ([`forget_cookies`](Self::forget_cookies))
/// - proxy: none, whatever the environment says ([`proxy`](Self::proxy), [`use_system_proxy`](Self::use_system_proxy))
/// - every request says who it is: `User-Agent: synthetic-http/0.1.0 (canary api-health; run 0189…)` and a W3C
///   `traceparent` whose trace id is the run's id ([`anonymous`](Self::anonymous), [`user_agent`](Self::user_agent)); one that
///   changes something carries `Synthetic-Run` and `Synthetic-Mark` ([`mark_headers`](Self::mark_headers))
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, json, latency, status};
///
/// async fn health(run: Run) -> Result {
///     let api = Http::at("https://api.example.com");
///     run.step("GET /health", async {
///         api.get("/health").expect(status(200)).expect(json("$.db", "up")).prefer(latency(under(ms(300)))).send().await?;
///         Ok(())
///     }).await
/// }
/// ```
#[derive(Clone)]
#[must_use = "an `Http` does nothing until a request of it is sent"]
pub struct Http(Arc<Settings>);

impl Http {
    /// Sends requests to a base URL, http or https, without query and fragment.
    ///
    /// The path of a request is added to its path, with one slash between them. User info in it becomes
    /// `Authorization: Basic …`, for this origin only.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::Http;
    /// let api = Http::at("https://shop.example/v1/");
    /// assert_eq!(api.get("/orders").to_string(), "GET https://shop.example/v1/orders");
    /// assert_eq!(api.get("orders").to_string(), "GET https://shop.example/v1/orders");
    /// assert_eq!(api.get("").to_string(), "GET https://shop.example/v1/");
    /// assert_eq!(api.get("https://pay.example/").to_string(), "GET https://pay.example/");
    /// ```
    pub fn at(base: impl AsRef<str>) -> Self {
        let base = base.as_ref();
        let parsed = Url::parse(base).map_err(|error| error.to_string()).and_then(|url| match url.scheme() {
            "http" | "https" if url.has_host() => Ok(url),
            other => Err(format!("only http and https are spoken, not {other}")),
        });
        let (base, problem) = match parsed {
            Ok(url) if url.query().is_none() && url.fragment().is_none() => (Some(url), None),
            Ok(url) => {
                let shown = wire::shown(&url);
                (None, Some(format!("the base URL {shown} has a query or a fragment: put it on the requests")))
            }
            Err(why) => {
                let shown = wire::shown_text(base);
                (None, Some(format!("the base URL {shown:?} is no URL: {why}; write it as https://host:port/path")))
            }
        };
        let mut settings = Settings::default();
        (settings.base, settings.problem) = (base, problem);
        Self(Arc::new(settings))
    }

    /// Sends requests to whatever full URL each of them names. Its headers go to all of them, and it takes no
    /// credentials: give those to the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::Http;
    /// let request = Http::anywhere().get("https://shop.example/robots.txt");
    /// assert_eq!(request.to_string(), "GET https://shop.example/robots.txt");
    /// ```
    pub fn anywhere() -> Self {
        Self(Arc::new(Settings::default()))
    }

    /// Adds a header to every request to the base URL's origin, and to no other; the same name again adds a value.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.with(|settings| match header(name.as_ref(), value.as_ref()) {
            Ok((name, mut value)) => {
                // Of an origin's headers nobody knows which are credentials, so none follows a redirect to another one.
                value.set_sensitive(settings.base.is_some());
                settings.headers.append(name, value);
            }
            Err(problem) => settings.has_problem(problem),
        })
    }

    /// Adds `Authorization: Bearer …` to every request to the base URL's origin, and to no other.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::{Http, from_secret};
    /// let _api = Http::at("https://shop.example").bearer(from_secret("shop/api-token"));
    /// ```
    pub fn bearer(self, token: impl Into<Credential>) -> Self {
        let auth = Auth::Bearer(token.into());
        self.with(|settings| settings.authenticate(Ok(auth)))
    }

    /// Adds `Authorization: Basic …` to every request to the base URL's origin, and to no other.
    pub fn basic(self, user: impl Into<String>, password: impl Into<Credential>) -> Self {
        let auth = Auth::basic(user.into(), password.into());
        self.with(|settings| settings.authenticate(auth))
    }

    /// Adds an API key in a header of its own to every request to the base URL's origin, and to no other.
    pub fn api_key(self, name: impl AsRef<str>, key: impl Into<Credential>) -> Self {
        let auth = Auth::key(name.as_ref(), key.into());
        self.with(|settings| settings.authenticate(auth))
    }

    /// Adds `Authorization: Bearer …` with a token from an authorization server to every request to the base URL's origin, and
    /// to no other.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::{Http, OAuth, from_secret};
    /// let tokens = OAuth::client_credentials("https://id.example/token", "canary", from_secret("shop/client-secret"));
    /// let _api = Http::at("https://shop.example").oauth(tokens);
    /// ```
    pub fn oauth(self, tokens: OAuth) -> Self {
        self.with(|settings| settings.authenticate(Ok(Auth::OAuth(tokens))))
    }

    /// Answers challenges of the base URL's origin with `Authorization: Digest …` (RFC 7616, with MD5, SHA-256 or
    /// SHA-512/256 and the quality of protection `auth`): a password that is proved, and never sent.
    ///
    /// The first request is answered with 401 and sent once more; further ones use its challenge. Of several challenges the
    /// strongest is answered.
    #[cfg(feature = "digest")]
    pub fn digest(self, user: impl Into<String>, password: impl Into<Credential>) -> Self {
        let auth = Auth::digest(user.into(), password.into());
        self.with(|settings| settings.authenticate(auth))
    }

    /// Signs every request to the base URL's origin, and to no other, with AWS Signature Version 4.
    #[cfg(feature = "sigv4")]
    pub fn sigv4(self, keys: SigV4) -> Self {
        self.with(|settings| settings.authenticate(Ok(Auth::SigV4(keys))))
    }

    /// Sets the time of a request, from its start to the last byte of its answer, redirects included. The time of its
    /// step and of its run bound it too.
    ///
    /// # Default
    ///
    /// 10 s.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// Sets the most bytes of a body, after decoding, that are read; a larger one fails the request.
    ///
    /// # Default
    ///
    /// 1 MiB.
    pub fn max_body(self, bytes: usize) -> Self {
        self.with(|settings| settings.max_body = bytes)
    }

    /// Sets how many redirects are followed; 0 takes the first answer as it is. The redirect that is one too many is the
    /// answer.
    ///
    /// # Default
    ///
    /// 10.
    pub fn max_redirects(self, most: u32) -> Self {
        self.with(|settings| settings.max_redirects = most)
    }

    /// Uses connections again across runs: a run is then cheaper, and sees less of what a new user sees. One that was
    /// idle for 90 s is closed.
    pub fn reuse_connections(self) -> Self {
        self.with(|settings| {
            settings.reuse_across_runs = true;
            settings.wire.idle_timeout = Some(Duration::from_secs(90));
        })
    }

    /// Trusts a certificate authority besides the platform's: one or more certificates in PEM. Called again, it adds.
    pub fn trust_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        let pem = pem.into();
        self.with(|settings| settings.wire.extra_roots_pem.push(pem))
    }

    /// Uses the proxies that the environment names (`HTTPS_PROXY` and its kin).
    pub fn use_system_proxy(self) -> Self {
        self.with(|settings| settings.wire.use_system_proxy = true)
    }

    /// Forgets cookies: what an answer sets is not sent again, not even to where the answer redirects.
    pub fn forget_cookies(self) -> Self {
        self.with(|settings| settings.cookies = false)
    }

    /// Sets the `User-Agent`, which otherwise names the SDK, the canary and the run.
    pub fn user_agent(self, agent: impl AsRef<str>) -> Self {
        self.with(|settings| match HeaderValue::try_from(agent.as_ref()) {
            Ok(value) => settings.agent = Agent::Fixed(value),
            Err(_) => {
                settings.has_problem("the user agent has a line break or another control character in it".to_owned())
            }
        })
    }

    /// Sends neither the SDK's `User-Agent` nor a `traceparent`, and [no marks](Self::without_marks): for targets that treat
    /// canaries differently, or refuse them.
    pub fn anonymous(self) -> Self {
        self.without_marks().with(|settings| (settings.agent, settings.traceparent) = (Agent::None, false))
    }

    /// Sets the names of the headers that requests which change something carry within a run: the run's id, and, within a
    /// [creation](synthetic_core::Run::create), the mark of what is made. They let the target leave canaries out of its
    /// figures.
    ///
    /// Like all headers of an `Http`, they go to the base URL's origin only.
    ///
    /// # Default
    ///
    /// `Synthetic-Run` and `Synthetic-Mark`.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::Http;
    /// let _api = Http::at("https://shop.example").mark_headers("X-Canary-Run", "X-Canary-Mark");
    /// ```
    pub fn mark_headers(self, run: impl AsRef<str>, mark: impl AsRef<str>) -> Self {
        self.with(|settings| match (header_name(run.as_ref()), header_name(mark.as_ref())) {
            (Ok(run), Ok(mark)) => settings.marking = Marking { run: Some(run), mark: Some(mark) },
            (Err(problem), _) | (_, Err(problem)) => settings.has_problem(problem),
        })
    }

    /// Sends neither the run's id nor marks as headers.
    pub fn without_marks(self) -> Self {
        self.with(|settings| settings.marking = Marking::NONE)
    }

    /// Refuses every request that changes something on a host that is not listed, before it is sent, as an error of our own:
    /// a canary that was given the wrong URL buys nothing. A redirect that would send such a request on to another host is
    /// refused too. GET, HEAD, OPTIONS and TRACE go where they like.
    ///
    /// A host is written as `staging.shop.example`, `*.test.example` (those below it), `127.0.0.1` or `[::1]`, with a port
    /// or without. Called again, it replaces the list.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::Reason;
    /// use synthetic_http::Http;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let shop = Http::at("https://shop.example").only_test_hosts(["staging.shop.example", "*.test"]);
    /// let refused = shop.post("/orders").send().await.unwrap_err();
    /// assert_eq!(refused.reason(), Reason::Setup);
    /// assert!(refused.to_string().contains("shop.example is no test host"), "{refused}");
    /// # }
    /// ```
    pub fn only_test_hosts<H: AsRef<str>>(self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.with(|settings| match TestHosts::parse(hosts) {
            Ok(hosts) => settings.test_hosts = Some(hosts),
            Err(problem) => settings.has_problem(problem),
        })
    }

    /// Demands something of every answer, besides what each request demands: a [contract](crate::openapi), a header that none
    /// may lack. Called again, it adds.
    ///
    /// What is demanded of the [status](crate::status) here gives way to what a request demands of it. The requests of a
    /// [resource](Self::resource) are left alone: whether a thing was removed is no matter of form. So are
    /// [preflights](Self::preflight), which are a browser's. Of an answer that is taken piece by piece
    /// ([`stream`](Request::stream), [`events`](Request::events), a WebSocket, a gRPC health check), only its head is judged:
    /// what needs the body is left to those who take the pieces, and the report of the run has a warning that names what was not
    /// judged.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::prelude::*;
    /// use synthetic_http::{Http, header, status};
    ///
    /// let api = Http::at("https://shop.example")
    ///     .expect(header("strict-transport-security", exists()))
    ///     .expect(status([200, 201]));
    /// let _is_gone = api.get("/orders/7").expect(status(404));
    /// ```
    pub fn expect(self, expectation: impl Into<Expectation>) -> Self {
        let mut expectation = expectation.into();
        self.with(|settings| {
            expectation.take_defect().into_iter().for_each(|defect| settings.has_problem(defect));
            settings.expected.push(expectation);
        })
    }

    /// Wishes something of every answer, besides what each request wishes: what is not met degrades the run. Called again, it
    /// adds.
    pub fn prefer(self, expectation: impl Into<Expectation>) -> Self {
        let mut expectation = expectation.into();
        self.with(|settings| {
            expectation.take_defect().into_iter().for_each(|defect| settings.has_problem(defect));
            settings.preferred.push(expectation);
        })
    }

    /// Begins a GET request. The path is added to the base URL's; a full URL is taken as it is.
    #[track_caller]
    pub fn get(&self, path: impl Into<String>) -> Request {
        Request::new(&self.0, "GET", path.into(), Location::caller())
    }

    /// Begins a HEAD request.
    #[track_caller]
    pub fn head(&self, path: impl Into<String>) -> Request {
        Request::new(&self.0, "HEAD", path.into(), Location::caller())
    }

    /// Begins a POST request.
    #[track_caller]
    pub fn post(&self, path: impl Into<String>) -> Request {
        Request::new(&self.0, "POST", path.into(), Location::caller())
    }

    /// Begins a PUT request.
    #[track_caller]
    pub fn put(&self, path: impl Into<String>) -> Request {
        Request::new(&self.0, "PUT", path.into(), Location::caller())
    }

    /// Begins a PATCH request.
    #[track_caller]
    pub fn patch(&self, path: impl Into<String>) -> Request {
        Request::new(&self.0, "PATCH", path.into(), Location::caller())
    }

    /// Begins a DELETE request.
    #[track_caller]
    pub fn delete(&self, path: impl Into<String>) -> Request {
        Request::new(&self.0, "DELETE", path.into(), Location::caller())
    }

    /// Begins a request of any method.
    #[track_caller]
    pub fn request(&self, method: impl Into<std::borrow::Cow<'static, str>>, path: impl Into<String>) -> Request {
        Request::new(&self.0, method, path.into(), Location::caller())
    }

    /// Begins a request that was written elsewhere.
    pub(crate) fn at_place(&self, method: &'static str, path: String, place: &'static Location<'static>) -> Request {
        Request::new(&self.0, method, path, place)
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.0
    }

    /// Returns the time that its requests have.
    pub(crate) fn time(&self) -> Duration {
        self.0.timeout
    }

    pub(crate) fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::clone(&self.0);
        change(&mut settings);
        Self(Arc::new(settings))
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.0.base.as_ref().map(wire::shown)).finish_non_exhaustive()
    }
}
