//! The objects of the format, as they are written.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Serialize;

use super::redact::{REDACTED, is_credential, redacted_url};
use super::{Entry, Timings};

#[derive(Serialize)]
pub(super) struct Whole<'a> {
    pub(super) log: &'a Log,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Log {
    pub(super) version: &'static str,
    pub(super) creator: Named,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) browser: Option<Named>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) pages: Vec<Page>,
    pub(super) entries: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) version: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    pub(super) started_date_time: String,
    pub(super) id: String,
    pub(super) title: String,
    pub(super) page_timings: PageTimings,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageTimings {
    pub(super) on_content_load: f64,
    pub(super) on_load: f64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) http_version: String,
    pub(super) cookies: Vec<Pair>,
    pub(super) headers: Vec<Pair>,
    pub(super) query_string: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) post_data: Option<PostData>,
    pub(super) headers_size: i64,
    pub(super) body_size: i64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) status_text: String,
    pub(super) http_version: String,
    pub(super) cookies: Vec<Pair>,
    pub(super) headers: Vec<Pair>,
    pub(super) content: Content,
    #[serde(rename = "redirectURL")]
    pub(super) redirect_url: String,
    pub(super) headers_size: i64,
    pub(super) body_size: i64,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Pair {
    pub(super) name: String,
    pub(super) value: String,
}

impl Pair {
    pub(super) fn of(name: &str, value: &str) -> Self {
        let value = if is_credential(name) {
            REDACTED.to_owned()
        } else if name.eq_ignore_ascii_case("location") || name.eq_ignore_ascii_case("referer") {
            redacted_url(value)
        } else {
            value.to_owned()
        };
        Self { name: name.to_owned(), value }
    }

    /// A cookie has a name for all to see; its value is nobody's business.
    pub(super) fn cookie(pair: &str) -> Option<Self> {
        let (name, _) = pair.split_once('=')?;
        Some(Self { name: name.trim().to_owned(), value: REDACTED.to_owned() })
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostData {
    pub(super) mime_type: String,
    pub(super) params: Vec<Pair>,
    pub(super) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    pub(super) size: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compression: Option<i64>,
    pub(super) mime_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Cache {}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct TimingsInMillis {
    pub(super) blocked: f64,
    pub(super) dns: f64,
    pub(super) connect: f64,
    pub(super) send: f64,
    pub(super) wait: f64,
    pub(super) receive: f64,
    pub(super) ssl: f64,
}

impl TimingsInMillis {
    pub(super) fn of(timings: Timings) -> Self {
        let connect = match (timings.connect, timings.ssl) {
            (None, None) => None,
            (connect, ssl) => Some(connect.unwrap_or_default() + ssl.unwrap_or_default()),
        };
        Self {
            blocked: optional(timings.blocked),
            dns: optional(timings.dns),
            connect: optional(connect),
            send: millis(timings.send),
            wait: millis(timings.wait),
            receive: millis(timings.receive),
            ssl: optional(timings.ssl),
        }
    }

    /// The sum of the parts that were done; TLS is in `connect`.
    pub(super) fn total(self) -> f64 {
        [self.blocked, self.dns, self.connect, self.send, self.wait, self.receive]
            .into_iter()
            .filter(|part| *part > 0.0)
            .sum()
    }
}

pub(super) fn moment(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "1970-01-01T00:00:00.000Z".to_owned(), |time| format!("{time:.3}"))
}

/// -1 is the format's word for what does not apply.
pub(super) fn optional(time: Option<Duration>) -> f64 {
    time.map_or(-1.0, millis)
}

pub(super) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

pub(super) fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn query_of(url: &str) -> Vec<Pair> {
    let Some((_, query)) = url.split_once('?') else { return Vec::new() };
    let query = query.split('#').next().unwrap_or_default();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Pair::of(name, value)
        })
        .collect()
}
