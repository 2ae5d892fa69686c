//! What a monitor knows of its canaries: who is due, who runs, who waits, and what became of them. The scheduler acts on it, a
//! [`Handle`](super::Handle) reads and changes it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::classes::{Class, Limit, Place};
use super::handle::LastRun;
use super::history::Depth;
use super::slot::{Id, Phase, Slot};
use super::summary::Counts;
use crate::canary::AnyCanary;
use crate::clock::Clock;
use crate::outcome::Outcome;
use crate::report::Report;
use crate::schedule::Due;
use crate::sink::{SinkStats, Tally};
use crate::vitals::Stats;

/// What a monitor knows of its canaries.
#[derive(Debug)]
pub(super) struct Board {
    state: Mutex<State>,
    /// When the monitor was started.
    started: OnceLock<Instant>,
    /// Tells the scheduler that somebody is due whom it does not expect yet.
    pub(super) changed: Notify,
    /// Tells that a run has ended.
    pub(super) concluded: Notify,
    /// What became of the reports, by sink.
    delivery: OnceLock<Vec<Arc<Tally>>>,
    clock: Option<Clock>,
}

#[derive(Debug)]
pub(super) struct State {
    slots: Vec<Option<Slot>>,
    free: Vec<Id>,
    names: HashMap<Arc<str>, Id>,
    classes: Vec<Class<Begin>>,
    /// When to look at whom again, after the start of the monitor.
    wakes: BinaryHeap<Reverse<(Duration, Id, u64)>>,
    /// The last turn that was given out: no two plans have the same.
    turns: u64,
    /// Who was given a place by somebody who left it.
    ready: Vec<Start>,
    /// Until when the scheduler sleeps.
    sleeps_until: Duration,
    /// The wall-clock time of the monitor's start, as the wall clock says now.
    pub(super) wall: SystemTime,
    /// When that was, by a clock that tests do not pause: the wall clock goes on with this one.
    began: std::time::Instant,
    pub(super) stats: Stats,
    /// What became of canaries that were removed.
    removed: BTreeMap<Arc<str>, Counts>,
    each: usize,
    depth: Depth,
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
    id: Id,
    due: Duration,
    missed: u64,
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

impl Board {
    pub(super) fn new(slots: Vec<Slot>, classes: BTreeMap<Arc<str>, Limit>, each: usize, clock: Option<Clock>) -> Self {
        let names = slots.iter().enumerate().map(|(id, slot)| (slot.canary.spec().shared_name(), id)).collect();
        let depth = Depth::of(each, slots.len());
        let state = State {
            wakes: BinaryHeap::with_capacity(slots.len()),
            slots: slots.into_iter().map(Some).collect(),
            free: Vec::new(),
            turns: 0,
            names,
            classes: classes.into_iter().map(|(name, limit)| Class::new(name, limit)).collect(),
            ready: Vec::new(),
            sleeps_until: Duration::ZERO,
            wall: clock.unwrap_or_else(Clock::system).now(),
            began: std::time::Instant::now(),
            stats: Stats::default(),
            removed: BTreeMap::new(),
            each,
            depth,
            life: Life::NotStarted,
            beat: Duration::ZERO,
        };
        Self {
            state: Mutex::new(state),
            started: OnceLock::new(),
            changed: Notify::new(),
            concluded: Notify::new(),
            delivery: OnceLock::new(),
            clock,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where it is counted what becomes of the reports.
    pub(super) fn delivers_to(&self, tallies: Vec<Arc<Tally>>) {
        let _ = self.delivery.set(tallies);
    }

    /// Returns what became of the reports so far, by sink.
    pub(super) fn sinks(&self) -> Vec<SinkStats> {
        self.delivery.get().map(|tallies| tallies.iter().map(|tally| tally.stats()).collect()).unwrap_or_default()
    }

    /// Returns how long ago the monitor was started; nothing when it was not.
    pub(super) fn elapsed(&self) -> Option<Duration> {
        self.started.get().map(Instant::elapsed)
    }

    /// Returns the wall-clock time at which the monitor was started, as the wall clock says now.
    pub(super) fn start_time(&self) -> Option<SystemTime> {
        self.started.get().map(|_| self.lock().wall)
    }

    /// Starts the clock of the schedules, and asks when everybody is due for the first time.
    pub(super) fn start(&self) {
        let mut state = self.start_clock();
        state.life = Life::Running;
        for id in 0..state.slots.len() {
            state.plan(id, Duration::ZERO);
        }
    }

    /// Starts the clock, and lets everybody be due once, now: at most `side_by_side` of a class at a time.
    pub(super) fn start_once(&self, side_by_side: usize) {
        let mut state = self.start_clock();
        state.life = Life::Once;
        for class in &mut state.classes {
            class.limit = Limit { running: class.limit.running.min(side_by_side), waiting: usize::MAX };
        }
        for id in 0..state.slots.len() {
            state.run_once(id, Duration::ZERO);
        }
    }

    fn start_clock(&self) -> MutexGuard<'_, State> {
        let _ = self.started.set(Instant::now());
        let mut state = self.lock();
        (state.wall, state.began) = (self.clock.unwrap_or_else(Clock::system).now(), std::time::Instant::now());
        state
    }

    /// Returns the runs that are to begin now, and when to ask again at the latest.
    pub(super) fn take(&self, most: Duration) -> (Vec<Start>, Instant) {
        let (started, now) = self.now();
        let mut state = self.lock();
        state.beat = now;
        self.follow_the_wall_clock(&mut state, now);
        while let Some(Reverse((at, id, turn))) = state.wakes.peek().copied().filter(|Reverse((at, ..))| *at <= now) {
            state.wakes.pop();
            let planned = |slot: &&Slot| slot.turn == turn && slot.phase == Phase::Idle && !slot.paused;
            let Some(slot) = state.slots[id].as_ref().filter(planned) else { continue };
            // It may have been late for more than one start.
            let missed = slot.due(state.wall, now).filter(|due| due.at <= now);
            let due = missed.unwrap_or(Due { at, missed: 0 });
            state.begin(Begin { id, due: due.at, missed: due.missed }, now, started);
        }
        let next = state.wakes.peek().map_or(Duration::MAX, |Reverse((at, ..))| *at);
        state.sleeps_until = next.min(now.saturating_add(most));
        let until = crate::clock::later(started, state.sleeps_until);
        if state.life == Life::Once {
            // Those who were due may all have been paused or removed: then no run tells that everything is done.
            self.concluded.notify_waiters();
        }
        (std::mem::take(&mut state.ready), until)
    }

    /// Records how a run ended, gives its place to the next one, and plans the next start of its canary.
    pub(super) fn conclude(&self, id: Id, report: Option<&Arc<Report>>, had_a_place: bool) {
        let (started, now) = self.now();
        let mut state = self.lock();
        if had_a_place {
            state.leave(id, now, started);
        }
        let depth = state.depth;
        let Some(slot) = &mut state.slots[id] else { return };
        slot.phase = Phase::Idle;
        slot.concluded = Some(now);
        match report {
            Some(report) => {
                // One that was skipped says nothing of the target.
                if report.outcome != Outcome::Skipped {
                    slot.failing = !report.outcome.is_up();
                }
                slot.last_run = Some(LastRun::of(report));
                slot.counts.count(report);
                slot.history.remember(report, depth);
            }
            None => slot.counts.fault(),
        }
        if slot.removed {
            state.forget(id);
        } else {
            state.plan(id, now);
        }
        state.wake(&self.changed);
        drop(state);
        self.concluded.notify_waiters();
    }

    /// Returns whether nobody runs or waits, and nobody is due any more.
    pub(super) fn is_done(&self) -> bool {
        let state = self.lock();
        // It is asked after every run: to look at every canary each time would take the square of their number.
        if state.stats.in_flight > 0 || state.stats.waiting > 0 {
            return false;
        }
        let busy = |slot: &Slot| slot.phase != Phase::Idle;
        state.wakes.is_empty() && state.ready.is_empty() && !state.slots().any(busy)
    }

    /// Lets nobody start any more.
    pub(super) fn drain(&self) {
        let mut state = self.lock();
        state.life = Life::Draining;
        state.wakes.clear();
        for start in std::mem::take(&mut state.ready) {
            state.take_back(&start);
        }
        state.stats.waiting = 0;
        for class in 0..state.classes.len() {
            for waiting in std::mem::take(&mut state.classes[class].waiting) {
                if let Some(slot) = &mut state.slots[waiting.start.id] {
                    slot.phase = Phase::Idle;
                }
            }
        }
        for slot in state.slots.iter_mut().flatten() {
            slot.next = None;
        }
    }

    /// Returns what became of every canary.
    pub(super) fn counts(&self) -> BTreeMap<Arc<str>, Counts> {
        let mut state = self.lock();
        state.life = Life::Ended;
        let mut all = std::mem::take(&mut state.removed);
        for slot in state.slots.iter().flatten() {
            all.entry(slot.canary.spec().shared_name()).or_default().add(&slot.counts);
        }
        all
    }

    /// Changes something, and lets the scheduler look when it is to act sooner than it thinks.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State, Duration, Instant) -> T) -> T {
        let (started, now) = self.now();
        let mut state = self.lock();
        let changed = change(&mut state, now, started);
        state.wake(&self.changed);
        changed
    }

    /// Returns when the monitor was started, and how long ago that is. One that was not started yet is about to be.
    fn now(&self) -> (Instant, Duration) {
        self.started.get().map_or_else(|| (Instant::now(), Duration::ZERO), |started| (*started, started.elapsed()))
    }

    /// The wall clock may be set while the monitor runs: what is planned by it is planned anew.
    fn follow_the_wall_clock(&self, state: &mut State, now: Duration) {
        const TOLERANCE: Duration = Duration::from_millis(500);
        if self.clock.is_some() || state.life != Life::Running {
            return;
        }
        let wall = Clock::system().now().checked_sub(state.began.elapsed()).unwrap_or(state.wall);
        let apart = wall.duration_since(state.wall).or_else(|_| state.wall.duration_since(wall)).unwrap_or_default();
        if apart > TOLERANCE {
            tracing::warn!(target: "synthetic", "the wall clock was set by {apart:.1?}: schedules that go by it are planned anew");
            state.wall = wall;
            for id in 0..state.slots.len() {
                let by_the_wall = |slot: &Slot| slot.schedule.period().is_none() && slot.phase == Phase::Idle;
                if state.slots[id].as_ref().is_some_and(by_the_wall) {
                    state.plan(id, now);
                }
            }
        }
    }
}

impl State {
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
    fn run_once(&mut self, id: Id, now: Duration) {
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

    fn forget(&mut self, id: Id) {
        if let Some(slot) = self.slots[id].take() {
            let name = slot.canary.spec().shared_name();
            self.names.remove(&name);
            self.removed.entry(name).or_default().add(&slot.counts);
            self.free.push(id);
        }
    }

    /// A run that was to begin does not.
    fn take_back(&mut self, start: &Start) {
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

    fn leave(&mut self, id: Id, now: Duration, started: Instant) {
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
    fn wake(&self, changed: &Notify) {
        let sooner = self.wakes.peek().is_some_and(|Reverse((at, ..))| *at < self.sleeps_until);
        if sooner || !self.ready.is_empty() || self.life != Life::Running {
            changed.notify_one();
        }
    }
}
