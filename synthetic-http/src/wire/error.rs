//! Why a request gave no answer, in words that a person can act on.

use std::{fmt, time::Duration};

use url::Url;

/// How many bytes of a URL are shown.
const LONGEST: usize = 2_048;

/// The part of a request in which it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// Before anything was sent: the request or the client itself is at fault.
    Setup,
    Resolve,
    Connect,
    Tls,
    /// From a ready connection to the head of the answer.
    Processing,
    /// From the head of the answer to the end of its body.
    Transfer,
    /// Between an answer that redirects and the request that would follow.
    Redirect,
}

/// What went wrong, for code that decides; the message is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Timeout,
    /// Nothing came for as long as is allowed, though there was time left.
    Idle,
    Refused,
    Reset,
    /// The peer closed the connection where an answer, or more of one, was due.
    ClosedEarly,
    /// The name does not exist or has no address.
    NotFound,
    /// The name has no address of the family that may be used.
    OtherFamily,
    /// The name could not be looked up; nothing is known about it.
    ResolverFailed,
    Unreachable,
    /// The proxy would not connect.
    Proxy,
    CertificateExpired,
    CertificateNotYetValid,
    UntrustedIssuer,
    SelfSigned,
    WrongHost,
    /// The certificate is refused for another reason.
    BadCertificate,
    /// The handshake failed for a reason other than the certificate.
    Tls,
    /// The server refuses the certificate that the client has shown, or that it has shown none.
    ClientCertificate,
    /// What came is not HTTP, or not well-formed.
    Protocol,
    /// More header fields than are read, or longer ones.
    HeadTooLarge,
    /// The body is larger than `limit` bytes.
    BodyTooLarge {
        limit: usize,
    },
    /// The body is not what its `Content-Encoding` says.
    #[cfg_attr(not(feature = "compression"), expect(dead_code, reason = "nothing is decoded without the feature"))]
    Decode,
    /// The request cannot be made from this URL, or these headers.
    BadRequest,
    /// An answer redirects to where no request can go.
    BadRedirect,
    /// An answer sends a request that changes something on to a host that is no test host.
    NoTestHost,
    /// No trusted root certificate could be loaded.
    Roots,
    /// This machine, not the target, is at fault: it has no free port, address or file handle.
    Local,
    Other,
}

/// Says in which phase a request failed, how, and in one line why.
///
/// The line names the peer, and never a query's values or a URL's userinfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WireError {
    phase: Phase,
    kind: Kind,
    message: String,
}

impl WireError {
    pub(crate) fn new(phase: Phase, kind: Kind, message: impl Into<String>) -> Self {
        Self { phase, kind, message: message.into() }
    }

    /// Returns the phase that failed.
    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns what went wrong.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for WireError {}

/// Writes `url` without its userinfo, its fragment and the values in its query: `https://shop.example/find?q=…`.
pub(crate) fn shown(url: &Url) -> String {
    let mut shown = format!("{}://{}{}", url.scheme(), authority(url), url.path());
    if let Some(query) = url.query() {
        for (at, pair) in query.split('&').enumerate() {
            shown.push(if at == 0 { '?' } else { '&' });
            // A query without `=` is a value too: it may be a token.
            if let Some((name, _)) = pair.split_once('=') {
                shown.push_str(name);
                shown.push('=');
            }
            shown.push('…');
        }
    }
    cut(shown)
}

/// Writes a text that may be a URL as [`shown`] does; of one that is none, only what is before its query.
pub(crate) fn shown_text(text: &str) -> String {
    if let Ok(url) = Url::parse(text) {
        return shown(&url);
    }
    let (before, query) = text.find(['?', '#']).map_or((text, ""), |at| text.split_at(at));
    // A password may have a `/` in it, and then the URL is none: so everything up to the last `@` goes.
    let before = match (before.find("://"), before.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => [&before[..scheme + 3], "…", &before[at..]].concat(),
        _ => before.to_owned(),
    };
    cut(if query.is_empty() { before } else { format!("{before}{}…", &query[..1]) })
}

/// Leaves out what nobody reads of a URL: a peer may redirect to one of any length.
fn cut(mut url: String) -> String {
    if url.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| url.is_char_boundary(*end));
        url.truncate(end.unwrap_or_default());
        url.push('…');
    }
    url
}

/// Writes the host and port of `url` as they are dialled: `[::1]:443`.
pub(crate) fn peer(url: &Url) -> String {
    let host = cut(url.host_str().unwrap_or("no host").to_owned());
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Writes a duration with two significant digits: `250 ms`, `2.9 s`, `30 s`, `120 s`.
pub(crate) fn span(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0..100 => format!("{ms} ms"),
        100..995 => format!("{} ms", (ms + 5) / 10 * 10),
        995..9_950 => {
            let tenths = (ms + 50) / 100;
            match tenths % 10 {
                0 => format!("{} s", tenths / 10),
                rest => format!("{}.{rest} s", tenths / 10),
            }
        }
        _ => format!("{} s", (ms + 500) / 1000),
    }
}

/// Writes seconds since 1970 as `2026-11-19T08:00:00Z`.
pub(crate) fn date(unix: i64) -> String {
    let (least, most) = (jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
    jiff::Timestamp::from_second(unix.clamp(least, most)).unwrap_or_default().to_string()
}

/// Writes how long `seconds` are, in whole days or hours: `2 days`, `1 hour`, `less than an hour`.
pub(crate) fn age(seconds: u64) -> String {
    let counted = |n: u64, unit: &str| if n == 1 { format!("1 {unit}") } else { format!("{n} {unit}s") };
    match seconds {
        0..3_600 => "less than an hour".to_owned(),
        3_600..86_400 => counted(seconds / 3_600, "hour"),
        _ => counted(seconds / 86_400, "day"),
    }
}
