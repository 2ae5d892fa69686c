//! What one step of a run saw.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::json;
use crate::failure::{Reason, Text};
use crate::outcome::Outcome;

/// Says what one step saw.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepReport {
    /// Its name, cut after 256 bytes.
    pub name: Text,
    /// The step that it is part of, by its place in [`Report::steps`](super::Report::steps).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<usize>,
    /// How it ended, counting what happened in the steps within it; one that was dropped before it ended, with nothing
    /// wrong in it, is `skipped`.
    pub outcome: Outcome,
    /// Why, unless it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// When it started, counted from the start of the run.
    #[serde(rename = "started_ms", with = "json::millis")]
    pub started: Duration,
    /// How long it took; of a step that did not end by itself, until the run ended.
    #[serde(rename = "duration_ms", with = "json::millis")]
    pub duration: Duration,
    /// Whether it ended by itself; `false` when it was dropped, or when the run's time was up.
    pub finished: bool,
    /// Whether its outcome did not count, because it belongs to a try that failed and was followed by another one, or to
    /// something that was [tolerated](crate::Run::tolerate) and failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
    /// How many tries it took, where it was tried more than once, see [`Run::retry`](crate::Run::retry) and
    /// [`Run::eventually`](crate::Run::eventually).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
}

impl StepReport {
    pub(crate) fn rewrite(&mut self, rewrite: &dyn Fn(&mut String)) {
        let mut name = self.name.to_string();
        rewrite(&mut name);
        if name != self.name {
            self.name = name.into();
        }
    }
}
