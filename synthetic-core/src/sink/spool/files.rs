//! The files of a spool: segments that are appended to, read from the front, and removed when they are done with.

use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cursor::{Cursor, Place};
use super::segment::{self, HEADER, Line, Reader, Scanned, Segment};
use super::{Found, OpenError, Status};
use crate::disk::{advice, append_line, create_folder, private, remove};
use crate::report::Report;

/// The largest segment; a spool with little room has smaller ones, so that dropping the oldest loses little.
const LARGEST: u64 = 4 * 1024 * 1024;
const SMALLEST: u64 = 4 * 1024;
/// From which size on a segment that is done with goes while it is still written to.
const WORTH_REMOVING: u64 = 64 * 1024;

/// How much may be in a spool, and what goes when that is too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) bytes: u64,
    pub(crate) drop_newest: bool,
}

/// What became of reports that were to be appended.
#[derive(Debug, Default)]
pub(crate) struct Appended {
    /// What became of each, in order, up to the error if there is one.
    pub(crate) spots: Vec<Spot>,
    /// The segments that went to make room.
    pub(crate) dropped_segments: Vec<u64>,
    /// How many reports went with them that are in no memory.
    pub(crate) dropped: u64,
    /// Why the rest could not be written.
    pub(crate) error: Option<String>,
}

/// Where a report is that was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// On the disk; it counts as read, because its writer keeps it in memory.
    Memory(Place),
    /// On the disk, to be read again.
    Disk,
    /// Nowhere: there is no room for it.
    Nowhere,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) reports: Vec<(Arc<Report>, Place)>,
    /// How many reports are lost, because what stands there is not what was written.
    pub(crate) damaged: u64,
    /// What the last of them shows.
    pub(crate) damage: String,
    /// Why no more could be read, where another try may help.
    pub(crate) error: Option<String>,
}

/// Files, and how many bytes of them are whole lines.
type CutOff = Vec<(PathBuf, u64)>;

/// The folder of a spool, which no other process has.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    bounds: Bounds,
    /// Holds the lock.
    _lock: File,
    cursor: Cursor,
    /// All that there are, oldest first.
    segments: VecDeque<Segment>,
    /// Those that end in half a line, and where that begins, until somebody has counted it.
    cut_off: CutOff,
    /// The last of them, while it is written to.
    current: Option<File>,
    next: u64,
    /// What is before this was read.
    read_to: Place,
    reader: Option<Reader>,
}

impl Files {
    pub(super) fn open(folder: PathBuf, bounds: Bounds) -> Result<(Self, Found), OpenError> {
        let broken = |error: io::Error| {
            let (place, advice) = (folder.display(), advice(error.kind()));
            OpenError::Broken(format!("spool folder {place} cannot be used ({error}): {advice}"))
        };
        if folder.is_file() {
            return Err(OpenError::Broken(format!("spool folder {} is a file: name a folder", folder.display())));
        }
        create_folder(&folder).map_err(broken)?;
        let lock = private().write(true).create(true).truncate(false).open(folder.join("lock")).map_err(broken)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse(folder)),
            Err(TryLockError::Error(error)) => return Err(broken(error)),
        }
        let (cursor, problem) = Cursor::open(&folder.join("delivered")).map_err(broken)?;
        let mut found = Found { problems: problem.into_iter().collect(), ..Found::default() };
        let mut cut_off = CutOff::new();
        let segments = left_in(&folder, cursor.place(), &mut found, &mut cut_off)?;
        let last = segments.back().map_or(0, |segment| segment.number).max(cursor.place().segment);
        let read_to = cursor.place();
        let Some(next) = last.checked_add(1) else {
            let place = folder.display();
            return Err(OpenError::Broken(format!(
                "spool folder {place} has a segment {last}, behind which there is none: remove it"
            )));
        };
        let (current, reader) = (None, None);
        let mut files = Self { folder, bounds, _lock: lock, cursor, segments, cut_off, current, next, read_to, reader };
        // What cannot be written to is said now, and not when it is needed. A disk that is full may have room again then.
        if let Err(error) = files.start_segment() {
            if !matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
                let (place, advice) = (files.folder.display(), advice(error.kind()));
                return Err(OpenError::Broken(format!(
                    "spool folder {place} cannot be written to ({error}): {advice}"
                )));
            }
            found.problems.push(files.trouble("written to", &error));
        }
        Ok((files, found))
    }

    /// Cuts off the halves of lines, which are counted by now, so that they are counted once.
    pub(super) fn settle(&mut self) {
        for (path, whole) in self.cut_off.drain(..) {
            let _ = File::options().write(true).open(&path).and_then(|file| file.set_len(whole));
        }
    }

    pub(super) fn status(&self) -> Status {
        let unread = self.segments.iter().map(|segment| segment.unread).sum();
        Status { unread, bytes: self.bytes() }
    }

    /// Appends reports, of which as many as there is room for in memory count as read when nothing else is unread.
    pub(crate) fn append(&mut self, reports: &[Arc<Report>], mut room: usize) -> Appended {
        let (mut appended, mut line) = (Appended::default(), Vec::new());
        for report in reports {
            line.clear();
            let fits = append_line(&mut line, &**report).is_ok() && self.make_room(line.len() as u64, &mut appended);
            if !fits {
                appended.spots.push(Spot::Nowhere);
                continue;
            }
            let in_memory = room > 0 && self.status().unread == 0;
            match self.write(&line) {
                Ok(place) if in_memory => {
                    room -= 1;
                    (self.read_to, self.reader) = (place, None);
                    appended.spots.push(Spot::Memory(place));
                }
                Ok(_) => {
                    self.segments.back_mut().into_iter().for_each(|segment| segment.unread += 1);
                    appended.spots.push(Spot::Disk);
                }
                Err(error) => {
                    appended.error = Some(self.trouble("written to", &error));
                    break;
                }
            }
        }
        appended
    }

    /// Reads what comes next, so many reports at most. What is left of a segment that cannot be read is tried again, or
    /// given up.
    pub(crate) fn read(&mut self, most: usize, mut give_up: bool) -> Read {
        let mut read = Read::default();
        while read.reports.len() < most {
            let Some(at) = self.segments.iter().position(|segment| segment.unread > 0) else { break };
            match self.read_line(at) {
                Ok(Some(Line::Report(report))) => read.reports.push((report, self.read_to)),
                Ok(Some(Line::Damaged { why, reports })) => {
                    read.damaged += reports;
                    read.damage = format!("{} is damaged: {why}", self.path(self.segments[at].number).display());
                    // It is done with when the report before it is.
                    let place = self.read_to;
                    read.reports.last_mut().into_iter().for_each(|(_, end)| *end = place);
                }
                Ok(None) => self.give_up_segment(at, "it is shorter than it was", &mut read),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.give_up_segment(at, "somebody removed it", &mut read);
                }
                Err(error) => {
                    let trouble = self.trouble("read", &error);
                    if !give_up {
                        read.error = Some(trouble);
                        break;
                    }
                    // It stands in the way of all that comes after it.
                    // The next one has a time of its own.
                    give_up = false;
                    self.give_up_segment(at, &trouble, &mut read);
                }
            }
            let segment = &mut self.segments[at];
            if segment.unread > 0 && self.read_to.segment == segment.number && self.read_to.end >= segment.bytes {
                self.give_up_segment(at, "lines are missing in it", &mut read);
            }
        }
        read
    }

    /// Remembers that everything up to here is done with, and removes what is not needed for anything else.
    pub(crate) fn delivered(&mut self, place: Place) -> Result<(), String> {
        let remembered = self.cursor.set(place);
        let mut removed = Ok(());
        while let Some(oldest) = self.segments.front().copied() {
            let done = place >= (Place { segment: oldest.number, end: oldest.bytes }) && oldest.unread == 0;
            let is_current = self.current.is_some() && self.segments.len() == 1;
            if !done || is_current && oldest.bytes < WORTH_REMOVING {
                break;
            }
            if is_current {
                self.current = None;
            }
            self.segments.pop_front();
            removed = removed.and(remove(&self.path(oldest.number)));
        }
        remembered.map_err(|error| self.trouble("kept up to date", &error))?;
        removed.map_err(|error| self.trouble("cleaned up", &error))
    }

    /// Remembers that everything that was read is done with, damaged lines at the end too.
    pub(crate) fn delivered_all(&mut self) -> Result<(), String> {
        self.delivered(self.read_to.max(self.cursor.place()))
    }

    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    fn path(&self, number: u64) -> PathBuf {
        segment::path(&self.folder, number)
    }

    /// Makes room for a line, by dropping the oldest segments if that is what is wanted. Returns whether there is room.
    fn make_room(&mut self, line: u64, appended: &mut Appended) -> bool {
        let bytes = line + HEADER.len() as u64;
        if bytes > self.bounds.bytes {
            return false;
        }
        while self.bytes() + bytes > self.bounds.bytes {
            if self.bounds.drop_newest {
                return false;
            }
            let Some(oldest) = self.segments.pop_front() else { return false };
            if self.segments.is_empty() {
                self.current = None;
            }
            self.read_to = self.read_to.max(Place { segment: oldest.number, end: oldest.bytes });
            self.reader = None;
            appended.dropped += oldest.unread;
            appended.dropped_segments.push(oldest.number);
            // Whoever cannot remove it will not write much more either.
            let _ = remove(&self.path(oldest.number));
        }
        true
    }

    fn write(&mut self, line: &[u8]) -> io::Result<Place> {
        let largest = (self.bounds.bytes / 16).clamp(SMALLEST, LARGEST);
        let is_full = |segment: &Segment| segment.is_full_for(line.len() as u64, largest);
        if self.current.is_none() || self.segments.back().is_some_and(is_full) {
            self.start_segment()?;
        }
        let (Some(file), Some(segment)) = (&mut self.current, self.segments.back_mut()) else {
            return Err(io::Error::other("no segment is open"));
        };
        if let Err(error) = file.write_all(line) {
            // Where half a line cannot be taken back, what comes next goes into another file.
            if file.set_len(segment.bytes).is_err() {
                self.current = None;
            }
            return Err(error);
        }
        segment.bytes += line.len() as u64;
        Ok(Place { segment: segment.number, end: segment.bytes })
    }

    fn start_segment(&mut self) -> io::Result<()> {
        self.current = None;
        let number = self.next;
        self.next += 1;
        let path = self.path(number);
        let mut file = private().append(true).create_new(true).open(&path)?;
        if let Err(error) = file.write_all(HEADER.as_bytes()) {
            let _ = remove(&path);
            return Err(error);
        }
        self.current = Some(file);
        self.segments.push_back(Segment { number, bytes: HEADER.len() as u64, unread: 0 });
        Ok(())
    }

    fn read_line(&mut self, at: usize) -> io::Result<Option<Line>> {
        let number = self.segments[at].number;
        let from = if number == self.read_to.segment { self.read_to.end } else { 0 };
        let mut reader = match self.reader.take() {
            Some(reader) if (reader.number, reader.at) == (number, from) => reader,
            _ => Reader::open(&self.path(number), number, from)?,
        };
        let line = reader.next()?;
        if line.is_some() {
            self.read_to = Place { segment: number, end: reader.at };
            let segment = &mut self.segments[at];
            segment.unread = segment.unread.saturating_sub(1);
        }
        self.reader = Some(reader);
        Ok(line)
    }

    /// What was not read of a segment cannot be.
    fn give_up_segment(&mut self, at: usize, why: &str, read: &mut Read) {
        let segment = &mut self.segments[at];
        let (number, end) = (segment.number, segment.bytes);
        read.damaged += std::mem::take(&mut segment.unread);
        read.damage = format!("{} is damaged: {why}", self.path(number).display());
        (self.read_to, self.reader) = (Place { segment: number, end }, None);
    }

    fn trouble(&self, verb: &str, error: &io::Error) -> String {
        let (folder, advice) = (self.folder.display(), advice(error.kind()));
        format!("spool folder {folder} cannot be {verb} ({error}): {advice}")
    }
}

impl Segment {
    /// Returns whether a line goes into another segment.
    fn is_full_for(&self, line: u64, largest: u64) -> bool {
        self.bytes > HEADER.len() as u64 && self.bytes + line > largest
    }
}

/// A folder in which everything is done with is left empty, but for the lock.
impl Drop for Files {
    fn drop(&mut self) {
        // Who only looked has counted nothing.
        if !self.cut_off.is_empty() {
            return;
        }
        let (place, header) = (self.cursor.place(), HEADER.len() as u64);
        let is_done = |segment: &Segment| {
            let end = Place { segment: segment.number, end: segment.bytes };
            segment.bytes <= header || place >= end
        };
        let _ = self.cursor.set(place);
        let mut all = self.segments.iter().all(is_done);
        for segment in self.segments.iter().filter(|segment| is_done(segment)) {
            all &= remove(&self.path(segment.number)).is_ok();
        }
        if all {
            let _ = remove(&self.folder.join("delivered"));
        }
    }
}

/// Returns the segments of which something is left, and removes the others.
fn left_in(
    folder: &Path,
    delivered: Place,
    found: &mut Found,
    cut_off: &mut CutOff,
) -> Result<VecDeque<Segment>, OpenError> {
    let unreadable = |error: io::Error| {
        let (folder, advice) = (folder.display(), advice(error.kind()));
        OpenError::Broken(format!("spool folder {folder} cannot be read ({error}): {advice}"))
    };
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        numbers.extend(segment::number_of(&entry.map_err(unreadable)?.path()));
    }
    numbers.sort_unstable();
    let mut segments = VecDeque::new();
    for number in numbers {
        let path = segment::path(folder, number);
        let from = if number == delivered.segment { delivered.end } else { 0 };
        if number >= delivered.segment {
            let Scanned { segment, torn } = segment::scan(&path, number, from).map_err(OpenError::Broken)?;
            if torn {
                found.torn += 1;
                cut_off.push((path.clone(), segment.bytes));
            }
            if segment.unread > 0 || torn {
                found.reports += segment.unread;
                segments.push_back(segment);
                continue;
            }
        }
        remove(&path).map_err(unreadable)?;
    }
    Ok(segments)
}
