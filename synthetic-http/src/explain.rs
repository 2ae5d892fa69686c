//! The failure of a request that had no answer: what happened, how far it came, and what to do about it.

use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{StatusCode, Version};
use synthetic_core::report::Phases;
use synthetic_core::{Failure, Reason};
use tokio::time::Instant;
use url::{Host, Url};

use crate::measure::{self, phases};
use crate::response::EXCERPT;
use crate::wire::{self, CertInfo, Failed, Hop, Kind, Phase, Trail};

/// How many certificates of a chain a failure shows.
pub(crate) const CERTIFICATES: usize = 4;

/// When a request must be done, and who says so.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// How long that is from its start.
    pub(crate) timeout: Duration,
    /// It is the time of the run, or of a step, that ends, not the request's own.
    pub(crate) of_the_run: bool,
}

/// Says why there was no answer, with how far the request came.
pub(crate) fn no_answer(name: &str, failed: &Failed, deadline: Deadline) -> Failure {
    let Failed { error, trail } = failed;
    let mut failure = Failure::with_reason(reason(error), format!("{name}: {error}"));
    let method = name.split(' ').next().unwrap_or_default();
    failure = failure.evidence("request", requested(method, &trail.hops, &trail.url));
    if let Some(answer) = broken_off(failed) {
        failure = failure.evidence("answer", answer);
    }
    if let Some(peer) = peer(trail) {
        failure = failure.evidence("peer", peer);
    }
    if error.phase() == Phase::Tls {
        let certificates = trail.tls.as_ref().map(wire::TlsInfo::certs).unwrap_or_default();
        for certificate in certificates.iter().take(CERTIFICATES) {
            failure = failure.evidence("cert", shown(certificate));
        }
    }
    if !trail.hops.is_empty() {
        failure = failure.evidence("followed", redirects(&trail.hops, &trail.url));
    }
    let times = times(&trail.phases);
    if !times.is_empty() {
        failure = failure.evidence("times", times);
    }
    match advice(error, deadline) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Returns the head of an answer, as a failure shows it: `HTTP/1.1 302 Found to /login, text/html`.
pub(crate) fn head(version: Version, status: StatusCode, headers: &HeaderMap) -> String {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let mut head = format!("{} {status}", measure::version(version));
    if let Some(location) = header(LOCATION).filter(|_| status.is_redirection()) {
        head.push_str(&format!(" to {}", wire::shown_text(location)));
    }
    if !status.is_informational() {
        head.extend([", ", header(CONTENT_TYPE).unwrap_or("no content type")]);
    }
    head
}

/// Returns what came of an answer that broke off: its head, and the beginning of its body.
fn broken_off(failed: &Failed) -> Option<String> {
    let Failed { error, trail } = failed;
    let (status, (version, headers)) = (trail.status?, trail.head.as_ref()?);
    let told = head(*version, status, headers);
    // What follows a 101 is no body.
    if error.phase() != Phase::Transfer || status.is_informational() {
        return Some(told);
    }
    let told = format!("{told}, not its whole body: {} bytes came", trail.received);
    let text = String::from_utf8_lossy(&trail.began);
    if text.is_empty() || text.contains('\0') || headers.contains_key(CONTENT_ENCODING) {
        return Some(told);
    }
    // What is cut says so, and is then known also where a secret was cut.
    Some(match text.char_indices().nth(EXCERPT) {
        Some((cut, _)) => format!("{told}\n{} …", &text[..cut]),
        None => format!("{told}\n{text}"),
    })
}

pub(crate) fn reason(error: &wire::WireError) -> Reason {
    match (error.kind(), error.phase()) {
        (Kind::Timeout | Kind::Idle, _) => Reason::Timeout,
        (Kind::BadRequest | Kind::Roots | Kind::Local | Kind::NoTestHost, _) | (_, Phase::Setup) => Reason::Setup,
        (_, Phase::Resolve) => Reason::Dns,
        (_, Phase::Connect) => Reason::Connect,
        (Kind::ClientCertificate, _) | (_, Phase::Tls) => Reason::Tls,
        (_, Phase::Processing | Phase::Transfer | Phase::Redirect) => Reason::Protocol,
    }
}

pub(crate) fn advice(error: &wire::WireError, deadline: Deadline) -> Option<String> {
    let advice = match error.kind() {
        Kind::Timeout if deadline.of_the_run => {
            return Some(
                "the time of the run, or of its step, was nearly up: does an earlier step take longer than usual? \
                 if it may, give the run more time with `Spec::timeout`"
                    .to_owned(),
            );
        }
        Kind::Timeout => {
            let timeout = wire::span(deadline.timeout);
            return Some(format!(
                "the request's time of {timeout} was up: is the service overloaded, or waiting for another one? \
                 if it may take longer, allow that with `timeout`"
            ));
        }
        Kind::Idle => "does the target still send? if it may be silent for longer, allow that with `idle_timeout`",
        Kind::Refused => "nothing listens there: is the service up, and is this its port?",
        Kind::NotFound => "the name is not in DNS: was it removed, or is it misspelt?",
        Kind::OtherFamily => {
            "is the record of that family missing in DNS, or was it taken out? if the target has none, do not ask for it"
        }
        Kind::Proxy => "is the proxy up? look into its log: may this machine use it, and may it connect to the target?",
        Kind::ResolverFailed => "the resolver could not tell: does DNS work on the machine that runs the canary?",
        Kind::Unreachable => {
            "is a firewall or a route missing between the machine that runs the canary and the target?"
        }
        Kind::Reset | Kind::ClosedEarly => {
            "look into the log of the service, and of the proxy in front of it, at this time: did it restart or crash?"
        }
        Kind::CertificateExpired => "renew the certificate: every client refuses it now",
        Kind::CertificateNotYetValid => {
            "is the clock of the machine that runs the canary right? if so, put the former certificate back"
        }
        Kind::UntrustedIssuer => {
            "does the server send its intermediate certificates? if its authority is your own, trust it with \
             `Http::trust_pem`"
        }
        Kind::SelfSigned => {
            "is the certificate of a proxy or a default one served? if it is meant to be, trust it with `Http::trust_pem`"
        }
        Kind::WrongHost => "is this the right host, and was a certificate for another one put in place?",
        Kind::BadCertificate => "replace the certificate: clients refuse it",
        Kind::ClientCertificate => {
            "is the certificate that `client_certificate` was given in force, and of an authority that the server knows? it is \
             shown to the origin of the base URL only"
        }
        Kind::Tls => "is this the TLS port of the service, and were its TLS settings changed?",
        Kind::Protocol if error.phase() == Phase::Processing => {
            "is this the port of an HTTP service, and does it speak http or https?"
        }
        Kind::HeadTooLarge => "does the service set ever more cookies or other headers?",
        Kind::BodyTooLarge { .. } => "if a body of this size is expected, allow it with `max_body`",
        Kind::Decode => "was the body compressed twice, or not at all, by the service or by a proxy?",
        Kind::BadRedirect => "the `Location` header of the answer is wrong: that is for the service to mend",
        Kind::NoTestHost => "where does the target send its users, and is that a test system too?",
        Kind::Roots => "install the platform's CA certificates, or trust one with `Http::trust_pem`",
        Kind::Local => "the target was not asked: look at the machine that runs the canary",
        Kind::BadRequest | Kind::Protocol | Kind::Other => return None,
    };
    Some(advice.to_owned())
}

/// Returns the address that was connected to, or those that could have been, unless the URL says it.
fn peer(trail: &Trail) -> Option<String> {
    if !matches!(trail.url.host(), Some(Host::Domain(_))) {
        return None;
    }
    match trail.remote_addr {
        Some(address) => Some(address.to_string()),
        None if trail.resolved.is_empty() => None,
        None => Some(trail.resolved.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")),
    }
}

pub(crate) fn shown(certificate: &CertInfo) -> String {
    let CertInfo { subject, issuer, not_before, not_after, .. } = certificate;
    let subject = if subject.is_empty() { "no subject" } else { subject };
    format!("{subject}, issued by {issuer}, valid from {} to {}", wire::date(*not_before), wire::date(*not_after))
}

/// Returns what was asked for before any redirect, as a failure shows it.
pub(crate) fn requested(method: &str, hops: &[Hop], last: &Url) -> String {
    format!("{method} {}", wire::shown(hops.first().map_or(last, |hop| &hop.url)))
}

/// Returns the redirects that were followed, one a line, and where they led.
pub(crate) fn redirects(hops: &[Hop], to: &Url) -> String {
    let mut text = String::new();
    for hop in hops {
        let (status, url, took) = (hop.status.as_u16(), wire::shown(&hop.url), millis(hop.phases.total()));
        let peer = hop.remote_addr.map(|peer| format!("{peer}, ")).unwrap_or_default();
        text.push_str(&format!("{status} {url} ({peer}{took})\n"));
    }
    text + "to " + &wire::shown(to)
}

/// Returns the phases in words: `resolve 1.2 ms, connect 0.4 ms`.
pub(crate) fn times(wire: &wire::Phases) -> String {
    taken(&phases(wire))
}

/// Returns the phases of any protocol in words.
pub(crate) fn taken(phases: &Phases) -> String {
    let took = |(name, took): (&str, Option<Duration>)| took.map(|took| format!("{name} {}", millis(took)));
    phases.named().into_iter().filter_map(took).collect::<Vec<_>>().join(", ")
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
