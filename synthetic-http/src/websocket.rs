//! [`WebSocket`]: messages both ways, over a connection that begins as a request.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use synthetic_core::expect::{Matcher, Mismatch};
use synthetic_core::{Failure, Result};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;

pub use self::message::{Close, Message};
use crate::account::Account;
use crate::awaited::Awaited;
use crate::request::Request;
use crate::response::short_type_name;
use crate::wire;

mod message;
mod opening;
mod trouble;

/// # Opening a WebSocket (feature `websocket`)
impl Request {
    /// Sends the request as the opening of a WebSocket, and returns what is spoken on it.
    ///
    /// It is a request like all others, over HTTP/1.1 on a connection of its own: to an `http` or `https` URL (`ws` and `wss` are
    /// their other names), with the headers, credentials and cookies, the TLS and the phases of every request. A subprotocol is asked
    /// for by a header, `Sec-WebSocket-Protocol`; a server that chooses another one fails, and that it chooses one at all is expected by
    /// [`header`](crate::header()): `.expect(header("sec-websocket-protocol", "shop.v1"))`. Extensions are not spoken.
    ///
    /// What bounds it: the request's [`timeout`](Self::timeout), from its start to the last message, with that of the run and of
    /// the step that waits; [`idle_timeout`](Self::idle_timeout), a server's pings being signs of life; and
    /// [`max_body`](Self::max_body), in bytes of one message.
    ///
    /// Source: RFC 6455.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send). A server that refuses is told with its status and the beginning of its body, and one that does
    /// not agree as RFC 6455 says, section 4.1, with what it said.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use synthetic_core::prelude::*;
    /// # async fn example(api: synthetic_http::Http) -> Result {
    /// let mut live = api.get("/live").timeout(secs(20)).websocket().await?;
    /// live.send_json(&serde_json::json!({"subscribe": "orders"})).await?;
    /// live.expect_json("$.subscribed", true).await?;
    /// live.until_json("$.order.status", "shipped").await?;
    /// live.close().await?;
    /// # Ok(()) }
    /// ```
    pub async fn websocket(self) -> Result<WebSocket> {
        Box::pin(opening::connect(self)).await
    }
}

/// Holds an open WebSocket. Dropping it closes the connection, without the goodbye that [`close`](Self::close) says.
///
/// The request that opened it is recorded when it is closed, fails or is dropped.
#[must_use = "nothing is said or heard until it is asked for"]
pub struct WebSocket {
    socket: Box<WebSocketStream<reqwest::Upgraded>>,
    account: Account,
    limit: usize,
    protocol: Option<String>,
    /// Why nothing may be said, if the server is no test host.
    no_test_host: Option<String>,
    /// What came while a pong was awaited.
    waiting: VecDeque<Message>,
    came: u64,
    last: Option<Message>,
    closed: Option<Close>,
}

impl WebSocket {
    /// Returns the subprotocol that the server chose.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Sends a message: a text, or bytes.
    ///
    /// What is said may change something, so that [`Http::only_test_hosts`](crate::Http::only_test_hosts) allows it on test hosts
    /// only; to listen is allowed everywhere.
    ///
    /// # Errors
    ///
    /// Returns why it could not be sent. Within a run it is recorded.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(mut live: synthetic_http::WebSocket) -> synthetic_core::Result {
    /// live.send("hello").await?;
    /// live.send(vec![0xCA, 0xFE]).await?;
    /// # Ok(()) }
    /// ```
    pub async fn send(&mut self, message: impl Into<Message>) -> Result {
        if let Some(refusal) = &self.no_test_host {
            let failure = Failure::setup(format!("a message of {} cannot be sent: {refusal}", self.account.name));
            return Err(self.account.raise(failure));
        }
        let frame = match message.into() {
            Message::Text(text) => Frame::text(text),
            Message::Binary(bytes) => Frame::binary(bytes),
        };
        self.put(frame).await
    }

    /// Sends a value as a text of JSON.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send); and an error of our own where the value cannot be written as JSON.
    pub async fn send_json<T: Serialize + ?Sized + Sync>(&mut self, value: &T) -> Result {
        match serde_json::to_string(value) {
            Ok(text) => self.send(text).await,
            Err(error) => {
                let failure =
                    Failure::setup(format!("a message of {} cannot be written as JSON: {error}", self.account.name));
                Err(self.account.raise(failure))
            }
        }
    }

    /// Returns the next message.
    ///
    /// # Errors
    ///
    /// Returns why none came: the server closed the WebSocket, with its code and reason; the connection broke; the time was up; the
    /// message was too large. Within a run it is recorded.
    pub async fn next(&mut self) -> Result<Message> {
        self.take("a message").await
    }

    /// Expects something of the next message, which must be a text, and counts as a check.
    ///
    /// # Errors
    ///
    /// As of [`next`](Self::next); and a failure that says what was there instead.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use synthetic_core::prelude::*;
    /// # async fn example(mut live: synthetic_http::WebSocket) -> Result {
    /// live.expect(starts_with("welcome")).await?;
    /// # Ok(()) }
    /// ```
    pub async fn expect(&mut self, matcher: impl Matcher<String>) -> Result<String> {
        self.judged("text", Awaited::text(matcher)).await
    }

    /// Expects something of what a JSON path (RFC 9535) selects in the next message, and counts as a check.
    ///
    /// # Errors
    ///
    /// As of [`expect`](Self::expect).
    pub async fn expect_json(&mut self, path: &str, matcher: impl Matcher<Value>) -> Result<String> {
        self.judged(path, Awaited::json(path, matcher)).await
    }

    /// Waits for the first text that is as the matcher says, whatever comes before it, and counts as a check.
    ///
    /// # Errors
    ///
    /// As of [`next`](Self::next), with how many messages came, and the last of them.
    pub async fn until(&mut self, matcher: impl Matcher<String>) -> Result<String> {
        self.wait(Awaited::text(matcher)).await
    }

    /// Waits for the first text in which, as JSON, what a JSON path (RFC 9535) selects is as the matcher says, whatever comes before
    /// it, and counts as a check.
    ///
    /// # Errors
    ///
    /// As of [`until`](Self::until).
    pub async fn until_json(&mut self, path: &str, matcher: impl Matcher<Value>) -> Result<String> {
        self.wait(Awaited::json(path, matcher)).await
    }

    /// Reads the next message as JSON of a type.
    ///
    /// # Errors
    ///
    /// As of [`next`](Self::next); and a failure that says where the message is not as the type wants it.
    pub async fn read<T: DeserializeOwned>(&mut self) -> Result<T> {
        let wanted = format!("is JSON of the form {}", short_type_name::<T>());
        let message = self.take(&wanted).await?;
        serde_json::from_slice(message.as_bytes()).map_err(|error| {
            self.unmet("JSON", Mismatch::new(wanted, format!("a message that is not: {error}")), &message)
        })
    }

    /// Sends a ping and returns how long its pong took. Messages that come meanwhile are kept, at most `max_body` bytes of them.
    ///
    /// # Errors
    ///
    /// As of [`next`](Self::next).
    pub async fn ping(&mut self) -> Result<Duration> {
        let payload = fastrand::u64(..).to_be_bytes().to_vec();
        let began = Instant::now();
        self.put(Frame::Ping(payload.clone().into())).await?;
        loop {
            match self.pull().await {
                Ok(Some(Frame::Pong(pong))) if *pong == *payload => return Ok(began.elapsed()),
                Ok(Some(frame)) => {
                    if let Some(message) = message::of(frame) {
                        self.waiting.push_back(message);
                    }
                    if self.waiting.iter().map(|message| message.as_bytes().len() + 64).sum::<usize>() > self.limit {
                        let deadline = self.account.deadline();
                        let failure = self.account.broken(trouble::too_large(self.limit), deadline);
                        return Err(self.account.raise(failure));
                    }
                }
                Ok(None) => return Err(self.ended("a pong")),
                Err(failure) => return Err(self.account.raise(failure.evidence("awaited", "a pong"))),
            }
        }
    }

    /// Closes the WebSocket with code 1000 and waits for the server to do so too. Messages that were still on their way are dropped.
    ///
    /// # Errors
    ///
    /// Returns a failure where the server does not close in time, or breaks the connection off instead.
    pub async fn close(mut self) -> Result<Close> {
        if self.closed.is_none() {
            use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};
            let goodbye = CloseFrame { code: CloseCode::Normal, reason: "".into() };
            self.put(Frame::Close(Some(goodbye))).await?;
        }
        self.closed().await
    }

    /// Waits for the server to close the WebSocket, and returns with which code and reason. Messages that come before are dropped.
    ///
    /// # Errors
    ///
    /// Returns a failure where the server does not close in time, or breaks the connection off instead.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(mut live: synthetic_http::WebSocket) -> synthetic_core::Result {
    /// live.send("not a valid command").await?;
    /// assert_eq!(live.closed().await?.code, 1008);
    /// # Ok(()) }
    /// ```
    pub async fn closed(&mut self) -> Result<Close> {
        loop {
            match self.pull().await {
                Ok(Some(_)) => {}
                Ok(None) => match self.closed.clone() {
                    Some(close) => {
                        self.account.record();
                        return Ok(close);
                    }
                    None => return Err(self.ended("closes the WebSocket")),
                },
                Err(failure) => {
                    return Err(self.account.raise(failure.evidence("awaited", "the close of the WebSocket")));
                }
            }
        }
    }

    /// Returns the next message, or why there is none, where `wanted` was.
    async fn take(&mut self, wanted: &str) -> Result<Message> {
        match self.message().await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(self.ended(wanted)),
            Err(failure) => Err(self.account.raise(failure.evidence("awaited", wanted))),
        }
    }

    async fn judged(&mut self, subject: &str, awaited: Result<Awaited<'_>, String>) -> Result<String> {
        self.account.count_check();
        let awaited = awaited.map_err(|defect| self.account.defect(&defect))?;
        let message = self.take(&awaited.wanted).await?;
        match message {
            Message::Text(text) => match awaited.judge(&text) {
                Ok(()) => Ok(text),
                Err(mismatch) => Err(self.unmet(subject, mismatch, &Message::Text(text))),
            },
            Message::Binary(_) => {
                let mismatch = Mismatch::new(awaited.wanted, "a message of bytes, not of text");
                Err(self.unmet(subject, mismatch, &message))
            }
        }
    }

    async fn wait(&mut self, awaited: Result<Awaited<'_>, String>) -> Result<String> {
        self.account.count_check();
        let awaited = awaited.map_err(|defect| self.account.defect(&defect))?;
        let wanted = format!("a message that {}", awaited.wanted);
        loop {
            if let Message::Text(text) = self.take(&wanted).await?
                && awaited.is(&text)
            {
                return Ok(text);
            }
        }
    }

    fn unmet(&mut self, subject: &str, mismatch: Mismatch, message: &Message) -> Failure {
        let subject = format!("{subject} of message {} of {}", self.came, self.account.name);
        let failure = Failure::mismatch(subject, mismatch);
        let failure = self.account.with_evidence(failure).evidence("message", message.shown(&self.account));
        self.account.raise(failure)
    }

    fn ended(&mut self, wanted: &str) -> Failure {
        let actual = match &self.closed {
            Some(close) => format!("the server closed the WebSocket with {close}"),
            None => "the WebSocket was closed before".to_owned(),
        };
        let failure = Failure::new(format!("messages of {}", self.account.name)).expected(wanted).actual(actual);
        let failure = self.account.with_evidence(failure);
        let failure = self.with_what_came(failure);
        self.account.raise(failure)
    }

    fn with_what_came(&self, failure: Failure) -> Failure {
        let messages = if self.came == 1 { "message" } else { "messages" };
        let failure = failure.evidence("came", format!("{} {messages} in all", self.came));
        match &self.last {
            Some(last) => failure.evidence("last message", last.shown(&self.account)),
            None => failure,
        }
    }

    /// Returns the next message, or `None` once the server closed; a failure is not raised yet.
    async fn message(&mut self) -> Result<Option<Message>> {
        loop {
            let message = match self.waiting.pop_front() {
                Some(message) => message,
                None => match self.pull().await {
                    Ok(None) => return Ok(None),
                    Ok(Some(frame)) => match message::of(frame) {
                        Some(message) => message,
                        None => continue,
                    },
                    Err(failure) => return Err(self.with_what_came(failure)),
                },
            };
            self.came += 1;
            self.last = Some(message.clone());
            return Ok(Some(message));
        }
    }

    /// Returns what comes next, or `None` once the server closed; a failure is not raised yet.
    async fn pull(&mut self) -> Result<Option<Frame>> {
        if self.closed.is_some() {
            return Ok(None);
        }
        let deadline = self.account.deadline();
        let Some(journey) = &mut self.account.journey else { return Err(self.account.over()) };
        let error = match wire::within(journey, deadline.at, self.account.idle, self.socket.next()).await {
            Ok(Some(Ok(Frame::Close(close)))) => {
                self.closed = Some(message::close(close));
                // The goodbye goes out with the next poll; a server that is gone already does not need it.
                let _ = tokio::time::timeout_at(deadline.at, self.socket.flush()).await;
                self.account.finish();
                return Ok(None);
            }
            Ok(Some(Ok(frame))) => {
                journey.received += frame.len() as u64;
                return Ok(Some(frame));
            }
            Ok(Some(Err(error))) => trouble::of(&error, self.limit),
            Ok(None) => trouble::gone(),
            Err(error) => error,
        };
        Err(self.account.broken(error, deadline))
    }

    async fn put(&mut self, frame: Frame) -> Result {
        if self.closed.is_some() {
            return Err(self.ended("an open WebSocket to send on"));
        }
        let deadline = self.account.deadline();
        let Some(journey) = &self.account.journey else {
            let failure = self.account.over();
            return Err(self.account.raise(failure));
        };
        let error = match wire::within(journey, deadline.at, None, self.socket.send(frame)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => trouble::of(&error, self.limit),
            Err(error) => error,
        };
        let failure = self.account.broken(error, deadline).evidence("awaited", "a message to be sent");
        Err(self.account.raise(failure))
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.closed.is_some() || self.account.journey.is_none() { "closed" } else { "open" };
        write!(f, "WebSocket({}, {state}, {} messages so far)", self.account.name, self.came)
    }
}
