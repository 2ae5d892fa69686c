//! What every format says, each in its own way: how it went as a whole, and what no report says.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::text::{line, number};
use crate::monitor::{CanarySummary, Exit, Summary};
use crate::outcome::Outcome;
use crate::reason::Reason;
use crate::report::{CleanupItem, Report};
use crate::sink::SinkStats;

/// The longest line that says why a run did not pass, in characters.
const LONGEST_WHY: usize = 240;

/// What is to be written.
pub(super) struct View<'a> {
    pub(super) reports: &'a [Arc<Report>],
    pub(super) summary: &'a Summary,
}

/// Something that the reader must know and that is in no report.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) level: Level,
    /// What it is about: a canary, a sink, the journal.
    pub(super) about: String,
    pub(super) text: String,
}

/// How bad that is: an error is never green.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

impl View<'_> {
    /// Returns how it went as a whole, in a few words.
    pub(super) fn verdict(&self) -> &'static str {
        match self.summary.exit() {
            Exit::Passed => "passed",
            Exit::Failed => "failed",
            Exit::Error => "error",
            Exit::LeftBehind => "something was left behind",
            Exit::NothingSelected => "nothing ran",
            Exit::Usage => "wrong usage",
        }
    }

    /// Returns the count, worst first: `3 canaries: 1 failed, 2 passed; 1 flaky; 1 thing left behind`.
    pub(super) fn count(&self) -> String {
        let (runs, canaries) = (self.summary.runs(), self.summary.canaries.len() as u64);
        let mut text = number(canaries, "canary", "canaries");
        if runs != canaries {
            text = format!("{} of {text}", number(runs, "run", "runs"));
        }
        let parts = self.outcomes().into_iter().rev().map(|(outcome, runs)| format!("{runs} {outcome}"));
        let parts: Vec<String> = parts.collect();
        if !parts.is_empty() {
            text = format!("{text}: {}", parts.join(", "));
        }
        if let flaky @ 1.. = self.summary.canaries.values().map(|canary| canary.flaky).sum::<u64>() {
            text = format!("{text}; {flaky} flaky");
        }
        match self.left_behind() {
            0 => text,
            left => format!("{text}; {} left behind", number(left, "thing", "things")),
        }
    }

    /// Returns how many runs ended in which outcome.
    pub(super) fn outcomes(&self) -> BTreeMap<Outcome, u64> {
        let mut outcomes = BTreeMap::new();
        for (outcome, runs) in self.summary.canaries.values().flat_map(|canary| &canary.outcomes) {
            *outcomes.entry(*outcome).or_default() += runs;
        }
        outcomes
    }

    /// Returns how many things are left behind, now that all is over.
    pub(super) fn left_behind(&self) -> u64 {
        self.summary.canaries.values().map(|canary| canary.left_behind).sum()
    }

    /// Returns the reports, those first that somebody has to look at, else in their order.
    pub(super) fn worst_first(&self) -> Vec<&Report> {
        let mut reports: Vec<&Report> = self.reports.iter().map(|report| &**report).collect();
        reports.sort_by_key(|report| std::cmp::Reverse((report.outcome, report.cleanup.left_behind() > 0)));
        reports
    }

    /// Returns what no report says, the worst first.
    pub(super) fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.summary.runs() == 0 {
            let why = match self.summary.canaries.len() as u64 {
                0 => "no canary was selected".to_owned(),
                canaries => {
                    format!("{} selected, and no run came to an end", number(canaries, "canary was", "canaries were"))
                }
            };
            notes.push(Note::new(Level::Error, "nothing ran", why));
        }
        let reported = self.reported();
        for (name, canary) in &self.summary.canaries {
            notes_of(name, canary, reported.get(&**name).unwrap_or(&Reported::default()), &mut notes);
        }
        notes.extend(self.summary.sinks.iter().filter_map(lost));
        notes.extend(self.summary.problems.iter().map(|problem| Note::new(Level::Error, "journal", problem.clone())));
        notes.sort_by_key(|note| note.level);
        notes
    }

    fn reported(&self) -> HashMap<&str, Reported> {
        let mut all: HashMap<&str, Reported> = HashMap::new();
        for report in self.reports {
            let reported = all.entry(&*report.canary).or_default();
            *reported.outcomes.entry(report.outcome).or_default() += 1;
            reported.left_behind |= report.cleanup.left_behind() > 0;
        }
        all
    }
}

/// What the reports of one canary say.
#[derive(Default)]
struct Reported {
    outcomes: BTreeMap<Outcome, u64>,
    left_behind: bool,
}

fn notes_of(name: &str, canary: &CanarySummary, reported: &Reported, notes: &mut Vec<Note>) {
    if canary.runs() == 0 {
        notes.push(Note::new(Level::Warning, name, "it did not run"));
    }
    let runs_missing = |(outcome, runs): (&Outcome, &u64)| {
        let missing = runs.saturating_sub(reported.outcomes.get(outcome).copied().unwrap_or_default());
        (missing > 0).then_some((*outcome, missing))
    };
    let missing: Vec<(Outcome, u64)> = canary.outcomes.iter().rev().filter_map(runs_missing).collect();
    if let Some((worst, _)) = missing.first() {
        let level = if *worst >= Outcome::Error { Level::Error } else { Level::Notice };
        let runs: Vec<String> = missing.iter().map(|(outcome, runs)| format!("{runs} {outcome}")).collect();
        notes.push(Note::new(level, name, format!("runs without a report here: {}", runs.join(", "))));
    }
    if canary.left_behind > 0 && !reported.left_behind {
        let things = number(canary.left_behind, "thing was", "things were");
        let text = format!("{things} left behind by a run that has no report here");
        notes.push(Note::new(Level::Warning, name, text));
    }
    if canary.missed > 0 {
        let starts = number(canary.missed, "start was", "starts were");
        notes.push(Note::new(Level::Notice, name, format!("{starts} missed: the run before was not done by then")));
    }
}

impl Note {
    fn new(level: Level, about: impl Into<String>, text: impl Into<String>) -> Self {
        Self { level, about: about.into(), text: text.into() }
    }
}

fn lost(sink: &SinkStats) -> Option<Note> {
    let dropped = sink.dropped.iter().map(|(reason, reports)| format!("lost {reports} ({reason})"));
    let mut parts: Vec<String> = dropped.collect();
    parts.extend(sink.last_error.as_ref().map(|error| format!("last error: {error}")));
    let text = format!("delivered {}, {}", sink.delivered, parts.join(", "));
    (!parts.is_empty()).then(|| Note::new(Level::Error, format!("sink {}", sink.sink), text))
}

/// Says in a line why a run did not pass: what led, or what was left behind. Nothing for one that passed clean.
pub(super) fn why(report: &Report) -> String {
    let leak = || report.cleanup.leaks().next().map(leak_line);
    let failure = || report.leading().map(ToString::to_string);
    let text = if report.reason == Some(Reason::Leftover) { leak().or_else(failure) } else { failure().or_else(leak) };
    let reason = || report.reason.map(|reason| reason.to_string().replace('_', " "));
    line(&text.or_else(reason).unwrap_or_default(), LONGEST_WHY)
}

/// Says in a line what was left behind.
pub(super) fn leak_line(leak: &CleanupItem) -> String {
    line(&format!("left behind: {leak}"), LONGEST_WHY)
}

/// Returns the path and the line of the source that a reader should open: those of the failure that leads, or of the panic
/// that it speaks of. Nothing when the SDK noticed it, whose source helps nobody.
pub(super) fn place(report: &Report) -> Option<(&str, u32)> {
    let failure = report.leading()?;
    let panicked = || failure.pieces_of_evidence().iter().find(|piece| piece.label == "place");
    let place = match failure.reason() {
        Reason::Panic => panicked()?.text.as_str(),
        _ => failure.location()?,
    };
    let (file, line) = place.rsplit_once(':')?;
    let sources = &file!()[..file!().len() - "format/view.rs".len()];
    if file.starts_with(sources) { None } else { Some((file, line.parse().ok()?)) }
}
