//! Writes to the process's standard output and standard error. A reader that has gone is no error: nobody reads it.

use std::io::{IsTerminal as _, Write as _, stderr, stdout};

/// Writes a text and a line end to standard output.
pub(super) fn out(text: &str) {
    let mut out = stdout().lock();
    let _ = if text.ends_with('\n') { out.write_all(text.as_bytes()) } else { writeln!(out, "{text}") };
    let _ = out.flush();
}

/// Writes a text and a line end to standard error.
pub(super) fn err(text: &str) {
    let _ = writeln!(stderr().lock(), "{text}");
}

/// Shows a line in place of the one before it. Only for a terminal.
pub(super) fn show(line: &str) {
    // To the line's start, and away with what stands there.
    let _ = write!(stderr().lock(), "\r\x1b[2K{line}");
}

/// Returns whether a person may look at standard error right now.
pub(super) fn is_watched() -> bool {
    stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Returns whether what is written to standard output may be in colour.
pub(super) fn has_colour() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    stdout().is_terminal() && !set("NO_COLOR")
}
