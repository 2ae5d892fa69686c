//! The file of this process: what it made and has not removed.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ulid::Ulid;

use super::Durability;
use super::line;
use crate::cleanup::{Entry, JournalError, Mark, State};
use crate::clock::Clock;
use crate::disk::{advice, create_folder, private, remove};

/// The size from which on a file is replaced when it holds little that is not over.
const LARGE: u64 = 1024 * 1024;

/// The file that this process writes. Dropped, it stays for the next process if something in it is not over.
#[derive(Debug)]
pub(super) struct Own {
    folder: PathBuf,
    /// Where the file is; where it was, once it is closed.
    path: PathBuf,
    held: Option<Held>,
    live: HashMap<Mark, Live>,
    live_bytes: u64,
    /// The size at which to look again whether it should be replaced.
    replace_at: u64,
    /// Replaced files that could neither be removed nor emptied: nobody else may read them as long as this process lives.
    stuck: Vec<Held>,
}

/// What is not over: how far it is, and its line.
#[derive(Debug)]
struct Live {
    state: State,
    line: Box<[u8]>,
}

impl Own {
    /// Starts a file in a folder, which is made if need be.
    pub(super) fn start(folder: PathBuf) -> Result<Self, JournalError> {
        let held = Held::start(&folder, &[], Durability::Process)?;
        Ok(Self {
            folder,
            path: held.path.clone(),
            held: Some(held),
            live: HashMap::new(),
            live_bytes: 0,
            replace_at: LARGE,
            stuck: Vec::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how far an entry is that this process has and that is not over.
    pub(super) fn state_of(&self, mark: &Mark) -> Option<State> {
        self.live.get(mark).map(|live| live.state)
    }

    /// Writes entries, all or none.
    pub(super) fn put(&mut self, entries: &[Entry], durability: Durability) -> Result<(), JournalError> {
        if entries.is_empty() {
            return self.check_open();
        }
        let (mut lines, mut ends) = (Vec::with_capacity(256 * entries.len()), Vec::with_capacity(entries.len()));
        for entry in entries {
            line::append_entry(&mut lines, entry).map_err(|why| {
                let (Entry { kind, mark, .. }, path) = (entry, self.path.display());
                JournalError::new(format!("{kind} with mark {mark} cannot be written to journal {path}: {why}"))
            })?;
            ends.push(lines.len());
        }
        if self.held()?.is_gone() {
            self.replace(durability)?;
        }
        // What is over needs no place that survives: to remove it again does no harm.
        let lasting = if entries.iter().all(|entry| entry.state.is_over()) { Durability::Process } else { durability };
        let held = self.held()?;
        held.append(&lines, lasting).map_err(|error| trouble(&held.path, "written to", &error))?;
        let size = held.size;

        let mut start = 0;
        for (entry, end) in entries.iter().zip(ends) {
            self.remember(entry, &lines[start..end]);
            start = end;
        }
        if size > self.replace_at && self.live_bytes < size / 4 {
            // What was to be written is; a disk that has no room for the new file is told about when it matters.
            self.replace_at = if self.replace(durability).is_ok() { LARGE } else { size.saturating_add(LARGE) };
        }
        Ok(())
    }

    /// Lets go of the file, and removes it when everything is over.
    pub(super) fn close(&mut self) -> Result<(), JournalError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        for stuck in self.stuck.drain(..) {
            let _ = stuck.remove();
        }
        if !self.live.is_empty() {
            return Ok(());
        }
        held.remove().map_err(|error| trouble(&self.path, "removed", &error))
    }

    /// Fails when it is closed.
    pub(super) fn check_open(&mut self) -> Result<(), JournalError> {
        self.held().map(drop)
    }

    fn held(&mut self) -> Result<&mut Held, JournalError> {
        let closed = || JournalError::new(format!("journal {} is closed: open another one", self.path.display()));
        self.held.as_mut().ok_or_else(closed)
    }

    fn remember(&mut self, entry: &Entry, line: &[u8]) {
        let old = if entry.state.is_over() {
            self.live.remove(&entry.mark)
        } else {
            self.live_bytes += line.len() as u64;
            self.live.insert(entry.mark.clone(), Live { state: entry.state, line: line.into() })
        };
        self.live_bytes -= old.map_or(0, |old| old.line.len() as u64);
    }

    /// Goes on in a new file that holds only what is not over. On an error the old one stays as it is.
    fn replace(&mut self, durability: Durability) -> Result<(), JournalError> {
        let lines = self.live.values().map(|live| &*live.line).collect::<Vec<_>>().concat();
        let new = Held::start(&self.folder, &lines, durability)?;
        self.path.clone_from(&new.path);
        let Some(old) = self.held.replace(new) else { return Ok(()) };
        // Its lines are older than those of the new file. Were it left to others, they would take them for the last word.
        if old.remove().is_err() && old.file.set_len(0).is_err() {
            self.stuck.push(old);
        }
        Ok(())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// A file under the lock that says that its process lives.
#[derive(Debug)]
struct Held {
    path: PathBuf,
    file: File,
    size: u64,
    /// Whether a write failed part-way and could not be taken back.
    torn: bool,
    /// Whether its name is known to survive a loss of power.
    named: bool,
}

impl Held {
    /// Starts a file that holds some lines.
    fn start(folder: &Path, lines: &[u8], durability: Durability) -> Result<Self, JournalError> {
        make_folder(folder)?;
        let unusable = |error: io::Error| {
            let (folder, advice) = (folder.display(), advice(error.kind()));
            JournalError::new(format!("journal folder {folder} cannot be written to ({error}): {advice}"))
        };
        let started_at = Clock::system().now();
        let name = name(started_at);
        let (new, path) = (folder.join(format!("{name}.new")), folder.join(format!("{name}.jsonl")));
        let file = private().append(true).create_new(true).open(&new).map_err(unusable)?;
        let mut held = Self { path: new, file, size: 0, torn: false, named: false };
        let fill = |held: &mut Self| {
            held.file.try_lock()?;
            let mut all = Vec::with_capacity(128 + lines.len());
            line::append_header(&mut all, started_at).map_err(io::Error::other)?;
            all.extend_from_slice(lines);
            held.write(&all, durability)?;
            // Only now has it the name that others look for: seen without a lock, it would pass for a dead process's.
            fs::rename(&held.path, &path)?;
            held.path.clone_from(&path);
            held.name_lastingly(durability)
        };
        if let Err(error) = fill(&mut held) {
            let _ = held.remove();
            return Err(unusable(error));
        }
        Ok(held)
    }

    /// Returns whether somebody removed the file under the process: what is written to it then is lost.
    fn is_gone(&self) -> bool {
        matches!(self.path.try_exists(), Ok(false))
    }

    /// Appends lines. When that fails, the file is as it was.
    fn append(&mut self, lines: &[u8], durability: Durability) -> io::Result<()> {
        if self.torn && self.file.set_len(self.size).is_ok() {
            self.torn = false;
        }
        if self.torn {
            // Ends the line that could not be taken back, so that it spoils no other.
            self.file.write_all(b"\n")?;
            (self.size, self.torn) = (self.file.metadata()?.len(), false);
        }
        let appended = self.write(lines, durability);
        if appended.is_err() {
            self.torn = self.file.set_len(self.size).is_err();
        }
        appended
    }

    fn write(&mut self, lines: &[u8], durability: Durability) -> io::Result<()> {
        self.file.write_all(lines)?;
        if durability == Durability::Power {
            self.file.sync_data()?;
            if !self.named && self.path.extension().is_some_and(|extension| extension == "jsonl") {
                self.name_lastingly(durability)?;
            }
        }
        self.size += lines.len() as u64;
        Ok(())
    }

    fn name_lastingly(&mut self, durability: Durability) -> io::Result<()> {
        if durability == Durability::Power {
            sync_folder(self.path.parent().unwrap_or(Path::new(".")))?;
            self.named = true;
        }
        Ok(())
    }

    fn remove(&self) -> io::Result<()> {
        remove(&self.path)
    }
}

/// Says what cannot be done with a journal, why, and what would be right.
pub(super) fn trouble(path: &Path, verb: &str, error: &io::Error) -> JournalError {
    let (path, advice) = (path.display(), advice(error.kind()));
    JournalError::new(format!("journal {path} cannot be {verb} ({error}): {advice}"))
}

/// A name that no file has had. Names are never used again: who finds a file at its name knows that it is the same one.
fn name(now: SystemTime) -> Ulid {
    let millis = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    // The hasher's keys come from the system's source of randomness, so that processes that start at once differ.
    let (pid, random) = (std::process::id(), RandomState::new().hash_one(fastrand::u64(..)));
    Ulid::from_parts(u64::try_from(millis).unwrap_or(u64::MAX), u128::from(pid & 0xffff) << 64 | u128::from(random))
}

fn make_folder(folder: &Path) -> Result<(), JournalError> {
    create_folder(folder).map_err(|error| {
        let place = folder.display();
        if folder.is_file() {
            return JournalError::new(format!("journal folder {place} is a file: name a folder"));
        }
        JournalError::new(format!("journal folder {place} cannot be made ({error}): {}", advice(error.kind())))
    })
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened; the system writes names down by itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(n: u32) -> Entry {
        let mark = format!("syn1-shop-cart-01JD3QKX7V0000000000000000-{n}").parse().unwrap();
        Entry::intent(mark, "shop/cart", SystemTime::UNIX_EPOCH).created(json!(n))
    }

    /// Leaves half a line in the file, as a write does that fails and cannot be taken back.
    fn tear(own: &mut Own) {
        let held = own.held.as_mut().unwrap();
        held.file.write_all(b"0123abcd {\"mark\":").unwrap();
        held.torn = true;
    }

    #[test]
    fn a_write_that_could_not_be_taken_back_is_before_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut own = Own::start(folder.path().to_owned()).unwrap();
        own.put(&[entry(1)], Durability::Process).unwrap();
        tear(&mut own);
        own.put(&[entry(2)], Durability::Process).unwrap();
        let text = fs::read_to_string(own.path()).unwrap();
        assert_eq!((text.lines().count(), text.len() as u64), (3, own.held.as_ref().unwrap().size));
        assert!(!text.contains("0123abcd"), "{text}");
    }

    #[test]
    fn names_begin_with_the_time_and_are_never_the_same() {
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_732_000_000_123);
        let names: std::collections::HashSet<_> = (0..1_000).map(|_| name(now)).collect();
        assert_eq!(names.len(), 1_000);
        assert!(names.iter().all(|name| name.timestamp_ms() == 1_732_000_000_123));
    }

    /// A folder of that name is where the file was: it cannot be removed.
    #[test]
    fn a_replaced_file_that_cannot_be_removed_is_emptied() {
        let folder = tempfile::tempdir().unwrap();
        let mut own = Own::start(folder.path().to_owned()).unwrap();
        own.put(&[entry(1)], Durability::Process).unwrap();
        let old = own.path().to_owned();
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(&old, &elsewhere).unwrap();
        fs::create_dir_all(old.join("full")).unwrap();
        own.replace(Durability::Process).unwrap();
        assert_eq!((fs::metadata(&elsewhere).unwrap().len(), own.stuck.len()), (0, 0));
        assert!(fs::read_to_string(own.path()).unwrap().contains("-1\",\"kind\""));
    }
}
