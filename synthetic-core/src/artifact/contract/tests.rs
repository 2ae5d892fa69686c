use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::artifact::StoreError;

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    ErrorForAbsent,
    ErrorForDeletedTwice,
    CutsBytes,
    KeepsTheFirst,
    ListsBySpelling,
    ListsUnsorted,
    ListsZeroes,
    ForgetsToDelete,
    WritesInPieces,
}

struct Memory(Fault, Mutex<BTreeMap<Key, Bytes>>);

impl Memory {
    fn map(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Bytes>> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl ArtifactStore for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn put(&self, key: &Key, _: &str, mut bytes: Bytes) -> Result<(), StoreError> {
        if self.0 == Fault::WritesInPieces {
            self.map().insert(key.clone(), bytes.slice(..bytes.len() / 2));
            tokio::task::yield_now().await;
        }
        if self.0 == Fault::CutsBytes {
            bytes.truncate(1 << 20);
        }
        if self.0 == Fault::KeepsTheFirst {
            self.map().entry(key.clone()).or_insert(bytes);
        } else {
            self.map().insert(key.clone(), bytes);
        }
        Ok(())
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let found = self.map().get(key).cloned();
        if found.is_none() && self.0 == Fault::ErrorForAbsent {
            return Err(StoreError::Refused("404".into()));
        }
        Ok(found)
    }

    async fn list(&self, folder: Option<&Key>) -> Result<Vec<Stored>, StoreError> {
        let below = |key: &Key| match folder {
            Some(folder) if self.0 == Fault::ListsBySpelling => key.as_str().starts_with(folder.as_str()),
            Some(folder) => key.is_below(folder),
            None => true,
        };
        let size = |bytes: &Bytes| if self.0 == Fault::ListsZeroes { 0 } else { bytes.len() as u64 };
        let map = self.map();
        let mut found: Vec<_> = map
            .iter()
            .filter(|(key, _)| below(key))
            .map(|(key, bytes)| Stored::new(key.clone(), size(bytes)))
            .collect();
        if self.0 == Fault::ListsUnsorted {
            found.reverse();
        }
        Ok(found)
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        if self.0 == Fault::ForgetsToDelete {
            return Ok(());
        }
        match self.map().remove(key) {
            None if self.0 == Fault::ErrorForDeletedTwice => Err(StoreError::Refused("404".into())),
            _ => Ok(()),
        }
    }
}

/// Returns the broken promise that the check complains about.
async fn complaint(fault: Fault) -> Option<String> {
    let store = Memory(fault, Mutex::default());
    let mut checking = Box::pin(check_artifact_store_contract(&store));
    let outcome =
        std::future::poll_fn(|cx| match std::panic::catch_unwind(AssertUnwindSafe(|| checking.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        });
    let panic = outcome.await.err()?;
    Some(crate::failure::panic_message(&*panic).to_string())
}

#[tokio::test]
async fn a_store_that_keeps_the_contract_passes() {
    assert_eq!(complaint(Fault::None).await, None);
}

#[tokio::test]
async fn every_broken_promise_is_named() {
    for (fault, promise) in [
        (Fault::ErrorForAbsent, "a store gives"),
        (Fault::ErrorForDeletedTwice, "what is not there is deleted without an error"),
        (Fault::CutsBytes, "a store gives the bytes that were stored last, all 1048583"),
        (Fault::KeepsTheFirst, "a store gives the bytes that were stored last, all 0"),
        (Fault::ListsBySpelling, "a folder is of whole parts"),
        (Fault::ListsUnsorted, "in the order of the keys"),
        (Fault::ListsZeroes, "a listing tells the size"),
        (Fault::ForgetsToDelete, "what was deleted is not there"),
        (Fault::WritesInPieces, "what is not stored whole is not there"),
    ] {
        let complaint = complaint(fault).await.unwrap_or_default();
        assert!(complaint.contains(promise), "expected {promise:?} in {complaint:?}");
    }
}
