//! How a WebSocket is opened: RFC 6455, section 4.1.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use synthetic_core::expect::Mismatch;
use synthetic_core::{Failure, Result};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::WebSocket;
use crate::carried::at_home;
use crate::expect::{self, Expectation, status};
use crate::header::text;
use crate::open::{Answer, open};
use crate::request::Request;
use crate::response::Response;
use crate::wire::{Kind, Over, Phase, WireError};

/// Opens a WebSocket, and returns it where the server agrees.
pub(super) async fn connect(request: Request) -> Result<WebSocket> {
    let key = BASE64_STANDARD.encode(fastrand::u128(..).to_be_bytes());
    let mut request = request
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", &key);
    if !request.expected.iter().any(Expectation::is_of_the_status) {
        request.expected.insert(0, status(101));
    }
    let asked_for = subprotocols(&request);
    let request = request.expect(agreed(accepted(&key), asked_for));
    let limit = request.max_body.unwrap_or(request.settings.max_body);
    let test_hosts = request.settings.test_hosts.clone();
    let Answer { head, response, mut account } = open(request, Over::Http1).await?;
    if head.status.as_u16() != 101 {
        let failure = Failure::setup(format!("{}: a WebSocket cannot be opened by a {}", account.name, head.status));
        return Err(account.raise(failure));
    }
    let upgraded = response.upgrade().await.map_err(|error| {
        let deadline = account.deadline();
        let message = format!("processing: the connection was not handed over after its upgrade: {error}");
        let failure = account.broken(WireError::new(Phase::Processing, Kind::Protocol, message), deadline);
        account.raise(failure)
    })?;
    let config = WebSocketConfig::default().max_message_size(Some(limit)).max_frame_size(Some(limit));
    let socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
    let protocol = head.headers.get("sec-websocket-protocol").and_then(text).map(str::to_owned);
    let no_test_host = test_hosts.and_then(|hosts| hosts.refusal(&head.final_url));
    Ok(WebSocket {
        socket: Box::new(socket),
        no_test_host,
        account,
        limit,
        protocol,
        waiting: VecDeque::new(),
        came: 0,
        last: None,
        closed: None,
    })
}

/// Returns what a server answers to a key (RFC 6455, section 4.2.2).
fn accepted(key: &str) -> String {
    let both = [key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"].concat();
    BASE64_STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, both.as_bytes()))
}

/// Returns the subprotocols that a request asks for.
fn subprotocols(request: &Request) -> Vec<String> {
    const NAME: &str = "sec-websocket-protocol";
    let home = request.url().is_ok_and(|url| at_home(&request.settings, &url));
    // Its own take the place of those of its `Http`, which go to its origin only.
    let of_all = &request.settings.headers;
    let headers =
        if request.headers.contains_key(NAME) { Some(&request.headers) } else { Some(of_all).filter(|_| home) };
    let lines = headers.into_iter().flat_map(|headers| headers.get_all(NAME)).filter_map(text);
    lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Expects that a server which switched protocols has switched to the one that was asked for.
fn agreed(accept: String, asked_for: Vec<String>) -> Expectation {
    expect::that("upgrade", move |answer: &Response| {
        if answer.status() != 101 {
            return Ok(());
        }
        let has = |name: &str, token: &str| answer.header_list(name).any(|element| element.eq_ignore_ascii_case(token));
        let said = |name: &str| {
            answer.header(name).map_or_else(|| format!("no header {name}"), |value| format!("{name}: {value}"))
        };
        if !has("upgrade", "websocket") {
            return Err(Mismatch::new("has upgrade: websocket", said("upgrade")));
        }
        if !has("connection", "upgrade") {
            return Err(Mismatch::new("has connection: upgrade", said("connection")));
        }
        if answer.header("sec-websocket-accept").map(str::trim) != Some(&*accept) {
            let expected = "has the sec-websocket-accept that belongs to the key which was sent";
            return Err(Mismatch::new(expected, said("sec-websocket-accept")));
        }
        let chosen: Vec<&str> = answer.header_all("sec-websocket-protocol").map(str::trim).collect();
        let known = |chosen: &str| asked_for.iter().any(|asked_for| asked_for == chosen);
        match chosen.as_slice() {
            [] => {}
            [one] if known(one) => {}
            some => {
                let expected = match asked_for.as_slice() {
                    [] => "has no subprotocol, as none was asked for".to_owned(),
                    asked_for => format!("has one subprotocol of those that were asked for: {}", asked_for.join(", ")),
                };
                return Err(Mismatch::new(expected, format!("sec-websocket-protocol: {}", some.join(", "))));
            }
        }
        match answer.header("sec-websocket-extensions") {
            Some(extensions) => Err(Mismatch::new("has no extension that was not asked for", extensions)),
            None => Ok(()),
        }
    })
    .of_the_head()
}
