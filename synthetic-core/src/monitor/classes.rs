//! How many runs of a kind go on side by side, and how many wait for their place.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The class of canaries that do not say.
pub(crate) const HTTP: &str = "http";
/// The class of canaries that drive a browser.
pub(crate) const BROWSER: &str = "browser";

/// How many runs of a class go on side by side, and how many wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) running: usize,
    pub(super) waiting: usize,
}

impl Limit {
    /// So many side by side, and ten times as many that wait.
    pub(super) const fn of(running: usize) -> Self {
        Self { running, waiting: running.saturating_mul(10) }
    }

    /// Returns what is so when nobody says otherwise.
    pub(super) fn defaults() -> BTreeMap<Arc<str>, Self> {
        BTreeMap::from([(HTTP.into(), Self::of(1_000)), (BROWSER.into(), Self::of(2))])
    }
}

/// A start that waits for its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting<T> {
    pub(super) start: T,
    /// Since when, counted from the start of the monitor.
    pub(super) since: Duration,
}

/// The runs of one class.
#[derive(Debug)]
pub(super) struct Class<T> {
    pub(super) name: Arc<str>,
    pub(super) limit: Limit,
    pub(super) running: usize,
    pub(super) waiting: VecDeque<Waiting<T>>,
}

/// What becomes of a start.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place<T> {
    /// It has a place.
    Taken(T),
    /// It waits for one.
    Waits,
    /// Too many wait already.
    Full(T),
}

impl<T> Class<T> {
    pub(super) fn new(name: Arc<str>, limit: Limit) -> Self {
        Self { name, limit, running: 0, waiting: VecDeque::new() }
    }

    /// Gives a start a place, now or when its turn has come.
    pub(super) fn ask(&mut self, start: T, now: Duration) -> Place<T> {
        if self.running < self.limit.running {
            self.running += 1;
            return Place::Taken(start);
        }
        if self.waiting.len() >= self.limit.waiting {
            return Place::Full(start);
        }
        self.waiting.push_back(Waiting { start, since: now });
        Place::Waits
    }

    /// Gives back a place. Returns who has it now.
    pub(super) fn leave(&mut self) -> Option<Waiting<T>> {
        let next = self.waiting.pop_front();
        if next.is_none() {
            self.running -= 1;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_in_the_order_in_which_they_were_asked_for_and_the_queue_is_bounded() {
        let mut class = Class::new(BROWSER.into(), Limit { running: 1, waiting: 2 });
        let at = Duration::from_secs;
        assert_eq!(class.ask("a", at(0)), Place::Taken("a"));
        assert_eq!(class.ask("b", at(1)), Place::Waits);
        assert_eq!(class.ask("c", at(2)), Place::Waits);
        assert_eq!(class.ask("d", at(3)), Place::Full("d"));
        let next = class.leave().unwrap();
        assert_eq!((next.start, next.since), ("b", at(1)));
        assert_eq!(class.leave().map(|next| next.start), Some("c"));
        assert!(class.leave().is_none());
        assert_eq!(class.running, 0);
    }
}
