//! Of which runs something is kept: [`Keep`].

use synthetic_core::{Outcome, Report};

/// Says of which runs something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Keep {
    /// Of none.
    Never,
    /// Of those that somebody may want to look into: failed, error, degraded; and of those that passed only after an
    /// attempt had failed, or left something behind.
    #[default]
    OnFailure,
    /// Of every run, skipped ones included.
    Always,
}

impl Keep {
    pub(super) fn wants(self, report: &Report) -> bool {
        match self {
            Self::Never => false,
            Self::OnFailure => {
                !matches!(report.outcome, Outcome::Passed | Outcome::Skipped)
                    || ending(report) != report.outcome.as_str()
            }
            Self::Always => true,
        }
    }
}

/// Returns in one word how a run ended: its outcome, or why one that passed needs to be looked into.
pub(super) fn ending(report: &Report) -> &'static str {
    match report.outcome {
        Outcome::Passed if report.cleanup.left_behind() > 0 => "left-behind",
        Outcome::Passed if report.flaky() => "flaky",
        outcome => outcome.as_str(),
    }
}
