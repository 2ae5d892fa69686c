//! A file of whole lines that makes room for a new one when it is large.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use synthetic_core::sink::DeliveryError;

/// How every line of ours begins.
const BEGIN: &[u8] = br#"{"schema":"synthetic-report/"#;
/// How much is read at a time in search of the last line.
const BLOCK: u64 = 64 * 1024;

/// A file of whole lines, and the older ones beside it.
pub(super) struct Rotating {
    path: PathBuf,
    pub(super) rotate_at: u64,
    pub(super) keep: u32,
    /// Dropped on every error: what is opened again is looked at again.
    held: Option<File>,
}

impl Rotating {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, rotate_at: 64 * 1024 * 1024, keep: 4, held: None }
    }

    /// Appends lines, each with its line break, and tells of those that are written as soon as they are. On an error none of
    /// the others is in the file, not even in part.
    pub(super) fn append(
        &mut self,
        lines: &[Vec<u8>],
        mut wrote: impl FnMut(Range<usize>),
    ) -> Result<(), DeliveryError> {
        let mut next = 0;
        while next < lines.len() {
            let size = self.open()?.metadata().map_err(|error| self.trouble("read", &error))?.len();
            let mut ends_at = size;
            let fit = lines[next..].iter().take_while(|line| {
                ends_at = ends_at.saturating_add(line.len() as u64);
                ends_at <= self.rotate_at
            });
            let fit = fit.count();
            if fit == 0 && size > 0 {
                self.rotate()?;
                continue;
            }
            let written = next..next + fit.max(1);
            self.write(&lines[written.clone()].concat(), size)?;
            next = written.end;
            wrote(written);
        }
        Ok(())
    }

    /// Returns when what was written survives a loss of power.
    pub(super) fn sync(&mut self) -> Result<(), DeliveryError> {
        let synced = self.held.as_ref().map_or(Ok(()), File::sync_data);
        synced.map_err(|error| self.trouble("written to", &error))
    }

    pub(super) fn let_go(&mut self) {
        self.held = None;
    }

    fn write(&mut self, bytes: &[u8], size: u64) -> Result<(), DeliveryError> {
        let Some(mut file) = self.held.take() else { return Ok(()) };
        match file.write_all(bytes) {
            Ok(()) => {
                self.held = Some(file);
                Ok(())
            }
            Err(error) => {
                // If that fails too, it is done when the file is opened again, before anything else is written.
                let _ = file.set_len(size);
                Err(self.trouble("written to", &error))
            }
        }
    }

    /// Opens the file, unless it is open and still the one at the path.
    fn open(&mut self) -> Result<&File, DeliveryError> {
        let held = match self.held.take().filter(|file| is_at(&self.path, file)) {
            Some(file) => file,
            None => self.open_new()?,
        };
        Ok(self.held.insert(held))
    }

    fn open_new(&self) -> Result<File, DeliveryError> {
        loop {
            let file = self.open_once()?;
            // Between its opening and its lock, another process may have rotated it.
            if is_at(&self.path, &file) {
                mend(&file).map_err(|error| self.trouble("written to", &error))?;
                return Ok(file);
            }
        }
    }

    fn open_once(&self) -> Result<File, DeliveryError> {
        let path = self.path.display();
        if fs::metadata(&self.path).is_ok_and(|there| !there.is_file()) {
            return Err(DeliveryError::Fatal(format!(
                "{path} is no plain file: name one, or write to standard output"
            )));
        }
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| self.trouble("opened", &error))?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(&self.path);
        let file = file.map_err(|error| self.trouble("opened", &error))?;
        // Elsewhere a lock would keep readers away.
        if cfg!(unix) && matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(DeliveryError::Retry(format!(
                "{path} is written to by another process, or by another sink of this one: give each a file of its own"
            )));
        }
        Ok(file)
    }

    /// Moves the file out of the way. The older ones move on up to the first number that is free, so that a second try after
    /// an error moves none of them twice.
    fn rotate(&mut self) -> Result<(), DeliveryError> {
        let free = (1..=self.keep).find(|number| !self.older(*number).exists()).unwrap_or(self.keep);
        let rotated = if free == 0 {
            fs::remove_file(&self.path)
        } else {
            let moves = (1..free).rev().map(|number| (self.older(number), self.older(number + 1)));
            let mut moves = moves.chain([(self.path.clone(), self.older(1))]);
            moves.try_for_each(|(from, to)| fs::rename(from, to))
        };
        // Only now may another process have its lock.
        self.held = None;
        rotated.map_err(|error| self.trouble("rotated", &error))
    }

    fn older(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }

    fn trouble(&self, verb: &str, error: &io::Error) -> DeliveryError {
        let advice = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => "make room for it",
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                "name a file in a folder that this process may write to"
            }
            _ => "see to the disk, or name another file",
        };
        DeliveryError::Retry(format!("{} cannot be {verb} ({error}): {advice}", self.path.display()))
    }
}

/// Returns whether an open file is still the one at its path.
#[cfg(unix)]
fn is_at(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let same = |there: fs::Metadata, held: fs::Metadata| (there.dev(), there.ino()) == (held.dev(), held.ino());
    fs::metadata(path).is_ok_and(|there| file.metadata().is_ok_and(|held| same(there, held)))
}

/// Elsewhere files have no identity that the standard library tells.
#[cfg(not(unix))]
fn is_at(path: &Path, _: &File) -> bool {
    path.exists()
}

/// Makes a file end with a whole line: one of ours that a crash has torn is removed, anything else is ended.
fn mend(mut file: &File) -> io::Result<()> {
    let size = file.metadata()?.len();
    let start = start_of_last_line(file, size)?;
    if start == size {
        return Ok(());
    }
    let mut torn = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(BEGIN.len() as u64).read_to_end(&mut torn)?;
    if BEGIN.starts_with(&torn) { file.set_len(start) } else { file.write_all(b"\n") }
}

/// Returns where the text after the last line break begins.
fn start_of_last_line(mut file: &File, size: u64) -> io::Result<u64> {
    let mut end = size;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        block.clear();
        file.seek(SeekFrom::Start(start))?;
        file.take(end - start).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
