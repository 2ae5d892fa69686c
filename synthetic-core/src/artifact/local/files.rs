//! The files of a [`LocalFolder`](super::LocalFolder): what blocks.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;

use super::super::key::is_part;
use super::{Key, Stored};

/// Where files are until they are whole. No key has a part that begins with a dot.
const PARTIAL: &str = ".partial";
/// How old a file there is when nobody can still be writing it.
const ABANDONED: Duration = Duration::from_secs(60 * 60);
/// How often a folder is made anew that was removed, being empty, before its file was there.
const TRIES: u32 = 16;

pub(super) struct Files {
    root: PathBuf,
    swept: Once,
}

impl Files {
    pub(super) fn below(root: PathBuf) -> Self {
        Self { root, swept: Once::new() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// A key has no part that leads upwards or elsewhere.
    fn path(&self, key: &Key) -> PathBuf {
        let mut path = self.root.clone();
        path.extend(key.parts());
        path
    }

    pub(super) fn put(&self, key: &Key, bytes: &[u8]) -> io::Result<()> {
        let partial = self.root.join(PARTIAL);
        make_folder(&partial)?;
        self.swept.call_once(|| sweep(&partial));
        let part = Part::write(&partial, bytes)?;
        part.rename(&self.path(key))
    }

    pub(super) fn get(&self, key: &Key) -> io::Result<Option<Bytes>> {
        let path = self.path(key);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if is_absent(&error) || path.is_dir() => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn list(&self, folder: Option<&Key>) -> io::Result<Vec<Stored>> {
        let mut found = Vec::new();
        let (path, prefix) = match folder {
            Some(folder) => (self.path(folder), format!("{folder}/")),
            None => (self.root.clone(), String::new()),
        };
        walk(&path, &prefix, &mut found)?;
        found.sort_unstable();
        Ok(found)
    }

    pub(super) fn delete(&self, key: &Key) -> io::Result<()> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if is_absent(&error) || path.is_dir() => return Ok(()),
            Err(error) => return Err(error),
        }
        // One that is not empty stays, as does all above it.
        for folder in path.ancestors().skip(1).take_while(|folder| *folder != self.root) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// A file that is not yet in its place. Where it does not come there, it is removed.
struct Part(Option<PathBuf>);

impl Part {
    fn write(folder: &Path, bytes: &[u8]) -> io::Result<Self> {
        let path = folder.join(format!("{}-{:016x}", std::process::id(), fastrand::u64(..)));
        let mut file = private().write(true).create_new(true).open(&path)?;
        let part = Self(Some(path));
        file.write_all(bytes)?;
        // Else a power cut could leave the name without the bytes.
        file.sync_data()?;
        Ok(part)
    }

    fn rename(mut self, to: &Path) -> io::Result<()> {
        let (Some(from), Some(folder)) = (&self.0, to.parent()) else { return Ok(()) };
        let mut tries = 0;
        loop {
            tries += 1;
            match make_folder(folder).and_then(|()| fs::rename(from, to)) {
                Ok(()) => break,
                // Somebody deleted the last file of the folder, and so the folder, in between.
                Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES => {}
                Err(error) => return Err(error),
            }
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes what processes that were killed have left. What cannot be removed is in nobody's way.
fn sweep(partial: &Path) {
    let Ok(entries) = fs::read_dir(partial) else { return };
    for entry in entries.flatten() {
        let age = entry.metadata().and_then(|data| data.modified()).ok().and_then(|then| then.elapsed().ok());
        if age.is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Finds the files below a folder. Links to folders are not followed, so that nothing is found twice or outside.
fn walk(folder: &Path, prefix: &str, found: &mut Vec<Stored>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_part(name)) else { continue };
        let text = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{text}/"), found)?;
        } else if entry.file_type()?.is_file() {
            // It may be gone by now.
            if let (Ok(key), Ok(data)) = (Key::new(text), entry.metadata()) {
                found.push(Stored::new(key, data.len()));
            }
        }
    }
    Ok(())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn private() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
