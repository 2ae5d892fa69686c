//! What can be expected of what a server showed in a TLS handshake, whatever is spoken over it.

use synthetic_core::expect::Matcher;

use super::{Expectation, OverTls, of};

/// Why there is nothing to judge.
const NO_TLS: &str = "no certificate: TLS was not spoken";

/// Expects something of the version of TLS, `1.2` or `1.3`: `tls_version("1.3")`. Of any answer that came over TLS.
pub fn tls_version<A: OverTls + 'static>(matcher: impl Matcher<String> + 'static) -> Expectation<A> {
    of("TLS version", "", matcher, |answer: &A, _| Ok(answer.tls_version().ok_or("TLS was not spoken")?.to_owned()))
}

/// Expects something of the issuer of the server's own certificate, on one line:
/// `cert_issuer(contains("O=Let's Encrypt"))`. Of any answer that came over TLS.
pub fn cert_issuer<A: OverTls + 'static>(matcher: impl Matcher<String> + 'static) -> Expectation<A> {
    of("issuer of the certificate", "", matcher, |answer: &A, _| {
        Ok(answer.certificate_issuer().ok_or(NO_TLS)?.to_owned())
    })
}

/// Expects something of the subject of the server's own certificate, on one line: `cert_subject(contains("O=Shop"))`. Of
/// any answer that came over TLS.
pub fn cert_subject<A: OverTls + 'static>(matcher: impl Matcher<String> + 'static) -> Expectation<A> {
    of("subject of the certificate", "", matcher, |answer: &A, _| {
        Ok(answer.certificate_subject().ok_or(NO_TLS)?.to_owned())
    })
}

/// Expects something of the names and addresses that the server's own certificate is for (its subject alternative names), in
/// their order: `cert_names(contains("*.shop.example"))`. Of any answer that came over TLS.
pub fn cert_names<A: OverTls + 'static>(matcher: impl Matcher<Vec<String>> + 'static) -> Expectation<A> {
    of("names of the certificate", "", matcher, |answer: &A, _| Ok(answer.certificate_names().ok_or(NO_TLS)?.to_vec()))
}
