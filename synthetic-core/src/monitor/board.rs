//! Who of a monitor's canaries is to start, and when: the [state](super::state) under one lock, and its clock. The scheduler
//! acts on it, a [`Handle`](super::Handle) reads and changes it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::classes::Limit;
use super::slot::{Id, Phase, Slot};
use super::state::{Begin, Life, Start, State};
use super::status::LastRun;
use super::summary::Counts;
use crate::clock::Clock;
use crate::outcome::Outcome;
use crate::report::Report;
use crate::schedule::Due;
use crate::sink::{SinkStats, Tally};

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

impl Board {
    pub(super) fn new(slots: Vec<Slot>, classes: BTreeMap<Arc<str>, Limit>, each: usize, clock: Option<Clock>) -> Self {
        let wall = clock.unwrap_or_else(Clock::system).now();
        Self {
            state: Mutex::new(State::new(slots, classes, each, wall)),
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
