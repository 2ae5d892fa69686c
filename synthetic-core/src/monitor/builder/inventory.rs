//! What alerts and dashboards are made of.

use std::time::Duration;

use super::{Builder, ConfigError};
use crate::canary::Spec;
use crate::schedule::Schedule;

impl Builder {
    /// Leaves out the canaries of other shards, and finds everything that is wrong, the journal apart: it is not touched.
    pub(crate) fn checked(mut self) -> Result<Self, ConfigError> {
        self.keep_shard();
        match self.problems(None) {
            problems if problems.is_empty() => Ok(self),
            problems => Err(ConfigError::new(self.name, problems)),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn location_name(&self) -> Option<&str> {
        self.settings.location.value.as_deref()
    }

    pub(crate) fn stated_objective(&self) -> f64 {
        self.settings.objective.value
    }

    /// Returns for how many intervals a canary may conclude nothing.
    pub(crate) fn silence(&self) -> u32 {
        self.settings.silent_after.value
    }

    pub(crate) fn sweep_interval(&self) -> Duration {
        self.settings.sweep_every.value
    }

    pub(crate) fn canaries(&self) -> impl Iterator<Item = (&Schedule, &Spec)> {
        self.canaries.iter().map(|(schedule, canary)| (schedule, canary.spec()))
    }
}
