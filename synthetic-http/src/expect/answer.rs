//! What answers have in common, whatever the protocol.

use std::time::{Duration, SystemTime};

use synthetic_core::report::Phases;

use crate::measure::earliest_expiry;
use crate::response::Response;
use crate::wire::{CertInfo, TlsInfo};

/// Has the time that an answer took: of any protocol. [`latency`](super::latency) and [`phase`](super::phase) judge it.
pub trait Timed {
    /// Returns how long it took, from the first look-up to the last byte.
    fn latency(&self) -> Duration;

    /// Returns the parts of that time; `None` for what was not started.
    fn phases(&self) -> Phases;
}

/// Has what a server showed in a TLS handshake, whatever was spoken over it: [answers](Response) to HTTP requests, and
/// [handshakes](crate::net::Handshake). [`cert_days_left`](super::cert_days_left) and its kin judge it.
///
/// On a connection that was used again it is what the server showed when it was made.
pub trait OverTls: HasTls {
    /// Returns the version of TLS, `1.2` or `1.3`; `None` without TLS.
    fn tls_version(&self) -> Option<&'static str> {
        Some(self.tls()?.negotiated?.version)
    }

    /// Returns the cipher suite as IANA names it, `TLS_AES_128_GCM_SHA256`; `None` without TLS. On a connection that was used
    /// again it is what was last agreed on with a server of the same certificate.
    fn tls_cipher(&self) -> Option<&'static str> {
        Some(self.tls()?.negotiated?.cipher)
    }

    /// Returns when the first certificate of the chain that the server showed expires; `None` without TLS.
    fn certificate_expires_at(&self) -> Option<SystemTime> {
        earliest_expiry(self.tls())
    }

    /// Returns the subject of the server's own certificate on one line, `CN=shop.example, O=Shop`: empty where the
    /// certificate has only alternative names, `None` without TLS.
    fn certificate_subject(&self) -> Option<&str> {
        Some(&own(self.tls())?.subject)
    }

    /// Returns the issuer of the server's own certificate on one line: `C=US, O=Let's Encrypt, CN=R11`.
    fn certificate_issuer(&self) -> Option<&str> {
        Some(&own(self.tls())?.issuer)
    }

    /// Returns the names and addresses that the server's own certificate is for (its subject alternative names).
    fn certificate_names(&self) -> Option<&[String]> {
        Some(&own(self.tls())?.sans)
    }
}

/// Keeps [`OverTls`] to the answers of this crate.
pub trait HasTls {
    #[doc(hidden)]
    fn tls(&self) -> Option<&TlsInfo>;
}

fn own(tls: Option<&TlsInfo>) -> Option<&CertInfo> {
    tls?.certs().first()
}

impl Timed for Response {
    fn latency(&self) -> Duration {
        self.latency()
    }

    fn phases(&self) -> Phases {
        self.phases()
    }
}

impl HasTls for Response {
    fn tls(&self) -> Option<&TlsInfo> {
        self.exchange.tls.as_ref()
    }
}

impl OverTls for Response {}
