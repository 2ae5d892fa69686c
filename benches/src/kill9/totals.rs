//! [`Totals`]: what all kills of a strategy came to, as one JSON object and as a row of a table.

use std::fmt::Write as _;

use serde::Serialize;

use super::Strategy;
use super::trial::Seen;

/// What all kills of a strategy came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// The strategy's name.
    pub strategy: &'static str,
    /// How many kills should land.
    pub kills: usize,
    /// What everything random derived from.
    pub seed: u64,
    /// How many children were killed.
    pub trials: usize,
    /// How many kills landed.
    pub landed: usize,
    /// How many orders are there at the end, after all kills together.
    pub left_behind: usize,
    /// After how many kills an order is there.
    pub kills_that_left: usize,
    /// How many kills landed when a creation was received and not yet applied.
    pub in_create: usize,
    /// How many kills landed when an order was there, and nobody had asked to delete it.
    pub in_use: usize,
    /// How many kills landed when a deletion was received and not yet applied.
    pub in_delete: usize,
    /// How many creations the server received.
    pub creations: usize,
    /// How many creations were applied when the process that had asked for them was dead.
    pub applied_late: usize,
    /// How many answers were lost on purpose.
    pub lost_answers: u64,
    /// After how many kills the restart itself said that it could not remove everything.
    pub unsettled: usize,
    /// How many files were left in journals after the restart.
    pub files_left: usize,
    /// How long all of it took.
    pub seconds: f64,
}

impl Totals {
    pub(super) fn new(strategy: Strategy, kills: usize, seed: u64) -> Self {
        Self {
            strategy: strategy.name(),
            kills,
            seed,
            trials: 0,
            landed: 0,
            left_behind: 0,
            kills_that_left: 0,
            in_create: 0,
            in_use: 0,
            in_delete: 0,
            creations: 0,
            applied_late: 0,
            lost_answers: 0,
            unsettled: 0,
            files_left: 0,
            seconds: 0.0,
        }
    }

    pub(super) fn add(&mut self, seen: &[Seen]) {
        for one in seen {
            self.trials += 1;
            self.landed += usize::from(one.landed);
            self.left_behind += one.left_behind;
            self.kills_that_left += usize::from(one.left_behind > 0);
            self.in_create += usize::from(one.in_create);
            self.in_use += usize::from(one.in_use);
            self.in_delete += usize::from(one.in_delete);
            self.creations += one.creations;
            self.applied_late += one.applied_late;
            self.lost_answers += one.lost_answers;
            self.unsettled += usize::from(one.unsettled);
            self.files_left += one.files_left;
        }
    }
}

/// Writes a table, a row for each strategy.
#[must_use]
pub fn table(all: &[Totals]) -> String {
    let mut text =
        "| strategy | kills that landed | of them left something | things left behind |\n|---|---:|---:|---:|\n"
            .to_owned();
    for totals in all {
        let what = totals.strategy.parse().map_or(totals.strategy, Strategy::describe);
        let (landed, kills, things) = (totals.landed, totals.kills_that_left, totals.left_behind);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "| {what} | {landed} | {kills} | {things} |");
    }
    text
}
