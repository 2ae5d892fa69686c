//! How far the segments of a spool are done with: one line, of one length, written over again and again.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk::{append_line, private, verified};

/// A place between two reports in a spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    /// The offset at which the report before it ends.
    pub(crate) end: u64,
}

/// Remembers up to where everything was delivered. Writing it needs no room, so that it works on a full disk.
#[derive(Debug)]
pub(super) struct Cursor {
    file: File,
    place: Place,
    /// The file says so.
    is_written: bool,
}

/// Numbers of one length, so that each line covers the one before.
#[derive(Serialize, Deserialize)]
struct Line {
    segment: String,
    to: String,
}

impl Cursor {
    /// Opens it, and says what is wrong when it is there and cannot be read: then everything counts as not delivered.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Option<String>)> {
        let file = private().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        (&file).take(1024).read_to_end(&mut bytes)?;
        let place = place_in(&bytes);
        let problem = (place.is_none() && !bytes.is_empty())
            .then(|| format!("{} is damaged: what was delivered before may be delivered again", path.display()));
        let mut cursor = Self { file, place: place.unwrap_or_default(), is_written: place.is_some() };
        if bytes.is_empty() {
            // While there is room, so that it can be overwritten when there is none. Without room it is tried again later.
            let _ = cursor.set(Place::default());
        }
        Ok((cursor, problem))
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn set(&mut self, place: Place) -> io::Result<()> {
        if place == self.place && self.is_written {
            return Ok(());
        }
        // Whatever becomes of the file, this process knows how far it is.
        (self.place, self.is_written) = (place, false);
        let line = Line { segment: format!("{:020}", place.segment), to: format!("{:020}", place.end) };
        let mut bytes = Vec::with_capacity(128);
        append_line(&mut bytes, &line).map_err(io::Error::other)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&bytes)?;
        self.is_written = true;
        Ok(())
    }
}

fn place_in(bytes: &[u8]) -> Option<Place> {
    let line: Line = serde_json::from_slice(verified(bytes.split(|byte| *byte == b'\n').next()?)?).ok()?;
    Some(Place { segment: line.segment.parse().ok()?, end: line.to.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line_of_one_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("delivered");
        for place in [Place { segment: u64::MAX, end: u64::MAX }, Place { segment: 7, end: 0 }] {
            let (mut cursor, _) = Cursor::open(&path).unwrap();
            cursor.set(place).unwrap();
            let (cursor, problem) = Cursor::open(&path).unwrap();
            assert_eq!((cursor.place(), problem), (place, None));
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!((text.lines().count(), text.len()), (1, 72), "{text}");
        }
    }

    #[test]
    fn one_that_is_damaged_says_so_and_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("delivered");
        let (mut cursor, problem) = Cursor::open(&path).unwrap();
        assert_eq!((cursor.place(), problem), (Place::default(), None), "one that was never written is none");
        cursor.set(Place { segment: 7, end: 512 }).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let (cursor, problem) = Cursor::open(&path).unwrap();
        assert_eq!(cursor.place(), Place::default());
        assert!(problem.unwrap().ends_with("delivered is damaged: what was delivered before may be delivered again"));
    }
}
