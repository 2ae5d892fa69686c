//! What the command line asks of a builder, and changes in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Builder, Journal, Source};
use crate::canary::{AnyCanary, Spec};
use crate::schedule::{Schedule, seed};

impl Builder {
    /// Lets somebody else speak from here on.
    pub(crate) fn spoken_by(mut self, speaker: Source) -> Self {
        self.speaker = speaker;
        self
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.canaries.iter().map(|(_, canary)| canary.spec().name()).collect()
    }

    pub(crate) fn sink_names(&self) -> Vec<String> {
        self.sinks.iter().map(|(sink, _)| sink.name().to_owned()).collect()
    }

    pub(crate) fn has_a_journal(&self) -> bool {
        !matches!(self.settings.journal.value, Journal::None)
    }

    pub(crate) fn grace_period(&self) -> Duration {
        self.settings.grace.value
    }

    /// Leaves out the sinks that write to standard output.
    pub(crate) fn without_consoles(mut self) -> Self {
        self.sinks.retain(|(sink, _)| !sink.is_console());
        self
    }

    /// Touches no spool: nothing is reported.
    pub(crate) fn without_spools(mut self) -> Self {
        self.sinks.iter_mut().for_each(|(_, spool)| *spool = None);
        self
    }

    /// Leaves the spools that the monitor in production has to it: this is another process, which does not stay.
    pub(crate) fn beside_another(mut self) -> Self {
        self.is_beside_another = true;
        self
    }

    /// Changes what is said of every canary.
    pub(crate) fn each_spec(mut self, change: impl Fn(Spec) -> Spec) -> Self {
        self.canaries =
            self.canaries.into_iter().map(|(schedule, canary)| (schedule, canary.with_spec(&change))).collect();
        self
    }

    /// Returns the next starts of every canary, by name, when the monitor was started at this time.
    pub(crate) fn upcoming(
        &self,
        start: std::time::SystemTime,
        most: usize,
    ) -> BTreeMap<Arc<str>, Vec<std::time::SystemTime>> {
        let starts = |(schedule, canary): &(Schedule, AnyCanary)| {
            let name = canary.spec().shared_name();
            let seed = seed(&self.name, &name);
            (name, schedule.upcoming(start, seed).take(most).collect())
        };
        self.canaries.iter().map(starts).collect()
    }
}
