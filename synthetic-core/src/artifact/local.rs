//! Evidence in a folder: [`LocalFolder`].

mod files;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use self::files::Files;
use super::{ArtifactStore, Key, StoreError, Stored};

/// Keeps artifacts as files below a folder, the key being the path.
///
/// A file appears whole or not at all: it is written beside the others (in `.partial`), brought to the disk, and renamed.
/// Folders are made as they are needed, for their owner alone (0700, files 0600), and vanish with their last file. All of
/// it is one file system; a folder in it may be a link within that. Media types are not kept: a file's extension has to say
/// what it is. What keeps it from growing for ever is [`Retention`](super::Retention).
///
/// # Examples
///
/// ```
/// use synthetic_core::artifact::{ArtifactStore, Key, LocalFolder};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let temporary = tempfile::tempdir()?;
/// # let folder = temporary.path();
/// let store = LocalFolder::at(folder);
/// store.put(&Key::new("canary/eu/log.jsonl")?, "application/jsonl", "{}\n".into()).await?;
/// assert_eq!(std::fs::read_to_string(folder.join("canary/eu/log.jsonl"))?, "{}\n");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct LocalFolder {
    name: Arc<str>,
    files: Arc<Files>,
}

impl LocalFolder {
    /// Keeps artifacts below `folder`, which is made when the first is stored.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        let files = Files::below(folder.into());
        Self { name: format!("folder {}", files.root().display()).into(), files: Arc::new(files) }
    }

    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.files.root()
    }

    /// Works on a thread that may wait for a disk.
    async fn work<T: Send + 'static>(
        &self,
        what: &str,
        key: Option<&Key>,
        work: impl FnOnce(&Files) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let files = Arc::clone(&self.files);
        let Ok(done) = tokio::task::spawn_blocking(move || work(&files)).await else {
            return Err(StoreError::Unavailable(format!("{}: the runtime was shut down", self.name)));
        };
        done.map_err(|error| {
            let place = key.map_or(String::new(), |key| format!(" {key}"));
            let text = format!("{}: cannot {what}{place}: {error}", self.name);
            if never_works(error.kind()) { StoreError::Refused(text) } else { StoreError::Unavailable(text) }
        })
    }
}

fn never_works(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{
        AlreadyExists, CrossesDevices, InvalidFilename, IsADirectory, NotADirectory, PermissionDenied,
        ReadOnlyFilesystem, Unsupported,
    };
    matches!(
        kind,
        AlreadyExists
            | CrossesDevices
            | InvalidFilename
            | IsADirectory
            | NotADirectory
            | PermissionDenied
            | ReadOnlyFilesystem
            | Unsupported
    )
}

#[async_trait]
impl ArtifactStore for LocalFolder {
    fn name(&self) -> &str {
        &self.name
    }

    async fn put(&self, key: &Key, _media_type: &str, bytes: Bytes) -> Result<(), StoreError> {
        let stored = key.clone();
        self.work("store", Some(key), move |files| files.put(&stored, &bytes)).await
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let wanted = key.clone();
        self.work("read", Some(key), move |files| files.get(&wanted)).await
    }

    async fn list(&self, folder: Option<&Key>) -> Result<Vec<Stored>, StoreError> {
        let wanted = folder.cloned();
        self.work("list", folder, move |files| files.list(wanted.as_ref())).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let unwanted = key.clone();
        self.work("delete", Some(key), move |files| files.delete(&unwanted)).await
    }
}

impl fmt::Debug for LocalFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalFolder").field(&self.files.root()).finish()
    }
}

#[cfg(test)]
mod tests;
