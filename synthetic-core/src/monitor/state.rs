//! What a monitor knows of its canaries: who is due, who runs, who waits, and what became of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::classes::{Class, Limit, Place};
use super::history::Depth;
use super::slot::{Id, Phase, Slot};
use super::summary::Counts;
use crate::canary::AnyCanary;
use crate::schedule::Due;
use crate::vitals::Stats;

/// What a monitor knows of its canaries. The [board](super::board) holds it, and keeps the time.
#[derive(Debug)]
pub(super) struct State {
    pub(super) slots: Vec<Option<Slot>>,
    pub(super) free: Vec<Id>,
    pub(super) names: HashMap<Arc<str>, Id>,
    pub(super) classes: Vec<Class<Begin>>,
    /// When to look at whom again, after the start of the monitor.
    pub(super) wakes: BinaryHeap<Reverse<(Duration, Id, u64)>>,
    /// The last turn that was given out: no two plans have the same.
    pub(super) turns: u64,
    /// Who was given a place by somebody who left it.
    pub(super) ready: Vec<Start>,
    /// Until when the scheduler sleeps.
    pub(super) sleeps_until: Duration,
    /// The wall-clock time of the monitor's start, as the wall clock says now.
    pub(super) wall: SystemTime,
    /// When that was, by a clock that tests do not pause: the wall clock goes on with this one.
    pub(super) began: std::time::Instant,
    pub(super) stats: Stats,
    /// What became of canaries that were removed.
    pub(super) removed: BTreeMap<Arc<str>, Counts>,
    pub(super) each: usize,
    pub(super) depth: Depth,
    pub(super) life: Life,
    /// When the scheduler was last awake.
    pub(super) beat: Duration,
}

/// Where a monitor is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    NotStarted,
    /// Schedules are kept.
    Running,
    /// Everybody runs once.
    Once,
    Draining,
    Ended,
}

/// A start that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begin {
    pub(super) id: Id,
    pub(super) due: Duration,
    pub(super) missed: u64,
}

/// A run that is to begin now.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) id: Id,
    pub(super) canary: AnyCanary,
    pub(super) due: Instant,
    pub(super) missed: u64,
    pub(super) waited: Duration,
    /// Why it is skipped instead.
    pub(super) skip: Option<Skip>,
}

/// Why a start is skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Skip {
    pub(super) class: Arc<str>,
    pub(super) limit: Limit,
}

impl State {
    pub(super) fn new(slots: Vec<Slot>, classes: BTreeMap<Arc<str>, Limit>, each: usize, wall: SystemTime) -> Self {
        let names = slots.iter().enumerate().map(|(id, slot)| (slot.canary.spec().shared_name(), id)).collect();
        let depth = Depth::of(each, slots.len());
        Self {
            wakes: BinaryHeap::with_capacity(slots.len()),
            slots: slots.into_iter().map(Some).collect(),
            free: Vec::new(),
            turns: 0,
            names,
            classes: classes.into_iter().map(|(name, limit)| Class::new(name, limit)).collect(),
            ready: Vec::new(),
            sleeps_until: Duration::ZERO,
            wall,
            began: std::time::Instant::now(),
            stats: Stats::default(),
            removed: BTreeMap::new(),
            each,
            depth,
            life: Life::NotStarted,
            beat: Duration::ZERO,
        }
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    /// Returns a canary that was not removed.
    pub(super) fn find(&self, name: &str) -> Option<Id> {
        self.named(name).filter(|(_, slot)| !slot.removed).map(|(id, _)| id)
    }

    /// Returns whether a canary of this name was removed, and its run still goes on.
    pub(super) fn is_leaving(&self, name: &str) -> bool {
        self.named(name).is_some_and(|(_, slot)| slot.removed)
    }

    fn named(&self, name: &str) -> Option<(Id, &Slot)> {
        let id = *self.names.get(name)?;
        self.slots[id].as_ref().map(|slot| (id, slot))
    }

    /// Returns a canary of which it is known that it is there.
    pub(super) fn slot(&self, id: Id) -> Option<&Slot> {
        self.slots[id].as_ref()
    }

    pub(super) fn slot_mut(&mut self, id: Id) -> Option<&mut Slot> {
        self.slots[id].as_mut()
    }

    pub(super) fn class(&self, name: &str) -> Option<u32> {
        self.classes.iter().position(|class| &*class.name == name).and_then(|n| u32::try_from(n).ok())
    }

    /// Returns for each canary that waits for a place since when it does.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&Slot, Duration)> {
        let all = self.classes.iter().flat_map(|class| &class.waiting);
        all.filter_map(|waiting| Some((self.slots[waiting.start.id].as_ref()?, waiting.since)))
    }

    /// Asks its schedule when a canary is due, and remembers to look then.
    pub(super) fn plan(&mut self, id: Id, now: Duration) {
        let (wall, life) = (self.wall, self.life);
        let Some(slot) = &mut self.slots[id] else { return };
        self.turns += 1;
        slot.turn = self.turns;
        slot.next = None;
        if slot.paused || slot.removed || life != Life::Running {
            return;
        }
        if let Some(Due { at, .. }) = slot.due(wall, now) {
            slot.next = Some(at);
            self.wakes.push(Reverse((at, id, self.turns)));
        }
        if self.wakes.len() > 2 * self.slots.len() + 64 {
            self.forget_old_plans();
        }
    }

    /// Plans that were changed stay in the heap until their time has come: here they go, when there are too many.
    fn forget_old_plans(&mut self) {
        let Self { wakes, slots, .. } = self;
        wakes.retain(|Reverse((_, id, turn))| slots[*id].as_ref().is_some_and(|slot| slot.turn == *turn));
    }

    /// Lets a run begin as soon as there is a place for it.
    pub(super) fn begin(&mut self, begin: Begin, now: Duration, started: Instant) {
        let Begin { id, due, missed } = begin;
        let Some(slot) = &mut self.slots[id] else { return };
        slot.last = Some(due.saturating_sub(slot.epoch));
        slot.next = None;
        slot.phase = Phase::Waiting;
        slot.counts.missed += missed;
        let class = slot.class as usize;
        self.stats.missed += missed;
        self.stats.lag.add(now.saturating_sub(due));
        match self.classes[class].ask(begin, now) {
            Place::Taken(begin) => self.go(begin, now, now, started),
            Place::Waits => self.stats.waiting += 1,
            Place::Full(begin) => {
                let skip = Skip { class: Arc::clone(&self.classes[class].name), limit: self.classes[class].limit };
                self.start(begin, Duration::ZERO, Some(skip), started);
            }
        }
    }

    /// Lets a canary run now, whatever its schedule says. It takes no start from its schedule.
    pub(super) fn trigger(&mut self, id: Id, now: Duration, started: Instant) {
        let Some(slot) = &mut self.slots[id] else { return };
        let last = slot.last;
        self.turns += 1;
        slot.turn = self.turns;
        self.begin(Begin { id, due: now, missed: 0 }, now, started);
        if let Some(slot) = &mut self.slots[id] {
            slot.last = last;
        }
    }

    /// Adds a canary, and plans its first start.
    pub(super) fn add(&mut self, slot: Slot, now: Duration) {
        let name = slot.canary.spec().shared_name();
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[id] = Some(slot);
        self.names.insert(name, id);
        self.depth = Depth::of(self.each, self.names.len());
        self.plan(id, now);
        if self.life == Life::Once {
            self.run_once(id, now);
        }
    }

    /// Lets a canary be due, whatever its schedule says.
    pub(super) fn run_once(&mut self, id: Id, now: Duration) {
        if let Some(slot) = &self.slots[id] {
            self.wakes.push(Reverse((now, id, slot.turn)));
        }
    }

    /// Removes a canary, now or when its run has ended.
    pub(super) fn remove(&mut self, id: Id) {
        self.leave_queue(id);
        let Some(slot) = &mut self.slots[id] else { return };
        slot.removed = true;
        if slot.phase == Phase::Idle {
            self.forget(id);
        }
    }

    /// Gives up a start that waits for its place.
    pub(super) fn leave_queue(&mut self, id: Id) {
        let Some(slot) = self.slots[id].as_mut().filter(|slot| slot.phase == Phase::Waiting) else { return };
        slot.phase = Phase::Idle;
        let waiting = &mut self.classes[slot.class as usize].waiting;
        let before = waiting.len();
        waiting.retain(|waiting| waiting.start.id != id);
        self.stats.waiting -= (before - waiting.len()) as u64;
    }

    pub(super) fn forget(&mut self, id: Id) {
        if let Some(slot) = self.slots[id].take() {
            let name = slot.canary.spec().shared_name();
            self.names.remove(&name);
            self.removed.entry(name).or_default().add(&slot.counts);
            self.free.push(id);
        }
    }

    /// A run that was to begin does not.
    pub(super) fn take_back(&mut self, start: &Start) {
        let Some(slot) = &mut self.slots[start.id] else { return };
        slot.phase = Phase::Idle;
        let (class, removed) = (slot.class as usize, slot.removed);
        if start.skip.is_none() {
            self.stats.in_flight -= 1;
            self.classes[class].running -= 1;
        }
        if removed {
            self.forget(start.id);
        }
    }

    pub(super) fn leave(&mut self, id: Id, now: Duration, started: Instant) {
        self.stats.in_flight -= 1;
        let Some(class) = self.slots[id].as_ref().map(|slot| slot.class as usize) else { return };
        if let Some(next) = self.classes[class].leave() {
            self.stats.waiting -= 1;
            self.go(next.start, next.since, now, started);
        }
    }

    /// A start has its place.
    fn go(&mut self, begin: Begin, since: Duration, now: Duration, started: Instant) {
        let waited = now.saturating_sub(since);
        self.stats.queue_wait.add(waited);
        self.stats.in_flight += 1;
        let wall = self.wall;
        if let Some(slot) = &self.slots[begin.id] {
            let starved = waited > Duration::ZERO && slot.is_overtaken(wall, since, now);
            self.stats.starved += u64::from(starved);
        }
        self.start(begin, waited, None, started);
    }

    fn start(&mut self, begin: Begin, waited: Duration, skip: Option<Skip>, started: Instant) {
        let Begin { id, due, missed } = begin;
        let Some(slot) = &mut self.slots[id] else { return };
        slot.phase = Phase::Running;
        let (canary, due) = (slot.canary.clone(), started + due);
        self.ready.push(Start { id, canary, due, missed, waited, skip });
    }

    /// Wakes the scheduler when it is to act before it would.
    pub(super) fn wake(&self, changed: &Notify) {
        let sooner = self.wakes.peek().is_some_and(|Reverse((at, ..))| *at < self.sleeps_until);
        if sooner || !self.ready.is_empty() || self.life != Life::Running {
            changed.notify_one();
        }
    }
}
