//! TLS and certificates. Without TLS none of this can be judged, and fails.

use std::time::SystemTime;

use synthetic_core::expect::Matcher;
use synthetic_core::{Clock, Run};

use super::{Expectation, of};
use crate::response::Response;
use crate::wire::{CertInfo, trusted_until};

const NO_TLS: &str = "no TLS: the URL is not https";

/// Expects something of the version of TLS, `1.2` or `1.3`: `tls_version("1.3")`. Older ones are not spoken.
pub fn tls_version(matcher: impl Matcher<String> + 'static) -> Expectation {
    of("TLS version", "", matcher, |answer, _| known(answer, answer.tls_version()))
}

/// Expects something of the cipher suite, as IANA names it: `tls_cipher(contains("AES_256_GCM"))`.
pub fn tls_cipher(matcher: impl Matcher<String> + 'static) -> Expectation {
    of("TLS cipher", "", matcher, |answer, _| known(answer, answer.tls_cipher()))
}

/// Expects something of who issued the server's certificate, in one line: `cert_issuer(contains("O=Let's Encrypt"))`.
pub fn cert_issuer(matcher: impl Matcher<String> + 'static) -> Expectation {
    of("issuer of the certificate", "", matcher, |answer, _| Ok(leaf(answer)?.issuer.clone()))
}

/// Expects something of whom the server's certificate is for, in one line: `cert_subject("CN=shop.example")`. Many have
/// [names](cert_names) only, and an empty subject.
pub fn cert_subject(matcher: impl Matcher<String> + 'static) -> Expectation {
    of("subject of the certificate", "", matcher, |answer, _| Ok(leaf(answer)?.subject.clone()))
}

/// Expects something of the names and addresses that the server's certificate is for (its subject alternative names):
/// `cert_names(some("*.shop.example"))`.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, cert_names, cert_self_signed, tls_version};
///
/// let _home = Http::at("https://shop.example").get("/")
///     .expect(tls_version("1.3"))
///     .expect(cert_self_signed(false))
///     .expect(cert_names(some("pay.shop.example")));
/// ```
pub fn cert_names(matcher: impl Matcher<Vec<String>> + 'static) -> Expectation {
    of("names of the certificate", "", matcher, |answer, _| Ok(leaf(answer)?.sans.clone()))
}

/// Expects that the server's certificate names itself as its issuer, or does not: `cert_self_signed(false)`.
///
/// One that is not trusted fails the request before; this is for what is trusted by
/// [`trust_pem`](crate::Http::trust_pem).
pub fn cert_self_signed(matcher: impl Matcher<bool> + 'static) -> Expectation {
    of("self-signed certificate", "", matcher, |answer, _| Ok(leaf(answer)?.is_self_issued()))
}

/// Expects something of the days until the server is not trusted any more: `trusted_days_left(ge(14))`.
///
/// Whole days, rounded down, by the clock of the run. What counts is the chain by which the server's certificate is
/// trusted, as in blackbox_exporter's `probe_ssl_last_chain_expiry_timestamp_seconds`, and not what else it sends:
/// [`cert_days_left`](crate::cert_days_left) is negative for a server that still sends a root which has expired, and that
/// no client needs.
pub fn trusted_days_left(matcher: impl Matcher<i64> + 'static) -> Expectation {
    of("days left of the trusted chain", "", matcher, |answer, _| {
        let now = Run::current().map_or_else(Clock::system, |run| run.clock()).now();
        // As rustls judged it, by the time of the machine; the days are counted by the run's.
        let judged = Clock::system().now();
        let until = trusted_until(certs(answer)?, unix(judged)).ok_or("no certificate that could be read")?;
        Ok((until - unix(now)).div_euclid(86_400))
    })
}

fn unix(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn known(answer: &Response, value: Option<&'static str>) -> Result<String, String> {
    value.map(str::to_owned).ok_or_else(|| match answer.exchange.tls {
        None => NO_TLS.to_owned(),
        Some(_) => "not known: the connection was used again, and its handshake is forgotten".to_owned(),
    })
}

fn certs(answer: &Response) -> Result<&[CertInfo], String> {
    match answer.exchange.tls.as_ref() {
        None => Err(NO_TLS.to_owned()),
        Some(tls) => Ok(tls.certs()),
    }
}

fn leaf(answer: &Response) -> Result<&CertInfo, String> {
    certs(answer)?.first().ok_or_else(|| "no certificate that could be read".to_owned())
}
