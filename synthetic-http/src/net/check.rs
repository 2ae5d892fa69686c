//! What all network checks do alike: keep what is expected, keep to their time, judge, record.

use std::fmt::Display;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use synthetic_core::expect::Mismatch;
use synthetic_core::report::RequestReport;
use synthetic_core::{Failure, Result};
use tokio::time::timeout_at;

use super::trail::{Took, Trail};
use crate::expect::Expectation;
use crate::explain::{Deadline, advice, reason, taken};
use crate::scope::Scope;
use crate::send::deadline;
use crate::wire::{Kind, Phase, WireError};

/// The time of a check that says none, as that of an HTTP request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many characters of what was said a failure shows.
const EXCERPT: usize = 1024;

/// What every check holds.
pub(super) struct Check<A> {
    pub(super) expected: Vec<Expectation<A>>,
    preferred: Vec<Expectation<A>>,
    timeout: Duration,
    /// What is wrong with the check itself; the first counts.
    problem: Option<String>,
    place: &'static Location<'static>,
}

impl<A> Check<A> {
    pub(super) fn new(place: &'static Location<'static>) -> Self {
        Self { expected: Vec::new(), preferred: Vec::new(), timeout: TIMEOUT, problem: None, place }
    }

    pub(super) fn expect(&mut self, mut expectation: Expectation<A>) {
        self.has_defect(&mut expectation);
        self.expected.push(expectation);
    }

    pub(super) fn prefer(&mut self, mut expectation: Expectation<A>) {
        self.has_defect(&mut expectation);
        self.preferred.push(expectation);
    }

    pub(super) fn timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    pub(super) fn has_problem(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }

    /// Returns what was parsed, or remembers why it could not be.
    pub(super) fn parsed<T>(&mut self, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|problem| self.has_problem(problem)).ok()
    }

    fn has_defect(&mut self, expectation: &mut Expectation<A>) {
        if let Some(defect) = expectation.take_defect() {
            self.has_problem(defect);
        }
    }
}

impl<A> Clone for Check<A> {
    fn clone(&self) -> Self {
        let (expected, preferred) = (self.expected.clone(), self.preferred.clone());
        Self { expected, preferred, problem: self.problem.clone(), ..*self }
    }
}

/// One kind of check. Its `Display` names it in failures: `TCP db:5432`.
pub(super) trait Probe: Display + Sync {
    type Answer: Answer;

    fn check(&self) -> &Check<Self::Answer>;

    /// Returns what metrics call it: its method and its URL.
    fn label(&self) -> (String, String);

    /// Returns what is expected of this answer unless something else is.
    fn defaults(&self, _answer: &Self::Answer) -> Vec<Expectation<Self::Answer>> {
        Vec::new()
    }

    /// Does what is to be done, and leaves a trail.
    fn go(&self, trail: &mut Trail) -> impl Future<Output = Result<Self::Answer, WireError>> + Send;
}

/// What came of a check that could be made.
pub(super) trait Answer: Send + Sync {
    fn took(&self) -> &Took;

    /// Returns what the check itself found unmet: a turn of its dialogue.
    fn unmet(&self) -> Option<(String, Mismatch)> {
        None
    }

    /// Returns what a failure shows of the answer.
    fn shown(&self) -> Option<String>;
}

/// Makes a check, judges what came of it, and records both in the run.
pub(super) async fn run<P: Probe>(probe: &P) -> Result<P::Answer> {
    let check = probe.check();
    let scope = Scope::of(probe, check.place);
    if let Some(run) = scope.run() {
        run.count_check();
    }
    if let Some(problem) = &check.problem {
        return Err(scope.raise(Failure::setup(format!("{probe} cannot be checked: {problem}"))));
    }
    let deadline = deadline(check.timeout, scope.run());
    let mut trail = Trail::new();
    let went = timeout_at(deadline.at, probe.go(&mut trail)).await;
    let went = went.unwrap_or_else(|_| Err(trail.too_late(deadline.at)));
    let (method, url) = probe.label();
    let mut report = RequestReport::new(method, url);
    let went = match went {
        Ok(answer) => {
            trail.describe(&mut report, answer.took());
            judge(probe, &answer, &trail, &scope).map(|()| answer)
        }
        Err(error) => {
            let took = trail.finish();
            trail.describe(&mut report, &took);
            let failure = broken(probe, &error, &trail, &scope, deadline);
            if error.phase() == Phase::Setup && error.kind() != Kind::Timeout {
                // The target was not asked anything.
                return Err(scope.raise(failure));
            }
            let times = taken(&took.phases);
            Err(if times.is_empty() { failure } else { failure.evidence("times", times) })
        }
    };
    report.reason = went.as_ref().err().map(Failure::reason);
    if let Some(run) = scope.run() {
        run.record_request(report);
    }
    went.map_err(|failure| scope.raise(failure))
}

/// Judges everything that is expected; one failure lists all that is unmet. Preferences are recorded as they are judged.
fn judge<P: Probe>(probe: &P, answer: &P::Answer, trail: &Trail, scope: &Scope<'_>) -> Result {
    let check = probe.check();
    let judged = |expectation: &Expectation<P::Answer>| {
        let mismatch = expectation.judge(answer).err()?;
        Some((format!("{} of {probe}", expectation.subject()), mismatch))
    };
    let evident = |failure: Failure| {
        let failure = match answer.shown() {
            Some(shown) => failure.evidence("answer", shown),
            None => failure,
        };
        let failure = with_trail(failure, trail, scope);
        failure.evidence("times", taken(&answer.took().phases))
    };
    for preference in &check.preferred {
        if let (Some(run), Some((subject, mismatch))) = (scope.run(), judged(preference)) {
            run.raise_preference(evident(Failure::mismatch(subject, mismatch).at(check.place)));
        }
    }
    let own = answer.unmet().map(|(subject, mismatch)| (format!("{subject} of {probe}"), mismatch));
    let defaults = probe.defaults(answer);
    let mut unmet = own.into_iter().chain(defaults.iter().chain(&check.expected).filter_map(judged));
    let Some((subject, mismatch)) = unmet.next() else { return Ok(()) };
    let mut failure = Failure::mismatch(subject, mismatch);
    let also: Vec<String> = unmet.map(|(subject, mismatch)| format!("{subject}: {mismatch}")).collect();
    if !also.is_empty() {
        failure = failure.evidence("also", also.join("\n"));
    }
    Err(evident(failure))
}

/// Says why there was no answer.
fn broken<P: Probe>(probe: &P, error: &WireError, trail: &Trail, scope: &Scope<'_>, deadline: Deadline) -> Failure {
    let mut failure = Failure::with_reason(reason(error), format!("{probe}: {error}"));
    if let Some(hint) = hint(error, deadline) {
        failure = failure.hint(hint);
    }
    if let Some(peer) = trail.peer {
        let shown = if peer.port() == 0 { peer.ip().to_string() } else { peer.to_string() };
        failure = failure.evidence("peer", shown);
    }
    with_trail(failure, trail, scope)
}

fn with_trail(mut failure: Failure, trail: &Trail, scope: &Scope<'_>) -> Failure {
    for (label, text) in &trail.evidence {
        failure = failure.evidence(*label, text);
    }
    let dialogue = trail.dialogue();
    if dialogue.is_empty() {
        return failure;
    }
    // Scrubbed first and cut then: half a secret is not recognised.
    let said = scope.run().map_or_else(|| dialogue.as_str().into(), |run| run.redact(&dialogue));
    let mut excerpt: String = said.trim_end().chars().take(EXCERPT).collect();
    if excerpt.len() < said.trim_end().len() {
        excerpt.push_str(" …");
    }
    failure.evidence("dialogue", excerpt)
}

/// Says what to do, where that is something else than for an HTTP request.
fn hint(error: &WireError, deadline: Deadline) -> Option<String> {
    let hint = match error.kind() {
        Kind::UntrustedIssuer => {
            "does the server send its intermediate certificates? if its authority is your own, trust it with `trust_pem`"
        }
        Kind::SelfSigned => {
            "is the certificate of a proxy or a default one served? if it is meant to be, trust it with `trust_pem`"
        }
        Kind::Roots => "install the platform's CA certificates, or trust one with `trust_pem`",
        Kind::BodyTooLarge { .. } => "if as much is expected, allow it with `max_read`",
        Kind::NotFound if error.phase() == Phase::Setup => return None,
        Kind::Protocol => "is this the port of the service, and does it speak this protocol there?",
        _ => return advice(error, deadline),
    };
    Some(hint.to_owned())
}
