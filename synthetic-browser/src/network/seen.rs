//! [`PageRequest`]: a request that a page made, and what became of it.

use std::time::Duration;

use crate::engine::Timing;
use crate::page::limit::span;
use crate::page::url::shown;
use crate::page::watch::{Exchange, ExchangeEnd, Tally};

/// A request that a page made, and what became of it so far.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PageRequest {
    /// The method: `GET`.
    pub method: String,
    /// The whole URL, also what is secret in it: mind where it goes.
    pub url: String,
    /// The status of the answer, if there is one.
    pub status: Option<u16>,
    /// What it is for, as the browsers call it: `document`, `script`, `stylesheet`, `image`, `font`, `fetch`, `xhr`, ….
    pub kind: String,
    /// What asked for it: `parser`, `script https://shop.example/app.js:12`, without the values in the query of the script. Firefox
    /// tells no place; empty where it is not known.
    pub initiator: String,
    /// The bytes that came over the network: those of the body as it was sent, in Chromium with the head. 0 from a cache.
    pub size: u64,
    /// How long it took until all was there, or it failed; `None` while it goes on.
    pub duration: Option<Duration>,
    /// Whether it came from a cache or from a worker.
    pub from_cache: bool,
    /// The browser's word for why there is no answer, or not the whole of it: `net::ERR_CONNECTION_REFUSED`,
    /// `NS_ERROR_CONNECTION_REFUSED`.
    pub failed: Option<String>,
    /// Whether it was broken off by the page itself: because it went elsewhere, or a script gave up.
    pub cancelled: bool,
    /// Whether it was made by a frame within the page.
    pub in_frame: bool,
    /// The path of names of the step in which it was made.
    pub step: Vec<String>,
}

impl PageRequest {
    /// Returns it as far as it is known, `None` when it is not one over http or https.
    pub(crate) fn of(exchange: &Exchange, tally: &Tally) -> Option<Self> {
        let Exchange { request, response, end, step } = exchange;
        if !is_http(&request.url) {
            return None;
        }
        let duration = ended_at(exchange).map(|at| millis(at - request.at));
        let (size, failed, cancelled) = match end {
            Some(ExchangeEnd::Finished { transferred, .. }) => (*transferred, None, false),
            Some(ExchangeEnd::Failed { error, .. }) => (0, Some(error.clone()), is_cancelled(exchange)),
            Some(ExchangeEnd::Redirected) | None => (0, None, false),
        };
        Some(Self {
            method: request.method.clone(),
            url: request.url.clone(),
            status: response.as_ref().map(|response| response.status).filter(|status| *status > 0),
            kind: request.kind.clone(),
            initiator: request.initiator.clone(),
            size,
            duration,
            from_cache: response.as_ref().is_some_and(|response| response.from_cache),
            failed,
            cancelled,
            in_frame: request.frame.as_ref().is_some_and(|frame| *frame != tally.main),
            step: step.as_ref().map(|step| step.path.clone()).unwrap_or_default(),
        })
    }
}

/// Writes a request in a line: `GET https://shop.example/app.js: 404`.
pub(crate) fn line(exchange: &Exchange) -> String {
    let Exchange { request, response, end, .. } = exchange;
    let status = response.as_ref().map(|response| response.status.to_string());
    let came = match (end, status) {
        (Some(ExchangeEnd::Failed { error, .. }), Some(status)) => format!("{status}, then {error}"),
        (Some(ExchangeEnd::Failed { error, .. }), None) => error.clone(),
        (None, Some(status)) => format!("{status}, and not yet its end"),
        (None, None) => "no answer yet".to_owned(),
        (Some(_), Some(status)) => {
            let took = ended_at(exchange).map(|at| format!(" in {}", span(millis(at - request.at))));
            status + &took.unwrap_or_default()
        }
        (Some(_), None) => "no answer".to_owned(),
    };
    format!("{} {}: {came}", request.method, shown(&request.url))
}

/// Returns when it was over, in milliseconds since 1970.
pub(crate) fn ended_at(exchange: &Exchange) -> Option<f64> {
    match &exchange.end {
        Some(ExchangeEnd::Finished { at, .. } | ExchangeEnd::Failed { at, .. }) => Some(*at),
        Some(ExchangeEnd::Redirected) => exchange.response.as_ref().map(|response| response.at),
        None => None,
    }
}

/// Returns whether the page itself broke it off: Firefox says so with a word only.
pub(crate) fn is_cancelled(exchange: &Exchange) -> bool {
    match &exchange.end {
        Some(ExchangeEnd::Failed { error, cancelled, .. }) => {
            *cancelled || error.contains("ERR_ABORTED") || error.contains("NS_BINDING_ABORTED")
        }
        _ => false,
    }
}

/// Returns its parts, as far as they are known.
pub(crate) fn timing(exchange: &Exchange) -> Timing {
    match (&exchange.end, &exchange.response) {
        (Some(ExchangeEnd::Finished { timing, .. }), _) => *timing,
        (_, Some(response)) => response.timing,
        _ => Timing::default(),
    }
}

pub(crate) fn is_http(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

pub(crate) fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms.max(0.0) / 1000.0).unwrap_or_default()
}
