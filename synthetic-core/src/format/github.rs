//! Commands of GitHub Actions: annotations that stand beside the code, and folded groups in the log.
//!
//! The runner reads each line that a step prints. A line that begins with `::name …::`, white space before it apart, is a
//! command, and so is `##[name …]` anywhere in a line, the form of old. Foreign text must be neither.

use super::pretty;
use super::text::{line, printable};
use super::view::{Level, View, place, why};
use crate::failure::cut;
use crate::outcome::Outcome;
use crate::reason::Reason;
use crate::report::Report;

/// The longest message of an annotation, in bytes.
const LONGEST_MESSAGE: usize = 4 * 1024;
/// How many things that were left behind one annotation names.
const MOST_LEAKS: usize = 10;

pub(super) fn render(view: &View<'_>) -> String {
    let mut lines = Vec::new();
    for report in view.reports {
        let text = pretty::whole(report, false);
        if text.contains('\n') {
            let title = format!("{:<8}  {}  {}", report.outcome, line(&report.canary, 255), why(report));
            lines.push(format!("::group::{}", data(title.trim_end())));
            lines.extend(text.lines().map(plain));
            lines.push("::endgroup::".to_owned());
        } else {
            lines.push(plain(&text));
        }
    }
    // Of each kind, GitHub shows the first ten of a step.
    for report in view.worst_first() {
        annotate(report, &mut lines);
    }
    for note in view.notes() {
        lines.push(command(note.level, None, &note.about, &note.text));
    }
    lines.push(plain(&format!("{}: {}", view.verdict(), view.count())));
    lines.join("\n") + "\n"
}

fn annotate(report: &Report, lines: &mut Vec<String>) {
    let level = match report.outcome {
        Outcome::Failed | Outcome::Error => Some(Level::Error),
        Outcome::Degraded => Some(Level::Warning),
        Outcome::Passed | Outcome::Skipped => None,
    };
    // A run whose only fault is what it left behind is annotated once.
    let is_leftover = report.reason == Some(Reason::Leftover);
    if let Some(level) = level.filter(|_| !is_leftover) {
        let reason = report.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let title = format!("{} {}{reason}", report.canary, report.outcome);
        lines.push(command(level, place(report), &title, &message(report)));
    }
    let left = report.cleanup.left_behind();
    if left > 0 {
        let level = level.filter(|_| is_leftover).unwrap_or(Level::Notice);
        let title = format!("{} left something behind", report.canary);
        let mut items: Vec<String> = report.cleanup.leaks().take(MOST_LEAKS).map(ToString::to_string).collect();
        if left > MOST_LEAKS {
            items.push(format!("and {} more in the log", left - MOST_LEAKS));
        }
        let items = cut(items.join("\n"), LONGEST_MESSAGE);
        lines.push(command(level, None, &title, &format!("{items}\nrun {}", report.run_id)));
    }
}

/// Returns the whole text of the failure that leads, how many more there are, and which run it is.
fn message(report: &Report) -> String {
    let text = report.leading().map_or_else(|| why(report), |failure| format!("{failure:?}"));
    let others = match (report.failures.len() + report.unmet.len()).saturating_sub(1) {
        0 => String::new(),
        others => format!("\nand {others} more in the log"),
    };
    format!("{}{others}\nrun {}", cut(text, LONGEST_MESSAGE), report.run_id)
}

fn command(level: Level, place: Option<(&str, u32)>, title: &str, message: &str) -> String {
    let mut properties = Vec::new();
    if let Some((file, line)) = place {
        properties.push(format!("file={}", property(file)));
        properties.push(format!("line={line}"));
    }
    properties.push(format!("title={}", property(&line(title, 255))));
    format!("::{} {}::{}", level.as_str(), properties.join(","), data(message))
}

/// Escapes the message of a command, as the runner unescapes it.
fn data(text: &str) -> String {
    harmless(&printable(text)).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Makes a line that is no command.
fn plain(text: &str) -> String {
    let text = harmless(text);
    // The runner skips what is white space to it: anything before the first colon that is not seen.
    match text.find(|c: char| c.is_ascii_graphic()) {
        Some(at) if text[at..].starts_with("::") => format!("{}: :{}", &text[..at], &text[at + 2..]),
        _ => text,
    }
}

fn harmless(text: &str) -> String {
    text.replace("##[", "## [")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_text_is_never_a_command() {
        let cases = [
            ("::error::boom", ": :error::boom"),
            (" \t ::stop-commands::x", " \t : :stop-commands::x"),
            ("\u{a0}\u{3000}\u{180e}\u{200b}::add-mask::x", "\u{a0}\u{3000}\u{180e}\u{200b}: :add-mask::x"),
            ("  failed: ##[error]boom and ###[group]", "  failed: ## [error]boom and ### [group]"),
            ("  it::report: std::fmt", "  it::report: std::fmt"),
            ("::::error::x", ": :::error::x"),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn what_delimits_a_command_is_escaped_in_it() {
        assert_eq!(data("50%\r\nnext %0A ::x::, y"), "50%25%0Anext %250A ::x::, y");
        assert_eq!(property("C:\\a, b%\nc"), "C%3A\\a%2C b%25%0Ac");
        let command = command(Level::Notice, Some(("src/a,b:c.rs", 7)), "t::\n::error::", "##[error]");
        assert_eq!(command, "::notice file=src/a%2Cb%3Ac.rs,line=7,title=t%3A%3A %3A%3Aerror%3A%3A::## [error]");
    }
}
