//! Requests and what became of them.

use std::collections::{HashMap, VecDeque};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::Value;

use super::super::{Event, FrameId, Request, RequestId, Response, Timing};
use super::json::Fields as _;
use super::page::Page;
use crate::page::url::shown;

/// The requests that are under way, whichever session told of them: a document that moves to another process is asked for in
/// one session and answered in another.
#[derive(Debug, Default)]
pub(super) struct Network {
    underway: HashMap<RequestId, Underway>,
    /// The heads that came over the wire before what they are the heads of.
    early: HashMap<RequestId, VecDeque<Headers>>,
}

type Headers = Vec<(String, String)>;

/// How many requests may have heads that came early: those that nothing else is ever told of must not pile up.
const EARLY: usize = 256;

#[derive(Debug, Default)]
struct Underway {
    /// What is to be added to the times of the protocol, in milliseconds, to get those of the calendar.
    epoch: f64,
    timing: Timing,
    from_memory: bool,
    /// An answer whose head has not come yet: only that has the cookies.
    headless: Option<Response>,
    /// How many heads are still to come that nobody waits for.
    too_late: usize,
}

pub(super) fn take(page: &Page, event: &str, parameters: &Value) {
    let id = RequestId(parameters.text("requestId").into());
    let told = match event {
        "requestWillBeSent" => sent(page, id, parameters),
        "requestServedFromCache" => {
            if let Some(underway) = page.state().network.underway.get_mut(&id) {
                underway.from_memory = true;
            }
            None
        }
        "responseReceivedExtraInfo" => head(page, id, headers(&parameters["headers"])),
        "responseReceived" => received(page, &id, parameters),
        "loadingFinished" => finished(page, id, parameters),
        "loadingFailed" => failed(page, id, parameters),
        _ => None,
    };
    if let Some(event) = told {
        page.tell(event);
    }
}

/// Returns the request that waits.
pub(super) fn held(parameters: &Value) -> Request {
    let id = parameters["networkId"].as_str().unwrap_or_else(|| parameters.text("requestId"));
    let kind = parameters.text("resourceType").to_lowercase();
    let navigation = kind == "document";
    Request { kind, navigation, ..request(RequestId(id.into()), parameters) }
}

fn sent(page: &Page, id: RequestId, parameters: &Value) -> Option<Event> {
    // What is in the URL itself is asked of nobody.
    if parameters["request"].text("url").starts_with("data:") {
        return None;
    }
    let at = parameters.number("wallTime") * 1000.0;
    let epoch = at - parameters.number("timestamp") * 1000.0;
    let mut underway = Underway { epoch, ..Underway::default() };
    let mut redirect = None;
    {
        let network = &mut page.state().network;
        if let Some(before) = network.underway.remove(&id) {
            underway.too_late = before.too_late;
            let answer = &parameters["redirectResponse"];
            if answer.is_object() {
                let mut response = response(id.clone(), &before, answer, parameters);
                if parameters.holds("redirectHasExtraInfo") {
                    match network.early(&id) {
                        Some(head) => response.headers = head,
                        None => underway.too_late += 1,
                    }
                }
                redirect = Some(Box::new(response));
            }
        }
        network.underway.insert(id.clone(), underway);
    }
    let navigation = parameters.text("requestId") == parameters.text("loaderId") && parameters["type"] == "Document";
    let initiator = initiator(&parameters["initiator"]);
    let kind = parameters.text("type").to_lowercase();
    Some(Event::Request(Request { at, kind, initiator, navigation, redirect, ..request(id, parameters) }))
}

fn received(page: &Page, id: &RequestId, parameters: &Value) -> Option<Event> {
    let network = &mut page.state().network;
    let head = parameters.holds("hasExtraInfo").then(|| network.early(id));
    let underway = network.underway.get_mut(id)?;
    let mut response = response(id.clone(), underway, &parameters["response"], parameters);
    underway.timing = response.timing;
    match head {
        None => {}
        Some(Some(head)) => response.headers = head,
        Some(None) => {
            underway.headless = Some(response);
            return None;
        }
    }
    Some(Event::Response(response))
}

/// The head of an answer as it came over the wire, before or after the answer itself.
fn head(page: &Page, id: RequestId, head: Headers) -> Option<Event> {
    let network = &mut page.state().network;
    if let Some(underway) = network.underway.get_mut(&id) {
        if underway.too_late > 0 {
            underway.too_late -= 1;
            return None;
        }
        if let Some(response) = underway.headless.take() {
            return Some(Event::Response(Response { headers: head, ..response }));
        }
    }
    if network.early.len() < EARLY || network.underway.contains_key(&id) {
        network.early.entry(id).or_default().push_back(head);
    }
    None
}

fn finished(page: &Page, id: RequestId, parameters: &Value) -> Option<Event> {
    let underway = end(page, &id)?;
    Some(Event::Finished {
        at: underway.epoch + parameters.number("timestamp") * 1000.0,
        transferred: parameters.count("encodedDataLength"),
        timing: underway.timing,
        id,
    })
}

fn failed(page: &Page, id: RequestId, parameters: &Value) -> Option<Event> {
    let underway = end(page, &id)?;
    let mut error = parameters.text("errorText").to_owned();
    // Why says more than that: `net::ERR_FAILED`, and CORS or CSP in a field beside it.
    let blocked = parameters["corsErrorStatus"]["corsError"].as_str().or_else(|| parameters["blockedReason"].as_str());
    if let Some(reason) = blocked {
        error = format!("{error} ({reason})");
    }
    Some(Event::Failed {
        at: underway.epoch + parameters.number("timestamp") * 1000.0,
        error,
        cancelled: parameters.holds("canceled"),
        id,
    })
}

fn end(page: &Page, id: &RequestId) -> Option<Underway> {
    let network = &mut page.state().network;
    network.early.remove(id);
    let mut underway = network.underway.remove(id)?;
    // Its head never came.
    if let Some(response) = underway.headless.take() {
        page.tell(Event::Response(response));
    }
    Some(underway)
}

impl Network {
    fn early(&mut self, id: &RequestId) -> Option<Headers> {
        self.early.get_mut(id).and_then(VecDeque::pop_front)
    }
}

fn request(id: RequestId, parameters: &Value) -> Request {
    let request = &parameters["request"];
    Request {
        id,
        frame: parameters["frameId"].as_str().map(|frame| FrameId(frame.into())),
        at: 0.0,
        method: request.text("method").to_owned(),
        url: format!("{}{}", request.text("url"), request.text("urlFragment")),
        headers: headers(&request["headers"]),
        body: body(request),
        kind: String::new(),
        initiator: String::new(),
        navigation: false,
        redirect: None,
    }
}

fn response(id: RequestId, underway: &Underway, answer: &Value, parameters: &Value) -> Response {
    let timing = &answer["timing"];
    let seconds = match timing.number("requestTime") {
        0.0 => parameters.number("timestamp"),
        asked => asked + timing.number("receiveHeadersEnd").max(0.0) / 1000.0,
    };
    let from_cache = ["fromDiskCache", "fromServiceWorker", "fromPrefetchCache"].iter().any(|name| answer.holds(name));
    let peer = answer["remoteIPAddress"].as_str().filter(|address| !address.is_empty());
    Response {
        id,
        at: underway.epoch + seconds * 1000.0,
        url: answer.text("url").to_owned(),
        status: u16::try_from(answer.count("status")).unwrap_or_default(),
        status_text: answer.text("statusText").to_owned(),
        headers: headers(&answer["headers"]),
        protocol: protocol(answer.text("protocol")),
        mime_type: answer.text("mimeType").to_owned(),
        from_cache: from_cache || underway.from_memory,
        peer: peer.map(|address| format!("{address}:{}", answer.count("remotePort"))),
        timing: phases(timing),
    }
}

/// Returns the headers of an object that has one field for each name, with a line for each value.
fn headers(headers: &Value) -> Headers {
    let Some(headers) = headers.as_object() else { return Vec::new() };
    let values = headers.iter().filter_map(|(name, value)| value.as_str().map(|value| (name, value)));
    values.flat_map(|(name, value)| value.split('\n').map(|line| (name.clone(), line.to_owned()))).collect()
}

fn body(request: &Value) -> Option<Bytes> {
    let entries = request.items("postDataEntries");
    if entries.is_empty() {
        return request["postData"].as_str().map(|text| Bytes::copy_from_slice(text.as_bytes()));
    }
    let parts = entries.iter().filter_map(|entry| BASE64_STANDARD.decode(entry.text("bytes")).ok());
    Some(parts.flatten().collect::<Vec<u8>>().into())
}

fn initiator(initiator: &Value) -> String {
    match initiator.text("type") {
        "other" => String::new(),
        "script" => {
            // What was waited for is in the stack's parents.
            let mut stack = &initiator["stack"];
            while stack.items("callFrames").is_empty() && stack["parent"].is_object() {
                stack = &stack["parent"];
            }
            match stack.items("callFrames").first() {
                Some(call) => {
                    format!("script {}:{}", shown(call.text("url")), call.count("lineNumber") + 1)
                }
                None => "script".to_owned(),
            }
        }
        kind => kind.to_lowercase(),
    }
}

fn protocol(protocol: &str) -> String {
    match protocol {
        "h2" => "HTTP/2".to_owned(),
        "h3" => "HTTP/3".to_owned(),
        other => other.to_uppercase(),
    }
}

/// Returns the parts of a request, as `blackbox_exporter` divides it: connecting is without TLS.
///
/// The browser gives when each began and ended, in milliseconds from the request on; -1 for what was not done, which is
/// all of connecting on a connection that was there already.
fn phases(timing: &Value) -> Timing {
    let at = |name: &str| timing[name].as_f64().filter(|at| *at >= 0.0);
    let from_to = |from: Option<f64>, to: Option<f64>| Some((to? - from?).max(0.0));
    let tls = at("sslStart");
    // The first byte, where the browser is new enough to tell it from the last of the head.
    let answered = at("receiveHeadersStart").filter(|at| *at > 0.0).or_else(|| at("receiveHeadersEnd"));
    Timing {
        resolve: from_to(at("dnsStart"), at("dnsEnd")),
        connect: from_to(at("connectStart"), tls.or_else(|| at("connectEnd"))),
        tls: from_to(tls, at("sslEnd")),
        processing: from_to(at("sendStart"), answered),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_phases_of_a_request_are_those_that_were_gone_through() {
        let timing = |resolve, connect, tls, processing| Timing { resolve, connect, tls, processing };
        for (told, expected) in [
            (
                json!({
                    "requestTime": 1.0, "dnsStart": 1.0, "dnsEnd": 4.0, "connectStart": 4.0, "sslStart": 9.0, "sslEnd": 20.0,
                    "connectEnd": 20.0, "sendStart": 20.5, "sendEnd": 21.0, "receiveHeadersStart": 70.5,
                    "receiveHeadersEnd": 71.0,
                }),
                timing(Some(3.0), Some(5.0), Some(11.0), Some(50.0)),
            ),
            (
                json!({
                    "dnsStart": -1, "dnsEnd": -1, "connectStart": 0.5, "connectEnd": 2.5, "sslStart": -1, "sslEnd": -1,
                    "sendStart": 3, "receiveHeadersEnd": 10,
                }),
                timing(None, Some(2.0), None, Some(7.0)),
            ),
            (
                json!({
                    "dnsStart": -1, "dnsEnd": -1, "connectStart": -1, "connectEnd": -1, "sslStart": -1, "sslEnd": -1,
                    "sendStart": 0.5, "sendEnd": 1.0, "receiveHeadersStart": 2.0, "receiveHeadersEnd": 2.5,
                }),
                timing(None, None, None, Some(1.5)),
            ),
            (Value::Null, Timing::default()),
        ] {
            assert_eq!(phases(&told), expected, "{told}");
        }
    }

    #[test]
    fn a_header_with_several_values_is_several_headers() {
        let told = headers(&json!({ "set-cookie": "a=1\nb=2", "x": "y" }));
        let expected = [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x", "y")];
        assert_eq!(told, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_asked_for_a_request_is_said_in_words() {
        let call = json!({ "callFrames": [{ "url": "https://shop.example/app.js", "lineNumber": 11 }] });
        for (told, words) in [
            (json!({ "type": "parser", "url": "https://shop.example/" }), "parser"),
            (json!({ "type": "script", "stack": call }), "script https://shop.example/app.js:12"),
            (
                json!({ "type": "script", "stack": { "callFrames": [], "parent": call } }),
                "script https://shop.example/app.js:12",
            ),
            (json!({ "type": "script" }), "script"),
            // A script that is in a document has the document's URL.
            (
                json!({ "type": "script", "stack": { "callFrames": [{ "url": "https://shop.example/reset?token=abc#x", "lineNumber": 11 }] } }),
                "script https://shop.example/reset?token=…:12",
            ),
            (json!({ "type": "other" }), ""),
        ] {
            assert_eq!(initiator(&told), words);
        }
    }
}
