//! When a canary fires and when it has recovered: a state machine that knows neither clocks nor networks.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use synthetic_core::Outcome;

use super::moment::Moment;

/// The most runs that a rule looks back.
pub(super) const LONGEST_WINDOW: u32 = 1_000;

/// When a canary fires, when it has recovered, and how often people are reminded in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// So many of the last [`of`](Self::of) runs have to fail.
    pub(super) failures: u32,
    /// How many runs are looked at.
    pub(super) of: u32,
    /// So many runs in a row have to pass.
    pub(super) passes: u32,
    /// How long after the last message a failing run is worth another one.
    pub(super) remind: Option<Duration>,
    /// Whether a degraded run counts as failed; otherwise it counts as passed.
    pub(super) degraded: bool,
    /// Whether an error counts as failed; otherwise it says nothing.
    pub(super) errors: bool,
}

/// What a run says about its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Failed,
    Passed,
    /// Nothing: it was skipped, or nothing was learned and that does not count.
    Silent,
}

/// What people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    Trigger,
    Reminder,
    Resolve,
}

/// What is known of one canary at one location.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Track {
    /// The last runs that said something, oldest first: whether each failed.
    recent: VecDeque<bool>,
    /// How many runs in a row have passed.
    passes: u32,
    /// When the first of the failing runs ended that no pass has interrupted.
    failing_since: Option<Moment>,
    firing: Option<Firing>,
    owed: Option<Owed>,
    /// People may believe that it fires: a message that says so was on its way, and none that takes it back has arrived.
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Firing {
    since: Moment,
    /// When people were last told: trigger and reminders share this clock.
    told: Option<Moment>,
}

/// A message that has not arrived yet. There is at most one: a later one takes the place of an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Owed {
    pub(super) event: Event,
    /// How often it was tried.
    pub(super) tries: u32,
    /// It was refused, so it waits for the canary's next run.
    pub(super) held: bool,
}

impl Rule {
    pub(super) fn verdict(&self, outcome: Outcome) -> Verdict {
        match outcome {
            Outcome::Failed => Verdict::Failed,
            Outcome::Error if self.errors => Verdict::Failed,
            Outcome::Degraded if self.degraded => Verdict::Failed,
            Outcome::Passed | Outcome::Degraded => Verdict::Passed,
            Outcome::Error | Outcome::Skipped => Verdict::Silent,
        }
    }
}

impl Track {
    /// Takes in a run that ended `at`, and returns what people now have to be told that they had not to be before.
    pub(super) fn observe(&mut self, rule: &Rule, verdict: Verdict, at: Moment) -> Option<Event> {
        let failed = match verdict {
            Verdict::Silent => return None,
            Verdict::Failed => true,
            Verdict::Passed => false,
        };
        self.recent.push_back(failed);
        while self.recent.len() > rule.of as usize {
            self.recent.pop_front();
        }
        if let Some(owed) = &mut self.owed {
            owed.held = false;
        }
        if failed {
            self.passes = 0;
            self.failing_since.get_or_insert(at);
            self.on_failure(rule, at)
        } else {
            self.passes = self.passes.saturating_add(1);
            self.failing_since = None;
            self.on_pass(rule)
        }
    }

    fn on_failure(&mut self, rule: &Rule, at: Moment) -> Option<Event> {
        let Some(firing) = &self.firing else {
            if self.failures() < rule.failures {
                return None;
            }
            self.firing = Some(Firing { since: self.failing_since.unwrap_or(at), told: None });
            return self.owe(Event::Trigger);
        };
        let due = rule.remind.zip(firing.told).is_some_and(|(every, told)| at.since(told) >= every);
        if due && self.owed.is_none() { self.owe(Event::Reminder) } else { None }
    }

    fn on_pass(&mut self, rule: &Rule) -> Option<Event> {
        // The last run passed: a reminder would not be true any more.
        self.owed.take_if(|owed| owed.event == Event::Reminder);
        if self.firing.is_some() && self.passes >= rule.passes { self.resolve() } else { None }
    }

    /// Ends the alert, whether anybody can be told or not.
    pub(super) fn resolve(&mut self) -> Option<Event> {
        self.firing.take()?;
        self.owed = None;
        if self.open { self.owe(Event::Resolve) } else { None }
    }

    fn owe(&mut self, event: Event) -> Option<Event> {
        self.owed = Some(Owed { event, tries: 0, held: false });
        Some(event)
    }

    /// Notes that what is owed is on its way: it may arrive, whatever the answer will be.
    pub(super) fn trying(&mut self) {
        if let Some(owed) = &mut self.owed {
            owed.tries = owed.tries.saturating_add(1);
            self.open |= owed.event != Event::Resolve;
        }
    }

    /// Notes that what was owed was refused: it waits for the next run.
    pub(super) fn refused(&mut self) {
        if let Some(owed) = &mut self.owed {
            owed.held = true;
        }
    }

    /// Notes that what was owed has arrived.
    pub(super) fn told(&mut self, at: Moment) {
        if self.owed.take().is_some_and(|owed| owed.event == Event::Resolve) {
            self.open = false;
        }
        if let Some(firing) = &mut self.firing {
            firing.told = Some(at);
        }
    }

    pub(super) fn owed(&self) -> Option<&Owed> {
        self.owed.as_ref()
    }

    /// Gives up what is owed.
    pub(super) fn give_up(&mut self) {
        self.owed = None;
    }

    /// Returns since when it fires.
    pub(super) fn firing_since(&self) -> Option<Moment> {
        self.firing.as_ref().map(|firing| firing.since)
    }

    /// Returns how many of the last runs failed.
    pub(super) fn failures(&self) -> u32 {
        self.recent.iter().map(|failed| u32::from(*failed)).sum()
    }

    /// Returns how many runs are looked at, as long as there are no more.
    pub(super) fn runs(&self) -> usize {
        self.recent.len()
    }

    /// Returns whether it is as good as one of which nothing is known.
    pub(super) fn is_quiet(&self) -> bool {
        self.firing.is_none() && self.owed.is_none() && self.recent.iter().all(|failed| !failed)
    }
}

#[cfg(test)]
mod tests;
