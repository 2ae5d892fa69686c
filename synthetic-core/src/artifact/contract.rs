//! The contract of an artifact store, as a function that any store can be put through.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};

use bytes::Bytes;
use uuid::Uuid;

use super::{ArtifactStore, Key, Stored};

const MEDIA_TYPE: &str = "application/octet-stream";

/// Checks that `store` keeps the contract of [`ArtifactStore`]. It works in a folder of its own (`contract/…`), and leaves
/// nothing there, but for what a store still stores of a [`put`](ArtifactStore::put) that was dropped.
///
/// # Panics
///
/// Panics with the broken promise.
///
/// # Examples
///
/// ```
/// use synthetic_core::artifact::LocalFolder;
/// use synthetic_core::testing::check_artifact_store_contract;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// check_artifact_store_contract(&LocalFolder::at(folder.path())).await;
/// # Ok(()) }
/// ```
pub async fn check_artifact_store_contract(store: &dyn ArtifactStore) {
    assert!(!store.name().is_empty(), "a store has a name");
    assert!(!store.name().contains('\n'), "the name of a store is a single line, but was {:?}", store.name());
    let check = Check { store, folder: format!("contract/{}/checked", Uuid::now_v7()) };
    check.nothing_is_there_at_first().await;
    check.a_put_that_is_dropped_leaves_all_or_nothing().await;
    check.bytes_come_back().await;
    check.a_listing_is_of_whole_parts_and_in_order().await;
    check.many_at_a_time_do_not_mix().await;
    check.nothing_is_left_at_last().await;
}

struct Check<'a> {
    store: &'a dyn ArtifactStore,
    folder: String,
}

impl Check<'_> {
    fn key(&self, name: &str) -> Key {
        Key::new(format!("{}/{name}", self.folder)).unwrap_or_else(|error| panic!("{error}"))
    }

    async fn put(&self, key: &Key, bytes: impl Into<Bytes>) {
        let stored = self.store.put(key, MEDIA_TYPE, bytes.into()).await;
        stored.unwrap_or_else(|error| panic!("a store stores {key}, but failed: {error}"));
    }

    async fn get(&self, key: &Key) -> Option<Bytes> {
        let found = self.store.get(key).await;
        found.unwrap_or_else(|error| panic!("a store gives {key}, but failed: {error}"))
    }

    async fn list(&self, folder: &str) -> Vec<Stored> {
        let folder = Key::new(folder).unwrap_or_else(|error| panic!("{error}"));
        let found = self.store.list(Some(&folder)).await;
        found.unwrap_or_else(|error| panic!("a store lists {folder}, but failed: {error}"))
    }

    async fn delete(&self, key: &Key) {
        let deleted = self.store.delete(key).await;
        deleted.unwrap_or_else(|error| panic!("a store deletes {key}, but failed: {error}"));
    }

    async fn nothing_is_there_at_first(&self) {
        let key = self.key("absent.txt");
        assert_eq!(self.get(&key).await, None, "what is not there is `None`");
        assert_eq!(self.store.delete(&key).await, Ok(()), "what is not there is deleted without an error");
        assert_eq!(self.list(&self.folder).await, [], "below a folder that is not there is nothing");
    }

    async fn bytes_come_back(&self) {
        let key = self.key("a/bytes.bin");
        let all: Vec<u8> = (0..=255).cycle().take(1024 * 1024 + 7).collect();
        for bytes in [&all[..], b"", b"\0\xff\r\n", b"text \xc3\xa9"] {
            self.put(&key, bytes.to_vec()).await;
            let back = self.get(&key).await;
            assert!(
                back.as_deref() == Some(bytes),
                "a store gives the bytes that were stored last, all {}",
                bytes.len()
            );
            let listed = self.list(&self.folder).await;
            assert_eq!(
                listed,
                [Stored::new(key.clone(), bytes.len() as u64)],
                "a listing tells the size of what is there"
            );
        }
        assert_eq!(self.get(&self.key("a")).await, None, "a folder is no artifact");
        self.delete(&key).await;
        assert_eq!(self.get(&key).await, None, "what was deleted is not there");
        assert_eq!(self.list(&self.folder).await, [], "what was deleted is not listed");
    }

    async fn a_listing_is_of_whole_parts_and_in_order(&self) {
        let names = ["b/2.txt", "b/1.txt", "b-/x.txt", "b.c/x.txt", "bb/x.txt", "b/d/e/f.txt", "b_"];
        for name in names {
            self.put(&self.key(name), name.as_bytes().to_vec()).await;
        }
        let mut expected: Vec<_> = names.map(|name| Stored::new(self.key(name), name.len() as u64)).into();
        expected.sort();
        assert_eq!(
            self.list(&self.folder).await,
            expected,
            "a listing is of everything below, in the order of the keys"
        );
        let all = self.store.list(None).await.unwrap_or_else(|error| panic!("a store lists everything: {error}"));
        assert!(expected.iter().all(|stored| all.contains(stored)), "a listing of everything leaves nothing out");
        let folder = self.key("b");
        expected.retain(|stored| stored.key.is_below(&folder));
        assert_eq!(
            self.list(folder.as_str()).await,
            expected,
            "a folder is of whole parts, and no key that begins alike"
        );
        assert_eq!(self.list(self.key("b_").as_str()).await, [], "below a file is nothing");
        for name in names {
            self.delete(&self.key(name)).await;
        }
    }

    async fn many_at_a_time_do_not_mix(&self) {
        let (same, other) = (self.key("same.bin"), self.key("other.bin"));
        let (ones, twos) = (vec![1_u8; 100_000], vec![2_u8; 100_000]);
        tokio::join!(self.put(&same, ones.clone()), self.put(&other, b"other".to_vec()), self.put(&same, twos.clone()));
        let left = self.get(&same).await;
        assert!(left == Some(ones.into()) || left == Some(twos.into()), "of two at a time, the bytes of one are left");
        assert_eq!(self.get(&other).await.as_deref(), Some(&b"other"[..]), "keys at the same time do not mix");
        tokio::join!(self.delete(&same), self.delete(&same), self.delete(&other));
        assert_eq!(self.get(&same).await, None, "deleted twice at a time, it is not there");
    }

    async fn a_put_that_is_dropped_leaves_all_or_nothing(&self) {
        let key = self.dropped();
        let bytes = Bytes::from(vec![7_u8; 300_000]);
        {
            let mut put = pin!(self.store.put(&key, MEDIA_TYPE, bytes.clone()));
            poll_once(put.as_mut());
        }
        let left = self.get(&key).await;
        assert!(left.is_none() || left.as_ref() == Some(&bytes), "what is not stored whole is not there");
        // What was dropped may still be on its way; what is stored afterwards under the same key is there in any case.
        self.put(&key, b"after".to_vec()).await;
        let left = self.get(&key).await;
        assert!(
            left == Some(b"after"[..].into()) || left == Some(bytes),
            "after a put that was dropped, keys can be stored"
        );
    }

    async fn nothing_is_left_at_last(&self) {
        self.delete(&self.dropped()).await;
        assert_eq!(self.list(&self.folder).await, [], "what was deleted is gone");
    }

    /// Beside the folder that is listed, because it may come there at any time.
    fn dropped(&self) -> Key {
        let key = self.folder.replace("/checked", "/dropped.bin");
        Key::new(key).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) {
    let _ = future.poll(&mut Context::from_waker(Waker::noop()));
}

#[cfg(test)]
mod tests;
