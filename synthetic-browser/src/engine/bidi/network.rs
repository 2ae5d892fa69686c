//! What Firefox says of requests, in the words of the seam. It has times as milliseconds since 1970, and 0 for what was not done.

use serde_json::Value;

use crate::engine::{FrameId, Request, RequestId, Response, Timing};

/// Whether a URL is one that goes over the network; what pictures in `data:` URLs cost is part of the document that has them.
pub(super) fn is_network(event: &Value) -> bool {
    let url = event["request"]["url"].as_str().unwrap_or_default();
    ["http://", "https://", "ws://", "wss://"].iter().any(|scheme| url.starts_with(scheme))
}

pub(super) fn id(event: &Value) -> RequestId {
    RequestId(event["request"]["request"].as_str().unwrap_or_default().into())
}

pub(super) fn request(event: &Value, redirect: Option<Response>) -> Request {
    let request = &event["request"];
    let destination = request["destination"].as_str().unwrap_or_default();
    let initiator = request["initiatorType"].as_str().unwrap_or_default();
    Request {
        id: id(event),
        frame: event["context"].as_str().map(|id| FrameId(id.into())),
        at: first_positive([&request["timings"]["requestTime"], &event["timestamp"]]),
        method: text(&request["method"]),
        url: text(&request["url"]),
        headers: headers(&request["headers"]),
        body: None,
        kind: kind(destination, initiator).to_owned(),
        initiator: match initiator {
            "fetch" | "xmlhttprequest" | "beacon" => "script".to_owned(),
            other => other.to_owned(),
        },
        navigation: !event["navigation"].is_null() && matches!(destination, "document" | "iframe" | "frame"),
        redirect: redirect.map(Box::new),
    }
}

pub(super) fn response(event: &Value) -> Response {
    let response = &event["response"];
    Response {
        id: id(event),
        at: first_positive([&event["request"]["timings"]["responseStart"], &event["timestamp"]]),
        url: text(&response["url"]),
        status: response["status"].as_u64().and_then(|status| status.try_into().ok()).unwrap_or_default(),
        status_text: text(&response["statusText"]),
        headers: headers(&response["headers"]),
        protocol: protocol(response["protocol"].as_str().unwrap_or_default()),
        mime_type: response["mimeType"]
            .as_str()
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned(),
        from_cache: response["fromCache"].as_bool().unwrap_or_default(),
        // Firefox does not tell.
        peer: None,
        timing: timing(event),
    }
}

/// Returns when the answer was complete, and how many bytes it took.
pub(super) fn finished(event: &Value) -> (f64, u64) {
    let at = first_positive([&event["request"]["timings"]["responseEnd"], &event["timestamp"]]);
    let from_cache = event["response"]["fromCache"].as_bool().unwrap_or_default();
    let received = event["response"]["bytesReceived"].as_u64().unwrap_or_default();
    (at, if from_cache { 0 } else { received })
}

pub(super) fn timing(event: &Value) -> Timing {
    let timings = &event["request"]["timings"];
    let between = |from: &str, to: &str| {
        let (from, to) = (timings[from].as_f64()?, timings[to].as_f64()?);
        // 0 is what it has for what was not done: on a connection that was there already, and for TLS with plain HTTP.
        (from > 0.0 && to >= from).then_some(to - from)
    };
    let tls = between("tlsStart", "tlsEnd");
    Timing {
        resolve: between("dnsStart", "dnsEnd"),
        connect: if tls.is_some() {
            between("connectStart", "tlsStart")
        } else {
            between("connectStart", "connectEnd")
        },
        tls,
        processing: between("requestStart", "responseStart"),
    }
}

/// Whether an answer leads to another request, which keeps its number.
pub(super) fn is_redirect(response: &Response) -> bool {
    matches!(response.status, 301 | 302 | 303 | 307 | 308)
        && response.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("location"))
}

/// Returns the word for an error that says most: of `NS_ERROR_GENERATE_FAILURE(NS_ERROR_MODULE_SECURITY, SEC_ERROR_UNKNOWN_ISSUER)`
/// the last.
pub(super) fn error_word(text: &str) -> String {
    let text = text.strip_prefix("Error: ").unwrap_or(text).trim();
    let inner = text.strip_prefix("NS_ERROR_GENERATE_FAILURE(").and_then(|rest| rest.strip_suffix(')'));
    match inner.and_then(|inner| inner.rsplit(", ").next()) {
        Some(word) => word.to_owned(),
        None => text.to_owned(),
    }
}

fn kind<'a>(destination: &'a str, initiator: &'a str) -> &'a str {
    match destination {
        "document" | "iframe" | "frame" | "embed" | "object" => "document",
        "style" => "stylesheet",
        "audio" | "video" => "media",
        "track" => "texttrack",
        "script" | "worker" | "sharedworker" | "serviceworker" | "audioworklet" | "paintworklet" => "script",
        "" => match initiator {
            "xmlhttprequest" => "xhr",
            "fetch" => "fetch",
            "beacon" => "ping",
            "websocket" => "websocket",
            _ => "other",
        },
        other => other,
    }
}

fn protocol(word: &str) -> String {
    match word {
        "h2" => "HTTP/2".to_owned(),
        "h3" => "HTTP/3".to_owned(),
        other => other.to_ascii_uppercase(),
    }
}

fn headers(list: &Value) -> Vec<(String, String)> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|header| (text(&header["name"]), text(&header["value"]["value"]))).collect()
}

fn first_positive(values: [&Value; 2]) -> f64 {
    values.into_iter().filter_map(Value::as_f64).find(|value| *value > 0.0).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(timings: Value) -> Value {
        json!({ "request": { "timings": timings } })
    }

    #[test]
    fn what_was_not_done_has_no_time() {
        let reused =
            event(json!({ "dnsStart": 0, "dnsEnd": 0, "connectStart": 0, "connectEnd": 0, "tlsStart": 0, "tlsEnd": 0,
            "requestStart": 1_795_271_792_281.5, "responseStart": 1_795_271_792_283.0 }));
        assert_eq!(timing(&reused), Timing { processing: Some(1.5), ..Timing::default() });
    }

    #[test]
    fn plain_http_has_no_tls_though_firefox_says_when_it_ended() {
        let plain =
            event(json!({ "dnsStart": 10.0, "dnsEnd": 12.0, "connectStart": 12.0, "connectEnd": 15.0, "tlsStart": 0,
            "tlsEnd": 15.0, "requestStart": 15.0, "responseStart": 20.0 }));
        let expected = Timing { resolve: Some(2.0), connect: Some(3.0), tls: None, processing: Some(5.0) };
        assert_eq!(timing(&plain), expected);
    }

    #[test]
    fn connecting_does_not_have_the_time_of_tls() {
        let secure = event(json!({ "connectStart": 12.0, "connectEnd": 25.0, "tlsStart": 15.0, "tlsEnd": 25.0 }));
        assert_eq!(timing(&secure), Timing { connect: Some(3.0), tls: Some(10.0), ..Timing::default() });
    }

    #[test]
    fn the_word_for_a_failure_of_tls_is_that_of_the_library_below() {
        let text = "Error: NS_ERROR_GENERATE_FAILURE(NS_ERROR_MODULE_SECURITY, SEC_ERROR_UNKNOWN_ISSUER)";
        assert_eq!(error_word(text), "SEC_ERROR_UNKNOWN_ISSUER");
        assert_eq!(error_word("Error: NS_ERROR_CONNECTION_REFUSED"), "NS_ERROR_CONNECTION_REFUSED");
    }
}
