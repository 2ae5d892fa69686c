//! What blackbox_exporter says of a probe, for dashboards and rules that were made for it.
//!
//! The names, and what they mean, are those of <https://github.com/prometheus/blackbox_exporter>. A journey may make several
//! requests where a probe follows redirects: times and redirects are added up, and what can be only one is that of the last
//! request.

use synthetic_core::Report;
use synthetic_core::report::RequestReport;

use super::histogram::since_1970;
use super::label::labels;

/// What the last run of a canary comes to as a probe.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) labels: String,
    pub(super) success: bool,
    pub(super) duration: f64,
    pub(super) http: Option<Http>,
}

/// What the last run's requests come to.
#[derive(Debug)]
pub(super) struct Http {
    /// In the order of [`Phases::named`], in seconds.
    pub(super) phases: [f64; 5],
    pub(super) redirects: u64,
    pub(super) status: u16,
    pub(super) ssl: bool,
    pub(super) version: f64,
    pub(super) length: u64,
    pub(super) expiry: Option<f64>,
    pub(super) protocol: Option<u8>,
}

impl Probe {
    pub(super) fn of(report: &Report) -> Self {
        let job = ("job", report.monitor.as_deref().unwrap_or("synthetic"));
        let location = report.location.as_deref().map(|location| ("location", location));
        let requests: Vec<_> = report.requests.iter().filter(|request| !request.cleanup).collect();
        Self {
            labels: labels([("instance", &*report.canary), job].into_iter().chain(location)),
            success: report.outcome.is_up(),
            duration: report.duration.as_secs_f64(),
            http: requests.last().map(|last| Http::new(&requests, last)),
        }
    }
}

impl Http {
    fn new(requests: &[&RequestReport], last: &RequestReport) -> Self {
        let mut phases = [0.0; 5];
        for request in requests {
            for (sum, (_, phase)) in phases.iter_mut().zip(request.phases.named()) {
                *sum += phase.unwrap_or_default().as_secs_f64();
            }
        }
        let expiries = requests.iter().filter_map(|request| request.certificate.as_ref());
        Self {
            phases,
            redirects: requests.iter().map(|request| u64::from(request.redirects)).sum(),
            status: last.status.unwrap_or(0),
            ssl: last.url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")),
            version: last.protocol.as_deref().and_then(|name| name.strip_prefix("HTTP/")?.parse().ok()).unwrap_or(0.0),
            length: last.size,
            expiry: expiries.map(|shown| since_1970(shown.expires_at).as_secs_f64()).min_by(f64::total_cmp),
            protocol: last.peer.map(|peer| if peer.is_ipv4() { 4 } else { 6 }),
        }
    }
}
