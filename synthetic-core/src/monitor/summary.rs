//! What a monitor did, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Exit;
use super::sweeps::Swept;
use crate::cleanup::canary_part;
use crate::outcome::Outcome;
use crate::report::Report;
use crate::sink::SinkStats;

/// What a monitor did from its start to its end.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Summary {
    /// What became of each canary, by name, those that never ran included.
    pub canaries: BTreeMap<Arc<str>, CanarySummary>,
    /// What became of the reports, by sink.
    pub sinks: Vec<SinkStats>,
    /// What could not be read in the journal, or not be removed for lack of a resource: each a sentence for an operator.
    pub problems: Vec<String>,
}

/// What became of one canary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CanarySummary {
    /// How many runs ended in which outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How many things were left behind in the target, by this process or one before it: those that the journal still has,
    /// apart from what is kept for debugging, and what was deferred and could not be undone.
    pub left_behind: u64,
    /// How many starts were missed, because the run before was not done by then.
    pub missed: u64,
}

impl CanarySummary {
    /// Returns how many runs there were.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

impl Summary {
    /// Returns how many runs there were.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.canaries.values().map(CanarySummary::runs).sum()
    }

    /// Returns how the process should end.
    ///
    /// A sink that lost reports, or that did not close as it should, makes it at least an [error](Exit::Error): what it
    /// shows may not be the whole truth. So does a problem with the journal.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let outcomes = self.canaries.values().flat_map(|canary| canary.outcomes.keys().copied());
        let lost = self.sinks.iter().any(|sink| !sink.dropped.is_empty() || sink.last_error.is_some());
        let unknown = lost || !self.problems.is_empty();
        let outcomes = outcomes.chain((unknown && self.runs() > 0).then_some(Outcome::Error));
        Exit::of(outcomes, self.canaries.values().any(|canary| canary.left_behind > 0))
    }
}

/// A line for each canary, and one for each sink that lost something.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.canaries.keys().map(|name| name.len()).max().unwrap_or(0);
        let lines = self.canaries.iter().map(|(name, canary)| {
            let mut line = format!("{name:<width$}  {:>4} runs", canary.runs());
            for (outcome, runs) in &canary.outcomes {
                line += &format!(", {runs} {outcome}");
            }
            if canary.left_behind > 0 {
                line += &format!(", {} things left behind", canary.left_behind);
            }
            if canary.missed > 0 {
                line += &format!(", {} starts missed", canary.missed);
            }
            line
        });
        let lost = self.sinks.iter().filter(|sink| !sink.dropped.is_empty() || sink.last_error.is_some()).map(|sink| {
            let mut line = format!("sink {} delivered {}", sink.sink, sink.delivered);
            for (reason, reports) in &sink.dropped {
                line += &format!(", lost {reports} ({reason})");
            }
            if let Some(error) = &sink.last_error {
                line += &format!("; last error: {error}");
            }
            line
        });
        let problems = self.problems.iter().map(|problem| format!("problem: {problem}"));
        let text: Vec<String> = lines.chain(lost).chain(problems).collect();
        f.write_str(&text.join("\n"))
    }
}

/// What the scheduler counts while it runs.
#[derive(Debug, Default)]
pub(super) struct Runs {
    canaries: BTreeMap<Arc<str>, CanarySummary>,
}

impl Runs {
    pub(super) fn expect(&mut self, canary: Arc<str>) {
        self.canaries.entry(canary).or_default();
    }

    pub(super) fn missed(&mut self, canary: &Arc<str>, missed: u64) {
        self.canaries.entry(Arc::clone(canary)).or_default().missed += missed;
    }

    /// A run ended without a report, by a fault of the SDK: that is never green.
    pub(super) fn fault(&mut self, canary: &Arc<str>) {
        *self.canaries.entry(Arc::clone(canary)).or_default().outcomes.entry(Outcome::Error).or_default() += 1;
    }

    pub(super) fn count(&mut self, report: &Report) {
        let canary = self.canaries.entry(Arc::clone(&report.canary)).or_default();
        *canary.outcomes.entry(report.outcome).or_default() += 1;
        // What has a mark is counted at the end, when it is known what the sweeps could not remove.
        let deferred = report.cleanup.items.iter().filter(|item| item.mark.is_none() && item.result.is_leak());
        canary.left_behind += deferred.count() as u64;
    }

    pub(super) fn into_summary(mut self, sinks: Vec<SinkStats>, swept: Swept) -> Summary {
        // Things of canaries that this monitor does not have any more count too.
        let name = |canary: &Arc<str>| canary_part(canary);
        let names: BTreeMap<String, Arc<str>> =
            self.canaries.keys().map(|canary| (name(canary), Arc::clone(canary))).collect();
        for (canary, left) in swept.left_behind {
            let canary = names.get(&canary).cloned().unwrap_or_else(|| canary.into());
            self.canaries.entry(canary).or_default().left_behind += left;
        }
        Summary { canaries: self.canaries, sinks, problems: swept.problems }
    }
}
