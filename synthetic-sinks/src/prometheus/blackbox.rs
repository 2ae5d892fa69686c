//! The families of blackbox_exporter, for dashboards and rules that were made for it.

use synthetic_core::report::Phases;

use super::canaries::Canaries;
use super::label::labels;
use super::probe::Probe;
use super::text::{Kind, Writer};

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
