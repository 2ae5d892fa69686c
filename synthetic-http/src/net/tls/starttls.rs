//! [`StartTls`]: how TLS is asked for on a connection that begins without.

use tokio::io::{AsyncRead, AsyncWrite};

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
    pub(super) async fn ask<S: Stream>(self, stream: S, peer: &str, trail: &mut Trail) -> Result<S, WireError> {
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

/// What TLS can be asked for on.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn smtp(talk: &mut Talk<'_, impl Stream>, peer: &str) -> Result<(), WireError> {
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
async fn reply(talk: &mut Talk<'_, impl Stream>, peer: &str, code: &str) -> Result<Vec<String>, WireError> {
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

async fn imap(talk: &mut Talk<'_, impl Stream>, peer: &str) -> Result<(), WireError> {
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

async fn postgres(talk: &mut Talk<'_, impl Stream>, peer: &str) -> Result<(), WireError> {
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

#[cfg(test)]
mod foreign {
    use futures_util::FutureExt;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::foreign::nearly_bytes;

    /// Asks a server that says these bytes, whatever it is asked, and then leaves. Nothing is waited for.
    fn asked(protocol: StartTls, bytes: &[u8]) -> Result<(), WireError> {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        far.write_all(bytes).now_or_never().unwrap().unwrap();
        far.shutdown().now_or_never().unwrap().unwrap();
        let mut trail = Trail::new();
        let asked = protocol.ask(near, "mail.test:25", &mut trail).now_or_never();
        drop(far);
        let _ = trail.dialogue();
        asked.expect("it waits for more than there is").map(drop)
    }

    proptest! {
        #[test]
        fn any_bytes_before_tls_are_consent_or_are_told(
            bytes in nearly_bytes(&[b"220 ", b"220-", b"250", b"250-", b" ", b"STARTTLS", b"\r\n", b"\n", b"* OK", b"* ", b"a1 OK", b"a1 NO",
                b"a1 ", b"S", b"N", b"E", b"\0", b"\xff", &[b'x'; 20_000]]),
        ) {
            for protocol in [StartTls::Smtp, StartTls::Imap, StartTls::Postgres] {
                match asked(protocol, &bytes) {
                    // More than the consent may be anybody's.
                    Ok(()) => prop_assert!(bytes.ends_with(b"\n") || protocol == StartTls::Postgres && bytes == b"S"),
                    Err(error) => prop_assert!(error.to_string().len() < 1_000, "{error}"),
                }
            }
        }

        #[test]
        fn consent_is_taken_whatever_else_a_server_offers(
            offers in proptest::collection::vec("[A-Z0-9 ]{0,12}", 0..4), notes in proptest::collection::vec("[A-Za-z ]{0,12}", 0..4),
        ) {
            let mut smtp = "220-mail.test\r\n220 ready\r\n250-mail.test\r\n".to_owned();
            offers.iter().for_each(|offer| smtp.push_str(&format!("250-{offer}\r\n")));
            smtp.push_str("250 STARTTLS\r\n220 go ahead\r\n");
            prop_assert!(asked(StartTls::Smtp, smtp.as_bytes()).is_ok());
            let mut imap = "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n".to_owned();
            notes.iter().for_each(|note| imap.push_str(&format!("* {note}\r\n")));
            imap.push_str("a1 OK begin\r\n");
            prop_assert!(asked(StartTls::Imap, imap.as_bytes()).is_ok());
        }
    }
}
