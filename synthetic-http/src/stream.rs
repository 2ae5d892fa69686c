//! [`ResponseStream`]: an answer that is taken piece by piece.

use std::fmt;

use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;
use synthetic_core::{Failure, Result};

use crate::account::Account;
use crate::header;
use crate::open::{Answer, open};
use crate::request::Request;
use crate::response::short_type_name;
use crate::wire::{self, Exchange, Over};

/// # Taking the answer piece by piece
impl Request {
    /// Sends the request, judges the head of its answer, and returns its body as it comes.
    ///
    /// What bounds it: the request's [`timeout`](Self::timeout), from its start to the last byte that is taken, with that of the
    /// run and of the step that takes; [`idle_timeout`](Self::idle_timeout); and [`max_body`](Self::max_body), in bytes over all.
    /// The answer is asked for without compression, and taken as it comes.
    ///
    /// Only what the head has can be expected: [`status`](crate::status), [`header`](crate::header()), [`cookie`](crate::cookie),
    /// [`redirects`](crate::redirects), [`http_version`](crate::http_version), [`cert_days_left`](crate::cert_days_left).
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send); an expectation of a whole body is an error of our own (`Setup`), and nothing is sent.
    ///
    /// # Cancellation
    ///
    /// As of [`send`](Self::send). What is dropped later closes the connection, and is recorded as it was by then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(api: synthetic_http::Http) -> synthetic_core::Result {
    /// #[derive(serde::Deserialize)]
    /// struct Row { id: u64 }
    ///
    /// let mut export = api.get("/export.ndjson").max_body(64 << 20).stream().await?;
    /// let mut last = 0;
    /// while let Some(row) = export.next_json::<Row>().await? {
    ///     assert!(row.id > last, "rows are sorted");
    ///     last = row.id;
    /// }
    /// # Ok(()) }
    /// ```
    pub async fn stream(self) -> Result<ResponseStream> {
        Box::pin(async move { Ok(ResponseStream::of(open(as_it_is(self), Over::Any).await?)) }).await
    }
}

/// Holds an answer whose body is taken piece by piece. Dropping it closes the connection.
///
/// The request is recorded when the stream ends, fails or is dropped.
#[must_use = "nothing is read until a piece is asked for"]
pub struct ResponseStream {
    head: Exchange,
    response: reqwest::Response,
    account: Account,
    /// What came and was not asked for yet, and how much of it is known to have no line break.
    rest: BytesMut,
    searched: usize,
    lines: u64,
    ended: bool,
}

impl ResponseStream {
    pub(crate) fn of(answer: Answer) -> Self {
        let Answer { head, response, account } = answer;
        Self { head, response, account, rest: BytesMut::new(), searched: 0, lines: 0, ended: false }
    }

    /// Returns the status: `200`.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// Returns the first value of a header, as [`Response::header`](crate::Response::header) does.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header::text(self.head.headers.get(name)?)
    }

    /// Returns how many bytes of the body have come so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.account.received()
    }

    /// Returns the next bytes as they came, or `None` at the end of the body.
    ///
    /// # Errors
    ///
    /// Returns why no more came: the time that was up, the silence that was too long, the limit that was reached, the
    /// connection that was closed before its time. Within a run it is recorded. Whoever asks again is told so again.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        if !self.rest.is_empty() {
            self.searched = 0;
            return Ok(Some(self.rest.split().freeze()));
        }
        match self.pull().await {
            Ok(None) => Ok(self.at_its_end()),
            Ok(chunk) => Ok(chunk),
            Err(failure) => Err(self.account.raise(failure)),
        }
    }

    /// Returns the next line as text, without its `\n` or `\r\n`, or `None` at the end of the body. The last line need not
    /// have an end. Bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    ///
    /// As of [`next`](Self::next).
    pub async fn next_line(&mut self) -> Result<Option<String>> {
        let line = self.line().await?;
        Ok(line.map(|line| String::from_utf8_lossy(&line).into_owned()))
    }

    /// Reads the next line that is not blank as JSON of a type, or returns `None` at the end of the body: JSON Lines, also known
    /// as NDJSON.
    ///
    /// Source: <https://jsonlines.org>.
    ///
    /// # Errors
    ///
    /// As of [`next`](Self::next); and a failure that says in which line what is not as the type wants it.
    pub async fn next_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        loop {
            let Some(line) = self.line().await? else { return Ok(None) };
            if line.trim_ascii().is_empty() {
                continue;
            }
            return serde_json::from_slice(&line).map(Some).map_err(|error| {
                let shown = self.account.shown(&String::from_utf8_lossy(&line));
                let failure = Failure::new(format!("line {} of {}", self.lines, self.account.name))
                    .expected(format!("is JSON of the form {}", short_type_name::<T>()))
                    .actual(format!("a line that is not: {error}"))
                    .evidence("line", shown);
                let failure = self.account.with_evidence(failure);
                self.account.raise(failure)
            });
        }
    }

    async fn line(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(at) = self.rest[self.searched..].iter().position(|byte| *byte == b'\n') {
                let mut line = self.rest.split_to(self.searched + at + 1);
                self.searched = 0;
                line.truncate(line.len() - 1);
                return Ok(Some(self.counted(line)));
            }
            self.searched = self.rest.len();
            match self.pull().await {
                Ok(Some(chunk)) => self.rest.extend_from_slice(&chunk),
                Ok(None) if self.rest.is_empty() => return Ok(self.at_its_end()),
                Ok(None) => {
                    self.searched = 0;
                    let line = self.rest.split();
                    return Ok(Some(self.counted(line)));
                }
                Err(failure) => return Err(self.account.raise(failure)),
            }
        }
    }

    fn at_its_end<T>(&mut self) -> Option<T> {
        self.account.record();
        None
    }

    fn counted(&mut self, mut line: BytesMut) -> Bytes {
        self.lines += 1;
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        line.freeze()
    }

    /// Returns the next bytes; a failure is not raised yet.
    pub(crate) async fn pull(&mut self) -> Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        let deadline = self.account.deadline();
        let idle = self.account.idle;
        let Some(journey) = &mut self.account.journey else { return Err(self.account.over()) };
        match wire::chunk(journey, &mut self.response, deadline.at, idle).await {
            Ok(Some(chunk)) => Ok(Some(chunk)),
            Ok(None) => {
                self.ended = true;
                self.account.finish();
                Ok(None)
            }
            Err(error) => Err(self.account.broken(error, deadline)),
        }
    }

    pub(crate) fn account(&mut self) -> &mut Account {
        &mut self.account
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseStream({}, {}, {} bytes so far)", self.account.name, self.status(), self.received())
    }
}

/// Asks for an answer without compression, unless the request says otherwise.
pub(crate) fn as_it_is(request: Request) -> Request {
    if request.headers.contains_key("accept-encoding") {
        request
    } else {
        request.header("accept-encoding", "identity")
    }
}
