//! [`Dns`]: what does a resolver answer?

mod answer;
mod exchange;
mod expect;

use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;
use std::time::Duration;

use hickory_proto::rr::{Name, RecordType};
use synthetic_core::Result;
use synthetic_core::expect::ge;

pub use self::answer::{DnsAnswer, DnsRecord};
use self::expect::{ADDITIONAL, AUTHORITY, COUNT, RECORDS, RESPONSE_CODE};
pub use self::expect::{
    additional_records, authoritative, authority_records, record_count, records, response_code, ttl,
};
use super::check::{self, Check, Probe};
use super::dial::{Target, resolve};
use super::trail::Trail;
use crate::expect::Expectation;
use crate::wire::{Kind, Phase, WireError};

/// The port of DNS.
const PORT: u16 = 53;

/// Says which resolver is asked. Cheap to clone.
///
/// Every look-up is a query of its own, over UDP, and over TCP when the answer is too long for that. Nothing is cached here, no
/// alias is followed and no search domain is tried: what is judged is the one answer that the resolver gave.
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_http::net::{Dns, Record, authoritative, records, response_code, ttl};
///
/// # async fn example() -> Result {
/// let ns = Dns::resolver("ns1.shop.example");
/// ns.lookup("shop.example", Record::Mx)
///     .expect(records(contains("10 mail.shop.example.")))
///     .expect(ttl(ge(mins(5))))
///     .expect(authoritative(true))
///     .ask()
///     .await?;
/// ns.lookup("retired.shop.example", Record::A).expect(response_code("NXDOMAIN")).ask().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until a look-up of it is asked for"]
pub struct Dns {
    resolver: Result<Option<Target>, String>,
}

impl Dns {
    /// Asks a resolver by its address or name, at port 53 unless another is said: `192.0.2.53`, `127.0.0.1:5353`, `[::1]:53`.
    ///
    /// A name is looked up by the operating system; of several addresses, the first is asked.
    pub fn resolver(address: impl AsRef<str>) -> Self {
        Self { resolver: Target::parse(address.as_ref(), Some(PORT)).map(Some) }
    }

    /// Asks the resolver that the machine is set up with: the first `nameserver` in `/etc/resolv.conf`, read for each look-up.
    pub fn system() -> Self {
        Self { resolver: Ok(None) }
    }

    /// Begins a look-up. The name is taken as it is whole, with or without a dot at its end.
    #[track_caller]
    pub fn lookup(&self, name: impl AsRef<str>, record: Record) -> Lookup {
        let mut check = Check::new(Location::caller());
        let name = name.as_ref();
        let parsed = Name::from_utf8(name).map_err(|error| {
            let why = error.to_string();
            format!("{name:?} is no name of DNS: {}", why.trim_end_matches([':', ' ']).to_lowercase())
        });
        let parsed = check.parsed(parsed.map(|mut parsed| {
            parsed.set_fqdn(true);
            parsed
        }));
        let resolver =
            check.parsed(self.resolver.clone().map_err(|problem| format!("the resolver {problem}"))).flatten();
        let name = name.strip_suffix('.').unwrap_or(name).to_owned();
        Lookup { resolver, name, parsed, record, recursive: true, over_tcp: false, check }
    }
}

impl fmt::Debug for Dns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.resolver {
            Ok(Some(resolver)) => write!(f, "Dns({resolver})"),
            Ok(None) => f.write_str("Dns(system)"),
            Err(problem) => write!(f, "Dns({problem})"),
        }
    }
}

/// Names the type of a record, and with it how its value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Record {
    /// An IPv4 address: `192.0.2.7`.
    A,
    /// An IPv6 address: `2001:db8::7`.
    Aaaa,
    /// The name that it is an alias of: `shop.example.`.
    Cname,
    /// A mail server, with its preference: `10 mail.shop.example.`.
    Mx,
    /// Text, its pieces joined, without quotes: `v=spf1 -all`.
    Txt,
    /// A name server: `ns1.shop.example.`.
    Ns,
    /// A service, with its priority, weight and port: `0 5 5060 sip.shop.example.`.
    Srv,
    /// Who may issue certificates: `0 issue "letsencrypt.org"`.
    Caa,
    /// Where the zone begins: its first name server, who keeps it, its serial number, and four times in seconds:
    /// `ns1.shop.example. admin.shop.example. 2026112100 3600 600 86400 60`.
    Soa,
    /// The name of an address, asked for as `7.2.0.192.in-addr.arpa`: `shop.example.`.
    Ptr,
}

impl Record {
    /// Returns its name in zone files: `AAAA`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Mx => "MX",
            Self::Txt => "TXT",
            Self::Ns => "NS",
            Self::Srv => "SRV",
            Self::Caa => "CAA",
            Self::Soa => "SOA",
            Self::Ptr => "PTR",
        }
    }

    const fn wire(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
            Self::Cname => RecordType::CNAME,
            Self::Mx => RecordType::MX,
            Self::Txt => RecordType::TXT,
            Self::Ns => RecordType::NS,
            Self::Srv => RecordType::SRV,
            Self::Caa => RecordType::CAA,
            Self::Soa => RecordType::SOA,
            Self::Ptr => RecordType::PTR,
        }
    }
}

/// Holds a look-up as data, with what is expected of its answer. Cheap to clone.
///
/// # Default
///
/// - time: 10 s, always within the step's and the run's; a query over UDP is sent again every second
/// - the [response code](response_code) must be `NOERROR`, and at least one record of the type must be there, unless something
///   is expected of the code; nothing is demanded of the count where something is expected of the [records] or their
///   [count](record_count)
/// - recursion is asked for ([`without_recursion`](Self::without_recursion))
#[derive(Clone)]
#[must_use = "a look-up does nothing until `.ask().await`"]
pub struct Lookup {
    /// `None` is the system's.
    resolver: Option<Target>,
    name: String,
    parsed: Option<Name>,
    record: Record,
    recursive: bool,
    over_tcp: bool,
    check: Check<DnsAnswer>,
}

impl Lookup {
    /// Demands something of the answer. All that is demanded is judged, then one failure lists everything unmet.
    pub fn expect(mut self, expectation: Expectation<DnsAnswer>) -> Self {
        self.check.expect(expectation);
        self
    }

    /// Wishes something of the answer: what is not met degrades the run and stops nothing.
    pub fn prefer(mut self, expectation: Expectation<DnsAnswer>) -> Self {
        self.check.prefer(expectation);
        self
    }

    /// Sets the time for all of it. The time of its step and of its run bound it too.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.check.timeout(timeout);
        self
    }

    /// Asks for what the server itself knows: a name server that is asked for a zone it does not have then says so.
    pub fn without_recursion(mut self) -> Self {
        self.recursive = false;
        self
    }

    /// Asks over TCP alone: what UDP would hide, such as a firewall that lets only that through.
    pub fn over_tcp(mut self) -> Self {
        self.over_tcp = true;
        self
    }

    /// Asks, and judges the answer.
    ///
    /// # Errors
    ///
    /// Returns one failure with everything unmet; or why there was no answer, with the reason `Dns`, `Timeout` or `Protocol`
    /// and the phase that stood; or what is wrong with the look-up itself, as an error of our own.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::Reason;
    /// use synthetic_http::net::{Dns, Record};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let failure = Dns::resolver("127.0.0.1:1").lookup("shop.example", Record::A).ask().await.unwrap_err();
    /// assert_eq!(failure.reason(), Reason::Dns);
    /// assert!(failure.to_string().starts_with("DNS A shop.example: ask 127.0.0.1:1 over UDP refused"), "{failure}");
    /// # }
    /// ```
    pub async fn ask(self) -> Result<DnsAnswer> {
        Box::pin(async move { check::run(&self).await }).await
    }

    fn has(&self, subjects: &[&str]) -> bool {
        self.check.expected.iter().any(|expectation| subjects.contains(&expectation.subject().as_str()))
    }

    /// Returns where the query goes.
    async fn server(&self, trail: &mut Trail) -> Result<SocketAddr, WireError> {
        match &self.resolver {
            Some(target) => {
                let addresses = resolve(&target.host, trail).await?;
                Ok(SocketAddr::new(addresses[0], target.port))
            }
            None => system_resolver().await,
        }
    }
}

/// Reads the first resolver of the machine's own settings.
async fn system_resolver() -> Result<SocketAddr, WireError> {
    const FILE: &str = "/etc/resolv.conf";
    let unusable = |why: String| {
        let message = format!("the system's resolver is not known: {FILE} {why}; name one with `Dns::resolver`");
        WireError::new(Phase::Setup, Kind::BadRequest, message)
    };
    let text = tokio::task::spawn_blocking(|| std::fs::read(FILE)).await;
    let text = text.map_err(|_| unusable("was not read: the runtime is stopping".to_owned()))?;
    let text = text.map_err(|error| unusable(format!("cannot be read: {error}")))?;
    // A line that nobody understands hides none of the others, as for the system itself.
    let (config, _) = resolv_conf::Config::parse_with_errors(&text);
    let first = config.nameservers.first().ok_or_else(|| unusable("names no nameserver".to_owned()))?;
    Ok(SocketAddr::new(first.into(), PORT))
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DNS {} {}", self.record.as_str(), self.name)
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lookup({self})")
    }
}

impl Probe for Lookup {
    type Answer = DnsAnswer;

    fn check(&self) -> &Check<DnsAnswer> {
        &self.check
    }

    fn label(&self) -> (String, String) {
        let resolver = self.resolver.as_ref().map_or_else(|| "system".to_owned(), ToString::to_string);
        (format!("DNS {}", self.record.as_str()), format!("dns://{resolver}/{}", self.name))
    }

    fn defaults(&self, answer: &DnsAnswer) -> Vec<Expectation<DnsAnswer>> {
        match answer.response_code() {
            _ if self.has(&[RESPONSE_CODE]) => Vec::new(),
            "NOERROR" if self.has(&[RECORDS, COUNT, AUTHORITY, ADDITIONAL]) => Vec::new(),
            "NOERROR" => vec![record_count(ge(1))],
            // That there is no record then is no news.
            _ => vec![response_code("NOERROR")],
        }
    }

    async fn go(&self, trail: &mut Trail) -> Result<DnsAnswer, WireError> {
        let Some(name) = &self.parsed else { unreachable!("a name that is none is a problem, found before") };
        let server = self.server(trail).await?;
        let question = exchange::Question { name, kind: self.record.wire(), recursive: self.recursive };
        let reply = exchange::ask(server, &question, self.over_tcp, trail).await?;
        Ok(DnsAnswer::new(reply, self.record, server, trail.finish()))
    }
}
