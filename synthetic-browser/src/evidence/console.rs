//! What a page wrote to the console, as text.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::network::seen::millis;
use crate::page::url::{shown, shown_within};
use crate::page::watch::Tally;

/// The longest text, in bytes.
const LARGEST: usize = 512 * 1024;

/// Writes the console and the uncaught errors of a page; `None` when there is nothing.
pub(crate) fn console(tally: &Tally) -> Option<Bytes> {
    let mut text = String::new();
    // Times are from the first thing that is known of the page on.
    let first = tally.console.first().map(|message| message.at);
    let began = tally.requests.first().map(|exchange| exchange.request.at).or(first).unwrap_or_default();
    for message in &tally.console {
        let at = millis(message.at - began).as_secs_f64();
        let _ = write!(text, "+{at:.3} s {}: {}", message.level, message.text);
        text.push_str(&place(&message.url, message.line));
        text.push('\n');
    }
    left_out(&mut text, tally.console_left_out, "messages");
    if !tally.exceptions.is_empty() {
        text.push_str(if text.is_empty() { "uncaught errors:\n" } else { "\nuncaught errors:\n" });
    }
    for exception in &tally.exceptions {
        let _ = write!(text, "{}", exception.text);
        text.push_str(&place(&exception.url, exception.line));
        text.push('\n');
        if !exception.stack.is_empty() && !exception.text.contains(&exception.stack) {
            text.push_str(&exception.stack);
            text.push('\n');
        }
    }
    left_out(&mut text, tally.exceptions_left_out, "errors");
    text = shown_within(&text);
    if text.len() > LARGEST {
        text = String::from_utf8_lossy(&text.as_bytes()[..LARGEST]).into_owned();
        text.push_str("\n… the rest is left out\n");
    }
    (!text.is_empty()).then(|| text.into())
}

fn place(url: &str, line: u32) -> String {
    match (url, line) {
        ("", _) => String::new(),
        (url, 0) => format!(" ({})", shown(url)),
        (url, line) => format!(" ({}:{line})", shown(url)),
    }
}

fn left_out(text: &mut String, number: u64, what: &str) {
    if number > 0 {
        let _ = writeln!(text, "… {number} more {what} are left out");
    }
}
