//! The words for a navigation that got no answer, from the browser's own.

use synthetic_core::{Failure, Reason};

use crate::page::url::{peer, shown};

/// Makes the failure of a navigation to `asked` that came to nothing at `url`, for which the browser says `word`:
/// `net::ERR_NAME_NOT_RESOLVED` or `NS_ERROR_UNKNOWN_HOST`.
pub(crate) fn no_answer(what: &str, asked: &str, url: &str, word: &str) -> Failure {
    let (host, peer) = (host(url), peer(url));
    let (reason, text, hint) = match kind(word) {
        Kind::NoName => (
            Reason::Dns,
            format!("look up {host}: no such name"),
            "the name is not in DNS: was it removed, or is it misspelt?",
        ),
        Kind::Refused => (
            Reason::Connect,
            format!("connect to {peer} refused"),
            "nothing listens there: is the service up, and is this its port?",
        ),
        Kind::Unreachable => (
            Reason::Connect,
            format!("connect to {peer}: unreachable"),
            "is a firewall or a route missing between the machine that runs the canary and the target?",
        ),
        Kind::NoNetwork => (
            Reason::Setup,
            format!("connect to {peer}: the browser has no network"),
            "the target was not asked: look at the machine that runs the canary",
        ),
        Kind::ConnectTimeout => (
            Reason::Timeout,
            format!("connect to {peer}: no answer in the browser's own time"),
            "is a firewall or a route missing between the machine that runs the canary and the target?",
        ),
        Kind::Certificate(problem) => (
            Reason::Tls,
            format!("TLS with {peer}: the certificate {problem}"),
            "every browser refuses it now: look at the certificate that is served there",
        ),
        Kind::Tls => (
            Reason::Tls,
            format!("TLS with {peer} failed"),
            "is this the TLS port of the service, and were its TLS settings changed?",
        ),
        Kind::Broken => (
            Reason::Protocol,
            format!("{peer} closed the connection without an answer"),
            "look into the log of the service, and of the proxy in front of it, at this time: did it restart or crash?",
        ),
        Kind::BadAnswer => (
            Reason::Protocol,
            format!("{peer} gave an answer that is not HTTP"),
            "is this the port of an HTTP service, and does it speak http or https?",
        ),
        Kind::Redirects => (
            Reason::Protocol,
            format!("{peer} redirects without end"),
            "does the page want a cookie that is not set, or do two redirects undo each other?",
        ),
        Kind::Proxy => (
            Reason::Setup,
            format!("the proxy of the browser did not connect it with {peer}"),
            "the target may be well: look at the proxy, and at the flags and the environment that name it",
        ),
        Kind::Machine => (
            Reason::Setup,
            format!("the browser could not ask {peer}"),
            "the target was not asked: look at the memory, the disk and the open files of the machine that runs the canary",
        ),
        Kind::UnsafePort => (
            Reason::Setup,
            format!("{peer}: browsers do not open this port"),
            "the target was not asked: use another port",
        ),
        Kind::Aborted => (
            Reason::Unexpected,
            format!("the navigation to {peer} was broken off"),
            "did the page go elsewhere or crash meanwhile, or was the request blocked?",
        ),
        Kind::Other => (Reason::Protocol, format!("no answer from {peer}"), "look up what the browser calls it"),
    };
    let failure = Failure::with_reason(reason, format!("{what}: {text}")).cause(word).hint(hint);
    if shown(asked) == shown(url) { failure } else { failure.evidence("redirected to", shown(url)) }
}

/// Returns the reason that the browser's word for a failed request stands for.
pub(crate) fn reason(word: &str) -> Reason {
    match kind(word) {
        Kind::NoName => Reason::Dns,
        Kind::Refused | Kind::Unreachable => Reason::Connect,
        Kind::NoNetwork | Kind::Proxy | Kind::Machine | Kind::UnsafePort => Reason::Setup,
        Kind::ConnectTimeout => Reason::Timeout,
        Kind::Certificate(_) | Kind::Tls => Reason::Tls,
        Kind::Aborted => Reason::Unexpected,
        Kind::Broken | Kind::BadAnswer | Kind::Redirects | Kind::Other => Reason::Protocol,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    NoName,
    Refused,
    Unreachable,
    NoNetwork,
    ConnectTimeout,
    Certificate(&'static str),
    Tls,
    Broken,
    BadAnswer,
    Redirects,
    Proxy,
    Machine,
    UnsafePort,
    Aborted,
    Other,
}

/// Sorts the browser's word: Chromium's net_error_list.h, Gecko's ErrorList.py, NSS's SECerrs.h and SSLerrs.h.
fn kind(word: &str) -> Kind {
    const KINDS: [(&str, Kind); 58] = [
        ("_PROXY_", Kind::Proxy),
        ("ERR_TUNNEL_CONNECTION_FAILED", Kind::Proxy),
        ("ERR_SOCKS_CONNECTION_", Kind::Proxy),
        ("ERR_UNEXPECTED_PROXY_AUTH", Kind::Proxy),
        ("ERR_NO_SUPPORTED_PROXIES", Kind::Proxy),
        ("ERR_PAC_", Kind::Proxy),
        ("ERR_INSUFFICIENT_RESOURCES", Kind::Machine),
        ("ERR_OUT_OF_MEMORY", Kind::Machine),
        ("NS_ERROR_OUT_OF_MEMORY", Kind::Machine),
        ("ERR_FILE_NO_SPACE", Kind::Machine),
        ("ERR_NO_BUFFER_SPACE", Kind::Machine),
        ("ERR_ADDRESS_INVALID", Kind::Unreachable),
        ("ERR_NETWORK_ACCESS_DENIED", Kind::NoNetwork),
        ("ERR_NAME_NOT_RESOLVED", Kind::NoName),
        ("ERR_NAME_RESOLUTION_FAILED", Kind::NoName),
        ("NS_ERROR_UNKNOWN_HOST", Kind::NoName),
        ("ERR_CONNECTION_REFUSED", Kind::Refused),
        ("NS_ERROR_CONNECTION_REFUSED", Kind::Refused),
        ("ERR_ADDRESS_UNREACHABLE", Kind::Unreachable),
        ("ERR_CONNECTION_FAILED", Kind::Unreachable),
        ("NS_ERROR_HOST_UNREACHABLE", Kind::Unreachable),
        ("ERR_INTERNET_DISCONNECTED", Kind::NoNetwork),
        ("ERR_NETWORK_CHANGED", Kind::NoNetwork),
        ("NS_ERROR_OFFLINE", Kind::NoNetwork),
        ("ERR_CONNECTION_TIMED_OUT", Kind::ConnectTimeout),
        ("ERR_TIMED_OUT", Kind::ConnectTimeout),
        ("NS_ERROR_NET_TIMEOUT", Kind::ConnectTimeout),
        ("ERR_CERT_DATE_INVALID", Kind::Certificate("has expired, or is not yet valid")),
        ("SEC_ERROR_EXPIRED_CERTIFICATE", Kind::Certificate("has expired")),
        ("SEC_ERROR_EXPIRED_ISSUER_CERTIFICATE", Kind::Certificate("has an issuer that has expired")),
        ("MOZILLA_PKIX_ERROR_NOT_YET_VALID", Kind::Certificate("is not yet valid")),
        ("ERR_CERT_COMMON_NAME_INVALID", Kind::Certificate("is for another name")),
        ("SSL_ERROR_BAD_CERT_DOMAIN", Kind::Certificate("is for another name")),
        ("ERR_CERT_AUTHORITY_INVALID", Kind::Certificate("is not from an authority that is known")),
        ("SEC_ERROR_UNKNOWN_ISSUER", Kind::Certificate("is not from an authority that is known")),
        ("MOZILLA_PKIX_ERROR_SELF_SIGNED_CERT", Kind::Certificate("is signed by itself")),
        ("DEPTH_ZERO_SELF_SIGNED", Kind::Certificate("is signed by itself")),
        ("SEC_ERROR_REVOKED_CERTIFICATE", Kind::Certificate("was revoked")),
        ("ERR_CERT_REVOKED", Kind::Certificate("was revoked")),
        ("ERR_CERT_", Kind::Certificate("is refused")),
        ("SEC_ERROR_", Kind::Certificate("is refused")),
        ("MOZILLA_PKIX_ERROR_", Kind::Certificate("is refused")),
        ("ERR_SSL_", Kind::Tls),
        ("SSL_ERROR_", Kind::Tls),
        ("PR_END_OF_FILE_ERROR", Kind::Tls),
        ("ERR_EMPTY_RESPONSE", Kind::Broken),
        ("ERR_CONNECTION_RESET", Kind::Broken),
        ("ERR_CONNECTION_CLOSED", Kind::Broken),
        ("NS_ERROR_NET_RESET", Kind::Broken),
        ("NS_ERROR_NET_INTERRUPT", Kind::Broken),
        ("NS_ERROR_NET_EMPTY_RESPONSE", Kind::Broken),
        ("ERR_INVALID_HTTP_RESPONSE", Kind::BadAnswer),
        ("ERR_HTTP2_", Kind::BadAnswer),
        ("ERR_TOO_MANY_REDIRECTS", Kind::Redirects),
        ("NS_ERROR_REDIRECT_LOOP", Kind::Redirects),
        ("ERR_UNSAFE_PORT", Kind::UnsafePort),
        ("NS_ERROR_PORT_ACCESS_NOT_ALLOWED", Kind::UnsafePort),
        ("ABORTED", Kind::Aborted),
    ];
    KINDS.into_iter().find(|(part, _)| word.contains(part)).map_or(Kind::Other, |(_, kind)| kind)
}

fn host(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned)).unwrap_or_else(|| shown(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_words_become_a_reason_and_a_sentence() {
        for (word, reason, text) in [
            ("net::ERR_NAME_NOT_RESOLVED", Reason::Dns, "goto: look up shop.example: no such name"),
            ("NS_ERROR_UNKNOWN_HOST", Reason::Dns, "goto: look up shop.example: no such name"),
            ("net::ERR_CONNECTION_REFUSED", Reason::Connect, "goto: connect to shop.example:443 refused"),
            (
                "net::ERR_CERT_DATE_INVALID",
                Reason::Tls,
                "goto: TLS with shop.example:443: the certificate has expired, or is not yet valid",
            ),
            (
                "Error code: SEC_ERROR_UNKNOWN_ISSUER",
                Reason::Tls,
                "goto: TLS with shop.example:443: the certificate is not from an authority that is known",
            ),
            (
                "net::ERR_EMPTY_RESPONSE",
                Reason::Protocol,
                "goto: shop.example:443 closed the connection without an answer",
            ),
            (
                "net::ERR_INTERNET_DISCONNECTED",
                Reason::Setup,
                "goto: connect to shop.example:443: the browser has no network",
            ),
            (
                "net::ERR_PROXY_CONNECTION_FAILED",
                Reason::Setup,
                "goto: the proxy of the browser did not connect it with shop.example:443",
            ),
            ("net::ERR_INSUFFICIENT_RESOURCES", Reason::Setup, "goto: the browser could not ask shop.example:443"),
            ("net::ERR_SOMETHING_NEW", Reason::Protocol, "goto: no answer from shop.example:443"),
        ] {
            let failure = no_answer("goto", "https://shop.example/?t=1", "https://shop.example/?t=1", word);
            assert_eq!((failure.reason(), failure.to_string().as_str()), (reason, text));
            assert_eq!(failure.causes(), [word]);
        }
    }
}
