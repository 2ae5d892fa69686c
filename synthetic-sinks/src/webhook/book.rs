//! What is known of every canary that is not well, and what people still have to be told of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use synthetic_core::{Outcome, Report};
use tokio::time::Instant;

use super::moment::Moment;
use super::notice::{Ended, Notice, Seen, bounded, ended_at, key};
use super::rule::{Event, Rule, Track, Verdict};

/// How many runs are remembered by their id, so that a batch that is delivered again counts once: several batches.
const REMEMBERED: usize = 1_024;

/// The canaries that are not well; of one that is, nothing is kept.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: BTreeMap<Key, Entry>,
    /// The runs that were taken in last.
    taken: VecDeque<u128>,
}

/// A canary at a location.
pub(super) type Key = (String, Option<String>);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    canary: String,
    location: Option<String>,
    monitor: Option<String>,
    track: Track,
    /// When the last run ended that was taken in.
    last: Moment,
    last_run: String,
    /// How the run ended that fired.
    severity: Option<Outcome>,
    /// The last run that failed.
    seen: Option<Seen>,
    /// The alert that ended last, while people have to be told: since when, and how it ended.
    ended: Option<(Moment, Ended)>,
    /// Where it was read from a file: runs up to then are in it already.
    #[serde(skip)]
    known_until: Option<Moment>,
    /// The monitor has had this canary since it began.
    #[serde(skip)]
    was_there: bool,
    /// When a message last arrived.
    #[serde(skip)]
    sent: Option<Instant>,
}

impl Book {
    /// Goes on from what was [kept](Self::kept).
    pub(super) fn restore(&mut self, entries: Vec<Entry>) {
        for mut entry in entries {
            entry.known_until = Some(entry.last);
            self.entries.insert((entry.canary.clone(), entry.location.clone()), entry);
        }
    }

    /// Returns what has to be kept for a restart.
    pub(super) fn kept(&self) -> Vec<&Entry> {
        self.entries.values().collect()
    }

    /// Takes in a run, unless it has been already, and returns whether people now have to be told something.
    pub(super) fn take_in(&mut self, report: &Report, rule: &Rule) -> bool {
        let id = report.run_id.as_u128();
        if self.taken.contains(&id) {
            return false;
        }
        self.taken.push_back(id);
        if self.taken.len() > REMEMBERED {
            self.taken.pop_front();
        }
        let verdict = rule.verdict(report.outcome);
        let key = (report.canary.to_string(), report.location.as_deref().map(str::to_owned));
        match verdict {
            Verdict::Silent => return false,
            Verdict::Passed if !self.entries.contains_key(&key) => return false,
            Verdict::Passed | Verdict::Failed => {}
        }
        let at = ended_at(report);
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::of(report, at));
        let is_known = |until| at < until || (at == until && entry.last_run == report.run_id.to_string());
        if entry.known_until.is_some_and(is_known) {
            return false;
        }
        let event = entry.take_in(report, rule, verdict, at);
        if entry.track.is_quiet() {
            self.entries.remove(&key);
        }
        event.is_some()
    }

    /// Ends the alerts of canaries that are gone: those that `is_there` denies, when it did not always or when
    /// `long_enough` has passed since the start that it should know them.
    pub(super) fn retire(&mut self, is_there: impl Fn(&str, Option<&str>) -> bool, long_enough: bool, now: Moment) {
        self.entries.retain(|(canary, location), entry| {
            if is_there(canary, location.as_deref()) {
                entry.was_there = true;
                return true;
            }
            if !entry.was_there && !long_enough {
                return true;
            }
            entry.resolve(Ended { at: now, run_id: None });
            entry.track.owed().is_some()
        });
    }

    /// Gives up the resolves that nobody has taken since `before`, so that they do not gather for ever.
    pub(super) fn give_up(&mut self, before: Moment) -> usize {
        let all = self.entries.len();
        self.entries.retain(|_, entry| {
            let stale = entry.ended.as_ref().is_some_and(|(_, ended)| ended.at < before);
            if stale && entry.owes(Event::Resolve) {
                entry.track.give_up();
            }
            !entry.track.is_quiet()
        });
        all - self.entries.len()
    }

    /// Returns what to send, the least tried and then the oldest first: one that never arrives keeps back no other.
    pub(super) fn owed(&self) -> Vec<Key> {
        let mut owed: Vec<_> = self
            .entries
            .iter()
            .filter_map(|(key, entry)| {
                Some((key, entry, entry.track.owed().filter(|owed| !owed.held || entry.has_no_more_runs())?))
            })
            .collect();
        owed.sort_by_key(|(_, entry, owed)| (owed.tries, entry.last));
        owed.into_iter().map(|(key, ..)| key.clone()).collect()
    }

    /// Returns whether it holds what has to be kept over a restart or told.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns what fires and was last sent that long ago, apart from what is owed anyway.
    pub(super) fn firing(&self, every: Duration) -> Vec<(Key, Notice)> {
        let is_due = |entry: &Entry| entry.sent.is_none_or(|at| at.elapsed() >= every);
        let due = self.entries.iter().filter(|(_, entry)| is_due(entry) && !entry.owes(Event::Trigger));
        due.filter_map(|(key, entry)| Some((key.clone(), entry.notice(Event::Reminder)?))).collect()
    }

    /// Notes that what fires was sent again.
    pub(super) fn sent(&mut self, key: &Key) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.sent = Some(Instant::now());
        }
    }

    /// Returns the message that is owed, and notes that it is on its way.
    pub(super) fn send(&mut self, key: &Key) -> Option<Notice> {
        let entry = self.entries.get_mut(key)?;
        let notice = entry.notice(entry.track.owed()?.event)?;
        entry.track.trying();
        Some(notice)
    }

    /// Notes that what was owed has arrived.
    pub(super) fn told(&mut self, key: &Key) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.track.told(entry.last);
        entry.sent = Some(Instant::now());
        if entry.track.is_quiet() {
            self.entries.remove(key);
        }
    }

    /// Notes that what was owed was refused for good.
    pub(super) fn refused(&mut self, key: &Key) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.track.refused();
        }
    }
}

impl Entry {
    fn of(report: &Report, at: Moment) -> Self {
        Self {
            canary: report.canary.to_string(),
            location: report.location.as_deref().map(str::to_owned),
            monitor: report.monitor.as_deref().map(str::to_owned),
            track: Track::default(),
            last: at,
            last_run: report.run_id.to_string(),
            severity: None,
            seen: None,
            ended: None,
            known_until: None,
            was_there: false,
            sent: None,
        }
    }

    fn take_in(&mut self, report: &Report, rule: &Rule, verdict: Verdict, at: Moment) -> Option<Event> {
        if at >= self.last {
            (self.last, self.last_run) = (at, report.run_id.to_string());
        }
        // Only runs of canaries that are there are taken in.
        self.was_there = true;
        if verdict == Verdict::Failed {
            self.seen = Some(Seen::of(report));
        }
        let fired_since = self.track.firing_since();
        let event = self.track.observe(rule, verdict, at);
        match (fired_since, self.track.firing_since()) {
            (None, Some(_)) => self.severity = Some(report.outcome),
            (Some(since), None) => {
                self.ended = Some((since, Ended { at, run_id: Some(report.run_id.to_string()) }));
            }
            _ => {}
        }
        event
    }

    fn resolve(&mut self, ended: Ended) {
        if let Some(since) = self.track.firing_since() {
            self.track.resolve();
            self.ended = Some((since, ended));
        }
    }

    /// Returns whether its canary is gone: no further run is an occasion to try what was refused.
    fn has_no_more_runs(&self) -> bool {
        self.ended.as_ref().is_some_and(|(_, ended)| ended.run_id.is_none())
    }

    fn owes(&self, event: Event) -> bool {
        self.track.owed().is_some_and(|owed| owed.event == event)
    }

    fn notice(&self, event: Event) -> Option<Notice> {
        let (since, ended) = match event {
            Event::Resolve => self.ended.clone().map(|(since, ended)| (since, Some(ended)))?,
            Event::Trigger | Event::Reminder => (self.track.firing_since()?, None),
        };
        Some(Notice {
            event,
            key: key(self.monitor.as_deref(), self.location.as_deref(), &self.canary),
            canary: bounded(&self.canary),
            location: self.location.as_deref().map(bounded),
            monitor: self.monitor.as_deref().map(bounded),
            since,
            severity: self.severity.unwrap_or(Outcome::Failed),
            failures: (self.track.failures(), self.track.runs()),
            seen: self.seen.clone()?,
            ended,
        })
    }
}

#[cfg(test)]
mod tests;
