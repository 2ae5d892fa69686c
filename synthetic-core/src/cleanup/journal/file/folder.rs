//! What is in the folder of a journal beside the own file: what dead processes left, and what living ones hold.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use super::own::{Own, trouble};
use super::read::{Contents, Journal, read};
use super::{Durability, lock};
use crate::cleanup::journal::Left;
use crate::cleanup::{Entry, JournalError, Mark, State};
use crate::clock::Clock;
use crate::disk::{advice, remove};

/// How old a file is that its process never got to name, before it is taken for litter.
const LITTER: Duration = Duration::from_secs(60 * 60);

/// Takes over what dead processes left: it is in the own file when this returns, and their files are gone. What goes wrong
/// with one of them is a problem and stops none of the others.
pub(super) fn adopt(folder: &Path, own: &Mutex<Own>, durability: Durability) -> Result<Left, JournalError> {
    lock(own).check_open()?;
    let mut found = Found::default();
    for path in others(folder, own)? {
        if let Err(problem) = adopt_one(&path, own, durability, &mut found) {
            found.problems.push(problem);
        }
    }
    Ok(found.left())
}

fn adopt_one(path: &Path, own: &Mutex<Own>, durability: Durability, found: &mut Found) -> Result<(), String> {
    // The lock is held until the file is gone.
    let Some(file) = hold(path).map_err(|error| told(path, "read", &error))? else { return Ok(()) };
    let journal = journal_in(path, &file)?;
    let news = {
        let mut own = lock(own);
        let news = found.news(&journal, |mark| own.state_of(mark));
        own.put(&news, durability).map_err(|error| format!("journal {} is not taken over: {error}", path.display()))?;
        news
    };
    let is_damaged = !journal.damage.is_empty();
    found.add(journal, news, path);
    if is_damaged {
        return fs::rename(path, damaged(path)).map_err(|error| told(path, "renamed", &error));
    }
    // Where it cannot be removed it is emptied, so that nothing is taken from it twice.
    remove(path).map_err(|error| {
        let _ = file.set_len(0);
        told(path, "removed", &error)
    })
}

/// Reads what [`adopt`] would take over, and leaves all of it as it is.
pub(super) fn look(folder: &Path, own: &Mutex<Own>) -> Result<Left, JournalError> {
    let mut found = Found::default();
    for path in others(folder, own)? {
        let file = glance_at(&path).map_err(|error| told(&path, "read", &error));
        match file.and_then(|file| file.map(|file| journal_in(&path, &file)).transpose()) {
            Ok(None) => {}
            Ok(Some(journal)) => {
                let news = found.news(&journal, |mark| lock(own).state_of(mark));
                found.add(journal, news, &path);
            }
            Err(problem) => found.problems.push(problem),
        }
    }
    Ok(found.left())
}

/// Removes files that a process made and died before it could name them. Nothing is in them that is nowhere else.
pub(super) fn remove_litter(folder: &Path) {
    let now = Clock::system().now();
    for path in files(folder, "new").unwrap_or_default() {
        let modified = fs::metadata(&path).and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| now.duration_since(modified).ok());
        if age > Some(LITTER) && matches!(hold(&path), Ok(Some(_))) {
            let _ = remove(&path);
        }
    }
}

/// Opens a file and locks it, unless a living process has it or it is not there any more.
fn hold(path: &Path) -> io::Result<Option<File>> {
    let opened = File::options().read(true).write(true).open(path);
    locked(path, opened, File::try_lock)
}

/// Opens a file to be read, unless a living process has it or it is not there any more. What a dead process left does not
/// change, so that the lock need not be kept: who takes over the file is not to find it held.
fn glance_at(path: &Path) -> io::Result<Option<File>> {
    let file = locked(path, File::open(path), File::try_lock_shared)?;
    if let Some(file) = &file {
        file.unlock()?;
    }
    Ok(file)
}

fn locked(
    path: &Path,
    opened: io::Result<File>,
    lock: impl Fn(&File) -> Result<(), TryLockError>,
) -> io::Result<Option<File>> {
    let file = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Files lose their name before their lock, and no name is used again: one that has its name is still to be taken.
    Ok(path.try_exists()?.then_some(file))
}

fn journal_in(path: &Path, file: &File) -> Result<Journal, String> {
    match read(file) {
        Ok(Contents::Journal(journal)) => Ok(journal),
        Ok(Contents::Foreign(what)) => Err(format!("journal {} {what}", path.display())),
        Err(error) => Err(told(path, "read", &error)),
    }
}

/// Returns the files of others, oldest first: names begin with the time.
fn others(folder: &Path, own: &Mutex<Own>) -> Result<Vec<PathBuf>, JournalError> {
    let own = lock(own).path().to_owned();
    let mut paths = files(folder, "jsonl").map_err(|error| {
        let (folder, advice) = (folder.display(), advice(error.kind()));
        JournalError::new(format!("journal folder {folder} cannot be read ({error}): {advice}"))
    })?;
    paths.retain(|path| *path != own);
    paths.sort_unstable();
    Ok(paths)
}

fn files(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // To open a pipe would wait for its other end.
        if path.extension().is_some_and(|is| is == extension) && entry.file_type()?.is_file() {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn told(path: &Path, verb: &str, error: &io::Error) -> String {
    trouble(path, verb, error).to_string()
}

/// Returns the name under which a damaged file is kept.
fn damaged(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".damaged");
    name.into()
}

/// What was found in the files that were read so far.
#[derive(Default)]
struct Found {
    entries: HashMap<Mark, (Entry, String)>,
    over: HashSet<Mark>,
    problems: Vec<String>,
}

impl Found {
    /// Returns what a journal says beyond what is known. A crash while one file was written into another leaves two that
    /// say the same, or one that says less; what is furthest is true.
    fn news(&self, journal: &Journal, own: impl Fn(&Mark) -> Option<State>) -> Vec<Entry> {
        let is_news = |entry: &&Entry| {
            let known = own(&entry.mark).max(self.entries.get(&entry.mark).map(|(entry, _)| entry.state));
            match known {
                Some(known) => known < entry.state,
                None => !entry.state.is_over() && !self.over.contains(&entry.mark),
            }
        };
        journal.entries.values().filter(is_news).cloned().collect()
    }

    fn add(&mut self, journal: Journal, news: Vec<Entry>, path: &Path) {
        let place = path.display().to_string();
        for line in journal.damage {
            let kept = damaged(path);
            self.problems.push(format!(
                "journal {place} is damaged in {line}: look for what that names by hand; all other lines are taken over, \
                 and the file is kept as {}",
                kept.display()
            ));
        }
        for entry in news {
            if entry.state.is_over() {
                self.entries.remove(&entry.mark);
            } else {
                self.entries.insert(entry.mark.clone(), (entry, place.clone()));
            }
        }
        self.over.extend(journal.entries.into_values().filter(|entry| entry.state.is_over()).map(|entry| entry.mark));
    }

    fn left(self) -> Left {
        let mut entries: Vec<_> = self.entries.into_values().collect();
        entries.sort_unstable_by(|(one, _), (other, _)| {
            (one.intent_at, one.mark.as_str()).cmp(&(other.intent_at, other.mark.as_str()))
        });
        Left { entries, problems: self.problems }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_another_process_took_over_between_its_opening_and_its_locking_is_not_taken_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0A.jsonl");
        fs::write(&path, "").unwrap();
        let raced = locked(&path, File::open(&path), |file| {
            fs::remove_file(&path).unwrap();
            file.try_lock()
        });
        assert!(raced.unwrap().is_none());
        assert!(hold(&path).unwrap().is_none(), "nor is one that is gone when it is opened");
    }

    #[test]
    fn who_looks_at_a_file_keeps_nobody_from_taking_it_over_and_who_takes_it_over_keeps_all_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0A.jsonl");
        fs::write(&path, "").unwrap();
        let _looked_at = glance_at(&path).unwrap().unwrap();
        let _held = hold(&path).unwrap().unwrap();
        assert!(hold(&path).unwrap().is_none());
        assert!(glance_at(&path).unwrap().is_none());
    }
}
