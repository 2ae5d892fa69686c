//! The requests of a page in the report of the run, from which metrics are made.

use ::url::{Position, Url};
use synthetic_core::report::{RequestReport, path_template};
use synthetic_core::{Reason, Run};

use crate::network::rules::Rules;
use crate::network::seen::{ended_at, is_cancelled, is_http, millis, timing};
use crate::page::no_answer::reason;
use crate::page::watch::{Exchange, ExchangeEnd, Tally};

/// The most requests of one page that are recorded.
const MOST: usize = 500;

/// Records the requests of a page in its run, each in the step in which it was made.
///
/// Those count that ask the target for something: not those from a cache, not those that the page broke off, not those that
/// we blocked or answered, and not the browser's own for the icon of the site. What has no answer yet counts only when a
/// document of a frame waits for it: as one that ran out of time.
pub(crate) fn record(run: &Run, tally: &Tally, rules: &Rules) {
    let counted: Vec<&Exchange> = tally.requests.iter().filter(|each| counts(each, rules)).collect();
    for exchange in counted.iter().take(MOST) {
        run.record_request_in(exchange.step.as_ref().map(|step| step.place), report(exchange));
    }
    let left_out = counted.len().saturating_sub(MOST) as u64 + tally.requests_left_out;
    if left_out > 0 {
        run.warn(format!("the page made more requests than are recorded: {left_out} are left out"));
    }
}

fn counts(exchange: &Exchange, rules: &Rules) -> bool {
    let Exchange { request, response, end, .. } = exchange;
    let from_cache = response.as_ref().is_some_and(|response| response.from_cache);
    let over = end.is_some() || request.navigation;
    is_http(&request.url)
        && over
        && !from_cache
        && !exchange.is_icon()
        && !is_cancelled(exchange)
        && !rules.decided(&request.id)
}

fn report(exchange: &Exchange) -> RequestReport {
    let Exchange { request, response, end, .. } = exchange;
    let mut report = RequestReport::new(request.method.clone(), named(&request.url));
    report.status = response.as_ref().map(|response| response.status).filter(|status| *status > 0);
    report.reason = match end {
        Some(ExchangeEnd::Failed { error, .. }) => Some(reason(error)),
        None => Some(Reason::Timeout),
        Some(ExchangeEnd::Finished { .. } | ExchangeEnd::Redirected) => None,
    };
    if let Some(ExchangeEnd::Finished { transferred, .. }) = end {
        report.size = *transferred;
    }
    let ended = ended_at(exchange);
    report.duration = ended.map(|at| millis(at - request.at)).unwrap_or_default();
    let timing = timing(exchange);
    report.phases.resolve = timing.resolve.map(millis);
    report.phases.connect = timing.connect.map(millis);
    report.phases.tls = timing.tls.map(millis);
    report.phases.processing = timing.processing.map(millis);
    if let Some(response) = response {
        report.phases.transfer = ended.filter(|_| end.is_some()).map(|at| millis(at - response.at));
        report.protocol = (!response.protocol.is_empty()).then(|| response.protocol.clone().into());
        report.peer = response.peer.as_ref().and_then(|peer| address(peer));
        report.reused = timing.connect.is_none();
    }
    report
}

/// Reads `127.0.0.1:443`, or `::1:443` as Chromium writes it.
fn address(peer: &str) -> Option<std::net::SocketAddr> {
    peer.parse().ok().or_else(|| {
        let (host, port) = peer.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host.parse::<std::net::IpAddr>().ok()?, port.parse().ok()?).into())
    })
}

/// Writes a URL as the name of its kind: without query and user info, ids and the hashes in the names of files left out.
fn named(text: &str) -> String {
    let Ok(url) = Url::parse(text) else { return "unknown".to_owned() };
    let origin = format!("{}://{}", url.scheme(), &url[Position::BeforeHost..Position::BeforePath]);
    let path = path_template(url.path());
    match path.rsplit_once('/') {
        Some((folder, file)) if file.contains('.') => format!("{origin}{folder}/{}", unhashed(file)),
        _ => origin + &path,
    }
}

/// Writes the name of a file without what changes with each build: `app.3f9ac21b.js` is `app.{hash}.js`.
fn unhashed(file: &str) -> String {
    let Some((stem, extension)) = file.rsplit_once('.') else { return file.to_owned() };
    let (stem, ends) = match stem.rsplit_once(['.', '-', '_']) {
        Some((before, last)) if is_hash(last) => (&stem[..=before.len()], "{hash}"),
        None if is_hash(stem) => ("", "{hash}"),
        _ => (stem, ""),
    };
    format!("{stem}{ends}.{extension}")
}

fn is_hash(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.len() >= 8 && digits > 0 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_named_without_what_changes() {
        for (url, name) in [
            ("https://u:p@shop.example/orders/17?token=x#y", "https://shop.example/orders/{id}"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
            ("https://cdn.example/app.3f9ac21b.js", "https://cdn.example/app.{hash}.js"),
            ("https://cdn.example/v2/main-B3x9Kq2Z.css?v=1", "https://cdn.example/v2/main-{hash}.css"),
            ("https://cdn.example/jquery-3.7.1.min.js", "https://cdn.example/jquery-3.7.1.min.js"),
            ("https://cdn.example/0123456789abcdef.png", "https://cdn.example/{hash}.png"),
        ] {
            assert_eq!(named(url), name);
        }
    }

    #[test]
    fn an_address_is_read_as_either_browser_writes_it() {
        for (text, read) in [("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:80", "[::1]:80"), ("::1:80", "[::1]:80")] {
            assert_eq!(address(text), read.parse().ok());
        }
        assert_eq!(address("somewhere"), None);
    }
}
