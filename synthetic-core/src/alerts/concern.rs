//! What alerts are about, in the words that they say to a person: the same whoever sends them.

use std::time::Duration;

use super::burn::{Burn, budget};
use super::inventory::{Cadence, Watched};
use super::severity::Severity;
use crate::schedule::Words;

/// What an alert says: what is so, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) summary: String,
    pub(super) description: String,
}

impl Advice {
    fn new(summary: String, description: String) -> Self {
        Self { summary, description }
    }
}

/// More than half of the last runs failed.
pub(super) fn failing(canary: &Watched, cadence: Cadence) -> Advice {
    let (name, window) = (&canary.name, Words(cadence.window()));
    Advice::new(
        format!("{name} fails"),
        format!(
            "More than half of the runs of the last {window} failed: the target is wrong, for its users too. See how by the \
             monitor's `runs {name}`, or by `once {name}` from a machine of your own. If the journey itself is out of date, \
             `pause {name}` until it is put right."
        ),
    )
}

/// More than half of the last runs could not conclude.
pub(super) fn inconclusive(canary: &Watched, cadence: Cadence) -> Advice {
    let (name, window) = (&canary.name, Words(cadence.window()));
    Advice::new(
        format!("{name} cannot conclude"),
        format!(
            "More than half of the runs of the last {window} ended as errors: nothing is known of the target. The fault is \
             on this side: the canary, its secrets, its machine. See the error by the monitor's `runs {name}`."
        ),
    )
}

/// Runs take long.
pub(super) fn slow(canary: &Watched, cadence: Cadence) -> Advice {
    let (name, window, slow) = (&canary.name, Words(cadence.window()), Words(canary.slow));
    Advice::new(
        format!("{name} is slow"),
        format!(
            "The runs of the last {window} took more than {slow} on average. See which step takes it by the monitor's \
             `runs {name}`. When this is as fast as it gets, say so by the canary's slow_after."
        ),
    )
}

/// No run concludes, and the monitor is there.
pub(super) fn silent(canary: &Watched, cadence: Cadence) -> Advice {
    let (name, n, silent) = (&canary.name, cadence.intervals, Words(cadence.silent));
    Advice::new(
        format!("{name} is silent"),
        format!(
            "No run has concluded for {n} intervals ({silent}): nothing is known of the target. See by the monitor's \
             `status` whether the canary is paused, waits for a place or hangs, and by `health` whether the monitor does \
             its work. Silence this alert while a pause is meant."
        ),
    )
}

/// There is not even a series of it.
pub(super) fn absent(canary: &Watched) -> Advice {
    let name = &canary.name;
    Advice::new(
        format!("{name} is not there"),
        "Nobody reports of this canary: the monitor is down, or Prometheus does not reach it. See the scrape target, then \
         the monitor's process and its last words. If the canary was removed for good, print the rules anew."
            .to_owned(),
    )
}

/// A certificate expires.
pub(super) fn expires(canary: &Watched, left: Duration) -> Advice {
    let (name, days) = (&canary.name, left.as_secs() / 86_400);
    Advice::new(
        format!("{name} meets a certificate that expires"),
        format!(
            "A certificate that the target shows expires in less than {days} days, or has expired. Renew it; where that is \
             automatic, find out why it has not happened, and whether the servers have loaded the new one."
        ),
    )
}

/// Something stays in the target.
pub(super) fn left_behind(canary: &Watched) -> Advice {
    let (name, age) = (&canary.name, Words(canary.left_behind));
    Advice::new(
        format!("{name} leaves things behind"),
        format!(
            "What its runs made is in the target for more than {age}: the sweep does not get it removed. See what it is and \
             why by the monitor's `sweep --dry-run`, put right what refuses the removal, then `sweep`."
        ),
    )
}

/// So much stays in the target that the canary does not run.
pub(super) fn paused_by_leftovers(canary: &Watched) -> Advice {
    let (name, most) = (&canary.name, canary.most_pending);
    Advice::new(
        format!("{name} does not run because of what it left behind"),
        format!(
            "More than {most} things wait for their removal, so that the canary makes no more and nothing is known of the \
             target. Remove them by the monitor's `sweep`; it runs again by itself then."
        ),
    )
}

/// The error budget is spent too fast.
pub(super) fn burns(canary: &Watched, burn: &Burn) -> Advice {
    let (name, objective) = (&canary.name, canary.objective);
    let (long, factor, spends) = (Words(burn.long), burn.factor, burn.spends);
    let share = round(burn.factor * budget(canary.objective) * 100.0);
    let urgency = match burn.severity {
        Severity::Critical => "Look at once",
        Severity::Warning => "Look in working hours",
    };
    Advice::new(
        format!("{name} spends its error budget {factor} times too fast"),
        format!(
            "More than {share} % of the runs of the last {long} failed, and it goes on: that is {spends} % of what an \
             objective of {objective} % allows in 30 days. {urgency}: see what failed by the monitor's `runs {name}`."
        ),
    )
}

/// Rounds to four decimal places, for people.
pub(super) fn round(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}
