//! What all canaries came to.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use synthetic_core::Report;

use super::folded::{Folded, lock};
use super::requests::Requests;
use super::series::CanarySeries;
use super::settings::Settings;

/// How many runs are remembered, so that one that is delivered again is not counted again. A batch has at most 100.
const REMEMBERED: usize = 1024;

/// The series of all canaries.
#[derive(Debug, Default)]
pub(super) struct Store {
    canaries: RwLock<BTreeMap<Key, Arc<Mutex<CanarySeries>>>>,
    pub(super) requests: Requests,
    pub(super) folded: Folded,
    delivered: Mutex<Delivered>,
}

/// Which canary. Ordered, so that two scrapes have their lines in the same order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) canary: Arc<str>,
    pub(super) location: Option<Arc<str>>,
}

/// The runs that were delivered last.
#[derive(Debug, Default)]
struct Delivered {
    known: HashSet<u128>,
    order: VecDeque<u128>,
}

impl Delivered {
    /// Returns whether it is new.
    fn add(&mut self, run: u128) -> bool {
        if !self.known.insert(run) {
            return false;
        }
        self.order.push_back(run);
        if self.order.len() > REMEMBERED {
            self.order.pop_front().map(|oldest| self.known.remove(&oldest));
        }
        true
    }
}

impl Store {
    /// Adds what a run came to, unless it was added before.
    pub(super) fn record(&self, report: &Report, settings: &Settings) {
        if !lock(&self.delivered).add(report.run_id.as_u128()) {
            return;
        }
        let key = Key { canary: Arc::clone(&report.canary), location: report.location.clone() };
        loop {
            let canary = self.canary(&key, settings);
            let mut canary = lock(&canary);
            // It may have been removed since; then it has no place in the store any more.
            if !canary.removed {
                return canary.record(report, settings, &self.requests, &self.folded);
            }
        }
    }

    /// Makes the series of canaries that have none yet, and forgets those that are not `known`, unless `late` knows better:
    /// one may have been added since.
    pub(super) fn keep(&self, known: &HashSet<Key>, late: impl Fn(&Key) -> bool, settings: &Settings) {
        for key in known {
            self.canary(key, settings);
        }
        let mut canaries = self.canaries.write().unwrap_or_else(PoisonError::into_inner);
        canaries.retain(|key, canary| {
            if known.contains(key) || late(key) {
                return true;
            }
            let mut canary = lock(canary);
            canary.removed = true;
            self.requests.forget(&canary.requests);
            false
        });
    }

    /// Returns all canaries as they are now, in order.
    pub(super) fn canaries(&self) -> Vec<(Key, Arc<Mutex<CanarySeries>>)> {
        let canaries = self.canaries.read().unwrap_or_else(PoisonError::into_inner);
        canaries.iter().map(|(key, canary)| (key.clone(), Arc::clone(canary))).collect()
    }

    fn canary(&self, key: &Key, settings: &Settings) -> Arc<Mutex<CanarySeries>> {
        if let Some(known) = self.canaries.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Arc::clone(known);
        }
        let mut canaries = self.canaries.write().unwrap_or_else(PoisonError::into_inner);
        let new = || CanarySeries::new(&key.canary, key.location.as_deref(), settings);
        Arc::clone(canaries.entry(key.clone()).or_insert_with(|| Arc::new(Mutex::new(new()))))
    }
}
