//! What stands in a journal: as much as can be trusted, and what cannot.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};

use super::line::{self, FORMAT, LONGEST};
use crate::cleanup::{Entry, Mark};

/// How much of a damaged line is shown, in bytes.
const SHOWN: usize = 200;
/// How many damaged lines of a journal are told one by one.
const TOLD: usize = 20;

/// What stands in a journal.
#[derive(Debug, PartialEq)]
pub(super) enum Contents {
    /// It is one of this version.
    Journal(Journal),
    /// It is none, or not one of this version; the clause says what it is and what to do.
    Foreign(String),
}

/// What stands in a journal of this version.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Journal {
    /// What the last line of each mark says, those that are over too.
    pub(super) entries: HashMap<Mark, Entry>,
    /// The lines that cannot be read, each with what is wrong and what it shows.
    pub(super) damage: Vec<String>,
    /// How many lines cannot be read, beyond those.
    untold: usize,
}

/// Reads a journal to its end. Of what it holds, one line at a time is kept beside the entries.
pub(super) fn read(file: impl Read) -> io::Result<Contents> {
    let (mut lines, mut journal, mut trusted) = (Lines::of(file), Journal::default(), 0_u64);
    while let Some(line) = lines.next()? {
        match judge(&line) {
            Line::Header => trusted += 1,
            Line::Entry(entry) => {
                trusted += 1;
                journal.entries.insert(entry.mark.clone(), *entry);
            }
            Line::Torn => {}
            Line::Damaged(why) => journal.damaged(&line, &why),
            Line::Foreign(what) => return Ok(Contents::Foreign(what)),
        }
    }
    // Whoever wrote this, it was no journal: what is in it is not ours to move.
    if trusted == 0 && !journal.damage.is_empty() {
        return Ok(Contents::Foreign(NO_JOURNAL.to_owned()));
    }
    if journal.untold > 0 {
        journal.damage.push(format!("{} more lines", journal.untold));
    }
    Ok(Contents::Journal(journal))
}

const NO_JOURNAL: &str = "does not begin as a journal does, and nothing is taken from it: move it out of the folder if it \
                          is none, else remove what it names by hand";

enum Line {
    Header,
    Entry(Box<Entry>),
    Torn,
    Damaged(String),
    Foreign(String),
}

fn judge(line: &RawLine<'_>) -> Line {
    let Some(json) = line.verified() else {
        let torn = if line.number == 1 { line::may_be_torn_header } else { line::may_be_torn };
        if !line.ended && torn(line.bytes) {
            return Line::Torn;
        }
        // Another version may mean something else by its lines. That a damaged header is of this one is good enough,
        // because what follows is only believed line by line.
        let ours = format!("\"{FORMAT}\"");
        if line.number == 1 && !line.bytes.windows(ours.len()).any(|window| window == ours.as_bytes()) {
            return Line::Foreign(NO_JOURNAL.to_owned());
        }
        let long = line.bytes.len() > LONGEST;
        return Line::Damaged(if long {
            format!("longer than {LONGEST} bytes")
        } else {
            "its checksum is wrong".into()
        });
    };
    if line.number == 1 {
        return match line::format_of(json) {
            Some(format) if format == FORMAT => Line::Header,
            Some(format) => Line::Foreign(format!(
                "is of the format {:?}, while this version reads {FORMAT}, and nothing is taken from it: run the version \
                 that wrote it, or move it out of the folder when what it names is removed",
                cut(&format)
            )),
            None => Line::Foreign(NO_JOURNAL.to_owned()),
        };
    }
    match line::entry_of(json) {
        Ok(entry) => Line::Entry(Box::new(entry)),
        // It is as it was written, only not by this version.
        Err(why) => Line::Damaged(format!("written by a newer version: {why}")),
    }
}

impl Journal {
    fn damaged(&mut self, line: &RawLine<'_>, why: &str) {
        if self.damage.len() >= TOLD {
            self.untold += 1;
            return;
        }
        let text = String::from_utf8_lossy(line.bytes);
        let mark = Mark::find_in(&text).map(|mark| format!(" and the mark {mark}")).unwrap_or_default();
        self.damage.push(format!("line {} ({why}), which shows {:?}{mark}", line.number, cut(&text)));
    }
}

fn cut(text: &str) -> &str {
    let end = (0..=SHOWN.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
}

struct RawLine<'a> {
    /// From 1.
    number: u64,
    /// Its beginning, one byte more than the longest line has.
    bytes: &'a [u8],
    /// Whether a newline followed.
    ended: bool,
}

impl<'a> RawLine<'a> {
    /// Returns its JSON when the checksum is right; also when only its end was damaged.
    fn verified(&self) -> Option<&'a [u8]> {
        let without_end = || self.bytes.split_last().filter(|_| !self.ended).and_then(|(_, line)| line::verified(line));
        line::verified(self.bytes).filter(|_| self.bytes.len() <= LONGEST).or_else(without_end)
    }
}

/// The lines of a file, of which none is kept longer than the longest that may be.
struct Lines<R> {
    file: BufReader<R>,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: Read> Lines<R> {
    fn of(file: R) -> Self {
        Self { file: BufReader::with_capacity(LONGEST, file), buffer: Vec::new(), number: 0 }
    }

    fn next(&mut self) -> io::Result<Option<RawLine<'_>>> {
        self.buffer.clear();
        self.number += 1;
        // A line may be whole with as many bytes and its end; one more shows that it is longer.
        let read = self.file.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        let mut ended = self.buffer.pop_if(|byte| *byte == b'\n').is_some();
        if !ended && self.buffer.len() > LONGEST {
            ended = self.skip_line()?;
        }
        Ok(Some(RawLine { number: self.number, bytes: &self.buffer, ended }))
    }

    /// Skips the rest of a line, and returns whether it has an end.
    fn skip_line(&mut self) -> io::Result<bool> {
        loop {
            let read = self.file.fill_buf()?;
            let (skipped, ended) = match read.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (read.len(), false),
            };
            self.file.consume(skipped);
            if ended || skipped == 0 {
                return Ok(ended);
            }
        }
    }
}
