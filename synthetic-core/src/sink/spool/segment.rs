//! A segment of a spool: a header, then one report a line.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::disk::verified;
use crate::report::Report;

/// What the first line of every segment says; its last part is the version.
const FORMAT: &str = "synthetic-spool/1";
/// The first line of every segment.
pub(super) const HEADER: &str = "0fd97194 {\"format\":\"synthetic-spool/1\"}\n";
/// How much of a damaged line is shown, in bytes.
const SHOWN: usize = 200;
/// How every report begins, and no text inside of one, whose quotes are escaped.
const BEGINS: &[u8] = b" {\"schema\":";

/// A segment, as far as this process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Its number, which is its name. No number is used again.
    pub(super) number: u64,
    /// How many bytes it has, but for a last line that was cut off.
    pub(super) bytes: u64,
    /// How many reports in it have not been read into memory.
    pub(super) unread: u64,
}

#[derive(Deserialize)]
struct AnyHeader {
    format: String,
}

/// Returns where a segment is.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:020}.jsonl"))
}

/// Returns the number of the segment that a file is, if it is one.
pub(super) fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
    (name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit())).then(|| name.parse().ok())?
}

/// What a segment that somebody left holds from an offset on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scanned {
    pub(super) segment: Segment,
    /// Whether its last line was cut off.
    pub(super) torn: bool,
}

/// Counts what is in a segment behind an offset, without believing it yet.
///
/// # Errors
///
/// Returns why it cannot be read, or that it is of another version.
pub(super) fn scan(path: &Path, number: u64, from: u64) -> Result<Scanned, String> {
    let told = |error: io::Error| format!("spool segment {} cannot be read ({error})", path.display());
    let mut lines = BufReader::with_capacity(128 * 1024, File::open(path).map_err(told)?);
    let (mut segment, mut torn, mut line) = (Segment { number, bytes: 0, unread: 0 }, false, Vec::new());
    for n in 0_u64.. {
        line.clear();
        let read = lines.read_until(b'\n', &mut line).map_err(told)? as u64;
        if read == 0 {
            break;
        }
        let ended = line.pop_if(|byte| *byte == b'\n').is_some();
        let mut is_report = n > 0;
        if n == 0 {
            check_format(path, &line)?;
            is_report = is_spoilt_header(&line);
        }
        // Of a last line, nothing may be missing but its end.
        torn = !ended && verified(&line).is_none();
        if torn {
            break;
        }
        segment.bytes += read;
        segment.unread += u64::from(is_report && segment.bytes > from);
    }
    // A header that was cut off had no report behind it.
    torn &= segment.bytes > 0;
    Ok(Scanned { segment, torn })
}

fn check_format(path: &Path, first: &[u8]) -> Result<(), String> {
    let format = verified(first).and_then(|json| serde_json::from_slice(json).ok()).map(|AnyHeader { format }| format);
    match format {
        Some(format) if format != FORMAT => Err(format!(
            "spool segment {} is of the format {format:?}, while this version reads {FORMAT}: run the version that wrote it \
             until it is delivered, or move it out of the folder",
            path.display()
        )),
        _ => Ok(()),
    }
}

/// Returns whether a first line has run into the report behind it.
fn is_spoilt_header(first: &[u8]) -> bool {
    verified(first).is_none() && reports_in(first) > 0
}

/// Returns how many reports begin in a line: where a newline is damaged, more than one.
fn reports_in(line: &[u8]) -> u64 {
    line.windows(BEGINS.len()).filter(|window| *window == BEGINS).count() as u64
}

/// What a line holds.
#[derive(Debug)]
pub(super) enum Line {
    Report(Arc<Report>),
    /// It is not what was written.
    Damaged {
        /// What is wrong with it, and what it shows.
        why: String,
        /// How many reports it was, one at least.
        reports: u64,
    },
}

/// Reads a segment from an offset on.
#[derive(Debug)]
pub(super) struct Reader {
    file: BufReader<File>,
    pub(super) number: u64,
    pub(super) at: u64,
    line: Vec<u8>,
}

impl Reader {
    pub(super) fn open(path: &Path, number: u64, at: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(at))?;
        let mut reader = Self { file: BufReader::with_capacity(64 * 1024, file), number, at, line: Vec::new() };
        if at == 0 {
            reader.at = reader.file.read_until(b'\n', &mut reader.line)? as u64;
            if is_spoilt_header(&reader.line) {
                (reader.at, _) = (0, reader.file.seek(SeekFrom::Start(0))?);
            }
        }
        Ok(reader)
    }

    /// Returns the next line; none when the file ends before it does.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        self.line.clear();
        let read = self.file.read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        self.at += read as u64;
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let damaged = |why: &str| {
            let shown = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]).into_owned();
            Line::Damaged { why: format!("{why}, it begins with {shown:?}"), reports: reports_in(line).max(1) }
        };
        let Some(json) = verified(line) else { return Ok(Some(damaged("its checksum is wrong"))) };
        Ok(Some(match serde_json::from_slice(json) {
            Ok(report) => Line::Report(Arc::new(report)),
            Err(error) => damaged(&format!("it is no report that this version can read ({error})")),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_a_line_like_any_other() {
        let mut line = Vec::new();
        crate::disk::append_line(&mut line, &serde_json::json!({ "format": FORMAT })).unwrap();
        assert_eq!(HEADER.as_bytes(), line, "{}", String::from_utf8_lossy(&line));
    }

    #[test]
    fn a_name_is_a_number_of_twenty_digits() {
        assert_eq!(number_of(&path(Path::new("/spool"), 42)), Some(42));
        for other in
            ["42.jsonl", "00000000000000000042.json", "0000000000000000004x.jsonl", "99999999999999999999.jsonl"]
        {
            assert_eq!(number_of(Path::new(other)), None, "{other}");
        }
    }
}
