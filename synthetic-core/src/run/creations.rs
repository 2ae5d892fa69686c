//! What a run is making right now: counted, bounded in time, and sealed when the run is to end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::cleanup::Mark;

/// What a run is making right now. Dropping a creation in flight is a lost answer without any crash, so whoever ends a body
/// waits for these first.
#[derive(Debug, Default)]
pub(crate) struct Creations {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    sealed: bool,
    last: u32,
    in_flight: Vec<One>,
    marks: Vec<Mark>,
}

#[derive(Debug)]
struct One {
    number: u32,
    place: Place,
    deadline: Instant,
}

/// Where in the journey something is made.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) step: Option<usize>,
    /// The numbers of the tries that it is part of.
    pub(crate) tries: Vec<u64>,
}

impl Creations {
    /// Lets no further creation begin.
    pub(crate) fn seal(&self) {
        self.lock().sealed = true;
    }

    /// Returns the number of what is going to be made, or `None` when nothing is made any more.
    fn number(&self, place: Place, deadline: Instant) -> Option<u32> {
        let mut state = self.lock();
        if state.sealed {
            return None;
        }
        state.last += 1;
        let number = state.last;
        state.in_flight.push(One { number, place, deadline });
        Some(number)
    }

    /// Returns how many have begun so far.
    pub(crate) fn begun(&self) -> u32 {
        self.lock().last
    }

    /// Remembers the mark of what is going to be made.
    pub(super) fn remember(&self, mark: Mark) {
        self.lock().marks.push(mark);
    }

    /// Returns the marks of everything that was going to be made, once.
    pub(crate) fn take_marks(&self) -> Vec<Mark> {
        std::mem::take(&mut self.lock().marks)
    }

    /// Returns until when what is in flight may take, or `None` when nothing is.
    pub(crate) fn in_flight_until(&self) -> Option<Instant> {
        self.lock().in_flight.iter().map(|one| one.deadline).max()
    }

    /// Returns when nothing is in flight any more, or all of it is past its time.
    pub(crate) async fn settled(&self) {
        self.settled_where(|_| true).await;
    }

    /// Returns when nothing is in flight any more in the places that `counts`, or all of it is past its time.
    pub(crate) async fn settled_where(&self, counts: impl Fn(&Place) -> bool) {
        loop {
            let ended = self.ended.notified();
            let in_flight = |one: &&One| counts(&one.place) && Instant::now() < one.deadline;
            let until = self.lock().in_flight.iter().filter(in_flight).map(|one| one.deadline).max();
            let Some(until) = until else { return };
            let _ = timeout_at(until, ended).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A creation that is going on, until this is dropped.
pub(super) struct InFlight {
    creations: Arc<Creations>,
    pub(super) number: u32,
}

impl InFlight {
    /// Begins a creation in a place, unless none begins any more.
    pub(super) fn begin(creations: &Arc<Creations>, place: Place, deadline: Instant) -> Option<Self> {
        let number = creations.number(place, deadline)?;
        Some(Self { creations: Arc::clone(creations), number })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.creations.lock().in_flight.retain(|one| one.number != self.number);
        self.creations.ended.notify_waiters();
    }
}
