//! Which addresses a host may be asked at: overrides of the resolver, and one family alone.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use url::{Host, Url};

use super::error::{Kind, Phase, WireError, shown};

/// Decides about addresses before anything is connected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    /// Names, in lower case, and what they are taken for; the first of a name counts.
    overrides: Vec<(String, IpAddr, Option<u16>)>,
    pub(crate) family: Option<Family>,
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// Says that a name has addresses, and none of the family that may be used.
#[derive(Clone, Debug)]
pub(crate) struct OtherFamily {
    wanted: Family,
    found: Vec<IpAddr>,
}

impl Addresses {
    /// Takes a name for an address, in place of what was said of it before.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the name or the address.
    pub(crate) fn put(&mut self, name: &str, address: &str) -> Result<(), String> {
        let host = match Host::parse(name) {
            Ok(Host::Domain(host)) => host,
            Ok(_) => return Err(format!("{name:?} is an address, and only a name can be resolved to another one")),
            Err(error) => {
                return Err(format!("{name:?} is no host name: {error}; write it as shop.example, without a port"));
            }
        };
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let (ip, port) = match (bare.parse::<IpAddr>(), address.parse::<SocketAddr>()) {
            (Ok(ip), _) => (ip, None),
            (_, Ok(whole)) => (whole.ip(), Some(whole.port())),
            _ => {
                return Err(format!(
                    "{address:?} is no address for {host}: write it as 10.0.0.7, 10.0.0.7:443 or [fd00::7]:443"
                ));
            }
        };
        self.overrides.retain(|(known, ..)| *known != host);
        self.overrides.push((host, ip, port));
        Ok(())
    }

    /// Returns what a name is taken for; the port is 0 where none was given.
    pub(crate) fn of(&self, host: &str) -> Option<SocketAddr> {
        let (_, ip, port) = self.overrides.iter().find(|(name, ..)| name.eq_ignore_ascii_case(host))?;
        Some(SocketAddr::new(*ip, port.unwrap_or(0)))
    }

    /// Keeps of the addresses of a name those that may be used: of one family alone the first, so that nobody has to guess
    /// which of them was asked.
    ///
    /// # Errors
    ///
    /// [`OtherFamily`] where there is none.
    pub(crate) fn allowed(&self, mut found: Vec<IpAddr>) -> Result<Vec<IpAddr>, OtherFamily> {
        let Some(wanted) = self.family else { return Ok(found) };
        match found.iter().copied().find(|address| wanted.has(*address)) {
            Some(first) => {
                found.clear();
                found.push(first);
                Ok(found)
            }
            None => Err(OtherFamily { wanted, found }),
        }
    }

    /// Refuses a URL that cannot be asked for: an address of the other family, or a port that is not the override's.
    pub(crate) fn permit(&self, url: &Url) -> Result<(), WireError> {
        let refused = |phase, kind, message| Err(WireError::new(phase, kind, message));
        let Some(host) = url.host() else { return Ok(()) };
        let literal = match (literal(&host), &host) {
            (Some(address), _) => address,
            (None, Host::Domain(host)) => match (self.of(host), url.port()) {
                // Below here the port of the URL would win, in silence.
                (Some(over), Some(port)) if over.port() != 0 && over.port() != port => {
                    return refused(
                        Phase::Setup,
                        Kind::BadRequest,
                        format!(
                            "{} names port {port}, and {host} is resolved to {over}: leave one of the ports out",
                            shown(url)
                        ),
                    );
                }
                (Some(over), _) => over.ip(),
                (None, _) => return Ok(()),
            },
            (None, _) => return Ok(()),
        };
        match self.family {
            Some(wanted) if !wanted.has(literal) => {
                let host = url.host_str().unwrap_or_default();
                let told = OtherFamily { wanted, found: vec![literal] };
                refused(Phase::Resolve, Kind::OtherFamily, format!("resolve {host}: {told}"))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the address that a host is, if it is no name.
pub(crate) fn literal<S>(host: &Host<S>) -> Option<IpAddr> {
    match host {
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        Host::Domain(_) => None,
    }
}

/// Returns addresses in the order in which they are tried: as they are, but that the families take turns (RFC 8305, section 4).
pub(crate) fn alternating(found: Vec<IpAddr>) -> Vec<IpAddr> {
    let first_is_v4 = found.first().is_some_and(IpAddr::is_ipv4);
    let (same, other): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| address.is_ipv4() == first_is_v4);
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    let mut turns = Vec::new();
    loop {
        let two = [same.next(), other.next()];
        if two == [None, None] {
            return turns;
        }
        turns.extend(two.into_iter().flatten());
    }
}

impl Family {
    fn has(self, address: IpAddr) -> bool {
        match self {
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

impl fmt::Display for OtherFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {} address, only ", self.wanted)?;
        for (at, address) in self.found.iter().enumerate() {
            write!(f, "{}{address}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for OtherFamily {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_for_what_was_said_last() {
        let mut addresses = Addresses::default();
        addresses.put("Shop.example", "10.0.0.7").unwrap();
        assert_eq!(addresses.of("shop.example"), Some("10.0.0.7:0".parse().unwrap()));
        addresses.put("shop.example", "[fd00::7]:443").unwrap();
        assert_eq!(addresses.of("SHOP.example"), Some("[fd00::7]:443".parse().unwrap()));
        addresses.put("shop.example", "[fd00::8]").unwrap();
        assert_eq!(addresses.of("shop.example"), Some("[fd00::8]:0".parse().unwrap()));
        assert_eq!(addresses.of("pay.example"), None);
    }

    #[test]
    fn what_is_no_name_or_no_address_is_refused_with_what_would_be_right() {
        let mut addresses = Addresses::default();
        for (name, address, why) in [
            ("10.0.0.1", "10.0.0.7", "only a name"),
            ("shop.example:443", "10.0.0.7", "without a port"),
            ("shop.example", "pay.example", "write it as 10.0.0.7"),
            ("shop.example", "10.0.0.7:99999", "write it as 10.0.0.7"),
        ] {
            let told = addresses.put(name, address).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }

    #[test]
    fn the_families_take_turns_and_the_first_stays_the_first() {
        for (found, order) in [
            ("", ""),
            ("::1 ::2 1.1.1.1", "::1 1.1.1.1 ::2"),
            ("1.1.1.1 ::1 ::2", "1.1.1.1 ::1 ::2"),
            ("1.1.1.1 1.1.1.2", "1.1.1.1 1.1.1.2"),
        ] {
            let parsed = |text: &str| text.split_whitespace().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
            assert_eq!(alternating(parsed(found)), parsed(order), "{found}");
        }
    }

    #[test]
    fn of_one_family_the_first_address_is_asked_and_no_other() {
        let found: Vec<IpAddr> = ["::1", "127.0.0.1", "127.0.0.2"].map(|ip| ip.parse().unwrap()).into();
        let of = |family| Addresses { family, ..Addresses::default() }.allowed(found.clone()).unwrap();
        assert_eq!(of(None), found);
        assert_eq!(of(Some(Family::V4)), found[1..2]);
        assert_eq!(of(Some(Family::V6)), found[..1]);
        let none = Addresses { family: Some(Family::V6), ..Addresses::default() }.allowed(found[1..].to_vec());
        assert_eq!(none.unwrap_err().to_string(), "no IPv6 address, only 127.0.0.1, 127.0.0.2");
    }
}
