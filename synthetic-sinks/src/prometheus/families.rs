//! The whole text: every family, each over all canaries.

use std::sync::Arc;

use synthetic_core::Outcome;
use synthetic_core::report::CleanupResult;
use synthetic_core::sink::MonitorView;

use super::blackbox;
use super::canaries::Canaries;
use super::label::{Ending, labels};
use super::series::RunCount;
use super::settings::Settings;
use super::store::Store;
use super::text::{Kind, Writer};
use super::vitals;

/// Families in which a label's values are bounded.
const BOUNDED: [&str; 4] = [
    "synthetic_certificate_expiry_timestamp_seconds",
    "synthetic_request_duration",
    "synthetic_runs",
    "synthetic_steps",
];

/// Writes every family.
pub(super) fn write(to: &mut Writer<'_>, store: &Store, settings: &Settings, monitors: &[Arc<dyn MonitorView>]) {
    let canaries = Canaries::of(store);
    runs(to, &canaries, settings);
    steps(to, &canaries, settings);
    to.family(Kind::Histogram, "synthetic_request_duration", "How long requests took in seconds, by result.");
    for request in store.requests.all() {
        request.write(to, settings);
        if !to.hand_on() {
            break;
        }
    }
    gauges(to, &canaries);
    cleanup(to, &canaries);
    if !monitors.is_empty() {
        vitals::write(to, monitors);
    }
    let help = "Times that a new label value was counted as other, by the family that had no more room.";
    to.family(Kind::Counter, "synthetic_series_folded", help);
    for family in BOUNDED {
        to.counters(&[], [(&Ending::new("family", family), store.folded.of(family), None)]);
    }
    if settings.blackbox {
        blackbox::write(to, &canaries);
    }
}

fn runs(to: &mut Writer<'_>, canaries: &Canaries, settings: &Settings) {
    to.family(Kind::Counter, "synthetic_runs", "Runs by outcome and reason.");
    let mut endings: Vec<Ending> = RunCount::usual().map(|run| run.ending()).collect();
    let usual = endings.len();
    canaries.each(to, |to, canary| {
        for variant in &canary.variants {
            endings.truncate(usual);
            endings.extend(variant.runs[usual..].iter().map(RunCount::ending));
            let runs = variant.runs.iter().zip(&endings);
            let runs = runs.map(|(run, ending)| (ending, run.count, run.exemplar.as_ref()));
            to.counters(&[&variant.labels], runs);
        }
    });
    to.family(Kind::Histogram, "synthetic_run_duration_seconds", "How long the bodies of runs took.");
    canaries.each(to, |to, canary| {
        for variant in &canary.variants {
            to.histogram(&[&variant.labels], &variant.durations, &settings.bounds);
        }
    });
}

fn steps(to: &mut Writer<'_>, canaries: &Canaries, settings: &Settings) {
    let endings = Outcome::ALL.map(|outcome| Ending::new("outcome", outcome.as_str()));
    to.family(Kind::Counter, "synthetic_steps", "Steps by outcome.");
    canaries.each(to, |to, canary| {
        for variant in &canary.variants {
            for step in &variant.steps {
                let counts = endings.iter().zip(step.counts).map(|(ending, count)| (ending, count, None));
                to.counters(&[&variant.labels, &step.labels], counts);
            }
        }
    });
    let outcomes = Outcome::ALL.map(|outcome| labels([("outcome", outcome.as_str())]));
    to.family(Kind::Histogram, "synthetic_step_duration_seconds", "How long steps took, by outcome.");
    canaries.each(to, |to, canary| {
        for variant in &canary.variants {
            for step in &variant.steps {
                for (outcome, durations) in outcomes.iter().zip(&step.durations) {
                    if let Some(durations) = durations {
                        to.histogram(&[&variant.labels, &step.labels, outcome], durations, &settings.bounds);
                    }
                }
            }
        }
    });
}

fn gauges(to: &mut Writer<'_>, canaries: &Canaries) {
    to.family(Kind::Gauge, "synthetic_up", "Whether the last run passed or was degraded.");
    canaries.each(to, |to, canary| {
        if let Some(last) = canary.last {
            to.gauge(&[canary.current()], f64::from(u8::from(last.up)));
        }
    });
    to.family(Kind::Gauge, "synthetic_last_run_timestamp_seconds", "When the last run ended, in unix time.");
    canaries.each(to, |to, canary| {
        if let Some(last) = canary.last {
            to.gauge(&[canary.current()], last.at);
        }
    });
    let name = "synthetic_certificate_expiry_timestamp_seconds";
    to.family(Kind::Gauge, name, "When the first certificate that a host showed expires, in unix time.");
    canaries.each(to, |to, canary| {
        for expiry in &canary.certificates {
            to.gauge(&[canary.current(), &expiry.labels], expiry.at);
        }
    });
}

fn cleanup(to: &mut Writer<'_>, canaries: &Canaries) {
    let results = CleanupResult::ALL.map(|result| Ending::new("result", result.as_str()));
    to.family(Kind::Counter, "synthetic_cleanup", "What became of what runs made, by result.");
    canaries.each(to, |to, canary| {
        for variant in &canary.variants {
            let counts = results.iter().zip(variant.cleanup).map(|(result, count)| (result, count, None));
            to.counters(&[&variant.labels], counts);
        }
    });
    to.family(Kind::Gauge, "synthetic_cleanup_pending", "Things that wait for their removal, as of the last run.");
    canaries.each(to, |to, canary| {
        if let Some(pending) = canary.pending {
            to.gauge(&[canary.current()], pending.count as f64);
        }
    });
    let name = "synthetic_cleanup_oldest_age_seconds";
    to.family(Kind::Gauge, name, "How long the oldest of them has been there, as of the last run.");
    canaries.each(to, |to, canary| {
        if let Some(pending) = canary.pending {
            to.gauge(&[canary.current()], pending.oldest);
        }
    });
}
