//! When a canary whose attempt failed makes another one: [`RetryOn`], and the settings around it.

use std::time::Duration;

use crate::failure::Reason;
use crate::outcome::Outcome;

/// How many further attempts a run makes at most: each has its own time, its own cleanup and a place in the report.
pub(super) const MOST: u32 = 10;

/// After which failures another attempt is made, if [`Spec::retry`](crate::Spec::retry) or
/// [`Spec::confirm_after`](crate::Spec::confirm_after) asks for one.
///
/// An error of our own is never tried again (a panic, a missing secret, a cancelled run), nor is a run that was skipped or
/// that checked nothing: nothing was learned of the target, and nothing would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RetryOn {
    /// When the network stood between us and an answer: the report's reason [is of the network](Reason::is_network), that is,
    /// the failure that leads. A wrong answer is an answer, and counts at once.
    #[default]
    Network,
    /// Whenever the journey failed. Mind that this hides what fails now and then: only
    /// [`Report::flaky`](crate::Report::flaky) tells.
    AnyFailure,
}

impl RetryOn {
    /// Returns whether an attempt that ended so is followed by another one.
    pub(crate) fn covers(self, outcome: Outcome, reason: Option<Reason>) -> bool {
        match self {
            Self::Network => outcome == Outcome::Failed && reason.is_some_and(Reason::is_network),
            // What was left behind stays so, whatever another attempt does; it would only add to it.
            Self::AnyFailure => outcome == Outcome::Failed && reason != Some(Reason::Leftover),
        }
    }
}

/// What a spec says of further attempts.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Retries {
    pub(super) more: u32,
    pub(super) confirm_after: Option<Duration>,
    pub(super) on: RetryOn,
}

impl Retries {
    /// Returns how many further attempts are made at most.
    pub(super) fn most(&self) -> u32 {
        self.more.max(u32::from(self.confirm_after.is_some()))
    }

    pub(super) fn problem(&self) -> Option<String> {
        let more = self.more;
        let text = || format!("it is tried {more} more times when it fails: at most {MOST}, so that a run has an end");
        (more > MOST).then(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_is_tried_again_by_default_any_failure_when_told_and_nothing_else_ever() {
        for reason in Reason::ALL {
            let outcome = reason.outcome();
            let network =
                matches!(reason, Reason::Timeout | Reason::Dns | Reason::Connect | Reason::Tls | Reason::Protocol);
            assert_eq!(RetryOn::default().covers(outcome, Some(reason)), network, "{reason}");
            assert_eq!(RetryOn::AnyFailure.covers(outcome, Some(reason)), outcome == Outcome::Failed, "{reason}");
        }
        for on in [RetryOn::Network, RetryOn::AnyFailure] {
            assert!(!on.covers(Outcome::Passed, None));
            assert!(!on.covers(Outcome::Failed, Some(Reason::Leftover)), "as `OnLeak::Fail` has it");
        }
    }
}
