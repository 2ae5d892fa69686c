//! [`Tls`]: is the handshake good, and for how long?

mod expect;
mod starttls;

use std::fmt;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::pki_types::ServerName;
use synthetic_core::expect::Mismatch;
use synthetic_core::report::{Certificate, Phases};
use synthetic_core::{Result, Secret};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use self::expect::alpn;
pub use self::starttls::StartTls;
use super::check::{self, Answer, Check, Probe};
use super::dial::{Target, causes, dial};
use super::dialogue::{Dialogue, Said, turns};
use super::trail::{Stage, Took, Trail};
use crate::expect::{HasTls, OverTls, Timed};
use crate::explain::{CERTIFICATES, shown};
use crate::measure::earliest_expiry;
use crate::wire::diagnose::unshaken;
use crate::wire::{self, ClientSettings, Identity, Kind, Phase, Shows, TlsInfo, WireError, record};

/// Holds a TLS handshake to be made: with a server that speaks TLS at once, or after [STARTTLS](Self::starttls). Cheap to clone.
///
/// The certificate is verified as for HTTPS: against the platform's roots, for the name that was asked for, by the machine's
/// clock. One that is refused fails the check and says why (expired, not yet valid, of an unknown issuer, for another host),
/// and its expiry is recorded all the same.
///
/// # Default
///
/// - time: 10 s for all of it, always within the step's and the run's
/// - TLS 1.2 and 1.3; no protocol is offered by ALPN ([`alpn_offer`](Self::alpn_offer)); no client certificate
///   ([`client_certificate`](Self::client_certificate))
/// - every handshake is a full one: no session is resumed
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_http::net::Tls;
/// use synthetic_http::{cert_days_left, cert_issuer, tls_version};
///
/// # async fn example() -> Result {
/// Tls::at("mail.example:465")
///     .expect(cert_days_left(ge(21)))
///     .expect(cert_issuer(contains("Let's Encrypt")))
///     .prefer(tls_version("1.3"))
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until `.connect().await`"]
pub struct Tls {
    address: String,
    target: Option<Target>,
    server_name: Option<ServerName<'static>>,
    starttls: Option<StartTls>,
    alpn: Vec<Vec<u8>>,
    /// Whom it trusts, and as whom.
    settings: ClientSettings,
    /// Made when it is first needed: it takes milliseconds to load the roots.
    wire: Arc<OnceLock<wire::Tls>>,
    dialogue: Dialogue,
    check: Check<Handshake>,
}

impl Tls {
    /// Connects to a host and a port: `mail.example:465`, `[::1]:636`. The certificate has to be for that host.
    #[track_caller]
    pub fn at(address: impl Into<String>) -> Self {
        let address = address.into();
        let mut check = Check::new(Location::caller());
        let target = check.parsed(Target::parse(&address, None));
        Self {
            address,
            target,
            server_name: None,
            starttls: None,
            alpn: Vec::new(),
            settings: ClientSettings { http1: false, http2: false, ..ClientSettings::default() },
            wire: Arc::default(),
            dialogue: Dialogue::new(),
            check,
        }
    }

    /// Asks for TLS in the words of another protocol first, on a connection that begins without.
    pub fn starttls(mut self, protocol: StartTls) -> Self {
        self.starttls = Some(protocol);
        self
    }

    /// Asks for another name than that of the address (SNI), which the certificate has to be for: one server of many, by its
    /// address.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::net::Tls;
    /// let _one_of_many = Tls::at("10.0.0.7:443").server_name("shop.example");
    /// ```
    pub fn server_name(mut self, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        let parsed = ServerName::try_from(name).map(|name| name.to_owned());
        self.server_name =
            self.check.parsed(parsed.map_err(|error| format!("{name:?} is no name of a server: {error}")));
        self
    }

    /// Offers a protocol by ALPN: `h2`, `imap`. Called again, it offers one more, after those before.
    pub fn alpn_offer(mut self, protocol: impl Into<Vec<u8>>) -> Self {
        let protocol = protocol.into();
        if protocol.is_empty() || protocol.len() > 255 {
            let problem = format!("a protocol of ALPN has 1 to 255 bytes, not {}", protocol.len());
            self.check.has_problem(problem);
        } else {
            self.alpn.push(protocol);
        }
        self
    }

    /// Trusts a certificate authority besides the platform's: one or more certificates in PEM. Called again, it adds.
    pub fn trust_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.set(|settings| settings.extra_roots_pem.push(pem.into()))
    }

    /// Trusts a certificate authority instead of the platform's, as [`Http::trust_only_pem`](crate::Http::trust_only_pem)
    /// does.
    pub fn trust_only_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        self.set(|settings| {
            settings.only_extra_roots = true;
            settings.extra_roots_pem.push(pem.into());
        })
    }

    /// Shows a certificate where the server asks who the client is, as
    /// [`Http::client_certificate`](crate::Http::client_certificate) does.
    ///
    /// With TLS 1.3 a server judges it after the handshake: to know whether it lets the client in, expect it to say something.
    pub fn client_certificate(mut self, chain_pem: impl AsRef<[u8]>, key_pem: &Secret) -> Self {
        let read = Identity::read(chain_pem.as_ref(), key_pem.expose().as_bytes());
        match self.check.parsed(read) {
            Some(identity) => self.set(|settings| settings.identity = Some(Arc::new(identity))),
            None => self,
        }
    }

    fn set(mut self, change: impl FnOnce(&mut ClientSettings)) -> Self {
        change(&mut self.settings);
        self.wire = Arc::default();
        self
    }

    /// Connects, shakes hands, takes the turns if there are any, judges what came of it, and closes the connection.
    ///
    /// # Errors
    ///
    /// Returns one failure with everything unmet; or why there was no handshake, with the reason `Dns`, `Connect`, `Tls`,
    /// `Protocol` or `Timeout` and the phase that stood; or what is wrong with the check itself, as an error of our own.
    pub async fn connect(self) -> Result<Handshake> {
        Box::pin(async move { check::run(&self).await }).await
    }

    fn wire(&self) -> Result<&wire::Tls, WireError> {
        if let Some(wire) = self.wire.get() {
            return Ok(wire);
        }
        let made = wire::Tls::new(&self.settings)?;
        Ok(self.wire.get_or_init(|| made))
    }

    /// Returns the name that is asked for.
    fn asked_for(&self, target: &Target) -> Result<ServerName<'static>, WireError> {
        if let Some(name) = &self.server_name {
            return Ok(name.clone());
        }
        ServerName::try_from(target.name()).map_err(|error| {
            let message = format!("{:?} is no name of a server: {error}", target.name());
            WireError::new(Phase::Setup, Kind::BadRequest, message)
        })
    }

    async fn shake(
        &self,
        target: &Target,
        name: ServerName<'static>,
        stream: TcpStream,
        trail: &mut Trail,
    ) -> Result<Shaken, WireError> {
        let mut config = self.wire()?.config(Shows::Identity);
        config.alpn_protocols.clone_from(&self.alpn);
        trail.enter(Stage::Tls, format!("tls handshake with {target}"));
        let asked_for = name.to_str().into_owned();
        let record = record::Record::new(None);
        record.begin();
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let shaken = record::scope(Arc::clone(&record), connecting).await;
        let (chain, negotiated) = record.take().map(|attempt| (attempt.chain, attempt.negotiated)).unwrap_or_default();
        let info = TlsInfo { negotiated, chain };
        let expires_at = earliest_expiry(Some(&info));
        trail.certificate = expires_at.map(|at| Certificate::new(target.name(), at));
        let stream = shaken.map_err(|error| {
            trail
                .evidence
                .extend(info.certs().iter().take(CERTIFICATES).map(|certificate| ("cert", shown(certificate))));
            let (kind, what) = unshaken(&causes(&error), info.chain.as_deref(), &asked_for);
            WireError::new(Phase::Tls, kind, format!("tls handshake with {target}: {what}"))
        })?;
        Ok(Shaken { stream, info })
    }
}

/// A handshake that is done.
struct Shaken {
    stream: TlsStream<TcpStream>,
    info: TlsInfo,
}

turns!(Tls, Handshake);

impl fmt::Display for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some(target) => write!(f, "TLS {target}"),
            None => write!(f, "TLS {}", self.address),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({self})")
    }
}

impl Probe for Tls {
    type Answer = Handshake;

    fn check(&self) -> &Check<Handshake> {
        &self.check
    }

    fn label(&self) -> (String, String) {
        ("TLS".to_owned(), self.target.as_ref().map(|target| format!("tls://{target}")).unwrap_or_default())
    }

    async fn go(&self, trail: &mut Trail) -> Result<Handshake, WireError> {
        let Some(target) = &self.target else { unreachable!("an address that is none is a problem, found before") };
        let name = self.asked_for(target)?;
        self.wire()?.ready().await?;
        let stream = dial(target, trail).await?;
        let stream = match self.starttls {
            Some(protocol) => protocol.ask(stream, &target.to_string(), trail).await?,
            None => stream,
        };
        let Shaken { stream, info } = self.shake(target, name, stream, trail).await?;
        let (_, session) = stream.get_ref();
        trail.protocol = info.negotiated.map(|agreed| if agreed.version == "1.3" { "TLS 1.3" } else { "TLS 1.2" });
        let alpn = session.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned());
        let said = self.dialogue.hold(stream, &target.to_string(), trail).await?;
        Ok(Handshake { info, alpn, said, took: trail.finish() })
    }
}

/// Holds what a server showed in a TLS handshake. More of it is in [`OverTls`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Handshake {
    info: TlsInfo,
    alpn: Option<String>,
    said: Said,
    took: Took,
}

impl Handshake {
    /// Returns the protocol that was agreed on by ALPN; `None` where none was.
    #[must_use]
    pub fn alpn(&self) -> Option<&str> {
        self.alpn.as_deref()
    }

    /// Returns what the server said over TLS, in all turns.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.said.received
    }

    /// Returns the address that was connected to.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.took.peer
    }
}

impl Timed for Handshake {
    fn latency(&self) -> Duration {
        self.took.latency
    }

    fn phases(&self) -> Phases {
        self.took.phases
    }
}

impl HasTls for Handshake {
    fn tls(&self) -> Option<&TlsInfo> {
        Some(&self.info)
    }
}

impl OverTls for Handshake {}

impl Answer for Handshake {
    fn took(&self) -> &Took {
        &self.took
    }

    fn unmet(&self) -> Option<(String, Mismatch)> {
        self.said.unmet.clone()
    }

    fn shown(&self) -> Option<String> {
        let version = self.tls_version().unwrap_or("of an unknown version");
        let mut text = format!("TLS {version}, {}", self.tls_cipher().unwrap_or("unknown cipher"));
        if let Some(alpn) = &self.alpn {
            text.push_str(&format!(", {alpn}"));
        }
        for certificate in self.info.certs().iter().take(CERTIFICATES) {
            text.push_str(&format!("\n{}", shown(certificate)));
        }
        Some(text)
    }
}
