//! The series of one canary.

use std::sync::Arc;
use std::time::Duration;

use synthetic_core::report::CleanupResult;
use synthetic_core::{Outcome, Reason, Report};

use super::folded::{Folded, OTHER};
use super::histogram::{Exemplar, Histogram, Trace, ended, since_1970};
use super::label::{Ending, cut, labels, push_label};
use super::probe::Probe;
use super::requests::{RequestSeries, Requests};
use super::settings::{Declared, Settings};

/// What the runs of a canary came to.
#[derive(Debug)]
pub(super) struct CanarySeries {
    /// `canary` and `location`.
    labels: String,
    /// By the values of the declared labels; the first is that without any, whose series start at 0.
    pub(super) variants: Vec<Variant>,
    /// The variant of the last run, which the gauges belong to.
    current: usize,
    /// How the last run ended that was not skipped.
    pub(super) last: Option<Last>,
    /// What waits to be cleaned up, as of the last run.
    pub(super) pending: Option<Pending>,
    pub(super) certificates: Vec<Expiry>,
    pub(super) probe: Option<Probe>,
    /// The requests that it made, each of which counts it as one of its users.
    pub(super) requests: Vec<Arc<RequestSeries>>,
    /// It was removed while somebody still held it.
    pub(super) removed: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last {
    pub(super) up: bool,
    /// In seconds since 1970.
    pub(super) at: f64,
}

/// What waits to be cleaned up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) count: u64,
    /// In seconds.
    pub(super) oldest: f64,
}

/// When the certificate of a host expires.
#[derive(Debug)]
pub(super) struct Expiry {
    host: String,
    pub(super) labels: String,
    /// In seconds since 1970.
    pub(super) at: f64,
}

/// What the runs with one set of declared labels came to.
#[derive(Debug)]
pub(super) struct Variant {
    values: Vec<String>,
    pub(super) labels: String,
    pub(super) runs: Vec<RunCount>,
    pub(super) durations: Histogram,
    pub(super) steps: Vec<StepSeries>,
    /// In the order of [`CleanupResult::ALL`].
    pub(super) cleanup: [u64; CleanupResult::ALL.len()],
}

/// How many runs ended alike.
#[derive(Debug)]
pub(super) struct RunCount {
    outcome: Outcome,
    reason: Option<Reason>,
    pub(super) count: u64,
    pub(super) exemplar: Option<Exemplar>,
}

/// What the steps of one name came to.
#[derive(Debug)]
pub(super) struct StepSeries {
    name: String,
    pub(super) labels: String,
    /// In the order of [`Outcome::ALL`].
    pub(super) counts: [u64; Outcome::ALL.len()],
    pub(super) durations: [Option<Histogram>; Outcome::ALL.len()],
}

impl CanarySeries {
    pub(super) fn new(canary: &str, location: Option<&str>, settings: &Settings) -> Self {
        let labels = labels([("canary", canary)].into_iter().chain(location.map(|location| ("location", location))));
        Self {
            variants: vec![Variant::new(labels.clone(), Vec::new(), settings)],
            labels,
            current: 0,
            last: None,
            pending: None,
            certificates: Vec::new(),
            probe: None,
            requests: Vec::new(),
            removed: false,
        }
    }

    /// Returns the labels of its gauges.
    pub(super) fn current(&self) -> &str {
        &self.variants[self.current].labels
    }

    /// Adds what a run came to.
    pub(super) fn record(&mut self, report: &Report, settings: &Settings, requests: &Requests, folded: &Folded) {
        let trace = Trace::new(report);
        let variant = self.variant(report, settings, folded);
        self.variants[variant].record(report, trace, settings, folded);
        let cleanup = &report.cleanup;
        let oldest = cleanup.oldest_pending.unwrap_or_default().as_secs_f64();
        self.pending = Some(Pending { count: cleanup.pending, oldest });
        if report.outcome == Outcome::Skipped {
            return; // It says nothing of the target, and has no labels: the gauges stay as they are.
        }
        self.current = variant;
        self.last = Some(Last { up: report.outcome.is_up(), at: ended(report).as_secs_f64() });
        if settings.blackbox {
            self.probe = Some(Probe::of(report));
        }
        for request in &report.requests {
            if let Some(shown) = &request.certificate {
                self.expires(&shown.host, since_1970(shown.expires_at).as_secs_f64(), settings, folded);
            }
            if !request.cleanup {
                let location = report.location.as_deref();
                requests.of(&mut self.requests, request, location, settings, folded).record(request, trace, settings);
            }
        }
    }

    /// Returns where the runs with such labels are counted.
    fn variant(&mut self, report: &Report, settings: &Settings, folded: &Folded) -> usize {
        let value = |label: &Declared| report.labels.get(&label.of_run).map_or("", |value| cut(value));
        let is_it = |known: &Variant| match &known.values[..] {
            [] => settings.labels.iter().all(|label| value(label).is_empty()),
            values => values.iter().zip(&settings.labels).all(|(known, label)| known == value(label)),
        };
        if let Some(at) = self.variants.iter().position(is_it) {
            return at;
        }
        let mut values: Vec<String> = settings.labels.iter().map(|label| value(label).to_owned()).collect();
        if self.variants.len() > settings.label_sets {
            folded.count("synthetic_runs");
            values.fill(OTHER.to_owned());
            if let Some(at) = self.variants.iter().position(|known| known.values == values) {
                return at;
            }
        }
        let mut labels = self.labels.clone();
        for (label, value) in settings.labels.iter().zip(&values).filter(|(_, value)| !value.is_empty()) {
            push_label(&mut labels, &label.name, value);
        }
        self.variants.push(Variant::new(labels, values, settings));
        self.variants.len() - 1
    }

    fn expires(&mut self, host: &str, at: f64, settings: &Settings, folded: &Folded) {
        if let Some(known) = self.certificates.iter_mut().find(|known| known.host == host) {
            known.at = at;
        } else if self.certificates.len() < settings.label_sets {
            self.certificates.push(Expiry { host: host.to_owned(), labels: labels([("host", host)]), at });
        } else {
            // There is no series for the others: a gauge of several certificates would say nothing.
            folded.count("synthetic_certificate_expiry_timestamp_seconds");
        }
    }
}

impl Variant {
    fn new(labels: String, values: Vec<String>, settings: &Settings) -> Self {
        Self {
            values,
            labels,
            runs: RunCount::usual().collect(),
            durations: Histogram::new(&settings.bounds),
            steps: Vec::new(),
            cleanup: Default::default(),
        }
    }

    fn record(&mut self, report: &Report, trace: Trace, settings: &Settings, folded: &Folded) {
        self.count_run(report.outcome, report.reason, trace);
        if report.outcome != Outcome::Skipped {
            self.durations.observe(&settings.bounds, report.duration, trace);
        }
        for step in report.steps.iter().filter(|step| !step.superseded) {
            let series = self.step(&step.name, settings, folded);
            series.counts[step.outcome as usize] += 1;
            if step.outcome != Outcome::Skipped {
                let durations = &mut series.durations[step.outcome as usize];
                let durations = durations.get_or_insert_with(|| Histogram::new(&settings.bounds));
                durations.observe(&settings.bounds, step.duration, trace);
            }
        }
        for item in report.cleanup.items.iter().chain(&report.cleanup.swept) {
            self.cleanup[item.result as usize] += 1;
        }
    }

    fn count_run(&mut self, outcome: Outcome, reason: Option<Reason>, trace: Trace) {
        let is_it = |run: &RunCount| run.outcome == outcome && run.reason == reason;
        let at = self.runs.iter().position(is_it).unwrap_or_else(|| {
            self.runs.push(RunCount::new(outcome, reason));
            self.runs.len() - 1
        });
        self.runs[at].count += 1;
        self.runs[at].exemplar = Some(trace.of(Duration::from_secs(1)));
    }

    fn step(&mut self, name: &str, settings: &Settings, folded: &Folded) -> &mut StepSeries {
        let mut name = name;
        let mut at = self.steps.iter().position(|step| step.name == name);
        if at.is_none() && self.steps.len() >= settings.label_sets {
            folded.count("synthetic_steps");
            name = OTHER;
            at = self.steps.iter().position(|step| step.name == name);
        }
        let at = at.unwrap_or_else(|| {
            self.steps.push(StepSeries::new(name));
            self.steps.len() - 1
        });
        &mut self.steps[at]
    }
}

impl RunCount {
    /// Returns those that every canary has from the start.
    pub(super) fn usual() -> impl Iterator<Item = Self> {
        let reasons = Reason::ALL.into_iter().map(|reason| Self::new(reason.outcome(), Some(reason)));
        [Self::new(Outcome::Passed, None)].into_iter().chain(reasons)
    }

    fn new(outcome: Outcome, reason: Option<Reason>) -> Self {
        Self { outcome, reason, count: 0, exemplar: None }
    }

    /// Returns the labels that only it has.
    pub(super) fn ending(&self) -> Ending {
        Ending::of([("outcome", self.outcome.as_str()), ("reason", self.reason.map_or("", Reason::as_str))])
    }
}

impl StepSeries {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            labels: labels([("step", name)]),
            counts: Default::default(),
            durations: Default::default(),
        }
    }
}
