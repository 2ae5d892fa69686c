//! Certificates, good and bad, from a throwaway authority.

use std::error::Error;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Says which certificate a shop shows.
///
/// Each shop makes its own authority when it starts ([`Running::ca_pem`](super::Running::ca_pem)), which signs the
/// certificate for `localhost` and `127.0.0.1`, except where a variant says otherwise. The text form is the name in lower
/// case with hyphens, and `days-left:N`.
///
/// # Examples
///
/// ```
/// use synthetic_examples::storefront::Tls;
///
/// assert_eq!("wrong-host".parse(), Ok(Tls::WrongHost));
/// assert_eq!("days-left:20".parse(), Ok(Tls::DaysLeft(20)));
/// assert_eq!(
///     "expird".parse::<Tls>().unwrap_err().to_string(),
///     "unknown certificate `expird`: there are valid, days-left:N, expired, not-yet-valid, wrong-host, self-signed",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tls {
    /// Valid for 90 more days.
    Valid,
    /// Valid, but only for this number of days (and twelve hours, so that a count of whole days is this number).
    DaysLeft(u16),
    /// Ended yesterday.
    Expired,
    /// Begins tomorrow.
    NotYetValid,
    /// Issued for `other.example`, and for no name of this machine.
    WrongHost,
    /// Signed by itself and not by the authority.
    SelfSigned,
}

impl FromStr for Tls {
    type Err = ParseTlsError;

    fn from_str(text: &str) -> Result<Self, ParseTlsError> {
        Ok(match text {
            "valid" => Self::Valid,
            "expired" => Self::Expired,
            "not-yet-valid" => Self::NotYetValid,
            "wrong-host" => Self::WrongHost,
            "self-signed" => Self::SelfSigned,
            other => {
                let days = other.strip_prefix("days-left:").and_then(|days| days.parse().ok());
                Self::DaysLeft(days.ok_or_else(|| ParseTlsError(other.to_owned()))?)
            }
        })
    }
}

/// Says why a [`Tls`] could not be read, in words for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTlsError(String);

impl fmt::Display for ParseTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = "valid, days-left:N, expired, not-yet-valid, wrong-host, self-signed";
        write!(f, "unknown certificate `{}`: there are {known}", self.0)
    }
}

impl Error for ParseTlsError {}

/// A server's side of TLS, and what a client needs to trust it.
pub(crate) struct Certified {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) ca_pem: String,
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Makes an authority and a certificate.
pub(crate) fn certify(kind: Tls) -> io::Result<Certified> {
    let now = Timestamp::now().as_second().unsigned_abs();
    let ca_key = KeyPair::generate().map_err(io::Error::other)?;
    let ca = authority(now)?;
    let ca_pem = ca.self_signed(&ca_key).map_err(io::Error::other)?.pem();

    let key = KeyPair::generate().map_err(io::Error::other)?;
    let leaf = leaf(kind, now)?;
    let certificate = match kind {
        Tls::SelfSigned => leaf.self_signed(&key),
        _ => leaf.signed_by(&key, &Issuer::new(ca, ca_key)),
    };
    let chain = vec![CertificateDer::from(certificate.map_err(io::Error::other)?)];
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));

    // The provider is named, because a process may hold several and then none is the default.
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Certified { config: Arc::new(config), ca_pem })
}

fn authority(now: u64) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, "storefront throwaway authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, now - 365 * DAY, now + 365 * DAY);
    Ok(params)
}

fn leaf(kind: Tls, now: u64) -> io::Result<CertificateParams> {
    let names = match kind {
        Tls::WrongHost => vec!["other.example".to_owned()],
        _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
    };
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, "storefront");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    match kind {
        Tls::Expired => valid(&mut params, now - 90 * DAY, now - DAY),
        Tls::NotYetValid => valid(&mut params, now + DAY, now + 90 * DAY),
        Tls::DaysLeft(days) => valid(&mut params, now - DAY, now + u64::from(days) * DAY + 12 * HOUR),
        Tls::Valid | Tls::WrongHost | Tls::SelfSigned => valid(&mut params, now - DAY, now + 90 * DAY + 12 * HOUR),
    }
    Ok(params)
}

/// Sets both ends of the time of validity, in seconds since 1970.
fn valid(params: &mut CertificateParams, from: u64, to: u64) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(from);
    params.not_after = epoch + Duration::from_secs(to);
}
