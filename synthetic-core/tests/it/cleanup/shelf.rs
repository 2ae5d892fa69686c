//! A journal's store in memory, which processes of a test share as they would share a folder.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::life::Tears;
use synthetic_core::cleanup::journal::Left;
use synthetic_core::cleanup::{Entry, JournalError, JournalStore, State};

/// What processes of a test share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Vec<Folder>>>);

/// What one process has put.
#[derive(Debug, Default)]
struct Folder {
    given_up: bool,
    entries: BTreeMap<String, Entry>,
}

/// The store of one process: dead when it is dropped.
#[derive(Debug)]
pub(crate) struct ShelfStore {
    shelf: Shelf,
    at: usize,
    /// In which states entries cannot be written.
    broken: Broken,
}

/// In which states entries cannot be written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Broken(Arc<Mutex<Vec<State>>>);

impl Broken {
    pub(crate) fn set(&self, states: &[State]) {
        *self.0.lock().unwrap() = states.to_vec();
    }
}

impl Shelf {
    /// Opens it for another process.
    pub(crate) fn open(&self) -> ShelfStore {
        let mut folders = self.0.lock().unwrap();
        folders.push(Folder::default());
        ShelfStore { shelf: self.clone(), at: folders.len() - 1, broken: Broken::default() }
    }

    /// Puts an entry there as a process left it that is dead.
    pub(crate) fn leave(&self, entry: Entry) {
        let entries = BTreeMap::from([(entry.mark.to_string(), entry)]);
        self.0.lock().unwrap().push(Folder { given_up: true, entries });
    }

    /// Returns what is in it and not over, by mark.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let folders = self.0.lock().unwrap();
        folders.iter().flat_map(|folder| folder.entries.values()).filter(|it| !it.state.is_over()).cloned().collect()
    }

    /// Returns what is in it and not over: `created 2`, `intent`.
    pub(crate) fn states(&self) -> Vec<String> {
        let shown = |entry: &Entry| {
            let state = format!("{:?}", entry.state).to_lowercase();
            entry.id.iter().fold(state, |state, id| format!("{state} {}", id.as_str().unwrap()))
        };
        self.entries().iter().map(shown).collect()
    }
}

impl ShelfStore {
    /// Lets it fail to write entries in some states.
    pub(crate) fn broken(mut self, broken: &Broken) -> Self {
        self.broken = broken.clone();
        self
    }

    fn others(&self) -> Vec<(Entry, String)> {
        let folders = self.shelf.0.lock().unwrap();
        let others = folders.iter().enumerate().filter(|(at, folder)| *at != self.at && folder.given_up);
        let entries = others.flat_map(|(at, folder)| folder.entries.values().map(move |entry| (at, entry)));
        let pending = entries.filter(|(_, entry)| !entry.state.is_over());
        pending.map(|(at, entry)| (entry.clone(), format!("shelf/{at}"))).collect()
    }
}

#[async_trait::async_trait]
impl JournalStore for ShelfStore {
    fn place(&self) -> String {
        format!("shelf/{}", self.at)
    }

    async fn put(&self, entries: &[Entry]) -> Result<(), JournalError> {
        if self.broken.0.lock().unwrap().contains(&entries[0].state) {
            return Err(JournalError::new(format!("{}: no space left on device", self.place())));
        }
        let mut folders = self.shelf.0.lock().unwrap();
        let own = &mut folders[self.at].entries;
        own.extend(entries.iter().map(|entry| (entry.mark.to_string(), entry.clone())));
        Ok(())
    }

    async fn adopt(&self) -> Result<Left, JournalError> {
        let left = self.look().await?;
        let mut folders = self.shelf.0.lock().unwrap();
        for folder in folders.iter_mut().filter(|folder| folder.given_up) {
            folder.entries.clear();
        }
        let own = &mut folders[self.at].entries;
        own.extend(left.entries.iter().map(|(entry, _)| (entry.mark.to_string(), entry.clone())));
        drop(folders);
        Ok(left)
    }

    async fn look(&self) -> Result<Left, JournalError> {
        let mut left = Left::default();
        left.entries = self.others();
        Ok(left)
    }

    async fn close(&self) -> Result<(), JournalError> {
        self.shelf.0.lock().unwrap()[self.at].given_up = true;
        Ok(())
    }
}

impl Drop for ShelfStore {
    fn drop(&mut self) {
        self.shelf.0.lock().unwrap()[self.at].given_up = true;
    }
}

impl Tears for ShelfStore {
    fn tear(&self, _entry: &Entry) {
        // What is torn does not count.
    }
}
