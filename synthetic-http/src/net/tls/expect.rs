//! What can be expected of a TLS handshake.

use synthetic_core::expect::Matcher;

use super::Handshake;
use crate::expect::{Expectation, of};

/// Expects something of the protocol that was agreed on by ALPN: `alpn("h2")`. That none was is told by `not(exists())`.
pub fn alpn(matcher: impl Matcher<String> + 'static) -> Expectation<Handshake> {
    of("ALPN", "", matcher, |answer: &Handshake, _| Ok(answer.alpn().ok_or("no protocol was agreed on")?.to_owned()))
}
