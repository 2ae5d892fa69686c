//! [`Folder`]: where a browser has its profile and its temporary files, and by what the next start knows whose it was.
//!
//! ```text
//! canary-browser-4f1c0a…/    0700, in the system's temporary folder unless said otherwise
//!   lock                     locked (flock) by its owner for as long as that lives
//!   run                      [`RunFile`], as JSON
//!   profile/                 the browser's
//!   tmp/                     the browser's TMPDIR: it would leave files in the system's when it is killed
//! ```
//!
//! Whoever has the lock may remove the folder. An owner that got the lock of a file that has no name any more lost the
//! race against [`reap`](super::reap), and takes another name.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::table;

/// How the names begin of all such folders.
pub(crate) const PREFIX: &str = "canary-browser-";
const LOCK: &str = "lock";
const RUN: &str = "run";
/// Each try has a name of 60 random bits, so a second one is rare.
const TRIES: usize = 16;

/// A folder that is ours. It stays when this is dropped: [`remove`](Self::remove) removes it, as the janitor does.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

/// Who started which browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunFile {
    /// The process that started it.
    pub(crate) owner: i32,
    /// The group of the browser, which is also the number of its first process.
    pub(crate) group: i32,
    /// When that one began, in ticks since the machine's start; numbers are used again, but not with the same start.
    pub(crate) started: Option<u64>,
    /// Which start of the machine.
    pub(crate) boot: String,
}

impl Folder {
    /// Makes one in `root`, which is made too when it is not there.
    pub(crate) fn create(root: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        // The browser has another working folder than we have.
        let root = fs::canonicalize(root)?;
        let mut last = None;
        for _ in 0..TRIES {
            match Self::try_create(root.join(format!("{PREFIX}{:015x}", fastrand::u64(..) >> 4))) {
                Ok(Some(folder)) => return Ok(folder),
                Ok(None) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
                    last = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
    }

    fn try_create(path: PathBuf) -> io::Result<Option<Self>> {
        let private = || {
            let mut builder = DirBuilder::new();
            builder.mode(0o700);
            builder
        };
        private().create(&path)?;
        let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path.join(LOCK))?;
        if lock.try_lock().is_err() || fs::metadata(path.join(LOCK))?.ino() != lock.metadata()?.ino() {
            return Ok(None);
        }
        let this = Self { path, _lock: lock };
        private().create(this.profile())?;
        private().create(this.temporary())?;
        Ok(Some(this))
    }

    /// Takes one that another process has left; `None` when it is somebody's, or is none of ours to touch.
    pub(crate) fn take(path: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        // Anybody may make such a folder in a temporary folder, and name processes of ours in it.
        if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
            return None;
        }
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(path.join(LOCK)).ok()?;
        lock.try_lock().ok()?;
        Some(Self { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn profile(&self) -> PathBuf {
        self.path.join("profile")
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    pub(crate) fn write_run_file(&self, group: i32) -> io::Result<()> {
        let owner = i32::try_from(std::process::id()).unwrap_or_default();
        let started = table::entry(group).map(|entry| entry.started);
        let run = RunFile { owner, group, started, boot: table::boot() };
        fs::write(self.path.join(RUN), serde_json::to_vec(&run)?)
    }

    /// Returns what the run file says; `None` when there is none, or it is damaged.
    pub(crate) fn run_file(&self) -> Option<RunFile> {
        serde_json::from_slice(&fs::read(self.path.join(RUN)).ok()?).ok()
    }

    /// Removes it with all that is in it, and only then gives up the lock. A folder that is not there is removed.
    pub(crate) fn remove(self) -> io::Result<()> {
        remove(&self.path)
    }
}

/// Removes a folder with all that is in it, also when somebody removes the same at the same time.
fn remove(path: &Path) -> io::Result<()> {
    let mut last = Ok(());
    for _ in 0..TRIES {
        last = match fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => return Ok(()),
            Err(error) => Err(error),
        };
    }
    last
}
