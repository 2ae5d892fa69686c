//! What happened to what a run made or held.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::json;
use crate::failure::Failure;

/// Says what was cleaned up after a run: its own result, beside the run's outcome, so that neither hides the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CleanupReport {
    /// What the run made or deferred, in the order in which its removal was tried: newest first, attempt by attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<CleanupItem>,
    /// What the sweep did since the last report of this canary with things that earlier runs of it left behind: each once, with
    /// what became of it last. At most 100 an attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub swept: Vec<CleanupItem>,
    /// How many things of this canary wait for their removal after this run, those of earlier runs included.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pending: u64,
    /// How long the oldest of them has been there.
    #[serde(
        default,
        rename = "oldest_pending_ms",
        with = "json::optional_millis",
        skip_serializing_if = "Option::is_none"
    )]
    pub oldest_pending: Option<Duration>,
    /// How long all of it took.
    #[serde(rename = "duration_ms", with = "json::millis", default)]
    pub duration: Duration,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl CleanupReport {
    /// Returns how many things were left behind: all that the run made or deferred and that are not known to be gone, apart
    /// from what was kept on purpose; and what the sweep gave up.
    #[must_use]
    pub fn left_behind(&self) -> usize {
        self.leaks().count()
    }

    /// Returns what was left behind, as [`left_behind`](Self::left_behind) counts it.
    pub fn leaks(&self) -> impl Iterator<Item = &CleanupItem> {
        let given_up = self.swept.iter().filter(|item| item.result == CleanupResult::Abandoned);
        self.items.iter().filter(|item| item.result.is_leak()).chain(given_up)
    }

    /// Adds what was cleaned up after a later attempt of the same run.
    pub(crate) fn followed_by(mut self, later: Self) -> Self {
        for item in later.swept {
            // A sweep between two attempts has the last word about what the earlier one left: nothing is counted twice.
            let is_it =
                |known: &&mut CleanupItem| item.mark.is_some() && known.mark == item.mark && known.id == item.id;
            match self.items.iter_mut().chain(&mut self.swept).find(is_it) {
                Some(known) => *known = item,
                None => self.swept.push(item),
            }
        }
        self.items.extend(later.items);
        (self.pending, self.oldest_pending) = (later.pending, later.oldest_pending);
        self.duration += later.duration;
        self
    }

    pub(crate) fn rewrite(&mut self, rewrite: &dyn Fn(&mut String)) {
        for item in self.items.iter_mut().chain(&mut self.swept) {
            rewrite(&mut item.name);
            item.id.iter_mut().for_each(rewrite);
            if let Some(failure) = &mut item.failure {
                failure.rewrite(rewrite);
            }
        }
    }
}

/// One thing that was cleaned up, or should have been.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CleanupItem {
    /// What it is: the name given to [`Run::defer`](crate::Run::defer), or the kind and id of what was made, `shop/order 17`.
    pub name: String,
    /// What became of it.
    pub result: CleanupResult,
    /// The kind of what was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The id of what was made, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The mark of what was made, by which it can be found in the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// How long it took.
    #[serde(rename = "duration_ms", with = "json::millis")]
    pub duration: Duration,
    /// What stood in the way, unless it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl CleanupItem {
    pub(crate) fn new(name: String, duration: Duration, result: CleanupResult, failure: Option<Failure>) -> Self {
        Self { name, result, kind: None, id: None, mark: None, duration, failure }
    }
}

/// One line: `shop/order 17: failed: status of DELETE /orders/17: …`.
impl fmt::Display for CleanupItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.result)?;
        self.failure.as_ref().map_or(Ok(()), |failure| write!(f, ": {failure}"))
    }
}

/// What became of something that had to be cleaned up: a closed set, so that it can be a label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CleanupResult {
    /// It is gone, by us.
    Removed,
    /// It was not there, or not any more.
    AlreadyGone,
    /// It was kept for debugging, and will be removed when its time is up.
    Kept,
    /// It may be there: the answer to its creation was lost. It is looked for until it cannot appear any more.
    Pending,
    /// It could not be removed. When a journal knows it, it is tried again.
    Failed,
    /// Its removal was not done in its time. When a journal knows it, it is tried again.
    TimedOut,
    /// There was no time left to try. When a journal knows it, it is tried later.
    NotTried,
    /// Nobody will try again: it is for you to remove, by its id or mark.
    Abandoned,
}

impl CleanupResult {
    /// All results, in the order in which they are declared.
    pub const ALL: [Self; 8] = [
        Self::Removed,
        Self::AlreadyGone,
        Self::Kept,
        Self::Pending,
        Self::Failed,
        Self::TimedOut,
        Self::NotTried,
        Self::Abandoned,
    ];

    /// Returns whether something was left behind that was not meant to be.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::report::CleanupResult;
    /// assert!(CleanupResult::Pending.is_leak(), "nobody knows that it is gone");
    /// assert!(!CleanupResult::Kept.is_leak());
    /// ```
    #[must_use]
    pub const fn is_leak(self) -> bool {
        !matches!(self, Self::Removed | Self::AlreadyGone | Self::Kept)
    }

    /// Returns the name that metrics and the JSON form use: `already_gone`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::AlreadyGone => "already_gone",
            Self::Kept => "kept",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::NotTried => "not_tried",
            Self::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for CleanupResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str().replace('_', " "))
    }
}
