//! [`Inventory`]: what a monitor runs, as far as alerts and dashboards are made of it.

use std::time::Duration;

use crate::canary::Spec;
use crate::monitor::{Builder, ConfigError};
use crate::schedule::{Pace, Schedule, seed};

/// What stays behind for less than this may still be removed by the next sweep.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// What a monitor runs, as far as alerts and dashboards are made of it: its canaries in the order of their names, how often
/// they run, how long they may take, and their objectives.
#[derive(Debug, Clone)]
#[must_use = "an inventory is there for texts to be made of it"]
pub struct Inventory {
    pub(super) monitor: String,
    pub(super) location: Option<String>,
    /// By name.
    pub(super) canaries: Vec<Watched>,
}

/// What is watched of a canary. All times are whole seconds.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) name: String,
    /// How often it runs; nothing when it runs once.
    pub(super) cadence: Option<Cadence>,
    /// How long its runs may take on average.
    pub(super) slow: Duration,
    /// In percent.
    pub(super) objective: f64,
    /// How old may be what it left behind.
    pub(super) left_behind: Duration,
    /// With more that waits for its removal, it does not run.
    pub(super) most_pending: usize,
}

/// How often a canary runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cadence {
    pub(super) interval: Duration,
    /// In how many intervals one of its runs is to conclude, and how long that is at most.
    pub(super) intervals: u32,
    pub(super) silent: Duration,
}

impl Inventory {
    /// Takes stock of a monitor that is not built yet, and touches nothing: no journal, no sink.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the monitor, its journal apart, as [`Builder::build`] does.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::alerts::Inventory;
    /// use synthetic_core::prelude::*;
    ///
    /// let error = Inventory::of(Monitor::named("shop").objective(100.0)).unwrap_err();
    /// assert!(error.to_string().contains("its objective of 100 % is none: say more than 0 and less than 100"));
    /// ```
    pub fn of(builder: Builder) -> Result<Self, ConfigError> {
        let builder = builder.checked()?;
        let mut canaries: Vec<_> =
            builder.canaries().map(|(schedule, spec)| Watched::of(&builder, schedule, spec)).collect();
        canaries.sort_by(|a, b| a.name.cmp(&b.name));
        let location = builder.location_name().map(str::to_owned);
        Ok(Self { monitor: builder.name().to_owned(), location, canaries })
    }

    /// Returns the canaries that run again and again, with how often: there is no rate of the others.
    pub(super) fn repeated(&self) -> impl Iterator<Item = (&Watched, Cadence)> {
        self.canaries.iter().filter_map(|canary| Some((canary, canary.cadence?)))
    }

    /// Says what a file is and how it is made, in lines of a comment.
    pub(super) fn preamble(&self, command: &str) -> Vec<String> {
        let mut lines = vec![
            // Quoted, so that no line of it ends the comment.
            format!("Alerts for the canaries of {:?}, printed by its command `{command}`: do not edit.", self.monitor),
        ];
        let once: Vec<_> = self.canaries.iter().filter(|it| it.cadence.is_none()).map(|it| it.name.as_str()).collect();
        if !once.is_empty() {
            lines.push(format!("Without alerts, because they run only once: {:?}.", once.join(", ")));
        }
        lines
    }
}

impl Watched {
    fn of(builder: &Builder, schedule: &Schedule, spec: &Spec) -> Self {
        let intervals = builder.silence();
        let cadence = schedule.pace(intervals, seed(builder.name(), spec.name())).map(|Pace { interval, longest }| {
            let silent = whole(longest.saturating_add(spec.takes_at_most()));
            Cadence { interval: whole(interval), intervals, silent }
        });
        let swept = builder.sweep_interval().saturating_mul(3);
        let left_behind = LEFT_BEHIND.max(swept).saturating_add(spec.keep_time().unwrap_or_default());
        Self {
            name: spec.name().to_owned(),
            cadence,
            slow: spec.slow_time(),
            objective: spec.stated_objective().unwrap_or_else(|| builder.stated_objective()),
            left_behind: whole(left_behind),
            most_pending: spec.limits().1,
        }
    }
}

impl Cadence {
    /// Returns the time in which a few runs conclude: what one run says is no rate.
    pub(super) fn window(&self) -> Duration {
        self.interval.saturating_mul(3).max(Duration::from_secs(300))
    }
}

/// Rounds up to whole seconds, which every format can say.
fn whole(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)))
}
