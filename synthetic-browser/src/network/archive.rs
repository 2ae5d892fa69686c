//! The requests of a page as an HTTP archive.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use synthetic_core::artifact::har::{Archive, Entry, Timings};

use crate::engine::RequestId;
use crate::network::seen::{ended_at, is_http, millis, timing};
use crate::page::url::shown;
use crate::page::watch::{Exchange, ExchangeEnd, Tally};

/// Bodies of answers, by their requests.
pub(crate) type Bodies = HashMap<RequestId, Bytes>;

/// Writes the archive of what a page asked; `None` when that is nothing. `browser` is its name and version.
pub(crate) fn archive(tally: &Tally, bodies: &Bodies, browser: &str) -> Option<Bytes> {
    let mut archive = Archive::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    if let Some((name, version)) = browser.rsplit_once(' ') {
        archive = archive.browser(name, version);
    }
    let mut page = None;
    // A redirect keeps the number of the request, and belongs to the page that it leads to.
    let mut navigated = None;
    for exchange in tally.requests.iter().filter(|exchange| is_http(&exchange.request.url)) {
        let request = &exchange.request;
        let of_main = request.frame.as_ref().is_none_or(|frame| *frame == tally.main);
        if request.navigation && of_main && navigated != Some(&request.id) {
            navigated = Some(&request.id);
            let id = format!("page_{}", page.map_or(1, |n: usize| n + 1));
            archive.page(id, shown(&request.url), moment(request.at), None, None);
            page = Some(page.map_or(1, |n| n + 1));
        }
        archive.push(entry(exchange, page, bodies.get(&request.id)));
    }
    (!archive.is_empty()).then(|| archive.to_bytes())
}

fn entry(exchange: &Exchange, page: Option<usize>, body: Option<&Bytes>) -> Entry {
    let Exchange { request, response, end, step } = exchange;
    let mut entry = Entry::new(&*request.method, &request.url, moment(request.at));
    if let Some(page) = page {
        entry = entry.page(format!("page_{page}"));
    }
    if let Some(step) = step {
        entry = entry.step(step.path.join(" > "));
    }
    if !request.initiator.is_empty() {
        entry = entry.initiator(&*request.initiator);
    }
    for (name, value) in &request.headers {
        entry = entry.request_header(name, value);
    }
    if let Some(body) = &request.body {
        let of = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-type");
        let media_type = request.headers.iter().find(of).map_or("", |(_, value)| value);
        entry = entry.request_body(media_type, body);
    }
    if let Some(response) = response {
        entry = entry.protocol(&response.protocol).answer(response.status, &response.status_text);
        for (name, value) in &response.headers {
            entry = entry.answer_header(name, value);
        }
        if let Some(peer) = &response.peer {
            let address = peer.rsplit_once(':').map_or(&**peer, |(address, _)| address);
            entry = entry.server(address.trim_start_matches('[').trim_end_matches(']'));
        }
    }
    match end {
        Some(ExchangeEnd::Finished { transferred, .. }) => {
            let decoded = body.map_or(*transferred, |body| body.len() as u64);
            entry = entry.answer_size(decoded, Some(*transferred));
            if let Some(body) = body {
                entry = entry.answer_body(body);
            }
        }
        Some(ExchangeEnd::Failed { error, .. }) => entry = entry.error(&**error),
        Some(ExchangeEnd::Redirected) => {}
        None => entry = entry.error("it was not over when the journey was"),
    }
    entry.timings(timings(exchange))
}

/// Returns the parts of a request. What is not known of its whole time was waiting, before it was sent.
fn timings(exchange: &Exchange) -> Timings {
    let known = timing(exchange);
    let Exchange { request, response, .. } = exchange;
    let ended = ended_at(exchange);
    let receive = match (response, ended) {
        (Some(response), Some(ended)) => millis(ended - response.at),
        _ => Duration::ZERO,
    };
    let mut timings = Timings {
        dns: known.resolve.map(millis),
        connect: known.connect.map(millis),
        ssl: known.tls.map(millis),
        wait: known.processing.map(millis).unwrap_or_default(),
        receive,
        ..Timings::default()
    };
    let parts = [timings.dns, timings.connect, timings.ssl, Some(timings.wait), Some(timings.receive)];
    let known: Duration = parts.into_iter().flatten().sum();
    timings.blocked = ended.map(|ended| millis(ended - request.at).saturating_sub(known));
    timings
}

fn moment(ms: f64) -> SystemTime {
    UNIX_EPOCH + millis(ms)
}
