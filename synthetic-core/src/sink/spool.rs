//! What cannot be delivered goes to disk: [`Spool`], and the files behind it.

mod cursor;
mod files;
mod segment;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(crate) use self::cursor::Place;
use self::files::Bounds;
use self::files::Files;
pub(crate) use self::files::{Appended, Read, Spot};

/// How many bytes a spool has at most, unless said otherwise.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// For how long what is in it is tried, unless said otherwise.
const LONGEST: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Keeps the reports for a sink in a folder until they are delivered: through an outage of the place they go to, through a
/// restart, through a `kill -9`.
///
/// Given to [`Builder::spooled_sink`](crate::monitor::Builder::spooled_sink). Each report is written down before it is
/// delivered, and removed when the sink has [delivered](crate::Sink::deliver) and [flushed](crate::Sink::flush) it. The order
/// is kept: what an earlier process left goes before what this one reports.
///
/// # What is promised
///
/// - A report that is in the folder is delivered at least once, and exactly once when the process does not die between its
///   delivery and its removal. What a process has not written yet when it is killed, which is what ended a moment ago, is lost.
/// - It is delivered as it was, with the times it had. The bytes of its artifacts are not written: a report that comes from the
///   disk, and not from memory, names them only.
/// - What can no longer be delivered is counted in [`SinkStats::dropped`](super::SinkStats::dropped) and told in the log:
///   `spool_full` when there was no room, `damaged` when what stands on the disk is not what was written, `gave_up` when it
///   became too old, `fatal` when the sink refuses it.
/// - A disk that is full or reports errors stops no delivery: reports then wait in memory, 1024 at most, and are written as soon as
///   that works again.
/// - It survives the death of the process. What the system has not written to the disk yet when the power fails is lost.
///
/// # The folder
///
/// One process at a time has it, held by a lock that the system takes back on any death of the process; each sink has a folder
/// of its own. It is made when it is not there, for its owner alone, and belongs on a disk that stays when the process is
/// started again: in a container, on a volume. In it are segments, `00000000000000000001.jsonl` and so on, of one report a
/// line, as JSON behind its CRC-32, and `delivered`, which says how far they are done with.
///
/// # Default
///
/// 256 MiB, of which the oldest part goes when there is no room; what is older than two weeks is not tried again.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_core::sink::Spool;
/// use synthetic_core::testing::RecordingSink;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// let sink = RecordingSink::new();
/// let monitor = Monitor::named("shop")
///     .canary(every(mins(1)), canary(Spec::new("one"), |run: Run| async move { run.expect("1", 1, eq(1)) }))
///     .spooled_sink(Spool::new(folder.join("spool")).bytes(64 * 1024 * 1024), sink.clone())
///     .build()?;
/// let (_, summary) = monitor.once().await;
/// assert_eq!((sink.reports().len(), summary.sinks[0].spooled), (1, 0));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "give it to `Builder::spooled_sink`"]
pub struct Spool {
    folder: PathBuf,
    bounds: Bounds,
    longest: Duration,
}

impl Spool {
    /// Names a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), bounds: Bounds { bytes: MOST_BYTES, drop_newest: false }, longest: LONGEST }
    }

    /// Sets how many bytes it has at most. When there is no room for a report, the oldest part goes: about a sixteenth of
    /// this, and 4 MiB at most.
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bounds.bytes = bytes;
        self
    }

    /// Keeps what is there when there is no room, and drops the reports that are new.
    pub fn drop_newest(mut self) -> Self {
        self.bounds.drop_newest = true;
        self
    }

    /// Sets how old a report may be, from the start of its run on, and still be tried again. Each is tried at least once.
    pub fn keep_for(mut self, age: Duration) -> Self {
        self.longest = age;
        self
    }

    /// Locks the folder and looks at what is in it.
    pub(crate) fn open(&self) -> Result<Store, OpenError> {
        // A process may change its working folder, and a message should stand alone.
        let folder = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let (files, found) = Files::open(folder, self.bounds)?;
        Ok(Store { files: Arc::new(Mutex::new(files)), found, longest: self.longest })
    }
}

impl From<PathBuf> for Spool {
    fn from(folder: PathBuf) -> Self {
        Self::new(folder)
    }
}

impl From<&Path> for Spool {
    fn from(folder: &Path) -> Self {
        Self::new(folder)
    }
}

impl From<&str> for Spool {
    fn from(folder: &str) -> Self {
        Self::new(folder)
    }
}

impl From<String> for Spool {
    fn from(folder: String) -> Self {
        Self::new(folder)
    }
}

/// Why a spool cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(
        "spool folder {} is in use by another process, or by another sink of this one: give each a folder of its own",
        .0.display()
    )]
    InUse(PathBuf),
    #[error("{0}")]
    Broken(String),
}

/// A spool that this process has. Its clones share it; when the last one is dropped, the folder is free again.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    files: Arc<Mutex<Files>>,
    found: Found,
    longest: Duration,
}

/// What was found in a folder when it was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// How many reports wait.
    pub(crate) reports: u64,
    /// How many were cut off while they were written, and are lost.
    pub(crate) torn: u64,
    /// What else is wrong, and loses nothing.
    pub(crate) problems: Vec<String>,
}

/// How much is in a spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// How many reports are in it that have not been read into memory.
    pub(crate) unread: u64,
    /// How many bytes its segments have.
    pub(crate) bytes: u64,
}

impl Store {
    /// Returns what was found in the folder when it was opened.
    pub(crate) fn found(&self) -> &Found {
        &self.found
    }

    /// Forgets what was found cut off: it is counted.
    pub(crate) fn settle(&self) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).settle();
    }

    /// Returns how old a report may be and still be tried again.
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }

    /// Does something with the files, in a thread that may wait for a disk, and says how much is in them then. It is done
    /// to its end, whoever stops waiting for it.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Files) -> T + Send + 'static,
    ) -> Result<(T, Status), String> {
        let files = Arc::clone(&self.files);
        let done = tokio::task::spawn_blocking(move || {
            let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
            let done = work(&mut files);
            (done, files.status())
        });
        done.await.map_err(|error| format!("it was interrupted: {error}"))
    }
}
