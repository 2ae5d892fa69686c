//! What the wire saw, in the words of reports.

use std::time::{Duration, SystemTime};

use synthetic_core::report::Phases;
use synthetic_core::{Clock, Run};

use crate::wire;

/// Returns the phases of a request.
pub(crate) fn phases(wire: &wire::Phases) -> Phases {
    let mut phases = Phases::default();
    phases.resolve = wire.resolve;
    phases.connect = wire.connect;
    phases.tls = wire.tls;
    phases.processing = wire.processing;
    phases.transfer = wire.transfer;
    phases
}

/// Returns the name of a version: `HTTP/1.1`.
pub(crate) fn version(version: reqwest::Version) -> &'static str {
    match version {
        reqwest::Version::HTTP_09 => "HTTP/0.9",
        reqwest::Version::HTTP_10 => "HTTP/1.0",
        reqwest::Version::HTTP_11 => "HTTP/1.1",
        reqwest::Version::HTTP_2 => "HTTP/2",
        reqwest::Version::HTTP_3 => "HTTP/3",
        _ => "HTTP",
    }
}

/// Returns when the first certificate that the server showed expires, as blackbox_exporter's
/// `probe_ssl_earliest_cert_expiry` does.
pub(crate) fn earliest_expiry(tls: Option<&wire::TlsInfo>) -> Option<SystemTime> {
    let earliest = tls?.certs().iter().map(|certificate| certificate.not_after).min()?;
    Some(moment(earliest))
}

/// Returns the time by the clock of the run, or of the system outside of any run.
pub(crate) fn now() -> SystemTime {
    Run::current().map_or_else(Clock::system, |run| run.clock()).now()
}

/// Returns the moment that is so many seconds after 1970; nothing before is told apart.
pub(crate) fn moment(unix: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(unix).unwrap_or(0))
}
