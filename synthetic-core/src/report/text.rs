//! The text of a report that a person reads.

use std::fmt;
use std::time::Duration;

use super::{CleanupResult, Report, StepReport};
use crate::outcome::Outcome;

/// The whole report as text: how it ended, what was wrong, the steps, what was left behind, the log.
///
/// A run that passed is one line. The format is for people and may change.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} in {}", self.canary, self.outcome, Took(self.duration))?;
        if let Some(reason) = self.reason.filter(|reason| reason.as_str() != self.outcome.as_str()) {
            write!(f, " ({reason})")?;
        }
        for failure in self.failures.iter().chain(&self.unmet) {
            for line in format!("{failure:?}").lines() {
                write!(f, "\n  {line}")?;
            }
        }
        for item in self.cleanup.items.iter().filter(|item| item.result != CleanupResult::Removed) {
            let why = item.failure.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
            write!(f, "\n  left behind: {}", within(4, &format!("{}: {}{why}", item.name, item.result)))?;
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
