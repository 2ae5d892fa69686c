//! Text for people: every report, then in short what did not pass, then the count.

use super::text::{line, printable};
use super::view::{Level, View, leak_line, place, why};
use crate::monitor::Exit;
use crate::outcome::Outcome;
use crate::report::Report;

/// How many things that were left behind are named again for one run; all of them are in its report.
const MOST_LEAKS: usize = 10;

pub(super) fn render(view: &View<'_>, colour: bool) -> String {
    let mut text = String::new();
    for report in view.reports {
        text += &whole(report, colour);
        text.push('\n');
    }
    let mut short = Vec::new();
    let width = view.reports.iter().filter(|report| !is_clean(report)).map(|report| name(report).chars().count()).max();
    for report in view.worst_first().into_iter().filter(|report| !is_clean(report)) {
        in_short(report, width.unwrap_or(0), colour, &mut short);
    }
    for note in view.notes() {
        let (level, about) = (painted(note.level.as_str(), of_level(note.level), colour), line(&note.about, 255));
        short.push(format!("{level}: {about}: {}", line(&note.text, 2048)));
    }
    if !short.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &short.join("\n");
        text.push('\n');
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text + &format!("{}: {}\n", painted(view.verdict(), of_exit(view.summary.exit()), colour), view.count())
}

/// Returns the text of a report with what the eye looks for, the outcome, in front: it begins with
/// `failed    checkout  in 12.0 ms (expectation)`.
pub(super) fn whole(report: &Report, colour: bool) -> String {
    let text = report.to_string();
    let rest = text.strip_prefix(&*report.canary).map_or(&*text, str::trim_start);
    let rest = rest.strip_prefix(report.outcome.as_str()).map_or(rest, str::trim_start);
    let outcome = painted(&format!("{:<8}", report.outcome), of_outcome(report.outcome), colour);
    format!("{outcome}  {}  {}", name(report), printable(rest))
}

/// Returns whether a report is of a run of which nobody needs to read more.
pub(super) fn is_clean(report: &Report) -> bool {
    report.outcome == Outcome::Passed && report.cleanup.left_behind() == 0
}

/// Returns the name of a report's canary on one line. It is refused when it is none that a canary may have, but the run
/// that ends by that has a report too.
fn name(report: &Report) -> String {
    line(&report.canary, 255)
}

fn in_short(report: &Report, width: usize, colour: bool, lines: &mut Vec<String>) {
    let outcome = painted(&format!("{:<8}", report.outcome), of_outcome(report.outcome), colour);
    let head = format!("{outcome}  {:<width$}  {}", name(report), why(report));
    lines.push(head.trim_end().to_owned());
    let indent = 8 + 2 + width + 2;
    if let Some((file, number)) = place(report) {
        lines.push(format!("{:indent$}{}:{number}", "", line(file, 1024)));
    }
    let why = why(report);
    for leak in report.cleanup.leaks().take(MOST_LEAKS).map(leak_line).filter(|leak| *leak != why) {
        lines.push(format!("{:indent$}{leak}", ""));
    }
    if let more @ 1.. = report.cleanup.left_behind().saturating_sub(MOST_LEAKS) {
        lines.push(format!("{:indent$}left behind: {more} more", ""));
    }
}

fn painted(text: &str, colour: &str, wanted: bool) -> String {
    if wanted { format!("{colour}{text}\x1b[0m") } else { text.to_owned() }
}

/// The colours in which the sink that writes to a terminal shows them too.
const fn of_outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "\x1b[32m",
        Outcome::Skipped => "\x1b[2m",
        Outcome::Degraded => "\x1b[33m",
        Outcome::Error => "\x1b[35m",
        Outcome::Failed => "\x1b[1;31m",
    }
}

const fn of_exit(exit: Exit) -> &'static str {
    of_outcome(match exit {
        Exit::Passed => Outcome::Passed,
        Exit::Failed => Outcome::Failed,
        Exit::LeftBehind => Outcome::Degraded,
        Exit::Error | Exit::NothingSelected | Exit::Usage => Outcome::Error,
    })
}

const fn of_level(level: Level) -> &'static str {
    of_outcome(match level {
        Level::Error => Outcome::Error,
        Level::Warning => Outcome::Degraded,
        Level::Notice => Outcome::Skipped,
    })
}
