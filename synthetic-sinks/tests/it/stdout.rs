//! Standard output, whatever a report says.

use synthetic_core::Outcome;
use synthetic_sinks::Stdout;

use crate::sinks::{Buffer, Reports, Said, deliver};

pub(crate) async fn people(reports: Reports) -> Vec<u8> {
    let buffer = Buffer::default();
    deliver(Stdout::pretty().to(buffer.clone()), &reports).await;
    buffer.bytes()
}

pub(crate) async fn json(reports: Reports) -> Vec<u8> {
    let buffer = Buffer::default();
    deliver(Stdout::json().to(buffer.clone()), &reports).await;
    buffer.bytes()
}

/// Nothing in it moves the cursor, sets a colour or turns the direction of writing.
pub(crate) fn commands_no_terminal(said: &Said<'_>) {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let commands = |c: &char| (c.is_control() && !matches!(c, '\n' | '\t')) || turns(*c);
    assert_eq!(said.text().chars().find(commands), None);
    for report in said.reports.iter().filter(|report| report.outcome != Outcome::Passed) {
        assert!(said.text().contains(&report.run_id.to_string()));
    }
}
