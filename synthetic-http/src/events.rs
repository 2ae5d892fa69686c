//! [`Events`]: server-sent events, one after the other.

use std::fmt;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use serde::de::DeserializeOwned;
use serde_json::Value;
use synthetic_core::expect::{Matcher, Mismatch};
use synthetic_core::{Failure, Result};

use self::parser::Parser;
use crate::awaited::Awaited;
use crate::expect::{self, status};
use crate::header::media_type;
use crate::open::open;
use crate::request::Request;
use crate::response::short_type_name;
use crate::stream::{ResponseStream, as_it_is};
use crate::wire::Over;

mod parser;

/// # Taking server-sent events
impl Request {
    /// Sends the request, and returns the server-sent events of its answer as they come.
    ///
    /// The answer must be a 200 (unless another [`status`] is expected) of the type `text/event-stream`. Nothing is connected anew:
    /// an end that came too early is for the canary to see. What bounds a [stream](Self::stream) bounds it.
    ///
    /// Source: WHATWG HTML, section 9.2, <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
    ///
    /// # Errors
    ///
    /// As of [`stream`](Self::stream).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use synthetic_core::prelude::*;
    /// # async fn example(api: synthetic_http::Http) -> Result {
    /// let mut events = api.get("/orders/7/events").timeout(secs(30)).events().await?;
    /// let shipped = events.until_json("$.status", "shipped").await?;
    /// assert_eq!(shipped.event, "order.updated");
    /// # Ok(()) }
    /// ```
    pub async fn events(self) -> Result<Events> {
        Box::pin(async move {
            let mut request = as_it_is(self);
            if !request.headers.contains_key("accept") {
                request = request.header("accept", "text/event-stream");
            }
            if !request.headers.contains_key("cache-control") {
                request = request.header("cache-control", "no-store");
            }
            if !request.expected.iter().any(expect::Expectation::is_of_the_status) {
                request.expected.insert(0, status(200));
            }
            let request = request.expect(is_an_event_stream());
            let stream = ResponseStream::of(open(request, Over::Any).await?);
            Ok(Events { stream, parser: Parser::default(), rest: Bytes::new(), named: None, came: 0, last: None })
        })
        .await
    }
}

fn is_an_event_stream() -> expect::Expectation {
    expect::that("content type", |answer| {
        let kind = answer.header("content-type");
        if kind.is_some_and(|kind| media_type(kind).eq_ignore_ascii_case("text/event-stream")) {
            return Ok(());
        }
        let actual = kind.map_or_else(|| "no content type".to_owned(), |kind| format!("{kind:?}"));
        Err(Mismatch::new("is text/event-stream", actual))
    })
    .of_the_head()
}

/// Holds one server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The last id that the stream gave, up to and with this event; empty where it gave none.
    pub id: String,
    /// The name of the event; `message` where the stream gives none.
    pub event: String,
    /// The data, its lines joined with `\n`.
    pub data: String,
    /// How long the stream asks to wait before a new connection, as far as it has said so.
    pub retry: Option<Duration>,
}

impl Event {
    /// Reads the data as JSON of a type.
    ///
    /// # Errors
    ///
    /// Returns a failure that says where the data is not as the type wants it.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let place = std::panic::Location::caller();
        serde_json::from_str(&self.data).map_err(|error| {
            let failure = Failure::new(format!("data of the event {:?}", self.event))
                .expected(format!("is JSON of the form {}", short_type_name::<T>()))
                .actual(format!("data that is not: {error}"))
                .at(place);
            crate::scope::raise(failure, synthetic_core::Run::current().as_ref(), None)
        })
    }
}

/// Takes server-sent events, one after the other. Dropping it closes the connection.
#[must_use = "nothing is read until an event is asked for"]
pub struct Events {
    stream: ResponseStream,
    parser: Parser,
    /// What came and is not read yet.
    rest: Bytes,
    /// The only name that counts.
    named: Option<String>,
    came: u64,
    last: Option<Event>,
}

impl Events {
    /// Leaves out events of other names.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(api: synthetic_http::Http) -> synthetic_core::Result {
    /// let mut ticks = api.get("/events").events().await?.named("tick");
    /// let tick = ticks.next().await?;
    /// # let _ = tick; Ok(()) }
    /// ```
    pub fn named(mut self, event: impl Into<String>) -> Self {
        self.named = Some(event.into());
        self
    }

    /// Returns the next event, or `None` where the server ended the stream. An event that was not complete by then is none.
    ///
    /// # Errors
    ///
    /// As of [`ResponseStream::next`].
    pub async fn next(&mut self) -> Result<Option<Event>> {
        match self.pull().await {
            Ok(None) => {
                self.stream.account().record();
                Ok(None)
            }
            Ok(event) => Ok(event),
            Err(failure) => Err(self.stream.account().raise(failure)),
        }
    }

    /// Waits for the first event whose data is as the matcher says, and counts as a check.
    ///
    /// # Errors
    ///
    /// Returns a failure where the stream ends, or its time, before it came: with how many events came, and the last of them.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use synthetic_core::prelude::*;
    /// # async fn example(api: synthetic_http::Http) -> Result {
    /// let mut events = api.get("/builds/7/log").events().await?;
    /// events.until(contains("build succeeded")).await?;
    /// # Ok(()) }
    /// ```
    pub async fn until(&mut self, matcher: impl Matcher<String>) -> Result<Event> {
        self.wait(Awaited::text(matcher)).await
    }

    /// Waits for the first event in whose data, as JSON, what a JSON path (RFC 9535) selects is as the matcher says, and counts
    /// as a check. Data that is not JSON is not it.
    ///
    /// # Errors
    ///
    /// As of [`until`](Self::until).
    pub async fn until_json(&mut self, path: &str, matcher: impl Matcher<Value>) -> Result<Event> {
        self.wait(Awaited::json(path, matcher)).await
    }

    async fn wait(&mut self, awaited: Result<Awaited<'_>, String>) -> Result<Event> {
        self.stream.account().count_check();
        let awaited = awaited.map_err(|defect| self.stream.account().defect(&defect))?;
        let wanted = || format!("an event whose data {}", awaited.wanted);
        let before = self.came;
        loop {
            let failure = match self.pull().await {
                Ok(Some(event)) if awaited.is(&event.data) => return Ok(event),
                Ok(Some(_)) => continue,
                Ok(None) => {
                    let failure = Failure::new(format!("events of {}", self.stream.account().name));
                    let failure = failure.expected(wanted()).actual("the server ended the stream before it came");
                    self.stream.account().with_evidence(failure)
                }
                Err(failure) => failure.evidence("awaited", wanted()),
            };
            let failure = self.with_what_came(failure, self.came - before);
            return Err(self.stream.account().raise(failure));
        }
    }

    fn with_what_came(&mut self, failure: Failure, since: u64) -> Failure {
        let named = self.named.as_ref().map(|name| format!(" named {name:?}")).unwrap_or_default();
        let events = if since == 1 { "event" } else { "events" };
        let came = format!("{since} {events}{named} while it was awaited, {} in all", self.came);
        let failure = failure.evidence("came", came);
        let Some(last) = self.last.clone() else { return failure };
        let shown = self.stream.account().shown(&last.data);
        let id = if last.id.is_empty() { String::new() } else { format!(", id {}", last.id) };
        failure.evidence("last event", format!("{}{id}: {shown}", last.event))
    }

    /// Returns the next event; a failure is not raised yet.
    async fn pull(&mut self) -> Result<Option<Event>> {
        loop {
            let mut unread = &self.rest[..];
            let event = self.parser.next(&mut unread);
            let unread = unread.len();
            self.rest.advance(self.rest.len() - unread);
            if let Some(event) = event {
                if self.named.as_ref().is_none_or(|named| *named == event.event) {
                    self.came += 1;
                    self.last = Some(event.clone());
                    return Ok(Some(event));
                }
                continue;
            }
            let Some(chunk) = self.stream.pull().await? else { return Ok(None) };
            self.rest = chunk;
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Events({:?}, {} so far)", self.stream, self.came)
    }
}
