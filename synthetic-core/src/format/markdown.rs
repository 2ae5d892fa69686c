//! Markdown, for the summary of a GitHub job (`$GITHUB_STEP_SUMMARY`) or a comment on a merge request.
//!
//! Foreign text stands in `<code>`, where neither GitHub nor GitLab look for mentions, references, emoji or links, with all
//! that means something to Markdown as an HTML entity; and in fences that are longer than any in it.

use super::pretty::is_clean;
use super::text::{line, number, printable};
use super::view::{Level, View, why};
use crate::failure::cut;
use crate::outcome::Outcome;
use crate::report::{Report, Took};

/// A comment on GitHub holds 65,536 characters, a summary of a job 1 MiB.
const LONGEST: usize = 65_000;
/// Where in it the table ends at the latest, and what follows the table: the rest is for the texts of reports.
const TABLE_ENDS: usize = 32_000;
const NOTES_END: usize = 40_000;
/// The longest text of one report, in bytes.
const LONGEST_TEXT: usize = 16 * 1024;
/// What is kept free to say how much was left out.
const LAST_WORDS: usize = 200;

pub(super) fn render(view: &View<'_>) -> String {
    let mut text = format!("## Canaries: {}\n\n{}\n", view.verdict(), view.count());
    let reports = view.worst_first();
    table(&reports, &mut text);
    notes(view, &mut text);
    details(&reports, &mut text);
    text
}

fn table(reports: &[&Report], text: &mut String) {
    if reports.is_empty() {
        return;
    }
    *text += "\n| canary | outcome | why | duration | left behind |\n| :-- | :-- | :-- | --: | --: |\n";
    for (at, report) in reports.iter().enumerate() {
        let row = row(report);
        if text.len() + row.len() > TABLE_ENDS {
            let more = number((reports.len() - at) as u64, "more run", "more runs");
            *text += &format!("| {more} | | left out here | | |\n");
            break;
        }
        *text += &row;
    }
}

fn row(report: &Report) -> String {
    let outcome = match report.outcome {
        Outcome::Failed | Outcome::Error => format!("**{}**", report.outcome),
        Outcome::Passed | Outcome::Skipped | Outcome::Degraded => report.outcome.to_string(),
    };
    let left = match report.cleanup.left_behind() {
        0 => String::new(),
        left => left.to_string(),
    };
    let (canary, why) = (code(&line(&report.canary, 255)), code(&why(report)));
    format!("| {canary} | {outcome} | {why} | {} | {left} |\n", Took(report.duration))
}

fn notes(view: &View<'_>, text: &mut String) {
    let notes = view.notes();
    for (at, note) in notes.iter().enumerate() {
        let level = if note.level == Level::Error { "**error**" } else { note.level.as_str() };
        let note = format!("- {level}: {}: {}\n", code(&line(&note.about, 255)), code(&line(&note.text, 1024)));
        if at == 0 {
            text.push('\n');
        }
        if text.len() + note.len() > NOTES_END {
            *text += &format!("- {} left out here\n", number((notes.len() - at) as u64, "more is", "more are"));
            break;
        }
        *text += &note;
    }
}

fn details(reports: &[&Report], text: &mut String) {
    let worth_it = |report: &&&Report| !is_clean(report) || report.to_string().contains('\n');
    let reports: Vec<&&Report> = reports.iter().filter(worth_it).collect();
    for (at, report) in reports.iter().enumerate() {
        let part = part(report);
        if text.len() + part.len() > LONGEST - LAST_WORDS {
            let more = number((reports.len() - at) as u64, "more run is", "more runs are");
            *text += &format!("\nThe text of {more} left out here.\n");
            break;
        }
        *text += &part;
    }
}

fn part(report: &Report) -> String {
    let whole = report.to_string();
    let whole = cut(printable(&whole).into_owned(), LONGEST_TEXT);
    let fence = fence(&whole);
    let canary = code(&line(&report.canary, 255));
    format!(
        "\n<details>\n<summary>{canary} {}</summary>\n\n{fence}text\n{whole}\n{fence}\n\n</details>\n",
        report.outcome
    )
}

/// Returns a fence that no line of a text can close.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// Shows a line of foreign text as code, with nothing in it that means something to Markdown or to HTML.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    let mut last = ' ';
    while let Some(c) = rest.next() {
        let ends = rest.peek().is_none_or(|next| *next == ' ');
        let in_number = last.is_ascii_digit() && rest.peek().is_some_and(char::is_ascii_digit);
        let harmless = match c {
            // An address would become a link: `https://`, `www.`, `mailto:`.
            ':' | '.' => ends || in_number,
            ' ' | ',' | '-' | '/' | '(' | ')' | '%' | '=' | '+' | '?' | ';' => true,
            c => !c.is_ascii_punctuation(),
        };
        if harmless {
            escaped.push(c);
        } else {
            escaped += &format!("&#{};", u32::from(c));
        }
        last = c;
    }
    format!("<code>{escaped}</code>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_markdown_is_an_entity() {
        let cases = [
            ("", ""),
            ("GET /orders: 503, in 1.5 s", "<code>GET /orders: 503, in 1.5 s</code>"),
            ("a|b\\|c", "<code>a&#124;b&#92;&#124;c</code>"),
            ("`x` **y** <b>", "<code>&#96;x&#96; &#42;&#42;y&#42;&#42; &#60;b&#62;</code>"),
            ("&lt; @all #1", "<code>&#38;lt; &#64;all &#35;1</code>"),
            ("http://evil www.evil.example", "<code>http&#58;//evil www&#46;evil&#46;example</code>"),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected);
        }
    }

    #[test]
    fn no_line_of_a_text_closes_its_fence() {
        for (text, expected) in [("x", "```"), ("a ``` b", "````"), ("`````\n```", "``````")] {
            assert_eq!(fence(text), expected);
        }
    }
}
