//! What a run has recorded so far, bounded.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use crate::artifact::{Artifact, LARGEST_OF_A_RUN};
use crate::failure::{Failure, Reason, Text, cut};
use crate::outcome::Outcome;
use crate::report::{LogLine, Metric, RequestReport, StepReport};

pub(crate) const MOST_FAILURES: usize = 100;
const MOST_STEPS: usize = 1_000;
const MOST_REQUESTS: usize = 1_000;
const MOST_METRICS: usize = 100;
const MOST_LABELS: usize = 16;
const MOST_ARTIFACTS: usize = 50;
const MOST_LOG_LINES: usize = 200;
const MOST_WARNINGS: usize = 20;
const LONGEST_NAME: usize = 256;
const LONGEST_LOG_LINE: usize = 1024;
const LONGEST_WARNING: usize = 1024;

const FAILURES: &str = "failures";
const UNMET: &str = "unmet preferences";

/// What a run has recorded so far. Every list is bounded, and what was left out is counted and becomes a warning.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) steps: Vec<StepRecord>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) unmet: Vec<Failure>,
    pub(crate) recovered: Vec<Failure>,
    pub(crate) requests: Vec<RequestReport>,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) log: VecDeque<LogLine>,
    warnings: Vec<String>,
    /// That of a poll outside of any step.
    last_try: Option<LastTry>,
    left_out: BTreeMap<&'static str, (usize, u64)>,
    /// Once sealed, nothing more is recorded: the report is made.
    sealed: bool,
}

/// One step, open or ended.
#[derive(Debug)]
pub(crate) struct StepRecord {
    name: Text,
    parent: Option<usize>,
    reason: Option<Reason>,
    started: Duration,
    ended: Option<Duration>,
    finished: bool,
    superseded: bool,
    tries: Option<u32>,
    last_try: Option<LastTry>,
    lineage: Vec<u64>,
}

/// What the last try of an unfinished poll said, for whoever ends the poll early.
#[derive(Debug)]
pub(crate) struct LastTry {
    pub(crate) number: u32,
    pub(crate) said: String,
}

/// How much of a try was left out: failures, and preferences that did not hold.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) failures: u64,
    pub(crate) unmet: u64,
}

impl Ledger {
    /// Seals the ledger: nothing more is recorded. Returns whether it was open until now.
    pub(crate) fn seal(&mut self) -> bool {
        !std::mem::replace(&mut self.sealed, true)
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Returns whether the journey has failed so far, or cannot conclude.
    pub(crate) fn has_failed(&self) -> bool {
        self.failures.iter().any(|failure| failure.reason().outcome() >= Outcome::Error)
    }

    /// Returns whether a step is `outer`, or within it.
    pub(crate) fn is_within(&self, step: usize, outer: usize) -> bool {
        std::iter::successors(Some(step), |at| self.steps.get(*at)?.parent).any(|at| at == outer)
    }

    /// Returns whether one more fits into a list of `len` that holds at most `most`; counts it as left out if not.
    fn fits(&mut self, what: &'static str, len: usize, most: usize) -> bool {
        if self.sealed {
            return false;
        }
        if len >= most {
            self.left_out.entry(what).or_insert((most, 0)).1 += 1;
        }
        len < most
    }

    /// Opens a step. Returns `None` when there are too many: it runs, but is not recorded.
    pub(crate) fn open_step(
        &mut self,
        name: Text,
        parent: Option<usize>,
        lineage: Vec<u64>,
        now: Duration,
    ) -> Option<usize> {
        if !self.fits("steps", self.steps.len(), MOST_STEPS) {
            return None;
        }
        make_room(&mut self.steps);
        let name = if name.len() > LONGEST_NAME { cut(name.into_owned(), LONGEST_NAME).into() } else { name };
        self.steps.push(StepRecord {
            name,
            parent,
            reason: None,
            started: now,
            ended: None,
            finished: false,
            superseded: false,
            tries: None,
            last_try: None,
            lineage,
        });
        Some(self.steps.len() - 1)
    }

    pub(crate) fn close_step(&mut self, step: Option<usize>, finished: bool, now: Duration) {
        if self.sealed {
            return;
        }
        if let Some(step) = step.and_then(|step| self.steps.get_mut(step)) {
            step.ended = Some(now);
            step.finished = finished;
        }
    }

    pub(crate) fn set_tries(&mut self, step: Option<usize>, tries: u32) {
        if let Some(step) = step.and_then(|step| self.steps.get_mut(step)) {
            step.tries = Some(step.tries.unwrap_or(0).max(tries));
        }
    }

    /// Keeps what the last try of a poll in `step` said; nothing once the poll has ended.
    pub(crate) fn set_last_try(&mut self, step: Option<usize>, last_try: Option<LastTry>) {
        let place = match step {
            Some(step) => self.steps.get_mut(step).map(|step| &mut step.last_try),
            None => Some(&mut self.last_try),
        };
        if let Some(place) = place {
            *place = last_try;
        }
    }

    /// Returns what the last try said of the poll that `step` is part of.
    pub(crate) fn last_try(&self, step: Option<usize>) -> Option<String> {
        let steps = std::iter::successors(step.and_then(|at| self.steps.get(at)), |step| self.steps.get(step.parent?));
        let last_try = steps.into_iter().find_map(|step| step.last_try.as_ref()).or(self.last_try.as_ref())?;
        Some(format!("number {}: {}", last_try.number, last_try.said))
    }

    /// Marks a step, and those that it is part of, as having met `reason`: up to `floor`, which is not marked.
    pub(crate) fn mark(&mut self, step: Option<usize>, floor: Option<usize>, reason: Reason) {
        if self.sealed {
            return;
        }
        let mut at = step;
        while let Some(step) = at.filter(|_| at != floor).and_then(|at| self.steps.get_mut(at)) {
            if step.reason.is_none_or(|known| known.outcome() < reason.outcome()) {
                step.reason = Some(reason);
            }
            at = step.parent;
        }
    }

    /// Marks the steps of a try as superseded by the next one.
    pub(crate) fn supersede(&mut self, tries: u64) {
        for step in self.steps.iter_mut().filter(|step| step.lineage.contains(&tries)) {
            step.superseded = true;
        }
    }

    /// Returns the names of a step and of those that it is part of, outermost first.
    pub(crate) fn step_path(&self, step: Option<usize>) -> Vec<String> {
        let steps = std::iter::successors(step.and_then(|at| self.steps.get(at)), |step| self.steps.get(step.parent?));
        let mut path: Vec<String> = steps.map(|step| step.name.clone().into_owned()).collect();
        path.reverse();
        path
    }

    /// Returns the steps that are open and have no open step within them.
    pub(crate) fn innermost_open(&self) -> Vec<usize> {
        let open = |at: &usize| self.steps[*at].ended.is_none();
        let has_open_child =
            |at: &usize| self.steps.iter().any(|step| step.parent == Some(*at) && step.ended.is_none());
        (0..self.steps.len()).filter(open).filter(|at| !has_open_child(at)).collect()
    }

    /// Returns the innermost open steps within `outer`, itself apart.
    pub(crate) fn innermost_open_within(&self, outer: usize) -> Vec<usize> {
        let is_within = |at: &usize| *at != outer && self.is_within(*at, outer);
        self.innermost_open().into_iter().filter(is_within).collect()
    }

    /// Records a failure of `run` or a preference that did not hold; the same one twice counts once.
    pub(crate) fn raise(&mut self, run: Uuid, failure: &mut Failure) {
        let is_known = |list: &[Failure]| list.iter().any(|known| known.is_same(failure));
        if is_known(&self.failures) || is_known(&self.unmet) || failure.set_recorded(run) {
            return;
        }
        if failure.reason().outcome() == Outcome::Degraded {
            if self.fits(UNMET, self.unmet.len(), MOST_FAILURES) {
                self.unmet.push(failure.clone());
            }
        } else if self.fits(FAILURES, self.failures.len(), MOST_FAILURES) {
            self.failures.push(failure.clone());
        } else if !self.sealed && self.failures.iter().all(|kept| kept.reason().outcome() < failure.reason().outcome())
        {
            // How the run ended must not depend on what was left out: the worst of all takes the last place.
            self.failures.pop();
            self.failures.push(failure.clone());
        }
    }

    /// Counts what was left out of a try that counts.
    pub(crate) fn leave_out(&mut self, LeftOut { failures, unmet }: LeftOut) {
        for (what, left_out) in [(FAILURES, failures), (UNMET, unmet)] {
            if left_out > 0 && !self.sealed {
                self.left_out.entry(what).or_insert((MOST_FAILURES, 0)).1 += left_out;
            }
        }
    }

    /// Records what another try cured, and how much of it was left out already.
    pub(crate) fn recover(&mut self, failures: Vec<Failure>, left_out: u64) {
        const RECOVERED: &str = "recovered failures";
        for failure in failures {
            if self.fits(RECOVERED, self.recovered.len(), MOST_FAILURES) {
                self.recovered.push(failure);
            }
        }
        if left_out > 0 && !self.sealed {
            self.left_out.entry(RECOVERED).or_insert((MOST_FAILURES, 0)).1 += left_out;
        }
    }

    pub(crate) fn request(&mut self, request: RequestReport) {
        if self.fits("requests", self.requests.len(), MOST_REQUESTS) {
            make_room(&mut self.requests);
            self.requests.push(request);
        }
    }

    pub(crate) fn metric(&mut self, metric: Metric) {
        if self.fits("metrics", self.metrics.len(), MOST_METRICS) {
            self.metrics.push(metric);
        }
    }

    pub(crate) fn label(&mut self, name: String, value: String) {
        let name = cut(name, LONGEST_NAME);
        if self.labels.contains_key(&name) || self.fits("labels", self.labels.len(), MOST_LABELS) {
            self.labels.insert(name, cut(value, LONGEST_NAME));
        }
    }

    pub(crate) fn attach(&mut self, artifact: Artifact) {
        let kept: usize = self.artifacts.iter().map(|artifact| artifact.size).sum();
        let full = kept + artifact.size > LARGEST_OF_A_RUN;
        let len = if full { MOST_ARTIFACTS } else { self.artifacts.len() };
        if self.fits("artifacts", len, MOST_ARTIFACTS) {
            self.artifacts.push(artifact);
        }
    }

    /// Keeps a line of the log: the newest ones stay.
    pub(crate) fn log(&mut self, mut line: LogLine) {
        if self.sealed {
            return;
        }
        if self.log.len() == MOST_LOG_LINES {
            self.log.pop_front();
            self.left_out.entry("log lines").or_insert((MOST_LOG_LINES, 0)).1 += 1;
        }
        line.text = cut(line.text, LONGEST_LOG_LINE);
        self.log.push_back(line);
    }

    pub(crate) fn warn(&mut self, warning: String) {
        let warning = cut(warning, LONGEST_WARNING);
        if !self.warnings.contains(&warning) && self.fits("warnings", self.warnings.len(), MOST_WARNINGS) {
            self.warnings.push(warning);
        }
    }

    /// Takes the warnings, those about what was left out included.
    pub(crate) fn take_warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        for (what, (most, left_out)) in std::mem::take(&mut self.left_out) {
            let bound = if what == "artifacts" { " artifacts of 32 MiB in all" } else { "" };
            warnings.push(format!("{left_out} {what} were left out, a run keeps {most}{bound}"));
        }
        warnings
    }

    /// Takes the steps as a report shows them; those still open end `now`.
    pub(crate) fn take_steps(&mut self, now: Duration) -> Vec<StepReport> {
        let report = |step: StepRecord| StepReport {
            name: step.name,
            parent: step.parent,
            outcome: step
                .reason
                .map_or(if step.finished { Outcome::Passed } else { Outcome::Skipped }, Reason::outcome),
            reason: step.reason,
            started: step.started,
            duration: step.ended.unwrap_or(now).saturating_sub(step.started),
            finished: step.finished,
            superseded: step.superseded,
            tries: step.tries,
        };
        std::mem::take(&mut self.steps).into_iter().map(report).collect()
    }
}

/// Makes room for exactly one element where there is none yet, not for the four with which a `Vec` begins: most runs
/// have one step and one request, and their reports are kept until a sink takes them.
fn make_room<T>(list: &mut Vec<T>) {
    if list.is_empty() {
        list.reserve_exact(1);
    }
}
