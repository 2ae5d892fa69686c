//! Stores that break the contract, each in one way, and the sentence that tells it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::*;
use crate::cleanup::JournalError;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    NoPlace,
    TakesFromTheLiving,
    SeesTheLiving,
    KeepsTheFirst,
    RemembersWhatIsOver,
    LooksAndTakes,
    GivesWithoutKeeping,
    GivesTwice,
    LosesThePayload,
    LosesSmallIds,
    LosesNotBefore,
    ForgetsWhenClosed,
    ClosesOnce,
    RefusesNothing,
    AlwaysAProblem,
    NoPlaceOfAnEntry,
}

/// What a store of every process has put, and whether that process lives.
#[derive(Default)]
struct Place(Vec<(bool, BTreeMap<String, Entry>)>);

struct Store {
    fault: Fault,
    place: Arc<Mutex<Place>>,
    own: usize,
    closed: Mutex<bool>,
}

impl Store {
    fn open(fault: Fault, place: &Arc<Mutex<Place>>) -> Self {
        let stores = &mut place.lock().unwrap().0;
        stores.push((true, BTreeMap::new()));
        Self { fault, place: Arc::clone(place), own: stores.len() - 1, closed: Mutex::new(false) }
    }

    fn left(&self, take: bool) -> Left {
        let stores = &mut self.place.lock().unwrap().0;
        let fault = if take { Fault::TakesFromTheLiving } else { Fault::SeesTheLiving };
        let mut found = BTreeMap::new();
        for (n, (lives, entries)) in stores.iter_mut().enumerate() {
            if n != self.own && (!*lives || self.fault == fault) {
                found.extend(entries.clone());
                if take && self.fault != Fault::GivesTwice || self.fault == Fault::LooksAndTakes {
                    entries.clear();
                }
            }
        }
        if take && self.fault != Fault::GivesWithoutKeeping {
            stores[self.own].1.extend(found.clone());
        }
        let place = if self.fault == Fault::NoPlaceOfAnEntry { "" } else { "memory" };
        let problems = if self.fault == Fault::AlwaysAProblem { vec!["full moon".to_owned()] } else { Vec::new() };
        Left { entries: found.into_values().map(|entry| (entry, place.to_owned())).collect(), problems }
    }
}

#[async_trait]
impl JournalStore for Store {
    fn place(&self) -> String {
        if self.fault == Fault::NoPlace { String::new() } else { "memory".to_owned() }
    }

    async fn put(&self, entries: &[Entry]) -> Result<(), JournalError> {
        if self.fault == Fault::RefusesNothing && entries.is_empty() {
            return Err(JournalError::new("nothing to write"));
        }
        let own = &mut self.place.lock().unwrap().0[self.own].1;
        for entry in entries {
            let mark = entry.mark.to_string();
            let mut entry = entry.clone();
            match self.fault {
                Fault::LosesThePayload => entry.payload = None,
                Fault::LosesNotBefore => entry.not_before = None,
                Fault::LosesSmallIds => entry.id = entry.id.filter(|id| !id.is_null()),
                _ => {}
            }
            if entry.state.is_over() && self.fault != Fault::RemembersWhatIsOver {
                own.remove(&mark);
            } else if self.fault != Fault::KeepsTheFirst || !own.contains_key(&mark) {
                own.insert(mark, entry);
            }
        }
        Ok(())
    }

    async fn adopt(&self) -> Result<Left, JournalError> {
        Ok(self.left(true))
    }

    async fn look(&self) -> Result<Left, JournalError> {
        Ok(self.left(false))
    }

    async fn close(&self) -> Result<(), JournalError> {
        let own = &mut self.place.lock().unwrap().0[self.own];
        if self.fault == Fault::ForgetsWhenClosed {
            own.1.clear();
        }
        own.0 = false;
        if std::mem::replace(&mut *self.closed.lock().unwrap(), true) && self.fault == Fault::ClosesOnce {
            return Err(JournalError::new("closed"));
        }
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.place.lock().unwrap().0[self.own].0 = false;
    }
}

/// Returns the sentence that the check complains with.
async fn complaint(fault: Fault) -> Option<String> {
    let place = Arc::default();
    let mut checking = Box::pin(check_journal_store_contract(|| async { Store::open(fault, &place) }));
    let outcome =
        std::future::poll_fn(|cx| match std::panic::catch_unwind(AssertUnwindSafe(|| checking.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        });
    outcome.await.err().map(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => (*panic.downcast::<&'static str>().unwrap()).to_owned(),
    })
}

#[tokio::test]
async fn a_store_that_keeps_the_contract_passes() {
    assert_eq!(complaint(Fault::None).await, None);
}

#[tokio::test]
async fn every_broken_promise_is_named() {
    for (fault, promise) in [
        (Fault::NoPlace, "a store says where it is"),
        (Fault::TakesFromTheLiving, "as long as it lives: another one takes nothing"),
        (Fault::SeesTheLiving, "as long as it lives: another one sees nothing of it"),
        (Fault::KeepsTheFirst, "what was put and is not over is seen by a store that looks"),
        (Fault::RemembersWhatIsOver, "an entry that is over is not given"),
        (Fault::LooksAndTakes, "looking changes nothing"),
        (Fault::GivesWithoutKeeping, "taken over alike when it has died"),
        (Fault::GivesTwice, "what was taken over is given once"),
        (Fault::LosesThePayload, "what was put and is not over is seen by a store that looks"),
        (Fault::LosesSmallIds, "what was put and is not over is seen by a store that looks"),
        (Fault::LosesNotBefore, "what was put and is not over is seen by a store that looks"),
        (Fault::ForgetsWhenClosed, "what is not over when a store is closed, the next process takes over"),
        (Fault::ClosesOnce, "a second call does nothing can be closed, but failed: closed"),
        (Fault::RefusesNothing, "a store takes a put of nothing, but failed: nothing to write"),
        (Fault::AlwaysAProblem, "there is no problem"),
        (Fault::NoPlaceOfAnEntry, "an entry says where it was found"),
    ] {
        let complaint = complaint(fault).await.unwrap_or_else(|| panic!("{fault:?} was not noticed"));
        assert!(complaint.contains(promise), "expected {promise:?} of {fault:?} in {complaint:?}");
    }
}
