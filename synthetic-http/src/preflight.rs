//! [`Preflight`]: what a browser asks before a page may send a request to another origin.

use std::panic::Location;

use synthetic_core::Result;
use url::Url;

use crate::expect::{Asked, cors};
use crate::header::header_name;
use crate::http::Http;
use crate::request::Request;
use crate::response::Response;

/// Holds a CORS preflight: the OPTIONS request that a browser sends before a page of one origin may send a request to
/// another, and what the page wants to be allowed.
///
/// The answer is judged as a browser does, by the Fetch standard: its status must be 2xx without a redirect, and its
/// `Access-Control-Allow-Origin`, `-Methods`, `-Headers` and `-Credentials` must allow all that is asked. One failure lists
/// everything that is not allowed, with what would be right. As a browser's, the request carries no credentials, no cookies
/// and no header of the [`Http`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(api: synthetic_http::Http) -> synthetic_core::Result {
/// api.preflight("/orders")
///     .origin("https://shop.example")
///     .method("PUT")
///     .headers(["content-type", "authorization"])
///     .with_credentials()
///     .send()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a preflight does nothing until `.send().await`"]
pub struct Preflight {
    request: Request,
    asked: Asked,
}

impl Http {
    /// Begins a CORS preflight for a request to a path. It needs an [`origin`](Preflight::origin).
    #[track_caller]
    pub fn preflight(&self, path: impl Into<String>) -> Preflight {
        let request = Request::new(self.settings(), "OPTIONS", path.into(), Location::caller());
        Preflight { request, asked: Asked { method: "GET".to_owned(), ..Asked::default() } }
    }
}

impl Preflight {
    /// Says of which origin the page is: `https://shop.example`, with a port where it is not that of the scheme, and without
    /// a path.
    pub fn origin(mut self, origin: impl AsRef<str>) -> Self {
        let origin = origin.as_ref();
        match Url::parse(origin).map(|url| url.origin().ascii_serialization()) {
            Ok(ascii) if ascii == origin => self.asked.origin = ascii,
            Ok(ascii) if ascii != "null" => {
                self.request.has_problem(format!("{origin:?} is no origin as a browser writes it: that is {ascii}"));
            }
            _ => self.request.has_problem(format!("{origin:?} is no origin: write it as https://shop.example")),
        }
        self
    }

    /// Says which method the page wants to send.
    ///
    /// # Default
    ///
    /// GET.
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.asked.method = method.into();
        self
    }

    /// Says which headers the page wants to set: those that a browser asks for, such as `authorization`, or a `content-type`
    /// that is not one of a form's. Called again, it adds.
    pub fn headers<H: AsRef<str>>(mut self, names: impl IntoIterator<Item = H>) -> Self {
        for name in names {
            match header_name(name.as_ref()) {
                Ok(name) => self.asked.headers.push(name.as_str().to_owned()),
                Err(problem) => self.request.has_problem(problem),
            }
        }
        // As a browser does; servers that compare with a list of theirs rely on it.
        self.asked.headers.sort();
        self.asked.headers.dedup();
        self
    }

    /// Says that the page sends cookies or other credentials (`credentials: "include"`). A `*` then allows nothing.
    pub fn with_credentials(mut self) -> Self {
        self.asked.credentials = true;
        self
    }

    /// Turns it into a request, to which more can be given: further expectations, a timeout.
    pub fn into_request(self) -> Request {
        let Self { mut request, asked } = self;
        if asked.origin.is_empty() {
            request.has_problem("a preflight without an origin is none: name it with `origin`".to_owned());
        }
        request.as_a_stranger = true;
        let mut request = request
            .judged_alone()
            .max_redirects(0)
            .header("accept", "*/*")
            .header("origin", &asked.origin)
            .header("access-control-request-method", &asked.method);
        if !asked.headers.is_empty() {
            request = request.header("access-control-request-headers", asked.headers.join(","));
        }
        request.expect(cors(asked))
    }

    /// Sends it and judges the answer, as [`Request::send`] does.
    ///
    /// # Errors
    ///
    /// Returns what a browser would refuse it for, and otherwise what [`Request::send`] returns.
    pub async fn send(self) -> Result<Response> {
        self.into_request().send().await
    }
}
