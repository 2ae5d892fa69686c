//! [`FileJournal`]: the journal as files in a folder.

mod folder;
mod line;
mod own;
mod read;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use self::own::Own;
use super::{JournalError, JournalStore, Left};
use crate::cleanup::Entry;

/// Keeps the journal in a folder: one file for each process that lives, and one for each that died and whose things are
/// still to be removed.
///
/// The folder may be shared by processes of one machine. Each holds its file with a lock that the system takes back on any
/// death of the process, `kill -9` among them; then the next process that looks takes over what is not over. The folder
/// must be on a disk that has file locks and stays when the process is started again: in a container, on a volume.
///
/// A file is named by a ULID and ends in `.jsonl`. Its first line says the version of the format; every other one is an
/// [`Entry`] as it was at that time, as JSON behind its CRC-32. It has at most 64 KiB. When a file has more than 1 MiB and
/// less than a quarter of that is not over, the process goes on in a new one. A file in which everything is over is removed
/// when the journal is closed or dropped.
///
/// Nothing is lost in silence. The last line of a process that died while it wrote is left out: what it announced was not
/// begun. A line that is damaged is reported with what it shows, all others are taken over, and the file is kept under
/// another name that ends in `.damaged`. A file of another version is reported and left alone.
///
/// # Default
///
/// [`Durability::Process`].
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
/// use synthetic_core::cleanup::{Entry, FileJournal, JournalStore};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let journal = FileJournal::open(folder.path())?;
/// let mark = "syn1-shop-order-lifecycle-01JD3QKX7V0000000000000000-1".parse()?;
/// let order = Entry::intent(mark, "shop/order", SystemTime::UNIX_EPOCH);
/// journal.put(&[order.clone()]).await?;
/// drop(journal); // as when its process dies
///
/// let next = FileJournal::open(folder.path())?;
/// let left = next.adopt().await?;
/// assert_eq!(left.entries[0].0, order);
/// assert!(left.problems.is_empty());
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "dropped, it is as if its process had died"]
pub struct FileJournal {
    files: Arc<Files>,
    durability: Durability,
}

/// What an entry survives once it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Any death of the process. The system has it, and writes it to the disk when it likes.
    #[default]
    Process,
    /// A loss of power too, as far as the disk keeps its word: each entry that is not over is on the disk before it counts
    /// as written. That takes milliseconds on most disks, in a thread of tokio's for blocking work.
    Power,
}

#[derive(Debug)]
struct Files {
    folder: PathBuf,
    own: Mutex<Own>,
    /// What was taken over for somebody who stopped waiting for it: whoever asks next is given it.
    undelivered: Mutex<Left>,
}

impl FileJournal {
    /// Starts a file in a folder, which is made if it is not there: for its owner alone, like the files in it.
    ///
    /// # Errors
    ///
    /// Returns why the folder cannot be made or written to, with its path.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::cleanup::FileJournal;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let file = folder.path().join("notes.txt");
    /// std::fs::write(&file, "not a folder")?;
    /// let error = FileJournal::open(&file).unwrap_err();
    /// assert_eq!(error.to_string(), format!("journal folder {} is a file: name a folder", file.display()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, JournalError> {
        // A process may change its working folder, and a message should stand alone.
        let folder = std::path::absolute(&folder).unwrap_or_else(|_| folder.as_ref().to_owned());
        let own = Own::start(folder.clone())?;
        folder::remove_litter(&folder);
        let files = Files { folder, own: Mutex::new(own), undelivered: Mutex::default() };
        Ok(Self { files: Arc::new(files), durability: Durability::default() })
    }

    /// Sets what an entry survives.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Returns where the file of this process is now; where it was, once it is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::cleanup::FileJournal;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let journal = FileJournal::open(folder.path())?;
    /// let path = journal.path();
    /// assert!(path.starts_with(folder.path()) && path.is_file());
    /// drop(journal);
    /// assert!(!path.exists(), "nothing was in it");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> PathBuf {
        lock(&self.files.own).path().to_owned()
    }

    /// Does what reads and writes files: at once, because a page cache answers sooner than another thread does; in a
    /// thread of its own where it waits for the disk.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files, Durability) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let durability = self.durability;
        if durability == Durability::Process {
            return work(&self.files, durability);
        }
        let files = Arc::clone(&self.files);
        match tokio::task::spawn_blocking(move || work(&files, durability)).await {
            Ok(done) => done,
            Err(error) => Err(JournalError::new(format!("journal {} was interrupted: {error}", self.place()))),
        }
    }
}

#[async_trait]
impl JournalStore for FileJournal {
    fn place(&self) -> String {
        self.files.folder.display().to_string()
    }

    async fn put(&self, entries: &[Entry]) -> Result<(), JournalError> {
        if self.durability == Durability::Process {
            return lock(&self.files.own).put(entries, self.durability);
        }
        let entries = entries.to_vec();
        self.work(move |files, durability| lock(&files.own).put(&entries, durability)).await
    }

    async fn adopt(&self) -> Result<Left, JournalError> {
        self.work(|files, durability| {
            let left = folder::adopt(&files.folder, &files.own, durability)?;
            let mut undelivered = lock(&files.undelivered);
            undelivered.entries.extend(left.entries);
            undelivered.problems.extend(left.problems);
            Ok(())
        })
        .await?;
        Ok(std::mem::take(&mut *lock(&self.files.undelivered)))
    }

    async fn look(&self) -> Result<Left, JournalError> {
        self.work(|files, _| folder::look(&files.folder, &files.own)).await
    }

    async fn close(&self) -> Result<(), JournalError> {
        self.work(|files, _| lock(&files.own).close()).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
