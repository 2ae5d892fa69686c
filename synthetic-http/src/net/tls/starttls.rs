//! [`StartTls`]: how TLS is asked for on a connection that begins without.

use tokio::net::TcpStream;

use super::super::dialogue::{Talk, quoted};
use super::super::trail::Trail;
use crate::wire::{Kind, Phase, WireError};

/// The most bytes that a server may say before TLS.
const MAX_READ: usize = 16 * 1024;
/// The length and the code that ask PostgreSQL for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Names the protocol in whose words TLS is asked for.
///
/// A server that does not offer it, or says more than its consent before TLS begins, fails the check: what comes before TLS may
/// come from anybody.
///
/// Sources: RFC 3207 (SMTP), RFC 9051 section 6.2.1 (IMAP), PostgreSQL's message flow, section 55.2.11
/// (`SSLRequest`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StartTls {
    /// SMTP, mostly on the ports 25 and 587: `EHLO`, then `STARTTLS`.
    Smtp,
    /// IMAP, mostly on the port 143: `STARTTLS`.
    Imap,
    /// PostgreSQL, mostly on the port 5432: an `SSLRequest`.
    Postgres,
}

impl StartTls {
    /// Asks for TLS, and gives the connection back when the server is ready for it.
    pub(super) async fn ask(self, stream: TcpStream, peer: &str, trail: &mut Trail) -> Result<TcpStream, WireError> {
        let mut talk = Talk::new(stream, peer, MAX_READ, trail);
        match self {
            Self::Smtp => smtp(&mut talk, peer).await?,
            Self::Imap => imap(&mut talk, peer).await?,
            Self::Postgres => postgres(&mut talk, peer).await?,
        }
        match talk.left() {
            0 => Ok(talk.into_stream()),
            more => Err(other(peer, &format!("the server said {more} more bytes before TLS began"))),
        }
    }
}

type Open<'a> = Talk<'a, TcpStream>;

async fn smtp(talk: &mut Open<'_>, peer: &str) -> Result<(), WireError> {
    reply(talk, peer, "220").await?;
    // Nothing is sent by mail, so no name of ours matters; this one every server takes.
    talk.send(b"EHLO localhost\r\n").await?;
    let offered = reply(talk, peer, "250").await?;
    if !offered.iter().any(|line| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"))) {
        return Err(refused(peer, "STARTTLS is not among what the server offers after EHLO"));
    }
    talk.send(b"STARTTLS\r\n").await?;
    reply(talk, peer, "220").await.map(drop)
}

/// Reads all lines of a reply, which has to have this code.
async fn reply(talk: &mut Open<'_>, peer: &str, code: &str) -> Result<Vec<String>, WireError> {
    let mut lines = Vec::new();
    loop {
        let line = talk.line(&format!("a reply with {code}")).await?;
        if !line.starts_with(code) {
            return Err(other(peer, &format!("the server replied {} instead of {code}", quoted(line.as_bytes()))));
        }
        let is_last = line.as_bytes().get(3) != Some(&b'-');
        lines.push(line);
        if is_last {
            return Ok(lines);
        }
    }
}

async fn imap(talk: &mut Open<'_>, peer: &str) -> Result<(), WireError> {
    let greeting = talk.line("a greeting").await?;
    if !greeting.to_ascii_uppercase().starts_with("* OK") {
        return Err(other(
            peer,
            &format!("the server greeted with {} instead of \"* OK\"", quoted(greeting.as_bytes())),
        ));
    }
    talk.send(b"a1 STARTTLS\r\n").await?;
    loop {
        let line = talk.line("the consent to STARTTLS").await?;
        match line.strip_prefix("a1 ") {
            Some(status) if status.to_ascii_uppercase().starts_with("OK") => return Ok(()),
            // Untagged lines may come at any time.
            None if line.starts_with("* ") => {}
            _ => return Err(refused(peer, &format!("the server answered STARTTLS with {}", quoted(line.as_bytes())))),
        }
    }
}

async fn postgres(talk: &mut Open<'_>, peer: &str) -> Result<(), WireError> {
    talk.send(&SSL_REQUEST).await?;
    match talk.exactly(1, "the consent to SSLRequest").await?.as_slice() {
        b"S" => Ok(()),
        b"N" => Err(refused(peer, "the server does not offer TLS: it answered SSLRequest with N (is `ssl = on`?)")),
        other_byte => Err(other(peer, &format!("the server answered SSLRequest with {}", quoted(other_byte)))),
    }
}

/// What the server said is not how the protocol begins.
fn other(peer: &str, why: &str) -> WireError {
    WireError::new(Phase::Processing, Kind::Protocol, format!("starttls with {peer}: {why}"))
}

/// The server speaks the protocol, and not TLS.
fn refused(peer: &str, why: &str) -> WireError {
    WireError::new(Phase::Processing, Kind::Tls, format!("starttls with {peer}: {why}"))
}
