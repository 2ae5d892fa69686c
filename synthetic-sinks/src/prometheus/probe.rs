//! What blackbox_exporter says of a probe, for dashboards and rules that were made for it.
//!
//! The names, and what they mean, are those of <https://github.com/prometheus/blackbox_exporter>. A journey may make several
//! requests where a probe follows redirects: times and redirects are added up, and what can be only one is that of the last
//! request.

use synthetic_core::Report;
use synthetic_core::report::{Phases, RequestReport};

use super::families::Canaries;
use super::histogram::since_1970;
use super::text::{Kind, Writer, labels};

/// What the last run of a canary comes to as a probe.
#[derive(Debug)]
pub(super) struct Probe {
    labels: String,
    success: bool,
    duration: f64,
    http: Option<Http>,
}

/// What the last run's requests come to.
#[derive(Debug)]
struct Http {
    /// In the order of [`Phases::named`], in seconds.
    phases: [f64; 5],
    redirects: u64,
    status: u16,
    ssl: bool,
    version: f64,
    length: u64,
    expiry: Option<f64>,
    protocol: Option<u8>,
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

/// A number of a probe, where it has one.
type Number = fn(&Probe) -> Option<f64>;

/// Every family with one number a probe: its name, its help, its number.
const FAMILIES: [(&str, &str, Number); 9] = [
    ("probe_success", "Whether the last run of the canary passed.", |probe| Some(f64::from(u8::from(probe.success)))),
    ("probe_duration_seconds", "How long the last run took.", |probe| Some(probe.duration)),
    ("probe_http_status_code", "The status of the last answer, 0 without one.", |probe| {
        Some(probe.http.as_ref()?.status.into())
    }),
    ("probe_http_redirects", "How many redirects were followed.", |probe| Some(probe.http.as_ref()?.redirects as f64)),
    ("probe_http_ssl", "Whether the last request used TLS.", |probe| {
        Some(f64::from(u8::from(probe.http.as_ref()?.ssl)))
    }),
    ("probe_http_version", "The HTTP version of the last answer.", |probe| Some(probe.http.as_ref()?.version)),
    ("probe_http_content_length", "The size of the last answer's body, decoded.", |probe| {
        Some(probe.http.as_ref()?.length as f64)
    }),
    ("probe_ssl_earliest_cert_expiry", "When the first certificate expires, in unix time.", |probe| {
        probe.http.as_ref()?.expiry
    }),
    ("probe_ip_protocol", "The version of IP, 4 or 6.", |probe| Some(probe.http.as_ref()?.protocol?.into())),
];

/// Writes the families of all probes.
pub(super) fn write(to: &mut Writer<'_>, canaries: &Canaries) {
    for (name, help, number) in FAMILIES {
        to.family(Kind::Gauge, name, help);
        canaries.each(to, |to, canary| {
            let probe = canary.probe.as_ref();
            if let Some((probe, number)) = probe.and_then(|probe| Some((probe, number(probe)?))) {
                to.gauge(&[&probe.labels], number);
            }
        });
    }
    to.family(Kind::Gauge, "probe_http_duration_seconds", "How long the requests took by phase, added up.");
    let phases = Phases::default().named().map(|(phase, _)| labels([("phase", phase)]));
    canaries.each(to, |to, canary| {
        let Some((probe, http)) = canary.probe.as_ref().and_then(|probe| Some((probe, probe.http.as_ref()?))) else {
            return;
        };
        for (phase, seconds) in phases.iter().zip(http.phases) {
            to.gauge(&[&probe.labels, phase], seconds);
        }
    });
}
