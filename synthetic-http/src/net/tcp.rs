//! [`Tcp`]: is a port open, or closed, and what is said there?

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;
use std::time::Duration;

use synthetic_core::Result;
use synthetic_core::expect::{Matcher, Mismatch};
use synthetic_core::report::Phases;

use super::check::{self, Answer, Check, Probe};
use super::dial::{Target, dial};
use super::dialogue::{Dialogue, Said, turns};
use super::trail::{Took, Trail};
use crate::expect::{Expectation, Timed, of};
use crate::wire::{Kind, WireError};

/// Holds a connection to be made, and what is said on it. Cheap enough to clone.
///
/// The turns of its dialogue are taken in their order, and the first that is not as expected ends it: what would have been said
/// next makes no sense any more. Everything else that is [expected](Self::expect) is judged all the same.
///
/// # Default
///
/// - time: 10 s for all of it, always within the step's and the run's
/// - addresses: those of the name in the system's order, until one can be connected to
/// - reading: at most 64 KiB ([`max_read`](Self::max_read))
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_http::net::Tcp;
///
/// # async fn example() -> Result {
/// Tcp::at("mail.example:25")
///     .expect_line(starts_with("220 "))
///     .send("EHLO canary.example\r\n")
///     .expect_match(matches("(?m)^250 "))         // the last line of several
///     .send("QUIT\r\n")
///     .expect_line(starts_with("221"))
///     .expect_end()
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until `.connect().await` or `.refused().await`"]
pub struct Tcp {
    address: String,
    target: Option<Target>,
    dialogue: Dialogue,
    check: Check<Conversation>,
}

impl Tcp {
    /// Connects to a host and a port: `db.internal:5432`, `127.0.0.1:80`, `[::1]:443`.
    #[track_caller]
    pub fn at(address: impl Into<String>) -> Self {
        let address = address.into();
        let mut check = Check::new(Location::caller());
        let target = check.parsed(Target::parse(&address, None));
        Self { address, target, dialogue: Dialogue::new(), check }
    }

    /// Connects, takes the turns, judges what came of it, and closes the connection.
    ///
    /// # Errors
    ///
    /// Returns one failure with everything unmet; or why there was nothing to judge, with the reason `Dns`, `Connect`,
    /// `Protocol` or `Timeout` and the phase that stood; or what is wrong with the check itself, as an error of our own.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::net::Tcp;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let failure = Tcp::at("127.0.0.1:1").connect().await.unwrap_err();
    /// assert_eq!(failure.to_string(), "TCP 127.0.0.1:1: connect to 127.0.0.1:1 refused");
    /// # }
    /// ```
    pub async fn connect(self) -> Result<Conversation> {
        Box::pin(async move { check::run(&self).await }).await
    }

    /// Connects, and expects to be refused: the port is closed, and the host says so.
    ///
    /// Only a refusal will do. That nothing answered, or the name is unknown, says nothing about the port, and fails with that
    /// as the reason.
    ///
    /// # Errors
    ///
    /// Returns a failure when the port is open, or when it could not be asked.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::net::Tcp;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> synthetic_core::Result {
    /// Tcp::at("127.0.0.1:1").refused().await?;
    /// # Ok(()) }
    /// ```
    pub async fn refused(mut self) -> Result {
        if !self.dialogue.is_empty() || !self.check.expected.is_empty() {
            self.check
                .has_problem("nothing can be said on a connection that is refused: expect nothing else".to_owned());
        }
        Box::pin(async move { check::run(&Closed(self)).await.map(drop) }).await
    }
}

turns!(Tcp, Conversation);

impl fmt::Display for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some(target) => write!(f, "TCP {target}"),
            None => write!(f, "TCP {}", self.address),
        }
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tcp({self})")
    }
}

/// Holds what came of a connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct Conversation {
    said: Said,
    took: Took,
}

impl Conversation {
    /// Returns everything that the server said, in all turns.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.said.received
    }

    /// Returns everything that the server said as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.said.received)
    }

    /// Returns the address that was connected to.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.took.peer
    }
}

impl Timed for Conversation {
    fn latency(&self) -> Duration {
        self.took.latency
    }

    fn phases(&self) -> Phases {
        self.took.phases
    }
}

/// Expects something of everything that the server said, in all turns, as text: `said(not(contains("error")))`.
pub fn said(matcher: impl Matcher<String> + 'static) -> Expectation<Conversation> {
    of("what is said", "", matcher, |answer: &Conversation, _| Ok(answer.text().into_owned()))
}

impl Answer for Conversation {
    fn took(&self) -> &Took {
        &self.took
    }

    fn unmet(&self) -> Option<(String, Mismatch)> {
        self.said.unmet.clone()
    }

    fn shown(&self) -> Option<String> {
        // The dialogue is shown.
        None
    }
}

impl Probe for Tcp {
    type Answer = Conversation;

    fn check(&self) -> &Check<Conversation> {
        &self.check
    }

    fn label(&self) -> (String, String) {
        ("TCP".to_owned(), self.target.as_ref().map(|target| format!("tcp://{target}")).unwrap_or_default())
    }

    async fn go(&self, trail: &mut Trail) -> Result<Conversation, WireError> {
        let Some(target) = &self.target else { unreachable!("an address that is none is a problem, found before") };
        let stream = dial(target, trail).await?;
        let said = self.dialogue.hold(stream, &target.to_string(), trail).await?;
        Ok(Conversation { said, took: trail.finish() })
    }
}

/// A connection that is expected to be refused.
struct Closed(Tcp);

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Probe for Closed {
    type Answer = Conversation;

    fn check(&self) -> &Check<Conversation> {
        &self.0.check
    }

    fn label(&self) -> (String, String) {
        self.0.label()
    }

    async fn go(&self, trail: &mut Trail) -> Result<Conversation, WireError> {
        let Some(target) = &self.0.target else { unreachable!("an address that is none is a problem, found before") };
        let open = match dial(target, trail).await {
            Err(error) if error.kind() == Kind::Refused => None,
            Err(error) => return Err(error),
            Ok(_) => {
                let peer = trail.peer.map_or_else(|| target.to_string(), |peer| peer.to_string());
                Some((
                    "port".to_owned(),
                    Mismatch::new("is closed: connections are refused", format!("{peer} accepted the connection")),
                ))
            }
        };
        let said = Said { unmet: open, ..Said::default() };
        Ok(Conversation { said, took: trail.finish() })
    }
}
