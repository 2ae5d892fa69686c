//! HAR 1.2, the HTTP archive that browsers' developer tools, Charles and k6 read: what every request of a run was.
//!
//! The format is that of <http://www.softwareishard.com/blog/har-12-spec/>. What protocol crates fill in here is redacted
//! twice: by name here (headers, cookies and parameters that carry credentials), by value with the run's secrets when the
//! report is made.

mod form;
mod redact;

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Serialize;

use self::form::{
    Cache, Content, Log, Named, Page, PageTimings, Pair, PostData, Request, Response, TimingsInMillis, Whole, moment,
    optional, query_of, size,
};
pub use self::redact::is_credential;
use self::redact::{redacted_text, redacted_url};
use crate::failure::cut;

/// The most that an archive is to be: what fits into one artifact.
const LARGEST: usize = super::LARGEST;
/// The most that is kept of a body in text.
const LARGEST_BODY: usize = 64 * 1024;
/// The most entries.
const MOST_ENTRIES: usize = 2_000;

/// An archive of requests, bounded: 2,000 entries, 64 KiB of text of each body, 4 MiB in all.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use synthetic_core::artifact::har::{Archive, Entry, Timings};
///
/// let entry = Entry::new("GET", "https://shop.example/orders?token=abc", SystemTime::UNIX_EPOCH)
///     .request_header("Authorization", "Bearer abc")
///     .answer(200, "OK")
///     .timings(Timings { wait: Duration::from_millis(12), ..Timings::default() });
/// let mut archive = Archive::new("synthetic-http", "0.1.0");
/// archive.push(entry);
/// let text = String::from_utf8(archive.to_bytes().to_vec()).unwrap();
/// assert!(text.contains(r#""url":"https://shop.example/orders?token=redacted""#));
/// assert!(text.contains(r#"{"name":"Authorization","value":"redacted"}"#));
/// assert!(!text.contains("abc"));
/// ```
#[derive(Debug, Clone)]
pub struct Archive {
    log: Log,
    left_out: u64,
}

impl Archive {
    /// Begins an archive: who made it, in which version.
    #[must_use]
    pub fn new(creator: impl Into<String>, version: impl Into<String>) -> Self {
        let creator = Named { name: creator.into(), version: version.into() };
        Self {
            log: Log { version: "1.2", creator, browser: None, pages: Vec::new(), entries: Vec::new(), comment: None },
            left_out: 0,
        }
    }

    /// Says which browser made the requests.
    #[must_use]
    pub fn browser(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.log.browser = Some(Named { name: name.into(), version: version.into() });
        self
    }

    /// Adds a page: entries name it by its id. The times are those from its start.
    pub fn page(
        &mut self,
        id: impl Into<String>,
        title: impl Into<String>,
        started: SystemTime,
        content_load: Option<Duration>,
        load: Option<Duration>,
    ) {
        self.log.pages.push(Page {
            started_date_time: moment(started),
            id: id.into(),
            title: title.into(),
            page_timings: PageTimings { on_content_load: optional(content_load), on_load: optional(load) },
        });
    }

    /// Adds an entry. After 2,000 they are only counted.
    pub fn push(&mut self, entry: Entry) {
        if self.log.entries.len() < MOST_ENTRIES {
            self.log.entries.push(entry);
        } else {
            self.left_out += 1;
        }
    }

    /// Counts requests that were not even kept: they are said to be left out.
    pub fn leave_out(&mut self, requests: u64) {
        self.left_out += requests;
    }

    /// Returns whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.log.entries.is_empty()
    }

    /// Writes it as JSON of at most 4 MiB. What was left out for that, bodies first and then the last entries, is said in
    /// `log.comment`.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut log = self.log.clone();
        let mut left_out = self.left_out;
        let mut bodies = false;
        loop {
            log.comment = comment(bodies, left_out);
            let bytes = serde_json::to_vec(&Whole { log: &log }).unwrap_or_default();
            if bytes.len() <= LARGEST || log.entries.is_empty() {
                return bytes.into();
            }
            if bodies {
                let fewer = log.entries.len() / 2;
                left_out += (log.entries.len() - fewer) as u64;
                log.entries.truncate(fewer);
            } else {
                bodies = true;
                log.entries.iter_mut().for_each(Entry::forget_bodies);
            }
        }
    }
}

/// One request and what came of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pageref: Option<String>,
    started_date_time: String,
    time: f64,
    request: Request,
    response: Response,
    cache: Cache,
    timings: TimingsInMillis,
    #[serde(rename = "serverIPAddress", skip_serializing_if = "Option::is_none")]
    server_ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    #[serde(rename = "_step", skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(rename = "_initiator", skip_serializing_if = "Option::is_none")]
    initiator: Option<String>,
    #[serde(rename = "_error", skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// How long the parts of a request took. `None` for what was not done; TLS is no part of `connect` here, though it is one
/// in the archive, as the format wants it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Waiting for a connection or a place.
    pub blocked: Option<Duration>,
    /// Looking up the name.
    pub dns: Option<Duration>,
    /// Connecting, without TLS.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub ssl: Option<Duration>,
    /// Sending the request.
    pub send: Duration,
    /// Waiting for the first byte of the answer.
    pub wait: Duration,
    /// Reading the answer.
    pub receive: Duration,
}

impl Entry {
    /// Begins an entry: a request that was sent at `started`.
    #[must_use]
    pub fn new(method: impl Into<String>, url: &str, started: SystemTime) -> Self {
        Self {
            pageref: None,
            started_date_time: moment(started),
            time: 0.0,
            request: Request {
                method: method.into(),
                query_string: query_of(url),
                url: redacted_url(url),
                http_version: String::new(),
                cookies: Vec::new(),
                headers: Vec::new(),
                post_data: None,
                headers_size: -1,
                body_size: -1,
            },
            response: Response {
                status: 0,
                status_text: String::new(),
                http_version: String::new(),
                cookies: Vec::new(),
                headers: Vec::new(),
                content: Content {
                    size: 0,
                    compression: None,
                    mime_type: "x-unknown".into(),
                    text: None,
                    comment: None,
                },
                redirect_url: String::new(),
                headers_size: -1,
                body_size: -1,
            },
            cache: Cache {},
            timings: TimingsInMillis::of(Timings::default()),
            server_ip_address: None,
            connection: None,
            step: None,
            initiator: None,
            error: None,
            comment: None,
        }
    }

    /// Says which page made it.
    #[must_use]
    pub fn page(mut self, id: impl Into<String>) -> Self {
        self.pageref = Some(id.into());
        self
    }

    /// Sets the version of the protocol, `HTTP/2`.
    #[must_use]
    pub fn protocol(mut self, version: &str) -> Self {
        version.clone_into(&mut self.request.http_version);
        version.clone_into(&mut self.response.http_version);
        self
    }

    /// Adds a header of the request.
    #[must_use]
    pub fn request_header(mut self, name: &str, value: &str) -> Self {
        if name.eq_ignore_ascii_case("cookie") {
            self.request.cookies.extend(value.split(';').filter_map(Pair::cookie));
        }
        self.request.headers.push(Pair::of(name, value));
        self
    }

    /// Sets what the request sent. Text is kept up to 64 KiB; the values of fields of forms and of JSON that carry
    /// credentials are left out.
    #[must_use]
    pub fn request_body(mut self, media_type: &str, body: &[u8]) -> Self {
        self.request.body_size = size(body.len());
        let (text, comment) = match std::str::from_utf8(body) {
            Ok(text) => (cut(redacted_text(media_type, text), LARGEST_BODY), None),
            Err(_) => (String::new(), Some(format!("{} bytes that are not text", body.len()))),
        };
        self.request.post_data = Some(PostData { mime_type: media_type.to_owned(), params: Vec::new(), text, comment });
        self
    }

    /// Sets the status of the answer.
    #[must_use]
    pub fn answer(mut self, status: u16, text: &str) -> Self {
        self.response.status = status;
        text.clone_into(&mut self.response.status_text);
        self
    }

    /// Adds a header of the answer.
    #[must_use]
    pub fn answer_header(mut self, name: &str, value: &str) -> Self {
        if name.eq_ignore_ascii_case("set-cookie") {
            self.response.cookies.extend(value.split(';').next().and_then(Pair::cookie));
        } else if name.eq_ignore_ascii_case("location") {
            self.response.redirect_url = redacted_url(value);
        } else if name.eq_ignore_ascii_case("content-type") {
            value.clone_into(&mut self.response.content.mime_type);
        }
        self.response.headers.push(Pair::of(name, value));
        self
    }

    /// Sets the sizes of the answer's body in bytes: decoded, and as it was transferred if that is known.
    #[must_use]
    pub fn answer_size(mut self, decoded: u64, transferred: Option<u64>) -> Self {
        let decoded = i64::try_from(decoded).unwrap_or(i64::MAX);
        self.response.content.size = decoded;
        if let Some(transferred) = transferred.and_then(|size| i64::try_from(size).ok()) {
            self.response.body_size = transferred;
            self.response.content.compression = Some(decoded - transferred).filter(|saved| *saved > 0);
        }
        self
    }

    /// Sets the answer's body, decoded. Text is kept up to 64 KiB, and no bytes that are not text.
    #[must_use]
    pub fn answer_body(mut self, body: &[u8]) -> Self {
        self.response.content.size = size(body.len());
        match std::str::from_utf8(body) {
            Ok(text) => {
                let text = redacted_text(&self.response.content.mime_type, text);
                self.response.content.text = Some(cut(text, LARGEST_BODY));
            }
            Err(_) => self.response.content.comment = Some("not text: left out".to_owned()),
        }
        self
    }

    /// Sets how long its parts took.
    #[must_use]
    pub fn timings(mut self, timings: Timings) -> Self {
        self.timings = TimingsInMillis::of(timings);
        self.time = self.timings.total();
        self
    }

    /// Sets the address of the server.
    #[must_use]
    pub fn server(mut self, address: impl Into<String>) -> Self {
        self.server_ip_address = Some(address.into());
        self
    }

    /// Names the connection that was used.
    #[must_use]
    pub fn connection(mut self, id: impl Into<String>) -> Self {
        self.connection = Some(id.into());
        self
    }

    /// Says in which step it was made (`_step`).
    #[must_use]
    pub fn step(mut self, step: impl Into<String>) -> Self {
        self.step = Some(step.into());
        self
    }

    /// Says what made the request (`_initiator`).
    #[must_use]
    pub fn initiator(mut self, initiator: impl Into<String>) -> Self {
        self.initiator = Some(initiator.into());
        self
    }

    /// Says why there is no answer (`_error`, as Chromium's own archives have it).
    #[must_use]
    pub fn error(mut self, error: impl Into<String>) -> Self {
        self.error = Some(error.into());
        self
    }

    /// Says something about the entry to whoever reads it.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    fn forget_bodies(&mut self) {
        if let Some(data) = &mut self.request.post_data {
            data.text.clear();
        }
        self.response.content.text = None;
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.request.method, self.request.url, self.response.status)
    }
}

fn comment(bodies: bool, left_out: u64) -> Option<String> {
    let mut said = Vec::new();
    if bodies {
        said.push("the bodies were left out, because the archive was larger than 4 MiB with them".to_owned());
    }
    if left_out > 0 {
        said.push(format!("{left_out} more requests were left out"));
    }
    (!said.is_empty()).then(|| said.join("; "))
}

#[cfg(test)]
mod tests;
