//! Finds the words for a failure: from what the connection attempt noted, and from the chain of sources under reqwest's error.

use std::{error::Error, io, net::IpAddr, time::Duration};

use rustls::{AlertDescription, CertificateError, InvalidMessage};
use url::Url;

use super::{
    address::OtherFamily,
    cert::Chain,
    error::{Kind, Phase, WireError, age, date, peer, span},
    record::Attempt,
    way::Way,
};

/// What is known of a request when it fails before its answer.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) url: &'a Url,
    /// The name in TLS, where it is not the URL's.
    pub(crate) named: Option<&'a str>,
    pub(crate) attempt: Option<&'a Attempt>,
    pub(crate) way: &'a Way,
}

impl Scene<'_> {
    /// Returns the phase that the request is in.
    pub(crate) fn phase(&self) -> Phase {
        match self.attempt {
            Some(attempt) if !attempt.detached && attempt.ready.is_none() => {
                if attempt.handshake.is_some() {
                    Phase::Tls
                } else if attempt.resolving.is_some() && attempt.resolved.is_none() {
                    Phase::Resolve
                } else {
                    Phase::Connect
                }
            }
            _ => Phase::Processing,
        }
    }

    /// Explains that the time was up, `waited` after the phase began.
    pub(crate) fn timed_out(&self, waited: Duration) -> WireError {
        let (phase, waited) = (self.phase(), span(waited));
        let message = match phase {
            Phase::Resolve => format!("resolve {}: no answer within {waited}", self.looked_up()),
            Phase::Connect => format!("connect to {}: no answer within {waited}{}", self.dialled(), self.any_proxy()),
            Phase::Tls => format!("tls handshake with {}: not complete within {waited}", peer(self.url)),
            _ => format!("processing: {} sent no answer within {waited} of the request", peer(self.url)),
        };
        WireError::new(phase, Kind::Timeout, message)
    }

    /// Explains an error of reqwest's that came instead of an answer.
    pub(crate) fn explain(&self, error: &reqwest::Error) -> WireError {
        let causes = Causes::of(error);
        if error.is_builder() {
            let message = format!("{} cannot be requested: {}", super::error::shown(self.url), causes.deepest);
            return WireError::new(Phase::Setup, Kind::BadRequest, message);
        }
        if let Some(refusal) = causes.deepest.strip_prefix("tunnel error: ") {
            return self.tunnel(refusal);
        }
        match self.phase() {
            Phase::Resolve => self.resolve(&causes),
            Phase::Tls => self.tls(&causes),
            Phase::Connect => self.connect(&causes),
            _ => self.processing(&causes),
        }
    }

    fn resolve(&self, causes: &Causes<'_>) -> WireError {
        unresolved(&self.looked_up(), causes)
    }

    fn connect(&self, causes: &Causes<'_>) -> WireError {
        let (kind, what) = unconnected(causes);
        if let Some(proxy) = &self.way.proxy {
            let message = format!("connect to the proxy {proxy}{what}, on the way to {}", peer(self.url));
            // What this machine lacks is no proxy's fault.
            let kind = if kind == Kind::Local { kind } else { Kind::Proxy };
            return WireError::new(Phase::Connect, kind, message);
        }
        WireError::new(Phase::Connect, kind, format!("connect to {}{what}{}", self.dialled(), self.maybe_a_proxy()))
    }

    fn tls(&self, causes: &Causes<'_>) -> WireError {
        let chain = self.attempt.and_then(|attempt| attempt.chain.as_deref());
        let (kind, what) = unshaken(causes, chain, self.named.unwrap_or_else(|| self.host()));
        WireError::new(Phase::Tls, kind, format!("tls handshake with {}: {what}", peer(self.url)))
    }

    fn processing(&self, causes: &Causes<'_>) -> WireError {
        let peer = peer(self.url);
        // An idle connection that the server closed in the same instant is a server's right, and worth knowing.
        let reused = match self.attempt {
            Some(attempt) if !attempt.detached => "",
            _ => "reused ",
        };
        let (kind, what) = match causes.http {
            Some(http) if http.is_parse() && http.to_string().contains("too large") => {
                (Kind::HeadTooLarge, format!("the head of the answer of {peer} is too large, or has over 100 fields"))
            }
            Some(http) if http.is_parse() => {
                (Kind::Protocol, format!("the answer is not HTTP: {peer} sent an {}", parse_fault(http)))
            }
            Some(http) if http.is_user() => {
                return WireError::new(Phase::Setup, Kind::BadRequest, format!("the request is not valid: {http}"));
            }
            // HTTP/2 has no error of its own for it, and the crate `h2` says so in its words.
            _ if causes.deepest.contains("header_list_way_too_large") => {
                (Kind::HeadTooLarge, format!("the head of the answer of {peer} is too large"))
            }
            _ => match causes.io {
                Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe) => {
                    (Kind::Reset, format!("{peer} reset the {reused}connection without an answer"))
                }
                Some(io::ErrorKind::TimedOut) => {
                    (Kind::Timeout, format!("{peer} is silent, the system gave the {reused}connection up"))
                }
                Some(io::ErrorKind::UnexpectedEof) => {
                    (Kind::ClosedEarly, format!("{peer} closed the {reused}connection without an answer"))
                }
                _ => match causes.http {
                    Some(http) if http.is_incomplete_message() || http.is_canceled() || http.is_closed() => {
                        (Kind::ClosedEarly, format!("{peer} closed the {reused}connection without an answer"))
                    }
                    _ => match causes.tls {
                        // With TLS 1.3 the server judges the client's side after the handshake.
                        Some(rustls::Error::AlertReceived(alert)) => {
                            (alert_kind(*alert), format!("{peer} ended TLS with the alert {}", alert_name(*alert)))
                        }
                        _ => (Kind::Protocol, format!("{peer}: {}", causes.deepest)),
                    },
                },
            },
        };
        // Who has streams speaks HTTP/2.
        let speaks_it = kind == Kind::HeadTooLarge || causes.deepest.starts_with("stream error");
        let only =
            if self.way.http2_only && !speaks_it { "; only HTTP/2 was offered: does it speak that?" } else { "" };
        WireError::new(Phase::Processing, kind, format!("processing: {what}{only}"))
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or("no host")
    }

    /// What is looked up: through a proxy it is the proxy's name, but for the kind that is given an address.
    fn looked_up(&self) -> String {
        match self.way.proxy.as_ref().filter(|proxy| !proxy.starts_with("socks5:")) {
            Some(proxy) => format!("the proxy {proxy}"),
            None => self.host().to_owned(),
        }
    }

    /// The peer, and where it was a name, the addresses that were tried.
    fn dialled(&self) -> String {
        let peer = peer(self.url);
        match self.attempt.map(|attempt| attempt.addresses.as_slice()) {
            None | Some([]) => peer,
            Some(addresses) => format!("{peer} ({})", listed(addresses.iter().map(IpAddr::to_string), 4)),
        }
    }

    fn maybe_a_proxy(&self) -> &str {
        &self.way.maybe
    }

    fn any_proxy(&self) -> String {
        match &self.way.proxy {
            Some(proxy) => format!(" (through the proxy {proxy})"),
            None => self.way.maybe.clone(),
        }
    }

    /// Explains why a proxy made no way to the target; hyper-util keeps its answer to itself.
    fn tunnel(&self, refusal: &str) -> WireError {
        let what = match refusal {
            "unsuccessful" => "the proxy refused to connect",
            "proxy authorization required" => "the proxy wants credentials (407)",
            other => other,
        };
        let message = format!("connect to {}: {what}{}", peer(self.url), self.any_proxy());
        WireError::new(Phase::Connect, Kind::Proxy, message)
    }
}

/// Explains why `host` has no address.
pub(crate) fn unresolved(host: &str, causes: &Causes<'_>) -> WireError {
    if let Some(other) = causes.family {
        return WireError::new(Phase::Resolve, Kind::OtherFamily, format!("resolve {host}: {other}"));
    }
    // The resolver's code is lost in std: only its text is left to tell "there is no such name" from "could not ask".
    let text = causes.deepest.trim_start_matches("failed to lookup address information: ");
    let unknown = causes.io == Some(io::ErrorKind::NotFound)
        || [
            "Name or service not known",
            "No address associated with hostname",
            "nodename nor servname",
            "No such host",
            // musl's
            "Name does not resolve",
            "Name has no usable address",
        ]
        .iter()
        .any(|known| text.contains(known));
    if unknown {
        return WireError::new(Phase::Resolve, Kind::NotFound, format!("resolve {host}: no such host"));
    }
    WireError::new(Phase::Resolve, Kind::ResolverFailed, format!("resolve {host}: {text}"))
}

/// Explains why there is no connection, as what follows the peer that was dialled.
pub(crate) fn unconnected(causes: &Causes<'_>) -> (Kind, String) {
    match causes.io {
        Some(io::ErrorKind::ConnectionRefused) => (Kind::Refused, " refused".to_owned()),
        Some(io::ErrorKind::TimedOut) => (Kind::Timeout, ": no answer, the system gave up".to_owned()),
        Some(io::ErrorKind::HostUnreachable) => (Kind::Unreachable, ": no route to the host".to_owned()),
        Some(io::ErrorKind::NetworkUnreachable) => (Kind::Unreachable, ": no route to its network".to_owned()),
        Some(io::ErrorKind::ConnectionReset) => (Kind::Reset, ": the connection was reset".to_owned()),
        Some(io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse) => {
            (Kind::Local, ": this machine has no free address and port to connect from".to_owned())
        }
        Some(io::ErrorKind::PermissionDenied) => (Kind::Local, ": this machine does not permit it".to_owned()),
        _ if matches!(causes.os, Some(23 | 24)) => (Kind::Local, ": this machine has too many open files".to_owned()),
        Some(io::ErrorKind::UnexpectedEof) => (Kind::ClosedEarly, ": the connection was closed".to_owned()),
        _ => (Kind::Other, format!(": {}", causes.deepest)),
    }
}

/// Explains why a handshake failed with the server that was asked for as `host` and sent `chain`.
pub(crate) fn unshaken(causes: &Causes<'_>, chain: Option<&Chain>, host: &str) -> (Kind, String) {
    match causes.tls {
        Some(rustls::Error::InvalidCertificate(error)) => certificate(error, chain, host),
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            (Kind::Tls, "the server does not speak TLS on this port".to_owned())
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            (alert_kind(*alert), format!("the server refused it with the alert {}", alert_name(*alert)))
        }
        Some(rustls::Error::PeerIncompatible(why)) => (Kind::Tls, format!("no version or cipher in common: {why:?}")),
        Some(error) => (Kind::Tls, error.to_string()),
        None => match causes.io {
            Some(io::ErrorKind::UnexpectedEof) => (Kind::ClosedEarly, "the server closed the connection".to_owned()),
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
                (Kind::Reset, "the server reset the connection".to_owned())
            }
            _ => (Kind::Tls, causes.deepest.clone()),
        },
    }
}

/// Explains why a body ended before its end: `received` bytes came, of `expected`, if the answer said so.
pub(crate) fn broken_body(error: &reqwest::Error, received: u64, expected: Option<u64>) -> WireError {
    let causes = Causes::of(error);
    let (kind, what) = match causes.io {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe) => {
            (Kind::Reset, format!("connection reset after {}", share(received, expected)))
        }
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) if causes.tls.is_none() => (
            Kind::Protocol,
            format!("the body is not well-formed after {}: {}", share(received, expected), causes.deepest),
        ),
        Some(io::ErrorKind::TimedOut) => {
            (Kind::Timeout, format!("silence after {}, the system gave the connection up", share(received, expected)))
        }
        Some(io::ErrorKind::UnexpectedEof) => {
            (Kind::ClosedEarly, format!("connection closed after {}", share(received, expected)))
        }
        _ if causes.http.is_some_and(|http| http.is_incomplete_message() || http.is_closed() || http.is_canceled()) => {
            (Kind::ClosedEarly, format!("connection closed after {}", share(received, expected)))
        }
        _ => (Kind::Protocol, format!("broken off after {}: {}", share(received, expected), causes.deepest)),
    };
    WireError::new(Phase::Transfer, kind, format!("transfer: {what}"))
}

/// Explains that the time was up within a body, `waited` after its head.
pub(crate) fn slow_body(waited: Duration, received: u64, expected: Option<u64>) -> WireError {
    let message =
        format!("transfer: body not complete within {} of the head: {}", span(waited), share(received, expected));
    WireError::new(Phase::Transfer, Kind::Timeout, message)
}

fn share(received: u64, expected: Option<u64>) -> String {
    match expected {
        Some(expected) => format!("{received} of {expected} bytes"),
        None => format!("{received} bytes, before the end of the body"),
    }
}

/// What is worth knowing in a chain of sources.
#[derive(Debug)]
pub(crate) struct Causes<'a> {
    io: Option<io::ErrorKind>,
    os: Option<i32>,
    tls: Option<&'a rustls::Error>,
    family: Option<&'a OtherFamily>,
    http: Option<&'a hyper::Error>,
    deepest: String,
}

impl<'a> Causes<'a> {
    fn of(error: &'a reqwest::Error) -> Self {
        // Not from reqwest's own error: its text says nothing, and holds the URL.
        Self::from(error.source())
    }

    /// Looks at an error and its sources.
    pub(crate) fn from(mut next: Option<&'a (dyn Error + 'static)>) -> Self {
        let mut found = Self { io: None, os: None, tls: None, family: None, http: None, deepest: String::new() };
        while let Some(error) = next {
            next = error.source();
            if let Some(io) = error.downcast_ref::<io::Error>() {
                // `io::Error::source` skips the error that it wraps.
                next = io.get_ref().map(|inner| inner as _);
                if io.kind() != io::ErrorKind::Other {
                    found.io = Some(io.kind());
                }
                found.os = io.raw_os_error().or(found.os);
            } else if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                found.tls = Some(tls);
            } else if let Some(family) = error.downcast_ref::<OtherFamily>() {
                found.family = Some(family);
            } else if let Some(http) = error.downcast_ref::<hyper::Error>() {
                found.http = Some(http);
            }
            if next.is_none() {
                found.deepest = error.to_string();
            }
        }
        if found.deepest.is_empty() {
            "unknown cause".clone_into(&mut found.deepest);
        }
        found
    }
}

fn parse_fault(http: &hyper::Error) -> String {
    let fault = http.to_string();
    let fault = fault.strip_suffix(" parsed").unwrap_or(&fault);
    match fault {
        "invalid HTTP version" | "invalid HTTP status-code" => "invalid status line".to_owned(),
        "invalid HTTP header" => "invalid header line".to_owned(),
        other => other.to_owned(),
    }
}

/// Returns whether the server complains of who we are, or of something else.
fn alert_kind(alert: AlertDescription) -> Kind {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown => Kind::ClientCertificate,
        _ => Kind::Tls,
    }
}

fn alert_name(alert: AlertDescription) -> String {
    let meaning = match alert {
        AlertDescription::CertificateRequired => ": it wants a client certificate, and was shown none",
        AlertDescription::NoApplicationProtocol => ": it speaks none of the protocols that were offered",
        AlertDescription::UnknownCA => ": it does not trust the issuer of the client certificate",
        AlertDescription::CertificateExpired => ": the client certificate has expired",
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            ": it refuses the client certificate"
        }
        AlertDescription::UnrecognisedName => ": it knows no host of that name",
        _ => "",
    };
    format!("{alert:?}{meaning}")
}

fn certificate(error: &CertificateError, chain: Option<&Chain>, host: &str) -> (Kind, String) {
    let certs = chain.map(Chain::certs).unwrap_or_default();
    // Names the certificate unless it is the server's own, which nobody doubts.
    let which = |is: &dyn Fn(&super::cert::CertInfo) -> bool| match certs.iter().position(is) {
        Some(0) | None => "certificate".to_owned(),
        Some(at) => format!("intermediate certificate `{}`", certs[at].subject),
    };
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            let (now, end) = (time.as_secs(), not_after.as_secs());
            let which = which(&|cert| cert.not_after == seconds(end));
            let age = age(now.saturating_sub(end));
            (Kind::CertificateExpired, format!("{which} expired {age} ago (not after {})", date(seconds(end))))
        }
        CertificateError::Expired => (Kind::CertificateExpired, "certificate expired".to_owned()),
        CertificateError::NotValidYetContext { time, not_before } => {
            let (now, start) = (time.as_secs(), not_before.as_secs());
            let which = which(&|cert| cert.not_before == seconds(start));
            let age = age(start.saturating_sub(now));
            (
                Kind::CertificateNotYetValid,
                format!("{which} is valid only in {age} (not before {})", date(seconds(start))),
            )
        }
        CertificateError::NotValidYet => (Kind::CertificateNotYetValid, "certificate is not valid yet".to_owned()),
        CertificateError::NotValidForNameContext { .. } | CertificateError::NotValidForName => {
            let names = match certs.first() {
                Some(cert) if !cert.sans.is_empty() => listed(cert.sans.iter().cloned(), 5),
                _ => "no name at all".to_owned(),
            };
            (Kind::WrongHost, format!("certificate is for {names}, not for {host}"))
        }
        CertificateError::UnknownIssuer => match certs {
            [only] if only.issuer == only.subject => {
                (Kind::SelfSigned, "certificate is self-signed and not trusted".to_owned())
            }
            [only] => {
                let issuer = &only.issuer;
                let message =
                    format!("issuer `{issuer}` is not trusted, and the server sent no intermediate certificate");
                (Kind::UntrustedIssuer, message)
            }
            [.., last] => (Kind::UntrustedIssuer, format!("issuer `{}` is not trusted", last.issuer)),
            [] => (Kind::UntrustedIssuer, "the issuer of the certificate is not trusted".to_owned()),
        },
        // A path was found by name, and its key is another: an authority that was made anew, or an impostor.
        CertificateError::BadSignature => {
            let issuer = certs.last().map(|cert| cert.issuer.as_str()).unwrap_or_default();
            (Kind::UntrustedIssuer, format!("issuer `{issuer}` is not the one of that name that is trusted"))
        }
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            (Kind::SelfSigned, "certificate is that of an authority, used as the server's own".to_owned())
        }
        other => (Kind::BadCertificate, format!("certificate refused: {other}")),
    }
}

fn seconds(unix: u64) -> i64 {
    i64::try_from(unix).unwrap_or(i64::MAX)
}

pub(crate) fn listed(items: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let more = items.len().saturating_sub(most);
    let mut listed = items.take(most).collect::<Vec<_>>().join(", ");
    if more > 0 {
        listed.push_str(&format!(" and {more} more"));
    }
    listed
}
