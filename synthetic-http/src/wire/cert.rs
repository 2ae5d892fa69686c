//! The certificates a server sent, in words.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

use rustls::pki_types::CertificateDer;
use x509_parser::{extensions::GeneralName, prelude::X509Certificate};

use super::cipher::Negotiated;

/// What a person, and a canary, wants to know of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertInfo {
    /// The subject as one line, `CN=shop.example, O=Shop`; empty where the certificate has only alternative names.
    pub(crate) subject: String,
    /// The issuer as one line.
    pub(crate) issuer: String,
    /// The first second of validity, in seconds since 1970.
    pub(crate) not_before: i64,
    /// The last second of validity, in seconds since 1970.
    pub(crate) not_after: i64,
    /// The names and addresses the certificate is for.
    pub(crate) sans: Vec<String>,
}

impl CertInfo {
    /// Returns whether it names itself as its issuer.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    fn is_in_force(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// Returns the last second of the chain by which the first certificate is trusted: from it, issuer by issuer, through those
/// that are in force, up to what is trusted for itself. Whatever else was sent does not count.
///
/// rustls keeps the chain that it found to itself. What it accepted has one, so that a certificate which is not in force
/// cannot have been needed, and a root that was sent is trusted by what the client knows of it, not by what the server says.
pub(crate) fn trusted_until(certs: &[CertInfo], now: i64) -> Option<i64> {
    let mut current = certs.first()?;
    let mut until = current.not_after;
    for _ in 1..certs.len() {
        let above = certs[1..].iter().filter(|cert| cert.subject == current.issuer);
        let above = above.filter(|cert| cert.is_in_force(now) && !cert.is_self_issued());
        match above.max_by_key(|cert| cert.not_after) {
            Some(issuer) => {
                until = until.min(issuer.not_after);
                current = issuer;
            }
            None => break,
        }
    }
    Some(until)
}

/// The certificates of one handshake, the server's own first, as they were sent and not as they were verified.
#[derive(Debug)]
pub(crate) struct Chain {
    der: Vec<CertificateDer<'static>>,
    certs: Vec<CertInfo>,
    /// What the last handshake that showed it agreed on.
    agreed: Mutex<Option<Negotiated>>,
}

impl Chain {
    fn read(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Self {
        let sent = || std::iter::once(end_entity).chain(intermediates);
        Self {
            der: sent().map(|der| der.clone().into_owned()).collect(),
            // Ends at the first one that cannot be read, so that the first is always the server's own.
            certs: sent().map_while(|der| read(der)).collect(),
            agreed: Mutex::default(),
        }
    }

    /// Returns the certificates that could be read, the server's own first.
    pub(crate) fn certs(&self) -> &[CertInfo] {
        &self.certs
    }

    /// Remembers what a handshake agreed on, for those who reuse its connection.
    pub(crate) fn agreed(&self, negotiated: Negotiated) -> Negotiated {
        *self.agreed.lock().unwrap_or_else(PoisonError::into_inner).insert(negotiated)
    }

    /// Returns what the last handshake with it agreed on.
    pub(crate) fn last_agreed(&self) -> Option<Negotiated> {
        *self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> bool {
        self.der.split_first().is_some_and(|(first, rest)| first == end_entity && rest == intermediates)
    }
}

/// Remembers the chains seen last, so that a request on a reused connection knows its certificates, and each is read once.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<Vec<Arc<Chain>>>);

impl Seen {
    /// A canary talks to a handful of servers.
    const KEPT: usize = 32;

    /// Returns what the certificates say, reading them if they are new.
    pub(crate) fn chain(&self, end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Arc<Chain> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = match kept.iter().position(|chain| chain.is(end_entity, intermediates)) {
            Some(at) => kept.remove(at),
            None => Arc::new(Chain::read(end_entity, intermediates)),
        };
        kept.truncate(Self::KEPT - 1);
        kept.insert(0, Arc::clone(&chain));
        chain
    }

    /// Returns the chain last sent with this server certificate.
    pub(crate) fn by_leaf(&self, leaf: &[u8]) -> Option<Arc<Chain>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|chain| chain.der.first().is_some_and(|first| first.as_ref() == leaf)).map(Arc::clone)
    }
}

fn read(der: &CertificateDer<'_>) -> Option<CertInfo> {
    use x509_parser::prelude::FromDer;
    let (_, cert) = X509Certificate::from_der(der).ok()?;
    let names = cert.subject_alternative_name().ok().flatten().map(|names| &names.value.general_names);
    Some(CertInfo {
        subject: cert.subject().to_string(),
        issuer: cert.issuer().to_string(),
        not_before: cert.validity().not_before.timestamp(),
        not_after: cert.validity().not_after.timestamp(),
        sans: names.into_iter().flatten().filter_map(name).collect(),
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|octets| Ipv4Addr::from(octets).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|octets| Ipv6Addr::from(octets).to_string()),
            _ => None,
        },
        _ => None,
    }
}
