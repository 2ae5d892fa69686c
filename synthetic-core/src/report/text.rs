//! The text of a report that a person reads.

use std::fmt;
use std::time::Duration;

use super::{AttemptReport, CleanupItem, CleanupResult, Report, StepReport};
use crate::failure::Failure;
use crate::outcome::Outcome;

/// The whole report as text: how it ended, what was wrong, the attempts before it, what was left behind, the steps, the log.
///
/// A run that passed at once is one line. The format is for people and may change.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in {}", self.canary, self.outcome, Took(self.duration))?;
        if !self.attempts.is_empty() {
            write!(f, " on attempt {}", self.attempts.len() + 1)?;
        }
        match (self.flaky(), self.reason.filter(|reason| reason.as_str() != self.outcome.as_str())) {
            (true, Some(reason)) => write!(f, " (flaky, {reason})")?,
            (true, None) => f.write_str(" (flaky)")?,
            (false, Some(reason)) => write!(f, " ({reason})")?,
            (false, None) => {}
        }
        for failure in self.failures.iter().chain(&self.unmet) {
            write_failure(f, 2, failure)?;
        }
        for (at, attempt) in self.attempts.iter().enumerate() {
            write_attempt(f, at + 1, attempt)?;
        }
        for item in self.cleanup.leaks() {
            write_item(f, "left behind", item)?;
        }
        for item in self.cleanup.items.iter().filter(|item| item.result == CleanupResult::Kept) {
            write_item(f, "kept", item)?;
        }
        for item in self.cleanup.swept.iter().filter(|item| item.result != CleanupResult::Abandoned) {
            write_item(f, "swept", item)?;
        }
        if let (more @ 1.., Some(oldest)) = (self.cleanup.pending, self.cleanup.oldest_pending) {
            let things = if more == 1 { "1 thing waits" } else { &format!("{more} things wait") };
            write!(f, "\n  pending: {things} for removal, the oldest for {}", Took(oldest))?;
        }
        for warning in &self.warnings {
            write!(f, "\n  warning: {}", within(4, warning))?;
        }
        if self.outcome == Outcome::Passed {
            return Ok(());
        }
        if !self.steps.is_empty() {
            f.write_str("\n  steps")?;
        }
        for step in &self.steps {
            let indent = 2 + 2 * (1 + self.depth(step));
            write!(f, "\n{:indent$}{}", "", within(indent + 10, &StepLine(step).to_string()))?;
        }
        if !self.log.is_empty() {
            f.write_str("\n  log")?;
        }
        for line in &self.log {
            let text = within(22, &line.text);
            write!(f, "\n    {:>10}  {:<5} {}: {text}", Took(line.at).to_string(), line.level, line.target)?;
        }
        write!(f, "\n  run {}", self.run_id)
    }
}

impl Report {
    fn depth(&self, step: &StepReport) -> usize {
        let parents = std::iter::successors(step.parent, |parent| self.steps.get(*parent)?.parent);
        parents.take(16).count()
    }
}

/// Writes a failure in full, each line of it indented.
fn write_failure(f: &mut fmt::Formatter<'_>, indent: usize, failure: &Failure) -> fmt::Result {
    format!("{failure:?}").lines().try_for_each(|line| write!(f, "\n{:indent$}{line}", ""))
}

/// Writes an earlier attempt: the failure that leads in full, a line for each other one.
fn write_attempt(f: &mut fmt::Formatter<'_>, number: usize, attempt: &AttemptReport) -> fmt::Result {
    write!(f, "\n  attempt {number} {} in {}", attempt.outcome, Took(attempt.duration))?;
    if let Some(reason) = attempt.reason {
        write!(f, " ({reason})")?;
    }
    write!(f, ", run {}", attempt.run_id)?;
    let Some(leading) = attempt.leading() else { return Ok(()) };
    write_failure(f, 4, leading)?;
    let others = attempt.failures.iter().filter(|failure| !failure.is_same(leading));
    others.map(ToString::to_string).try_for_each(|other| write!(f, "\n    also: {}", within(6, &other)))
}

/// Writes what became of a thing, with all that helps to find it: its mark, and the advice of what stood in the way.
fn write_item(f: &mut fmt::Formatter<'_>, what: &str, item: &CleanupItem) -> fmt::Result {
    write!(f, "\n  {what}: {}", within(4, &item.to_string()))?;
    if let Some(mark) = item.mark.as_ref().filter(|mark| item.result.is_leak() && !item.name.contains(mark.as_str())) {
        write!(f, "\n    mark: {mark}")?;
    }
    match item.failure.as_ref().and_then(|failure| failure.advice()).filter(|_| item.result.is_leak()) {
        Some(hint) => write!(f, "\n    hint: {}", within(6, hint)),
        None => Ok(()),
    }
}

/// Indents the lines of a text but the first, so that none of them can be taken for a line of the report.
fn within(indent: usize, text: &str) -> String {
    text.replace('\n', &format!("\n{:indent$}", ""))
}

struct StepLine<'a>(&'a StepReport);

impl fmt::Display for StepLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = self.0;
        write!(f, "{:<8}  {}  {}", step.outcome, step.name, Took(step.duration))?;
        if let Some(tries) = step.tries {
            write!(f, ", {tries} tries")?;
        }
        match (step.superseded, step.finished) {
            (true, _) => f.write_str(", did not count"),
            (false, false) => f.write_str(", did not finish"),
            (false, true) => Ok(()),
        }
    }
}

/// Shows how long something took, with three digits: `1.23 ms`, `45.6 s`.
pub(crate) struct Took(pub(crate) Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let (number, unit) = match seconds {
            s if s >= 1.0 => (s, "s"),
            s if s >= 1e-3 => (s * 1e3, "ms"),
            s => (s * 1e6, "µs"),
        };
        match number {
            n if n >= 100.0 => write!(f, "{n:.0} {unit}"),
            n if n >= 10.0 => write!(f, "{n:.1} {unit}"),
            n => write!(f, "{n:.2} {unit}"),
        }
    }
}
