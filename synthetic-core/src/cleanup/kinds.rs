//! The resources that are known, by kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Resource;
use super::any_resource::AnyResource;

/// The resources that are known, by kind: whoever reads a kind in the journal finds the code for it here.
#[derive(Default)]
pub(crate) struct Kinds(Mutex<Known>);

#[derive(Default)]
struct Known {
    registered: BTreeMap<String, Arc<dyn AnyResource>>,
    /// Kinds whose search has found what it should, so that it need not be checked again.
    searchable: BTreeSet<String>,
}

impl Kinds {
    /// Registers a resource. Returns whether its kind was free; the later one counts.
    pub(crate) fn register(&self, resource: impl Resource) -> bool {
        let kind = resource.kind().to_owned();
        self.lock().registered.insert(kind, Arc::new(resource)).is_none()
    }

    pub(crate) fn get(&self, kind: &str) -> Option<Arc<dyn AnyResource>> {
        self.lock().registered.get(kind).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<dyn AnyResource>> {
        self.lock().registered.values().cloned().collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().registered.keys().cloned().collect()
    }

    /// Returns whether the search of a kind has been seen to work.
    pub(crate) fn is_searchable(&self, kind: &str) -> bool {
        self.lock().searchable.contains(kind)
    }

    pub(crate) fn set_searchable(&self, kind: &str) {
        self.lock().searchable.insert(kind.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
