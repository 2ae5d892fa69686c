//! What is said on a connection, in turns.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use synthetic_core::Run;
use synthetic_core::expect::{self, Matcher, Mismatch, Sense, described};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::dial::causes;
use super::reply::Reply;
use super::trail::{Stage, Trail, escaped};
use crate::wire::diagnose::unconnected;
use crate::wire::{Kind, Phase, WireError};

/// The most bytes that are read, unless said otherwise.
const MAX_READ: usize = 64 * 1024;
/// How many characters of what came a message shows.
const SHOWN: usize = 120;

/// Turns of sending and of reading what is expected.
#[derive(Clone)]
pub(super) struct Dialogue {
    turns: Vec<Turn>,
    pub(super) max_read: usize,
}

type Text = Arc<dyn Matcher<String>>;

#[derive(Clone)]
enum Turn {
    Send(Bytes),
    Line(Text),
    Match(Text),
    Reply(Reply),
    Bytes(Bytes),
    End,
}

/// What came of a dialogue.
#[derive(Default)]
pub(super) struct Said {
    /// Everything that was read, in order.
    pub(super) received: Vec<u8>,
    /// The turn that ended it.
    pub(super) unmet: Option<(String, Mismatch)>,
}

impl fmt::Debug for Said {
    /// Without what was said, which may be anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Said({} bytes)", self.received.len())
    }
}

impl Dialogue {
    pub(super) fn new() -> Self {
        Self { turns: Vec::new(), max_read: MAX_READ }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    pub(super) fn send(&mut self, bytes: impl Into<Bytes>) {
        self.turns.push(Turn::Send(bytes.into()));
    }

    /// Adds a turn, or returns what is wrong with its matcher.
    pub(super) fn line(&mut self, matcher: impl Matcher<String> + 'static) -> Result<(), String> {
        let defect = matcher.defect();
        self.turns.push(Turn::Line(Arc::new(matcher)));
        defect.map_or(Ok(()), |defect| Err(format!("what is expected of a line: {defect}")))
    }

    /// Adds a turn, or returns what is wrong with its matcher.
    pub(super) fn until(&mut self, matcher: impl Matcher<String> + 'static) -> Result<(), String> {
        let defect = matcher.defect();
        self.turns.push(Turn::Match(Arc::new(matcher)));
        defect.map_or(Ok(()), |defect| Err(format!("what is expected to be said: {defect}")))
    }

    /// Adds a turn, or returns what is wrong with its pattern or its answer.
    pub(super) fn reply(&mut self, pattern: &str, answer: &str) -> Result<(), String> {
        self.turns.push(Turn::Reply(Reply::new(pattern, answer)?));
        Ok(())
    }

    /// Adds a turn, or says that it would expect nothing.
    pub(super) fn bytes(&mut self, bytes: impl Into<Bytes>) -> Result<(), String> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err("`expect_bytes` is given no bytes, so that nothing is expected".to_owned());
        }
        self.turns.push(Turn::Bytes(bytes));
        Ok(())
    }

    pub(super) fn end(&mut self) {
        self.turns.push(Turn::End);
    }

    /// Takes the turns one by one; the first that is not as expected ends it.
    pub(super) async fn hold<S>(&self, stream: S, peer: &str, trail: &mut Trail) -> Result<Said, WireError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        if self.is_empty() {
            return Ok(Said::default());
        }
        let mut talk = Talk::new(stream, peer, self.max_read, trail);
        let mut unmet = None;
        for turn in &self.turns {
            let judged = match turn {
                Turn::Send(bytes) => {
                    talk.send(bytes).await?;
                    continue;
                }
                Turn::Line(matcher) => {
                    let wanted = format!("a line that {}", described(&**matcher, Sense::Is));
                    let line = talk.line(&wanted).await?;
                    expect::check(&line, &**matcher).map_err(|mismatch| ("line", mismatch))
                }
                Turn::Match(matcher) => {
                    talk.until(&**matcher).await?;
                    Ok(())
                }
                Turn::Reply(reply) => {
                    let wanted = format!("a line that matches {}", reply.pattern());
                    let answer = loop {
                        if let Some(answer) = reply.to(&talk.line(&wanted).await?) {
                            break answer;
                        }
                    };
                    talk.send(answer.as_bytes()).await?;
                    continue;
                }
                Turn::Bytes(bytes) => talk.bytes(bytes).await?.map_err(|mismatch| ("bytes", mismatch)),
                Turn::End => talk.end().await?.map_err(|mismatch| ("end of the connection", mismatch)),
            };
            if let Err((subject, mismatch)) = judged {
                unmet = Some((subject.to_owned(), mismatch));
                break;
            }
        }
        Ok(Said { received: talk.received, unmet })
    }
}

/// Gives a check that has a `dialogue` and a `check` the methods by which both are written.
macro_rules! turns {
    ($check:ty, $answer:ty) => {
        /// # What is said
        impl $check {
            /// Sends bytes, as they are: a line needs its `\r\n`.
            pub fn send(mut self, bytes: impl Into<bytes::Bytes>) -> Self {
                self.dialogue.send(bytes);
                self
            }

            /// Reads a line, to `\n` or `\r\n`, and expects something of it. Bytes that are not UTF-8 are replaced.
            pub fn expect_line(mut self, matcher: impl synthetic_core::expect::Matcher<String> + 'static) -> Self {
                let added = self.dialogue.line(matcher);
                self.check.parsed(added);
                self
            }

            /// Reads until what came since the turn before matches: `contains("ready")`, `matches("(?m)^250 ")`.
            ///
            /// At least one byte has to come. All that had come by then belongs to this turn.
            pub fn expect_match(mut self, matcher: impl synthetic_core::expect::Matcher<String> + 'static) -> Self {
                let added = self.dialogue.until(matcher);
                self.check.parsed(added);
                self
            }

            /// Reads lines until one matches a regular expression, and sends an answer in which `$1` or `${name}` is what a
            /// group of it matched, and `$$` a dollar: for a server that wants its own word back.
            ///
            /// A group that the pattern does not have is an error of our own, found before anything is sent.
            ///
            /// # Examples
            ///
            /// ```
            /// use synthetic_http::net::Tcp;
            /// let _chat = Tcp::at("chat.internal:6667").send("NICK canary\r\n").reply(r"^PING :(\S+)", "PONG :$1\r\n");
            /// ```
            pub fn reply(mut self, pattern: impl AsRef<str>, answer: impl AsRef<str>) -> Self {
                let added = self.dialogue.reply(pattern.as_ref(), answer.as_ref());
                self.check.parsed(added);
                self
            }

            /// Reads as many bytes as these, and expects these. To expect none is a mistake that is found before anything is
            /// sent.
            ///
            /// # Examples
            ///
            /// ```
            /// use synthetic_http::net::Tcp;
            /// // SOCKS 5: one method is offered, and taken.
            /// let _proxy = Tcp::at("proxy.internal:1080").send(&b"\x05\x01\x00"[..]).expect_bytes(&b"\x05\x00"[..]);
            /// ```
            pub fn expect_bytes(mut self, bytes: impl Into<bytes::Bytes>) -> Self {
                let added = self.dialogue.bytes(bytes);
                self.check.parsed(added);
                self
            }

            /// Expects that the server closes the connection, and says nothing before.
            pub fn expect_end(mut self) -> Self {
                self.dialogue.end();
                self
            }

            /// Sets the most bytes that are read in all turns together. 64 KiB unless set.
            pub fn max_read(mut self, bytes: usize) -> Self {
                self.dialogue.max_read = bytes;
                self
            }

            /// Demands something of what came of it as a whole. All that is demanded is judged, then one failure lists everything
            /// unmet.
            pub fn expect(mut self, expectation: crate::expect::Expectation<$answer>) -> Self {
                self.check.expect(expectation);
                self
            }

            /// Wishes something of what came of it: what is not met degrades the run and stops nothing.
            pub fn prefer(mut self, expectation: crate::expect::Expectation<$answer>) -> Self {
                self.check.prefer(expectation);
                self
            }

            /// Sets the time for all of it. The time of its step and of its run bound it too.
            pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
                self.check.timeout(timeout);
                self
            }
        }
    };
}
pub(super) use turns;

/// A connection that is talked on: what was read, and how much of it was taken by a turn.
pub(super) struct Talk<'a, S> {
    stream: S,
    peer: &'a str,
    max_read: usize,
    trail: &'a mut Trail,
    received: Vec<u8>,
    taken: usize,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin + Send> Talk<'a, S> {
    pub(super) fn new(stream: S, peer: &'a str, max_read: usize, trail: &'a mut Trail) -> Self {
        Self { stream, peer, max_read, trail, received: Vec::new(), taken: 0 }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.trail.enter(Stage::Ask, format!("write to {}", self.peer));
        self.trail.note('>', bytes);
        let sent = match self.stream.write_all(bytes).await {
            Ok(()) => self.stream.flush().await,
            Err(error) => Err(error),
        };
        sent.map_err(|error| self.failed("write to", &error))
    }

    /// Reads to the end of a line, and returns it without that.
    pub(super) async fn line(&mut self, wanted: &str) -> Result<String, WireError> {
        self.begin(wanted);
        loop {
            let open = &self.received[self.taken..];
            if let Some(at) = open.iter().position(|byte| *byte == b'\n') {
                let line = open[..at].strip_suffix(b"\r").unwrap_or(&open[..at]);
                let line = String::from_utf8_lossy(line).into_owned();
                self.take(at + 1);
                return Ok(line);
            }
            if self.more(wanted).await? == 0 {
                return Err(self.closed(wanted));
            }
        }
    }

    /// Reads bytes, however many there are of them.
    pub(super) async fn exactly(&mut self, count: usize, wanted: &str) -> Result<Vec<u8>, WireError> {
        self.begin(wanted);
        while self.received.len() - self.taken < count {
            if self.more(wanted).await? == 0 {
                return Err(self.closed(wanted));
            }
        }
        let bytes = self.received[self.taken..self.taken + count].to_vec();
        self.take(count);
        Ok(bytes)
    }

    /// Returns how many bytes came that no turn has taken.
    pub(super) fn left(&self) -> usize {
        self.received.len() - self.taken
    }

    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    async fn until(&mut self, matcher: &dyn Matcher<String>) -> Result<(), WireError> {
        let wanted = format!("something that {}", described(matcher, Sense::Is));
        self.begin(&wanted);
        loop {
            // Nothing at all matches nothing: a check of no words is none.
            if self.left() > 0 && matcher.matches(&String::from_utf8_lossy(&self.received[self.taken..]).into_owned()) {
                self.take(self.left());
                return Ok(());
            }
            if self.more(&wanted).await? == 0 {
                return Err(self.closed(&wanted));
            }
        }
    }

    async fn bytes(&mut self, expected: &[u8]) -> Result<Result<(), Mismatch>, WireError> {
        let wanted = format!("the bytes {}", quoted(expected));
        self.begin(&wanted);
        loop {
            let open = &self.received[self.taken..];
            let here = open.len().min(expected.len());
            if open[..here] != expected[..here] {
                let mismatch = Mismatch::new(format!("is {}", quoted(expected)), quoted(open));
                self.take(self.left());
                return Ok(Err(mismatch));
            }
            if here == expected.len() {
                self.take(here);
                return Ok(Ok(()));
            }
            if self.more(&wanted).await? == 0 {
                return Err(self.closed(&wanted));
            }
        }
    }

    async fn end(&mut self) -> Result<Result<(), Mismatch>, WireError> {
        let wanted = "the end of the connection";
        self.begin(wanted);
        if self.left() == 0 && self.more(wanted).await? == 0 {
            return Ok(Ok(()));
        }
        let mismatch = Mismatch::new("comes next", quoted(&self.received[self.taken..]));
        self.take(self.left());
        Ok(Err(mismatch))
    }

    fn begin(&mut self, wanted: &str) {
        self.trail.enter(Stage::Read, format!("read {wanted} from {}", self.peer));
    }

    /// Reads what comes next, as much as there is.
    async fn more(&mut self, wanted: &str) -> Result<usize, WireError> {
        let room = self.max_read.saturating_sub(self.received.len());
        if room == 0 {
            let (peer, limit) = (self.peer, self.max_read);
            let message = format!("read {wanted} from {peer}: it was not among the first {limit} bytes");
            return Err(WireError::new(Phase::Processing, Kind::BodyTooLarge { limit }, message));
        }
        let from = self.received.len();
        let mut limited = (&mut self.stream).take(room as u64);
        match limited.read_buf(&mut self.received).await {
            Ok(count) => {
                self.trail.size += count as u64;
                self.trail.note('<', &self.received[from..]);
                Ok(count)
            }
            Err(error) => Err(self.failed(&format!("read {wanted} from"), &error)),
        }
    }

    fn take(&mut self, count: usize) {
        self.taken += count;
    }

    fn closed(&self, wanted: &str) -> WireError {
        let after = match &self.received[self.taken..] {
            [] => String::new(),
            open => format!(" after {}", quoted(open)),
        };
        let message = format!("read {wanted} from {}: the server closed the connection{after}", self.peer);
        WireError::new(Phase::Processing, Kind::ClosedEarly, message)
    }

    fn failed(&self, doing: &str, error: &std::io::Error) -> WireError {
        let (kind, what) = match unconnected(&causes(error)) {
            (Kind::Reset, _) => (Kind::Reset, ": the server reset the connection".to_owned()),
            (Kind::ClosedEarly, _) => (Kind::ClosedEarly, ": the server closed the connection".to_owned()),
            other => other,
        };
        WireError::new(Phase::Processing, kind, format!("{doing} {}{what}", self.peer))
    }
}

/// Shows bytes as text where they are, in quotes, without the secrets that the run knows, and cut.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let text = escaped(bytes);
    // Scrubbed first and cut then: half a secret is not recognised.
    let text = Run::current().map_or_else(|| text.clone(), |run| run.redact(&text).into_owned());
    let cut: String = text.chars().take(SHOWN).collect();
    let more = if cut.len() < text.len() { " …" } else { "" };
    format!("\"{cut}\"{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_shown_as_text_where_it_is_and_cut() {
        assert_eq!(quoted(b"220 hi \xc3\xbc\r\n"), r#""220 hi ü\r\n""#);
        assert_eq!(quoted(b"\xff\x00a"), r#""\xff\x00a""#);
        assert_eq!(quoted(&[b'a'; 500]), format!("\"{}\" …", "a".repeat(120)));
    }
}

#[cfg(test)]
mod foreign {
    use futures_util::FutureExt;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use synthetic_core::expect::{contains, exists};

    use super::*;
    use crate::foreign::{cut, nearly_bytes};

    /// Holds a dialogue with a server that says these pieces, each when the former was read, and then leaves.
    fn held(dialogue: &Dialogue, pieces: &[Vec<u8>]) -> Result<(Vec<u8>, Option<String>), String> {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let mut trail = Trail::new();
        let mut held = Box::pin(dialogue.hold(near, "db.test:1", &mut trail));
        let mut ended = None;
        for piece in pieces {
            // It may have heard enough, and left.
            let _ = far.write_all(piece).now_or_never();
            ended = ended.or_else(|| held.as_mut().now_or_never());
            if ended.is_some() {
                break;
            }
        }
        far.shutdown().now_or_never().unwrap().unwrap();
        let ended = ended.or_else(|| held.as_mut().now_or_never()).expect("it waits for more than there is");
        drop(held);
        let _ = trail.dialogue();
        ended.map(|said| (said.received, said.unmet.map(|(subject, _)| subject))).map_err(|error| error.to_string())
    }

    proptest! {
        #[test]
        fn where_what_a_server_says_is_cut_changes_no_line_of_it(
            bytes in nearly_bytes(&[b"220 ", b"hi", b"\r\n", b"\n", b"\r", b"\0", b"\xc3", b"\xbc", b"\xff"]),
            cuts in vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut dialogue = Dialogue::new();
            dialogue.line(exists()).unwrap();
            dialogue.send("EHLO\r\n");
            dialogue.line(contains("hi")).unwrap();
            dialogue.bytes("220 ").unwrap();
            let (whole, pieces) = (held(&dialogue, std::slice::from_ref(&bytes)), held(&dialogue, &cut(&bytes, &cuts)));
            match (whole, pieces) {
                // What had come when it ended may be more or less, but not what came of it.
                (Ok((_, one)), Ok((_, other))) => prop_assert_eq!(one, other),
                (Err(_), Err(_)) => {}
                (one, other) => prop_assert!(false, "{one:?} and {other:?}"),
            }
        }

        #[test]
        fn any_bytes_end_a_dialogue_within_its_limit(
            bytes in vec(nearly_bytes(&[b"220 ", b"x", b"\r\n", &[b'y'; 300]]), 0..6), limit in 1..512_usize,
        ) {
            let mut dialogue = Dialogue::new();
            dialogue.max_read = limit;
            dialogue.until(contains("220 x")).unwrap();
            dialogue.line(exists()).unwrap();
            dialogue.end();
            match held(&dialogue, &bytes) {
                Ok((received, _)) => prop_assert!(received.len() <= limit),
                Err(error) => prop_assert!(error.len() < 1_000, "{error}"),
            }
        }
    }
}
