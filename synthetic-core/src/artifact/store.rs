//! [`ArtifactStore`]: where evidence is kept.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::Key;

/// Keeps bytes under keys: a folder, a bucket.
///
/// # Contract
///
/// - What [`put`](Self::put) stored, [`get`](Self::get) and [`list`](Self::list) see when it returns; it replaces what was
///   there, whole. Bytes that are not stored whole are not there at all: not when `put` fails, not when it is dropped half-way,
///   not when the process is killed.
/// - A `put` that is dropped may still store all of its bytes, at any time: what is on its way cannot be called back.
/// - Two that store under one key at a time leave the bytes of one of them.
/// - What is not there is no error: `get` returns `None`, and [`delete`](Self::delete) returns `Ok`.
/// - [`list`](Self::list) returns what is below a folder, in the order of the keys, and nothing that is only spelled alike:
///   `a/b` is not below `a`'s neighbour `a-`. What it finds that has no key, it leaves out.
/// - An error names the place and the cause, and tells what may [work later](StoreError::Unavailable) from what
///   [never will](StoreError::Refused). Trying again is the caller's business, never the store's.
/// - Only its owner can read what it keeps, as far as that is the store's to decide: evidence holds what a target answered.
///
/// [`check_artifact_store_contract`](crate::testing::check_artifact_store_contract) asserts what of it can be asserted.
///
/// # Examples
///
/// ```
/// use synthetic_core::artifact::{ArtifactStore, Key, LocalFolder};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let store = LocalFolder::at(folder.path());
/// let key = Key::new("canary/eu/cart.json")?;
/// store.put(&key, "application/json", "{}".into()).await?;
/// assert_eq!(store.get(&key).await?.as_deref(), Some(&b"{}"[..]));
/// # Ok(()) }
/// ```
#[async_trait]
pub trait ArtifactStore: Send + Sync {
    /// Returns what and where it is, for messages: `folder /var/lib/canaries`.
    fn name(&self) -> &str;

    /// Stores bytes under a key. A store that keeps media types keeps this one.
    ///
    /// # Errors
    ///
    /// Returns what stands in the way; nothing was stored then.
    async fn put(&self, key: &Key, media_type: &str, bytes: Bytes) -> Result<(), StoreError>;

    /// Returns the bytes under a key, or `None` when there are none.
    ///
    /// # Errors
    ///
    /// Returns what stands in the way of looking.
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError>;

    /// Returns what is below a folder, or everything: all at once, so that who keeps much asks for a narrow one.
    ///
    /// # Errors
    ///
    /// Returns what stands in the way of looking.
    async fn list(&self, folder: Option<&Key>) -> Result<Vec<Stored>, StoreError>;

    /// Deletes what is under a key.
    ///
    /// # Errors
    ///
    /// Returns what stands in the way; what was there still is.
    async fn delete(&self, key: &Key) -> Result<(), StoreError>;
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Stored {
    /// Its key.
    pub key: Key,
    /// How many bytes it has.
    pub size: u64,
}

impl Stored {
    /// Makes a line, for a store of your own.
    #[must_use]
    pub fn new(key: Key, size: u64) -> Self {
        Self { key, size }
    }
}

/// What stands in the way of a store. Its text is for an operator: a fragment that names the place and the cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It may work when it is tried again: the network, a server's own error, a full disk.
    #[error("{0}")]
    Unavailable(String),
    /// It will never work: no permission, no such bucket, a file where a folder should be.
    #[error("{0}")]
    Refused(String),
}

#[async_trait]
impl<S: ArtifactStore + ?Sized> ArtifactStore for Arc<S> {
    fn name(&self) -> &str {
        (**self).name()
    }
    async fn put(&self, key: &Key, media_type: &str, bytes: Bytes) -> Result<(), StoreError> {
        (**self).put(key, media_type, bytes).await
    }
    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        (**self).get(key).await
    }
    async fn list(&self, folder: Option<&Key>) -> Result<Vec<Stored>, StoreError> {
        (**self).list(folder).await
    }
    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        (**self).delete(key).await
    }
}
