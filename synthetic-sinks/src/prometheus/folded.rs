//! What there was no room for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What stands for all values that a family has no more room for.
pub(super) const OTHER: &str = "other";

/// How often something was counted in the series for all others, by family.
#[derive(Debug, Default)]
pub(super) struct Folded(Mutex<BTreeMap<&'static str, u64>>);

impl Folded {
    pub(super) fn count(&self, family: &'static str) {
        *lock(&self.0).entry(family).or_default() += 1;
    }

    /// Returns the count of a family.
    pub(super) fn of(&self, family: &str) -> u64 {
        lock(&self.0).get(family).copied().unwrap_or(0)
    }
}

/// The state of a panic that was elsewhere is as good as any.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
