//! One canary of a monitor: its schedule, and what became of its runs so far.

use std::time::{Duration, SystemTime};

use super::history::History;
use super::status::LastRun;
use super::summary::Counts;
use crate::canary::AnyCanary;
use crate::schedule::{Due, Origin, Schedule, within_a_minute};

/// Names a canary of a monitor. One that was removed leaves its number to another.
pub(super) type Id = usize;

/// What a canary does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    /// It is due, and waits for a place.
    Waiting,
    Running,
}

/// One canary of a monitor. There may be a hundred thousand: what a canary does not need takes no memory.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) canary: AnyCanary,
    pub(super) schedule: Schedule,
    /// What its schedule counts from, after the start of the monitor.
    pub(super) epoch: Duration,
    pub(super) offset: Duration,
    pub(super) seed: u64,
    /// The number of its class.
    pub(super) class: u32,
    /// Which of the wake-ups that were asked for counts.
    pub(super) turn: u64,
    pub(super) phase: Phase,
    pub(super) paused: bool,
    /// It goes when its run has ended.
    pub(super) removed: bool,
    pub(super) failing: bool,
    /// The nominal moment of its last start, after the epoch.
    pub(super) last: Option<Duration>,
    /// The nominal moment of its next start, after the start of the monitor.
    pub(super) next: Option<Duration>,
    /// When its last run ended, after the start of the monitor.
    pub(super) concluded: Option<Duration>,
    /// Since when it is meant to run, after the start of the monitor.
    pub(super) since: Duration,
    pub(super) counts: Counts,
    pub(super) last_run: Option<LastRun>,
    pub(super) history: History,
}

impl Slot {
    pub(super) fn new(canary: AnyCanary, schedule: Schedule, class: u32, seed: u64) -> Self {
        Self {
            canary,
            schedule,
            epoch: Duration::ZERO,
            offset: Duration::ZERO,
            seed,
            class,
            turn: 0,
            phase: Phase::Idle,
            paused: false,
            removed: false,
            failing: false,
            last: None,
            next: None,
            concluded: None,
            since: Duration::ZERO,
            counts: Counts::default(),
            last_run: None,
            history: History::default(),
        }
    }

    /// Returns the next start, when the monitor started at `wall` and it is `now` after that.
    pub(super) fn due(&self, wall: SystemTime, now: Duration) -> Option<Due> {
        let due = self.schedule.due(&self.origin(wall), self.last, now.saturating_sub(self.epoch), self.failing)?;
        Some(Due { at: due.at.saturating_add(self.epoch), ..due })
    }

    /// Returns whether one that behaves would have concluded so many runs by now, after the last one that it did conclude,
    /// or after it was added or let go on.
    pub(super) fn is_silent(&self, wall: SystemTime, now: Duration, runs: u32) -> bool {
        let origin = self.origin(wall);
        let takes = self.canary.spec().takes_at_most();
        let now = now.saturating_sub(self.epoch);
        let quiet_since = self.quiet_since().saturating_sub(self.epoch);
        let mut last = Some(quiet_since).filter(|since| !since.is_zero());
        // As a rule the first start is yet to come, and nothing more is asked.
        (0..runs).all(|_| {
            last = self.schedule.due(&origin, last, last.unwrap_or_default(), false).map(|due| due.at);
            last.is_some_and(|start| start.saturating_add(takes) < now)
        })
    }

    /// Returns whether its next start has come by now, when it waits for a place since then.
    pub(super) fn is_overtaken(&self, wall: SystemTime, since: Duration, now: Duration) -> bool {
        let last = self.last.unwrap_or_default().max(since.saturating_sub(self.epoch));
        let next = self.schedule.due(&self.origin(wall), Some(last), last, self.failing);
        next.is_some_and(|next| next.at.saturating_add(self.epoch) <= now)
    }

    /// Returns since when it has concluded nothing although it is meant to, after the start of the monitor.
    pub(super) fn quiet_since(&self) -> Duration {
        self.concluded.unwrap_or_default().max(self.since)
    }

    /// Lets the schedule count from now on. Its first start is within a minute of that and its interval, at a moment that is
    /// its own, so that not all who are added at once start at once.
    pub(super) fn begin_at(&mut self, epoch: Duration) {
        (self.epoch, self.since, self.last) = (epoch, epoch, None);
        self.offset = self.schedule.period().map_or(Duration::ZERO, |period| within_a_minute(self.seed, period));
    }

    /// Lets it go on with its schedule after a pause.
    pub(super) fn go_on_at(&mut self, now: Duration) {
        self.since = now;
        self.last = Some(now.saturating_sub(self.epoch));
    }

    fn origin(&self, wall: SystemTime) -> Origin {
        Origin { wall: wall + self.epoch, offset: self.offset, seed: self.seed }
    }
}
