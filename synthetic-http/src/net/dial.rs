//! Addresses to connect to, and connecting.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Host;

use super::trail::{Stage, Trail};
use crate::wire::diagnose::{Causes, listed, unconnected, unresolved};
use crate::wire::{Kind, Lookup as _, Phase, SystemLookup, WireError, alternating, literal};

/// How long an address is tried alone: what RFC 8305 recommends (section 8, "Connection Attempt Delay").
const HEAD_START: Duration = Duration::from_millis(250);

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Host<String>,
    pub(super) port: u16,
}

impl Target {
    /// Reads `db.internal:5432`, `127.0.0.1:80`, `[::1]:443`.
    pub(super) fn parse(text: &str, default_port: Option<u16>) -> Result<Self, String> {
        let wrong = |why: &str| format!("{text:?} is no address: {why}; write it as host:port, [::1]:port for IPv6");
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((_, after)) => (&text[..text.len() - after.len()], after.strip_prefix(':')),
            None if text.matches(':').count() > 1 => return Err(wrong("IPv6 is not in brackets")),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| wrong("the port is no number from 1 to 65535"))?,
            None => default_port.ok_or_else(|| wrong("there is no port"))?,
        };
        let host = parse_host(host).map_err(|why| wrong(&why))?;
        Ok(Self { host, port })
    }

    /// Returns the name or address without brackets.
    pub(super) fn name(&self) -> String {
        name(&self.host)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Reads a host: `db.internal`, `127.0.0.1`, `[::1]`.
pub(super) fn parse_host(text: &str) -> Result<Host<String>, String> {
    match Host::parse(text) {
        Ok(Host::Domain(name)) if name.is_empty() => Err("there is no host".to_owned()),
        Ok(host) => Ok(host),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn name(host: &Host<String>) -> String {
    match host {
        Host::Domain(name) => name.clone(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

/// Returns the addresses of a host, in the order in which they are tried.
pub(super) async fn resolve(host: &Host<String>, trail: &mut Trail) -> Result<Vec<IpAddr>, WireError> {
    let name = match (literal(host), host) {
        (Some(address), _) => return Ok(vec![address]),
        (None, host) => name(host),
    };
    trail.enter(Stage::Resolve, format!("resolve {name}"));
    match SystemLookup.lookup(&name).await {
        Ok(addresses) if !addresses.is_empty() => Ok(alternating(addresses)),
        Ok(_) => Err(WireError::new(Phase::Resolve, Kind::NotFound, format!("resolve {name}: no such host"))),
        Err(error) => Err(unresolved(&name, &causes(&error))),
    }
}

/// Connects to an address of a host, whichever can be connected to first.
pub(super) async fn dial(target: &Target, trail: &mut Trail) -> Result<TcpStream, WireError> {
    let addresses = resolve(&target.host, trail).await?;
    let shown = match &target.host {
        Host::Domain(_) => format!("{target} ({})", listed(addresses.iter().map(IpAddr::to_string), 4)),
        Host::Ipv4(_) | Host::Ipv6(_) => target.to_string(),
    };
    trail.enter(Stage::Connect, format!("connect to {shown}"));
    let port = target.port;
    match first(addresses, |address| TcpStream::connect(SocketAddr::new(address, port))).await {
        Ok(stream) => {
            trail.peer = stream.peer_addr().ok();
            // What is said in turns would wait for acknowledgements otherwise.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Err(errors) => {
            // It counts as refused only if every address refuses it.
            let mut told = errors.iter().map(|error| unconnected(&causes(error)));
            let other = told.clone().find(|(kind, _)| *kind != Kind::Refused);
            let (kind, what) =
                other.or_else(|| told.next()).unwrap_or_else(|| (Kind::NotFound, ": it has no address".to_owned()));
            Err(WireError::new(Phase::Connect, kind, format!("connect to {shown}{what}")))
        }
    }
}

/// Returns what comes of the first address with which something does. Each has a head start before the next one is tried besides
/// it, or until it fails (RFC 8305, section 5), so that one which does not answer costs no more than that.
///
/// # Errors
///
/// Returns why nothing came of each.
async fn first<T, F>(addresses: Vec<IpAddr>, connect: impl Fn(IpAddr) -> F) -> Result<T, Vec<io::Error>>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut addresses = addresses.into_iter().peekable();
    let (mut under_way, mut errors) = (JoinSet::new(), Vec::new());
    loop {
        if let Some(address) = addresses.next() {
            under_way.spawn(connect(address));
        }
        let next = under_way.join_next();
        let came = match addresses.peek() {
            Some(_) => timeout(HEAD_START, next).await.ok(),
            None => Some(next.await),
        };
        match came {
            Some(Some(Ok(Ok(connected)))) => return Ok(connected),
            Some(Some(Ok(Err(error)))) => errors.push(error),
            Some(Some(Err(stopped))) => errors.push(io::Error::other(stopped)),
            Some(None) if addresses.peek().is_none() => return Err(errors),
            Some(None) | None => {}
        }
    }
}

pub(super) fn causes(error: &io::Error) -> Causes<'_> {
    Causes::from(Some(error as &(dyn Error + 'static)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_address_that_does_not_answer_costs_its_head_start_and_no_more() {
        let connect = |address: IpAddr| async move {
            match address.to_string().as_str() {
                "::1" => std::future::pending().await,
                "::2" => return Err(io::ErrorKind::ConnectionRefused.into()),
                "10.0.0.1" => tokio::time::sleep(Duration::from_secs(1)).await,
                _ => {}
            }
            Ok(address)
        };
        for (found, wanted, after) in [
            ("::1 127.0.0.1", Some("127.0.0.1"), 250),
            ("127.0.0.1 ::1", Some("127.0.0.1"), 0),
            ("::2 127.0.0.1", Some("127.0.0.1"), 0),
            ("::1 ::2 127.0.0.1", Some("127.0.0.1"), 250),
            // The slower one is not given up for the one that hangs.
            ("10.0.0.1 ::1", Some("10.0.0.1"), 1_000),
            ("::2 ::2", None, 0),
            ("", None, 0),
        ] {
            let found: Vec<IpAddr> = found.split_whitespace().map(|ip| ip.parse().unwrap()).collect();
            let (count, began) = (found.len(), tokio::time::Instant::now());
            let came = first(found, connect).await;
            assert_eq!(began.elapsed().as_millis(), after, "{came:?}");
            match wanted {
                Some(wanted) => assert_eq!(came.unwrap().to_string(), wanted),
                None => assert_eq!(came.unwrap_err().len(), count),
            }
        }
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let rows = [
            ("db.internal:5432", "db.internal:5432"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:443", "[::1]:443"),
            ("DB.Internal:1", "db.internal:1"),
            ("bücher.example:1", "xn--bcher-kva.example:1"),
        ];
        for (text, shown) in rows {
            assert_eq!(Target::parse(text, None).unwrap().to_string(), shown);
        }
        assert_eq!(Target::parse("[::1]", Some(53)).unwrap().to_string(), "[::1]:53");
        assert_eq!(Target::parse("ns.example", Some(53)).unwrap().to_string(), "ns.example:53");
        assert_eq!(Target::parse("[::1]:1", None).unwrap().name(), "::1");
    }

    #[test]
    fn what_is_no_address_is_told_with_what_would_be() {
        let rows = [
            ("db.internal", "there is no port"),
            ("::1:80", "IPv6 is not in brackets"),
            ("db:0", "the port is no number from 1 to 65535"),
            ("db:70000", "the port is no number from 1 to 65535"),
            ("db:5432/x", "the port is no number from 1 to 65535"),
            (":80", "empty host"),
            ("a b:80", "invalid"),
            ("[::1]x:80", "there is no port"),
        ];
        for (text, why) in rows {
            let problem = Target::parse(text, None).unwrap_err();
            assert!(problem.contains(why) && problem.contains("host:port"), "{text}: {problem}");
        }
    }
}
