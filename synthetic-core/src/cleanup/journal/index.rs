//! [`Journal`]: what the store holds, as this process knows it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::store::{JournalError, JournalStore};
use crate::cleanup::any_resource::AnyResource;
use crate::cleanup::{Entry, Mark, State};
use crate::clock::Clock;
use crate::report::{CleanupItem, CleanupResult};

/// How many things that were swept are remembered for a canary's next report.
const MOST_SWEPT: usize = 100;

/// What was made and is not removed yet: in the store, if there is one, and in the memory of this process.
pub(crate) struct Journal {
    store: Option<Arc<dyn JournalStore>>,
    clock: Clock,
    state: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// By canary, as its name stands in marks.
    canaries: HashMap<String, HashMap<Mark, Tracked>>,
    swept: HashMap<String, Vec<CleanupItem>>,
    /// What last stood in the way of a removal.
    problems: HashMap<String, String>,
    /// The kinds of which something was seen to be deleted.
    deletable: HashSet<String>,
    /// What is over, and could not be written.
    unwritten: Vec<Entry>,
}

/// A thing that is not removed yet.
#[derive(Clone)]
pub(crate) struct Tracked {
    pub(crate) entry: Entry,
    /// The resource that it was made with; what comes from the store has none, and is removed by the one that is
    /// registered.
    pub(crate) resource: Option<Arc<dyn AnyResource>>,
    /// Where it was found, when another process made it.
    pub(crate) place: Option<Arc<str>>,
    /// Whether its run has not concluded: nobody else may touch it.
    live: bool,
    /// Whether anything may have been sent to make it.
    sent: bool,
    /// Whether nothing may be sent to make it any more.
    withdrawn: bool,
    /// Whether something of it has been found and deleted.
    pub(crate) found: bool,
    /// Whether its id has a secret in it, which the store must not keep.
    secret: bool,
}

impl Journal {
    pub(crate) fn new(store: Option<Arc<dyn JournalStore>>, clock: Clock) -> Self {
        Self { store, clock, state: Mutex::default() }
    }

    pub(crate) fn store(&self) -> Option<&Arc<dyn JournalStore>> {
        self.store.as_ref()
    }

    /// Returns whether what it holds survives this process.
    pub(crate) fn is_durable(&self) -> bool {
        self.store.is_some()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Knows from now on that something is about to be made by a run. Returns how many its canary has instead, and knows
    /// nothing, when those are as many as it may have.
    pub(crate) fn reserve(&self, entry: &Entry, resource: Arc<dyn AnyResource>, most: usize) -> Result<(), usize> {
        let tracked = Tracked {
            entry: entry.clone(),
            resource: Some(resource),
            place: None,
            live: true,
            sent: false,
            withdrawn: false,
            found: false,
            secret: false,
        };
        let mut state = self.lock();
        let things = state.canary(&entry.mark);
        let live = things.values().filter(|it| it.entry.state.is_pending()).count();
        if live >= most {
            return Err(live);
        }
        things.insert(entry.mark.clone(), tracked);
        Ok(())
    }

    /// Writes down what was reserved. When it fails, nothing is known of it. It is known before it is written: if this future
    /// is dropped in between, there is nothing written that nobody knows of.
    pub(crate) async fn begin(&self, entry: &Entry) -> Result<(), JournalError> {
        let written = self.write(entry).await;
        if written.is_err() {
            self.lock().canary(&entry.mark).remove(&entry.mark);
        }
        written
    }

    /// Notes that a request may be on its way now. Returns false, and then none may be sent, when the thing was withdrawn.
    pub(crate) fn sending(&self, mark: &Mark) -> bool {
        let sending = self.with(mark, |tracked| {
            tracked.sent |= !tracked.withdrawn;
            tracked.sent
        });
        sending.unwrap_or_default()
    }

    /// Withdraws a thing for which nothing was sent yet: nothing ever is. Returns whether it did.
    pub(crate) fn withdraw(&self, mark: &Mark) -> bool {
        let withdrawn = self.with(mark, |tracked| {
            tracked.withdrawn |= !tracked.sent;
            tracked.withdrawn
        });
        withdrawn.unwrap_or_default()
    }

    /// Notes that something of a kind was deleted.
    pub(crate) fn deleted_one(&self, kind: &str) {
        let mut state = self.lock();
        if !state.deletable.contains(kind) {
            state.deletable.insert(kind.to_owned());
        }
    }

    /// Returns whether something of a kind was seen to be deleted.
    pub(crate) fn is_deletable(&self, kind: &str) -> bool {
        self.lock().deletable.contains(kind)
    }

    /// Notes that the id of a thing has a secret in it: it is known to this process, and never written.
    pub(crate) fn keep_id_secret(&self, mark: &Mark) {
        self.with(mark, |tracked| tracked.secret = true);
    }

    /// Writes an entry over what was known of it. What this process knows is up to date also when it cannot be written.
    pub(crate) async fn put(&self, mut entry: Entry) -> Result<(), JournalError> {
        {
            let mut state = self.lock();
            let canary = state.canary(&entry.mark);
            let is_secret = canary.get(&entry.mark).is_some_and(|tracked| tracked.secret);
            if entry.state.is_over() {
                canary.remove(&entry.mark);
            } else if let Some(tracked) = canary.get_mut(&entry.mark) {
                if is_secret {
                    // What is written has no id, and a replay has to learn it again.
                    entry.payload = entry.payload.or_else(|| tracked.entry.payload.take());
                }
                tracked.entry = entry.clone();
            } else {
                // It was settled while its creation was still going on, by a run that had given it up.
                let tracked = Tracked {
                    entry: entry.clone(),
                    resource: None,
                    place: None,
                    live: false,
                    sent: true,
                    withdrawn: false,
                    found: true,
                    secret: false,
                };
                canary.insert(entry.mark.clone(), tracked);
            }
            if is_secret {
                entry.id = None;
                entry.state = if entry.state == State::Created { State::Intent } else { entry.state };
            }
        }
        self.write(&entry).await
    }

    /// Keeps what was taken over from a process that is gone.
    pub(crate) fn keep(&self, entry: Entry, place: String) {
        let mark = entry.mark.clone();
        let tracked = Tracked {
            entry,
            resource: None,
            place: Some(place.into()),
            live: false,
            sent: true,
            withdrawn: false,
            found: false,
            secret: false,
        };
        self.lock().canary(&mark).entry(mark).or_insert(tracked);
    }

    /// Returns what is known of a thing that is not removed yet.
    pub(crate) fn get(&self, mark: &Mark) -> Option<Tracked> {
        self.with(mark, |tracked| tracked.clone())
    }

    /// Notes that something of it has been found and deleted.
    pub(crate) fn found(&self, mark: &Mark) {
        self.with(mark, |tracked| tracked.found = true);
    }

    /// Lets go of a thing whose run has concluded: it is the sweeper's now, or, without one, nobody's.
    pub(crate) fn release(&self, mark: &Mark, has_sweeper: bool) {
        if has_sweeper {
            self.with(mark, |tracked| tracked.live = false);
        } else {
            self.lock().canary(mark).remove(mark);
        }
    }

    /// Returns what may be removed now: pending, of no run that goes on, and not kept any longer.
    pub(crate) fn due(&self) -> Vec<Tracked> {
        let now = self.now();
        let is_due = |tracked: &&Tracked| {
            !tracked.live
                && tracked.entry.state.is_pending()
                && tracked.entry.not_before.is_none_or(|not_before| not_before <= now)
        };
        self.all().iter().filter(is_due).cloned().collect()
    }

    /// Returns everything that is not over.
    pub(crate) fn all(&self) -> Vec<Tracked> {
        self.lock().canaries.values().flat_map(HashMap::values).cloned().collect()
    }

    /// Returns how many things of a canary wait for their removal, and how old the oldest is. What runs that go on have
    /// made counts only `with_live`.
    pub(crate) fn pending(&self, canary: &str, with_live: bool) -> (usize, Option<Duration>) {
        let now = self.now();
        let state = self.lock();
        let Some(things) = state.canaries.get(canary) else { return (0, None) };
        let pending = things.values().filter(|it| it.entry.state.is_pending() && (with_live || !it.live));
        pending.fold((0, None), |(count, oldest), it| {
            let age = it.entry.age(now);
            (count + 1, Some(oldest.map_or(age, |oldest: Duration| oldest.max(age))))
        })
    }

    /// Remembers what became of a thing, for its canary's next report.
    pub(crate) fn note_swept(&self, canary: &str, item: CleanupItem) {
        let mut state = self.lock();
        if item.failure.is_some() {
            state.problems.insert(canary.to_owned(), item.to_string());
        }
        let swept = state.swept.entry(canary.to_owned()).or_default();
        // Of what is tried again and again, what became of it last is of interest.
        let is_newer = |earlier: &CleanupItem| {
            item.mark.is_some() && earlier.mark == item.mark && (earlier.id.is_none() || earlier.id == item.id)
        };
        swept.retain(|earlier| !is_newer(earlier));
        if swept.len() >= MOST_SWEPT && item.result == CleanupResult::Abandoned {
            // That is for somebody to do something about, and is never said again.
            if let Some(less) = swept.iter().position(|earlier| earlier.result != CleanupResult::Abandoned) {
                swept.remove(less);
            }
        }
        if swept.len() < MOST_SWEPT {
            swept.push(item);
        }
    }

    pub(crate) fn take_swept(&self, canary: &str) -> Vec<CleanupItem> {
        self.lock().swept.remove(canary).unwrap_or_default()
    }

    /// Returns what last stood in the way of removing something of a canary.
    pub(crate) fn last_problem(&self, canary: &str) -> Option<String> {
        self.lock().problems.get(canary).cloned()
    }

    /// Notes what stood in the way of removing something of a canary.
    pub(crate) fn note_problem(&self, canary: &str, problem: String) {
        self.lock().problems.insert(canary.to_owned(), problem);
    }

    async fn write(&self, entry: &Entry) -> Result<(), JournalError> {
        let Some(store) = &self.store else { return Ok(()) };
        let written = store.put(std::slice::from_ref(entry)).await;
        if written.is_ok() {
            self.catch_up().await;
        } else if entry.state.is_over() {
            self.lock().unwritten.push(entry.clone());
        }
        written
    }

    /// Writes what is over and could not be written before, as when the disk was full: the next process would ask for it again,
    /// at a time when somebody else's thing may have its id.
    pub(crate) async fn catch_up(&self) {
        let unwritten = std::mem::take(&mut self.lock().unwritten);
        if let Some(store) = self.store.as_ref().filter(|_| !unwritten.is_empty())
            && store.put(&unwritten).await.is_err()
        {
            self.lock().unwritten.extend(unwritten);
        }
    }

    fn with<T>(&self, mark: &Mark, f: impl FnOnce(&mut Tracked) -> T) -> Option<T> {
        self.lock().canaries.get_mut(mark.canary())?.get_mut(mark).map(f)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn canary(&mut self, mark: &Mark) -> &mut HashMap<Mark, Tracked> {
        // Looked up twice rather than allocating a name that is nearly always there.
        if !self.canaries.contains_key(mark.canary()) {
            self.canaries.insert(mark.canary().to_owned(), HashMap::new());
        }
        self.canaries.entry(mark.canary().to_owned()).or_default()
    }
}

impl Tracked {
    /// Returns when the entry is settled for good: from then on, the target carries out nothing any more that was asked
    /// before.
    pub(crate) fn quiet_at(&self, quiescence: Duration) -> SystemTime {
        self.entry.replayed_at.unwrap_or(self.entry.intent_at).max(self.entry.intent_at) + quiescence
    }

    /// Returns the id, if it is known.
    pub(crate) fn id(&self) -> Option<&Value> {
        self.entry.id.as_ref()
    }

    /// Returns the state in which its removal ends.
    pub(crate) fn gone(&self, was_there: bool) -> State {
        if was_there || self.found { State::Deleted } else { State::Gone }
    }
}
