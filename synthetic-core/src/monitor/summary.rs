//! What a monitor did, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CanarySummary {
    /// How many runs ended in which outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// How many runs passed or were degraded only after an earlier attempt had failed: they are in `outcomes` too.
    pub flaky: u64,
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
    /// Counts these runs alone, as when they were all that there is.
    #[cfg(feature = "cli")]
    pub(crate) fn of(reports: &[Arc<Report>]) -> Self {
        let mut summary = Self::default();
        reports.iter().for_each(|report| summary.count(report));
        summary
    }

    /// Counts one more run, by what its report says: what it left behind counts, though a later sweep may remove it.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::monitor::{Exit, Summary};
    /// use synthetic_core::prelude::*;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let mut summary = Summary::default();
    /// summary.count(&once(canary(Spec::new("sum"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(3)) })).await);
    /// assert_eq!((summary.runs(), summary.exit()), (1, Exit::Failed));
    /// # }
    /// ```
    pub fn count(&mut self, report: &Report) {
        let canary = self.canaries.entry(Arc::clone(&report.canary)).or_default();
        *canary.outcomes.entry(report.outcome).or_default() += 1;
        canary.flaky += u64::from(report.flaky());
        canary.left_behind += report.cleanup.left_behind() as u64;
        canary.missed += report.missed;
    }

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

/// A line for each canary, and one for each sink that lost something or keeps it for later.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.canaries.keys().map(|name| name.len()).max().unwrap_or(0);
        let lines = self.canaries.iter().map(|(name, canary)| {
            let mut line = format!("{name:<width$}  {:>4} runs", canary.runs());
            for (outcome, runs) in &canary.outcomes {
                line += &format!(", {runs} {outcome}");
            }
            if canary.flaky > 0 {
                line += &format!(", {} of them flaky", canary.flaky);
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
        let kept = self.sinks.iter().filter(|sink| sink.spooled > 0).map(|sink| {
            let why = sink.failing.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("sink {} keeps {} reports in its spool for the next process{why}", sink.sink, sink.spooled)
        });
        let problems = self.problems.iter().map(|problem| format!("problem: {problem}"));
        let text: Vec<String> = lines.chain(lost).chain(kept).chain(problems).collect();
        f.write_str(&text.join("\n"))
    }
}

/// What is counted of one canary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    outcomes: [u64; Outcome::ALL.len()],
    left_behind: u64,
    flaky: u64,
    pub(super) missed: u64,
}

impl Counts {
    pub(super) fn count(&mut self, report: &Report) {
        self.outcomes[report.outcome as usize] += 1;
        self.flaky += u64::from(report.flaky());
        // What has a mark is counted at the end, when it is known what the sweeps could not remove.
        let deferred = report.cleanup.items.iter().filter(|item| item.mark.is_none() && item.result.is_leak());
        self.left_behind += deferred.count() as u64;
    }

    /// A run ended without a report, by a fault of the SDK: that is never green.
    pub(super) fn fault(&mut self) {
        self.outcomes[Outcome::Error as usize] += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.outcomes.iter_mut().zip(other.outcomes).for_each(|(sum, more)| *sum += more);
        self.left_behind += other.left_behind;
        self.flaky += other.flaky;
        self.missed += other.missed;
    }
}

impl From<Counts> for CanarySummary {
    fn from(counts: Counts) -> Self {
        let outcomes = Outcome::ALL.into_iter().map(|outcome| (outcome, counts.outcomes[outcome as usize]));
        Self {
            outcomes: outcomes.filter(|(_, runs)| *runs > 0).collect(),
            left_behind: counts.left_behind,
            flaky: counts.flaky,
            missed: counts.missed,
        }
    }
}

impl Summary {
    pub(super) fn new(counts: BTreeMap<Arc<str>, Counts>, sinks: Vec<SinkStats>, swept: Swept) -> Self {
        let mut canaries: BTreeMap<Arc<str>, CanarySummary> =
            counts.into_iter().map(|(name, counts)| (name, counts.into())).collect();
        // Things of canaries that this monitor does not have any more count too.
        let names: BTreeMap<String, Arc<str>> =
            canaries.keys().map(|canary| (canary_part(canary).into_owned(), Arc::clone(canary))).collect();
        for (canary, left) in swept.left_behind {
            let canary = names.get(&canary).cloned().unwrap_or_else(|| canary.into());
            canaries.entry(canary).or_default().left_behind += left;
        }
        Self { canaries, sinks, problems: swept.problems }
    }
}
