//! Sends a message over HTTP and says which class of error stands in the way; no secret stands in what it says.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use synthetic_core::secret::{Redactor, Secret};
use synthetic_core::sink::DeliveryError;
use tokio::sync::OnceCell;

use super::error::WebhookError;
use super::text::{cut, one_line};
use crate::client;

/// How much of an answer is read, in bytes, when it is not good.
const LONGEST_ANSWER: usize = 4 * 1024;
/// How much of it is shown, in characters.
const SHOWN: usize = 300;
/// How long to wait when a server says that there is too much, and not for how long.
const LIMITED: Duration = Duration::from_secs(60);

/// An address, and what is needed to send to it.
#[derive(Clone)]
pub(super) struct Post {
    url: Url,
    headers: HeaderMap,
    roots: Vec<CertificateDer<'static>>,
    timeout: Duration,
    proxy: bool,
    /// Knows the address and every header.
    redactor: Redactor,
    client: OnceCell<Client>,
}

impl Post {
    /// Takes an address, with `path` below it.
    pub(super) fn to(url: &str, path: &str) -> Result<Self, WebhookError> {
        let wrong = |why: &str| WebhookError::InvalidUrl(why.to_owned());
        let parsed = Url::parse(url.trim()).map_err(|error| wrong(&format!("is no URL: {error}")))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
            return Err(wrong("must begin with https:// or http:// and a host"));
        }
        let mut post = Self {
            url: parsed,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]),
            roots: Vec::new(),
            timeout: Duration::from_secs(10),
            proxy: false,
            redactor: Redactor::new(),
            client: OnceCell::new(),
        };
        for secret in secrets(&post.url) {
            post.hide("url", &secret);
        }
        if !path.is_empty() {
            let below = format!("{}/{path}", post.url.path().trim_end_matches('/'));
            post.url.set_path(&below);
        }
        Ok(post)
    }

    /// Keeps a value out of everything that is said.
    pub(super) fn hide(&self, name: &str, value: &str) {
        // One that is too short to be a secret is none.
        let _ = self.redactor.register(&Secret::new(format!("webhook/{name}"), value));
    }

    /// Sends a header with every message. Its value is a secret.
    pub(super) fn header(&mut self, name: &str, value: &str) -> Result<(), WebhookError> {
        let wrong = |why: &str| WebhookError::InvalidHeader(format!("{name:?} {why}"));
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong("has a name that is none"))?;
        let mut header =
            HeaderValue::from_str(value).map_err(|_| wrong("has a value with characters that none may have"))?;
        header.set_sensitive(true);
        self.headers.insert(parsed, header);
        self.hide(name, value);
        value.split_once(' ').into_iter().for_each(|(_, token)| self.hide(name, token));
        Ok(())
    }

    /// Trusts a root beside those of the platform.
    pub(super) fn root(&mut self, pem: &[u8]) -> Result<(), WebhookError> {
        let wrong = |why: String| WebhookError::InvalidRoot(why);
        let before = self.roots.len();
        for der in CertificateDer::pem_slice_iter(pem) {
            let der = der.map_err(|error| wrong(format!("is not PEM: {error}")))?;
            RootCertStore::empty().add(der.clone()).map_err(|error| wrong(format!("cannot be used: {error}")))?;
            self.roots.push(der);
        }
        if self.roots.len() == before {
            return Err(wrong("has no `BEGIN CERTIFICATE` block".to_owned()));
        }
        Ok(())
    }

    pub(super) fn timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    pub(super) fn use_system_proxy(&mut self) {
        self.proxy = true;
    }

    /// Sends a message.
    pub(super) async fn send(&self, body: Vec<u8>) -> Result<(), DeliveryError> {
        let client = self.client.get_or_try_init(|| self.build()).await?;
        let request = client.post(self.url.clone()).headers(self.headers.clone()).body(body);
        match request.send().await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(self.refused(response).await),
            Err(error) if error.is_builder() => Err(DeliveryError::Fatal(self.say(&describe(error)))),
            Err(error) => Err(DeliveryError::Retry(self.say(&describe(error)))),
        }
    }

    async fn refused(&self, mut response: Response) -> DeliveryError {
        let status = response.status();
        let after = retry_after(response.headers());
        let mut body = Vec::new();
        while body.len() < LONGEST_ANSWER {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(LONGEST_ANSWER - body.len())]),
                Ok(None) | Err(_) => break,
            }
        }
        // Scrubbed whole, and cut then. The mark lets a secret be found that ends where the reading did.
        let end = if body.len() == LONGEST_ANSWER { "…" } else { "" };
        let answer = format!("{}{end}", String::from_utf8_lossy(&body));
        let answer = one_line(&self.redactor.redact(&answer));
        let why = self.say(format!("answered {status} {}", cut(&answer, SHOWN)).trim_end());
        match (status, after) {
            (StatusCode::TOO_MANY_REQUESTS, after) => {
                DeliveryError::RateLimited { after: after.unwrap_or(LIMITED), why }
            }
            (StatusCode::SERVICE_UNAVAILABLE, Some(after)) => DeliveryError::RateLimited { after, why },
            (StatusCode::REQUEST_TIMEOUT | StatusCode::UNPROCESSABLE_ENTITY, _) => DeliveryError::Retry(why),
            (status, _) if status.is_server_error() => DeliveryError::Retry(why),
            _ => DeliveryError::Fatal(why),
        }
    }

    /// Names the place, without what may be a secret in it.
    fn say(&self, what: &str) -> String {
        self.redactor.redact(&format!("POST to {}: {what}", self.place())).into_owned()
    }

    /// Returns who is sent to: `https://hooks.slack.com`.
    pub(super) fn place(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    async fn build(&self) -> Result<Client, DeliveryError> {
        let tls = if self.url.scheme() == "https" {
            let roots = self.roots.clone();
            // Reading the platform's roots takes milliseconds.
            tokio::task::spawn_blocking(move || client::tls(roots))
                .await
                .map_err(|_| DeliveryError::Fatal("the runtime was shut down".to_owned()))?
        } else {
            client::unused_tls()
        };
        let tls = tls.map_err(|error| DeliveryError::Retry(self.say(&format!("cannot set up tls: {error}"))))?;
        let mut builder = client::builder(tls, self.timeout);
        if !self.proxy {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|error| DeliveryError::Fatal(self.say(&describe(error))))
    }
}

/// Returns what of an address may be a secret: whatever is behind the host, whole and in its parts, but for plain words.
fn secrets(url: &Url) -> Vec<String> {
    const SHORTEST: usize = 8;
    let is_word = |part: &str| part.len() < 2 * SHORTEST && part.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let parts = url.path_segments().into_iter().flatten().filter(|part| !is_word(part)).map(str::to_owned);
    let values = url.query_pairs().map(|(_, value)| value.into_owned());
    let whole = url.query().map(|query| format!("{}?{query}", url.path())).unwrap_or_else(|| url.path().to_owned());
    let long = parts.chain(values).chain([whole]).filter(|secret| secret.len() >= SHORTEST);
    long.chain(url.password().map(str::to_owned)).collect()
}

/// Says what went wrong and why, without the address.
fn describe(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let error = error.without_url();
    let mut all = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        all = format!("{all}: {error}");
        cause = error.source();
    }
    all
}

/// Reads how long to wait, in seconds or until a date: RFC 9110, section 10.2.3.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?;
    let wait = date.timestamp().duration_since(jiff::Timestamp::try_from(synthetic_core::Clock::system().now()).ok()?);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("place", &self.place()).finish_non_exhaustive()
    }
}
