//! The runs of a program that runs once, kept until they are written whole.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use synthetic_core::monitor::Summary;
use synthetic_core::sink::MonitorView;
use synthetic_core::{Outcome, Report};

use crate::recent::Recent;

/// How many reports are kept; those that passed make room for those that did not, and all are counted.
const MOST: usize = 10_000;

/// The runs that a sink was given.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    reports: Vec<Arc<Report>>,
    summary: Summary,
    recent: Recent,
    monitor: Option<Arc<dyn MonitorView>>,
    /// How many runs were taken, and how many of them are written.
    taken: u64,
    written: u64,
    was_written: bool,
}

/// What is to be written now.
pub(crate) struct Writing {
    pub(crate) reports: Vec<Arc<Report>>,
    pub(crate) summary: Summary,
    taken: u64,
}

impl Kept {
    /// Remembers whom to ask for what stands in no report.
    pub(crate) fn begin(&self, monitor: &Arc<dyn MonitorView>) {
        self.lock().monitor = Some(Arc::clone(monitor));
    }

    /// Takes reports; one that was taken before is left out.
    pub(crate) fn take(&self, reports: &[Arc<Report>]) {
        let mut state = self.lock();
        for report in reports {
            state.take(report);
        }
    }

    /// Returns what is to be written, if there is anything new; at the end also that nothing ran.
    pub(crate) fn to_write(&self, at_the_end: bool) -> Option<Writing> {
        let state = self.lock();
        let is_due = state.taken > state.written || (at_the_end && !state.was_written);
        is_due.then(|| Writing { reports: state.reports.clone(), summary: state.summary(), taken: state.taken })
    }

    /// Remembers that it is written.
    pub(crate) fn wrote(&self, writing: &Writing) {
        let mut state = self.lock();
        (state.written, state.was_written) = (state.written.max(writing.taken), true);
    }

    /// Remembers that it is written, and lets go of it: it is not written again with what comes later.
    #[cfg(feature = "github")]
    pub(crate) fn wrote_for_good(&self, writing: &Writing) {
        self.wrote(writing);
        let mut state = self.lock();
        if state.taken == writing.taken {
            (state.reports, state.summary) = (Vec::new(), Summary::default());
        }
    }

    /// Lets go of the monitor.
    pub(crate) fn end(&self) {
        self.lock().monitor = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, report: &Arc<Report>) {
        if self.recent.has(report) {
            return;
        }
        self.recent.remember(report);
        self.summary.count(report);
        self.taken += 1;
        if self.reports.len() >= MOST {
            let passed = |report: &Arc<Report>| report.outcome == Outcome::Passed && report.cleanup.left_behind() == 0;
            let room = self.reports.iter().rposition(passed).filter(|_| !passed(report));
            let Some(room) = room else { return };
            self.reports.remove(room);
        }
        self.reports.push(without_evidence(report));
    }

    fn summary(&self) -> Summary {
        let mut summary = self.summary.clone();
        if let Some(monitor) = &self.monitor {
            for name in monitor.canaries() {
                summary.canaries.entry(name).or_default();
            }
            summary.sinks = monitor.sinks();
        }
        summary
    }
}

/// The bytes of what a run attached are in no text, and may be 32 MiB.
fn without_evidence(report: &Arc<Report>) -> Arc<Report> {
    if report.artifacts.iter().all(|artifact| artifact.bytes.is_empty()) {
        return Arc::clone(report);
    }
    let mut report = Report::clone(report);
    report.artifacts.iter_mut().for_each(|artifact| artifact.bytes = Default::default());
    Arc::new(report)
}
