//! TLS and certificates, whatever is spoken over it. Without TLS none of this can be judged, and fails.

use std::time::SystemTime;

use synthetic_core::Clock;
use synthetic_core::expect::Matcher;

use super::{Expectation, No, OverTls, of, of_part};
use crate::measure::{earliest_expiry, moment, now};
use crate::wire::{CertInfo, TlsInfo, trusted_until};

const NO_TLS: &str = "no TLS: the URL is not https";

/// Expects something of the version of TLS, `1.2` or `1.3`: `tls_version("1.3")`. Older ones are not spoken.
pub fn tls_version<A: OverTls + 'static>(matcher: impl Matcher<String> + 'static) -> Expectation<A> {
    of_part("TLS version", "", matcher, |answer: &A, _| known(answer, answer.tls_version())).of_the_head()
}

/// Expects something of the cipher suite, as IANA names it: `tls_cipher(contains("AES_256_GCM"))`.
pub fn tls_cipher<A: OverTls + 'static>(matcher: impl Matcher<String> + 'static) -> Expectation<A> {
    of_part("TLS cipher", "", matcher, |answer: &A, _| known(answer, answer.tls_cipher())).of_the_head()
}

/// Expects something of who issued the server's certificate, in one line: `cert_issuer(contains("O=Let's Encrypt"))`.
pub fn cert_issuer<A: OverTls + 'static>(matcher: impl Matcher<String> + 'static) -> Expectation<A> {
    of("issuer of the certificate", "", matcher, |answer: &A, _| Ok(leaf(answer)?.issuer.clone())).of_the_head()
}

/// Expects something of whom the server's certificate is for, in one line: `cert_subject("CN=shop.example")`. Many have
/// [names](cert_names) only, and an empty subject.
pub fn cert_subject<A: OverTls + 'static>(matcher: impl Matcher<String> + 'static) -> Expectation<A> {
    of("subject of the certificate", "", matcher, |answer: &A, _| Ok(leaf(answer)?.subject.clone())).of_the_head()
}

/// Expects something of the names and addresses that the server's certificate is for (its subject alternative names), in
/// their order: `cert_names(some("*.shop.example"))`.
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
pub fn cert_names<A: OverTls + 'static>(matcher: impl Matcher<Vec<String>> + 'static) -> Expectation<A> {
    of("names of the certificate", "", matcher, |answer: &A, _| Ok(leaf(answer)?.sans.clone())).of_the_head()
}

/// Expects that the server's certificate names itself as its issuer, or does not: `cert_self_signed(false)`.
///
/// One that is not trusted fails the request before; this is for what is trusted by
/// [`trust_pem`](crate::Http::trust_pem).
pub fn cert_self_signed<A: OverTls + 'static>(matcher: impl Matcher<bool> + 'static) -> Expectation<A> {
    of("self-signed certificate", "", matcher, |answer: &A, _| Ok(leaf(answer)?.is_self_issued())).of_the_head()
}

/// Expects something of the days until the first certificate of the server's chain expires:
/// `cert_days_left(ge(21))`.
///
/// Whole days, rounded down, by the clock of the run: 0 on the last day, negative afterwards. It is the first certificate
/// to expire of all that the server sent, as in blackbox_exporter's `probe_ssl_earliest_cert_expiry`. Without TLS it
/// cannot be judged, and fails.
pub fn cert_days_left<A: OverTls + 'static>(matcher: impl Matcher<i64> + 'static) -> Expectation<A> {
    of("days left of the certificate", "", matcher, |answer: &A, _| {
        let expires = earliest_expiry(answer.tls()).ok_or_else(|| no_certificate(answer))?;
        Ok(days_until(expires))
    })
    .of_the_head()
}

/// Expects something of the days until the server is not trusted any more: `trusted_days_left(ge(14))`.
///
/// Whole days, rounded down, by the clock of the run. What counts is the chain by which the server's certificate is
/// trusted, as in blackbox_exporter's `probe_ssl_last_chain_expiry_timestamp_seconds`, and not what else it sends:
/// [`cert_days_left`] is negative for a server that still sends a root which has expired, and that no client needs.
pub fn trusted_days_left<A: OverTls + 'static>(matcher: impl Matcher<i64> + 'static) -> Expectation<A> {
    of("days left of the trusted chain", "", matcher, |answer: &A, _| {
        // As rustls judged it, by the time of the machine; the days are counted by the run's.
        let judged = Clock::system().now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let judged = i64::try_from(judged.as_secs()).unwrap_or(i64::MAX);
        let certs = answer.tls().map(TlsInfo::certs).unwrap_or_default();
        let until = trusted_until(certs, judged).ok_or_else(|| no_certificate(answer))?;
        Ok(days_until(moment(until)))
    })
    .of_the_head()
}

fn days_until(expires: SystemTime) -> i64 {
    let seconds = match expires.duration_since(now()) {
        Ok(left) => i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        Err(past) => -i64::try_from(past.duration().as_secs()).unwrap_or(i64::MAX),
    };
    seconds.div_euclid(86_400)
}

fn known(answer: &(impl OverTls + ?Sized), value: Option<&'static str>) -> Result<String, No> {
    value.map(str::to_owned).ok_or_else(|| match answer.tls() {
        None => No::Such(NO_TLS.to_owned()),
        Some(_) => No::Judgement("not known: the connection was used again, and its handshake is forgotten".to_owned()),
    })
}

fn leaf(answer: &(impl OverTls + ?Sized)) -> Result<&CertInfo, String> {
    answer.tls().and_then(|tls| tls.certs().first()).ok_or_else(|| no_certificate(answer))
}

fn no_certificate(answer: &(impl OverTls + ?Sized)) -> String {
    match answer.tls() {
        None => NO_TLS.to_owned(),
        Some(_) => "no certificate that could be read".to_owned(),
    }
}
