//! [`Ping`]: does a host answer echo requests?

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::Location;
use std::time::Duration;

use surge_ping::{Client, Config, ICMP, IcmpPacket, PingIdentifier, PingSequence, SurgeError};
use synthetic_core::Result;
use synthetic_core::expect::Matcher;
use synthetic_core::report::Phases;
use url::Host;

use super::check::{self, Answer, Check, Probe};
use super::dial::{causes, name, parse_host, resolve};
use super::trail::{Stage, Took, Trail};
use crate::expect::{Expectation, Timed, of};
use crate::wire::diagnose::unconnected;
use crate::wire::{Kind, Phase, WireError, span};

/// How many bytes an echo request carries: as many as `ping` sends.
const PAYLOAD: u16 = 56;
/// The most that it can carry, in a packet of IPv4 (RFC 791) with its 20 bytes and the 8 of ICMP.
const MOST: u16 = u16::MAX - 28;
const LOST: &str = "lost echo requests";

/// Holds echo requests of ICMP to be sent to a host, one after the other. Cheap to clone.
///
/// It needs a permission that most processes do not have. Where it is missing, the check ends as an error of our own
/// ([`Reason::Setup`](synthetic_core::Reason::Setup)) that says what to grant: it says nothing about the host. On Linux that is one
/// of
///
/// - a group of the process within `net.ipv4.ping_group_range` (which is for IPv6 too): `sysctl -w
///   net.ipv4.ping_group_range="0 2147483647"`
/// - the capability `CAP_NET_RAW`: `setcap cap_net_raw+ep canary`, or `--cap-add=NET_RAW` for a container
///
/// # Default
///
/// - one request, which must be answered ([`lost`])
/// - each has 1 s to be answered ([`wait`](Self::wait)); all together 10 s, always within the step's and the run's
/// - of several addresses of a name, the first
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_http::net::{Ping, lost, round_trip};
///
/// # async fn example() -> Result {
/// Ping::to("gateway.internal").times(5).expect(lost(le(1))).prefer(round_trip(under(ms(20)))).send().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until `.send().await`"]
pub struct Ping {
    address: String,
    host: Option<Host<String>>,
    times: u16,
    wait: Duration,
    payload: u16,
    hops: Option<u8>,
    check: Check<Echoes>,
}

impl Ping {
    /// Asks a host by its name or address: `gateway.internal`, `192.0.2.1`, `2001:db8::1`.
    #[track_caller]
    pub fn to(host: impl Into<String>) -> Self {
        let address = host.into();
        let mut check = Check::new(Location::caller());
        let parsed = match address.parse() {
            Ok(IpAddr::V6(address)) => Ok(Host::Ipv6(address)),
            _ => parse_host(&address),
        };
        let host = check.parsed(parsed.map_err(|why| format!("{address:?} is no host: {why}")));
        Self { address, host, times: 1, wait: Duration::from_secs(1), payload: PAYLOAD, hops: None, check }
    }

    /// Sets how many requests are sent, the next when the one before is answered or given up.
    pub fn times(mut self, times: u16) -> Self {
        if times == 0 {
            self.check.has_problem("no echo request at all checks nothing: send at least one".to_owned());
        }
        self.times = times;
        self
    }

    /// Sets how long each request has to be answered before it counts as lost.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets how many bytes each request carries, 56 unless said otherwise and at most 65507: large ones are lost where small
    /// ones are not. The system may send one in pieces.
    pub fn payload(mut self, bytes: u16) -> Self {
        if bytes > MOST {
            self.check.has_problem(format!("an echo request carries at most {MOST} bytes, not {bytes}"));
        }
        self.payload = bytes;
        self
    }

    /// Sets how many routers each request may pass (the TTL of IPv4, the hop limit of IPv6), the system's choice unless said
    /// otherwise. One that would pass more is lost, and the failure says where.
    pub fn hops(mut self, most: u8) -> Self {
        if most == 0 {
            self.check.has_problem("an echo request with no hop at all goes nowhere: allow at least one".to_owned());
        }
        self.hops = Some(most);
        self
    }

    /// Demands something of the answers. All that is demanded is judged, then one failure lists everything unmet.
    pub fn expect(mut self, expectation: Expectation<Echoes>) -> Self {
        self.check.expect(expectation);
        self
    }

    /// Wishes something of the answers: what is not met degrades the run and stops nothing.
    pub fn prefer(mut self, expectation: Expectation<Echoes>) -> Self {
        self.check.prefer(expectation);
        self
    }

    /// Sets the time for all of it. The time of its step and of its run bound it too.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.check.timeout(timeout);
        self
    }

    /// Sends the requests, and judges their answers.
    ///
    /// # Errors
    ///
    /// Returns one failure with everything unmet; or why nothing could be sent to the host, with the reason `Dns`, `Connect` or
    /// `Timeout`; or, as an error of our own, that this process may not send, or what is wrong with the check itself.
    pub async fn send(self) -> Result<Echoes> {
        Box::pin(async move { check::run(&self).await }).await
    }
}

impl fmt::Display for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ping {}", self.address)
    }
}

impl fmt::Debug for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ping({})", self.address)
    }
}

impl Probe for Ping {
    type Answer = Echoes;

    fn check(&self) -> &Check<Echoes> {
        &self.check
    }

    fn label(&self) -> (String, String) {
        ("ICMP".to_owned(), self.host.as_ref().map(|host| format!("icmp://{host}")).unwrap_or_default())
    }

    fn defaults(&self, _: &Echoes) -> Vec<Expectation<Echoes>> {
        let has_own = self.check.expected.iter().any(|expectation| expectation.subject() == LOST);
        if has_own { Vec::new() } else { vec![lost(0)] }
    }

    async fn go(&self, trail: &mut Trail) -> Result<Echoes, WireError> {
        let Some(host) = &self.host else { unreachable!("a host that is none is a problem, found before") };
        let address = resolve(host, trail).await?[0];
        // An address without a port: ICMP has none.
        trail.peer = Some(SocketAddr::new(address, 0));
        trail.protocol = Some("ICMP");
        let socket = Client::new(&config(address, self.hops)).map_err(|error| unopened(&error))?;
        let mut pinger = socket.pinger(address, PingIdentifier(fastrand::u16(..))).await;
        pinger.timeout(self.wait);
        let shown = name(host);
        let payload = vec![0; self.payload.into()];
        let mut echoes = Vec::with_capacity(self.times.into());
        for sequence in 0..self.times {
            trail.enter(Stage::Ask, format!("echo request {} of {} to {shown}", sequence + 1, self.times));
            echoes.push(match pinger.ping(PingSequence(sequence), &payload).await {
                Ok((packet, took)) => answer_of(&packet).map(|()| took),
                Err(SurgeError::Timeout { .. }) => Err(format!("no answer within {}", span(self.wait))),
                Err(SurgeError::IOError(error)) => return Err(unsent(&shown, &error)),
                Err(other) => Err(other.to_string()),
            });
        }
        Ok(Echoes { echoes, took: trail.finish() })
    }
}

fn config(address: IpAddr, hops: Option<u8>) -> Config {
    let config = Config::builder().kind(if address.is_ipv4() { ICMP::V4 } else { ICMP::V6 });
    match hops {
        Some(most) => config.ttl(most.into()).build(),
        None => config.build(),
    }
}

/// Explains why there is no socket for ICMP: nothing was learned of the host.
fn unopened(error: &io::Error) -> WireError {
    let message = match error.kind() {
        // The crate's text is several lines long, and of Linux only on some processors.
        io::ErrorKind::PermissionDenied => {
            "this process may not send ICMP: on Linux, let net.ipv4.ping_group_range include \
                                            a group of it, or give it the capability CAP_NET_RAW"
                .to_owned()
        }
        _ => format!("open a socket for ICMP{}", unconnected(&causes(error)).1),
    };
    WireError::new(Phase::Setup, Kind::Local, message)
}

/// Explains why a request was not sent.
fn unsent(host: &str, error: &io::Error) -> WireError {
    let (kind, what) = unconnected(&causes(error));
    WireError::new(Phase::Connect, kind, format!("send an echo request to {host}{what}"))
}

/// Returns whether a packet is an echo reply, or else what it is: a router may answer that the host cannot be reached.
fn answer_of(packet: &IcmpPacket) -> Result<(), String> {
    let (kind, code, from): (u8, u8, IpAddr) = match packet {
        IcmpPacket::V4(packet) => match packet.get_icmp_type().0 {
            0 => return Ok(()),
            kind => (kind, packet.get_icmp_code().0, packet.get_source().into()),
        },
        IcmpPacket::V6(packet) => match packet.get_icmpv6_type().0 {
            129 => return Ok(()),
            kind => (kind, packet.get_icmpv6_code().0, packet.get_source().into()),
        },
    };
    let what = match (packet, kind) {
        (IcmpPacket::V4(_), 3) | (IcmpPacket::V6(_), 1) => "the host cannot be reached",
        (IcmpPacket::V4(_), 11) | (IcmpPacket::V6(_), 3) => "too many routers on the way",
        _ => "not an echo reply",
    };
    Err(format!("{what}, says {from} (ICMP type {kind}, code {code})"))
}

/// Holds what came of echo requests.
#[derive(Debug)]
#[non_exhaustive]
pub struct Echoes {
    /// How long each answer took, or why there was none.
    echoes: Vec<Result<Duration, String>>,
    took: Took,
}

impl Echoes {
    /// Returns how long each answer took, in the order of the requests; `None` for one that was lost.
    pub fn round_trips(&self) -> impl Iterator<Item = Option<Duration>> {
        self.echoes.iter().map(|echo| echo.as_ref().ok().copied())
    }

    /// Returns how many requests were lost.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.echoes.iter().filter(|echo| echo.is_err()).count()
    }

    /// Returns the address that was asked.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.took.peer.map(|peer| peer.ip())
    }
}

/// Expects something of how many echo requests were lost, in the place of none: `lost(le(1))`.
///
/// `lost(3)` of three expects a host that does not answer.
pub fn lost(matcher: impl Matcher<usize> + 'static) -> Expectation<Echoes> {
    of(LOST, "", matcher, |answer: &Echoes, _| Ok(answer.lost()))
}

/// Expects something of the slowest answer: `round_trip(under(ms(20)))`. Without any it cannot be judged, and fails.
pub fn round_trip(matcher: impl Matcher<Duration> + 'static) -> Expectation<Echoes> {
    of("slowest round trip", "", matcher, |answer: &Echoes, _| {
        answer.round_trips().flatten().max().ok_or_else(|| "no answer at all".to_owned())
    })
}

impl Timed for Echoes {
    fn latency(&self) -> Duration {
        self.took.latency
    }

    fn phases(&self) -> Phases {
        self.took.phases
    }
}

impl Answer for Echoes {
    fn took(&self) -> &Took {
        &self.took
    }

    fn shown(&self) -> Option<String> {
        const SHOWN: usize = 20;
        let told = |(at, echo): (usize, &Result<Duration, String>)| match echo {
            Ok(took) => format!("{}: {:.1} ms", at + 1, took.as_secs_f64() * 1e3),
            Err(why) => format!("{}: {why}", at + 1),
        };
        let mut lines: Vec<String> = self.echoes.iter().enumerate().take(SHOWN).map(told).collect();
        if self.echoes.len() > SHOWN {
            lines.push(format!("and {} more", self.echoes.len() - SHOWN));
        }
        Some(lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_is_told_with_what_to_grant_whatever_the_crate_says() {
        let denied = unopened(&io::Error::new(io::ErrorKind::PermissionDenied, "a text\nof lines"));
        assert_eq!((denied.phase(), denied.kind()), (Phase::Setup, Kind::Local));
        assert_eq!(
            denied.to_string(),
            "this process may not send ICMP: on Linux, let net.ipv4.ping_group_range include a group of it, or give it the \
             capability CAP_NET_RAW"
        );
    }

    #[test]
    fn a_request_that_cannot_be_sent_names_the_host_and_why() {
        let unreachable = unsent("10.0.0.1", &io::ErrorKind::NetworkUnreachable.into());
        assert_eq!(unreachable.to_string(), "send an echo request to 10.0.0.1: no route to its network");
    }
}
