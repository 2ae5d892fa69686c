//! How fast an error budget is spent: the windows of "Alerting on SLOs".
//!
//! Source: The Site Reliability Workbook, chapter 5, table 5-8 and "6: Multiwindow, Multi-Burn-Rate Alerts",
//! <https://sre.google/workbook/alerting-on-slos/>. A burn rate of 1 spends the budget of 30 days in 30 days.

use std::time::Duration;

use super::inventory::{Cadence, Watched};
use super::severity::Severity;

/// The long window, the short one, the factor, and the share of the budget of 30 days that is spent by then, in percent.
const PAIRS: [(Duration, Duration, f64, u32, Severity); 3] = [
    (Duration::from_secs(3600), Duration::from_secs(5 * 60), 14.4, 2, Severity::Critical),
    (Duration::from_secs(6 * 3600), Duration::from_secs(30 * 60), 6.0, 5, Severity::Critical),
    (Duration::from_secs(72 * 3600), Duration::from_secs(6 * 3600), 1.0, 10, Severity::Warning),
];

/// How many intervals a long window holds at least: the failures of fewer runs are no rate.
const LONG: u32 = 10;
/// How many intervals a short window holds at least: with fewer, it may be empty while the budget burns.
const SHORT: u32 = 3;

/// One rule: the budget is spent too fast over both windows. The short one is there so that it ends soon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Burn {
    pub(super) long: Duration,
    pub(super) short: Duration,
    /// How many times too fast.
    pub(super) factor: f64,
    /// How much of the budget of 30 days is spent in the long window then, in percent.
    pub(super) spends: u32,
    pub(super) severity: Severity,
}

/// Returns the rules for a canary, the fastest first: those whose windows hold enough runs, and that can come true.
pub(super) fn burns(canary: &Watched, cadence: Cadence) -> Vec<Burn> {
    let rule = |(long, short, factor, spends, severity): (Duration, Duration, _, _, _)| {
        let short = short.max(cadence.interval.saturating_mul(SHORT));
        Burn { long, short, factor, spends, severity }
    };
    let says_something = |burn: &Burn| {
        burn.long >= cadence.interval.saturating_mul(LONG)
            && burn.short < burn.long
            && burn.factor * budget(canary.objective) < 1.0
    };
    PAIRS.into_iter().map(rule).filter(says_something).collect()
}

/// Returns which share of runs may fail, as the decimal number that was meant: of 99.9, it is 0.001.
pub(super) fn budget(objective: f64) -> f64 {
    let share = (100.0 - objective) / 100.0;
    // Twelve digits are more than anybody says, and fewer than where binary fractions differ from decimal ones.
    format!("{share:.12}").parse().unwrap_or(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(minutes: u64, objective: f64) -> Vec<(u64, u64)> {
        let interval = Duration::from_secs(minutes * 60);
        let cadence = Cadence { interval, intervals: 3, silent: interval * 3 };
        let canary = Watched {
            name: "health".to_owned(),
            cadence: Some(cadence),
            slow: interval,
            objective,
            left_behind: interval,
            most_pending: 20,
        };
        burns(&canary, cadence).iter().map(|burn| (burn.long.as_secs() / 60, burn.short.as_secs() / 60)).collect()
    }

    #[test]
    fn windows_hold_enough_runs_and_rules_can_come_true() {
        assert_eq!(found(1, 99.9), [(60, 5), (360, 30), (4320, 360)]);
        assert_eq!(found(5, 99.9), [(60, 15), (360, 30), (4320, 360)], "the short window holds three runs");
        assert_eq!(found(15, 99.9), [(360, 45), (4320, 360)]);
        assert_eq!(found(240, 99.9), [(4320, 720)]);
        assert_eq!(found(24 * 60, 99.9), [], "a rate of three runs is none");
        assert_eq!(found(1, 93.0), [(360, 30), (4320, 360)], "14.4 times 7 % is more than everything");
        assert_eq!(found(1, 50.0), [(4320, 360)]);
    }

    #[test]
    fn a_budget_is_the_decimal_number_that_was_meant() {
        for (objective, expected) in
            [(99.9, "0.001"), (99.95, "0.0005"), (99.0, "0.01"), (90.0, "0.1"), (99.999, "0.00001")]
        {
            assert_eq!(budget(objective).to_string(), expected);
        }
    }
}
