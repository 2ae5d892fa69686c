//! What answers have in common, whatever the protocol.

use std::time::{Duration, SystemTime};

use synthetic_core::report::Phases;

use crate::response::Response;
use crate::wire::CertInfo;

/// Has the time that an answer took: of any protocol. [`latency`](super::latency) and [`phase`](super::phase) judge it.
pub trait Timed {
    /// Returns how long it took, from the first look-up to the last byte.
    fn latency(&self) -> Duration;

    /// Returns the parts of that time; `None` for what was not started.
    fn phases(&self) -> Phases;
}

/// Has what a server showed in a TLS handshake. [`cert_days_left`](super::cert_days_left) and its kin judge it.
pub trait OverTls {
    /// Returns the version of TLS, `1.2` or `1.3`; `None` without TLS.
    fn tls_version(&self) -> Option<&'static str>;

    /// Returns when the first certificate of the chain that the server showed expires; `None` without TLS.
    fn certificate_expires_at(&self) -> Option<SystemTime>;

    /// Returns the subject of the server's own certificate on one line, `CN=shop.example, O=Shop`: empty where the
    /// certificate has only alternative names, `None` without TLS.
    fn certificate_subject(&self) -> Option<&str>;

    /// Returns the issuer of the server's own certificate on one line: `C=US, O=Let's Encrypt, CN=R11`.
    fn certificate_issuer(&self) -> Option<&str>;

    /// Returns the names and addresses that the server's own certificate is for (its subject alternative names).
    fn certificate_names(&self) -> Option<&[String]>;
}

impl Timed for Response {
    fn latency(&self) -> Duration {
        self.latency()
    }

    fn phases(&self) -> Phases {
        self.phases()
    }
}

impl OverTls for Response {
    fn tls_version(&self) -> Option<&'static str> {
        self.tls_version()
    }

    fn certificate_expires_at(&self) -> Option<SystemTime> {
        self.certificate_expires_at()
    }

    fn certificate_subject(&self) -> Option<&str> {
        Some(&own(self)?.subject)
    }

    fn certificate_issuer(&self) -> Option<&str> {
        Some(&own(self)?.issuer)
    }

    fn certificate_names(&self) -> Option<&[String]> {
        Some(&own(self)?.sans)
    }
}

fn own(answer: &Response) -> Option<&CertInfo> {
    answer.exchange.tls.as_ref()?.certs().first()
}
