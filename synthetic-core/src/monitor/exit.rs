//! How a process that runs canaries ends.

use std::process::ExitCode;

use crate::outcome::Outcome;

/// How a process that runs canaries ends. The numbers are part of the public API.
///
/// # Examples
///
/// ```
/// use synthetic_core::monitor::Exit;
/// assert_eq!(Exit::NothingSelected as u8, 4);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Exit {
    /// Everything that ran passed or was degraded; some may have been skipped.
    Passed = 0,
    /// A run failed: the target is wrong.
    Failed = 1,
    /// A run could not conclude, or a sink lost reports or did not close: nothing can be said of the target.
    Error = 2,
    /// All journeys were good, but something was left behind in the target.
    LeftBehind = 3,
    /// Nothing ran: nothing was selected, or everything was skipped. Nothing is green on nothing.
    NothingSelected = 4,
    /// The command line or a setting was wrong.
    Usage = 64,
}

impl Exit {
    /// Returns how a process ends whose runs ended so: the worst counts.
    #[must_use]
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>, left_behind: bool) -> Self {
        let worst = outcomes.into_iter().filter(|outcome| *outcome != Outcome::Skipped).max();
        match worst {
            None if left_behind => Self::LeftBehind,
            None => Self::NothingSelected,
            Some(Outcome::Failed) => Self::Failed,
            Some(Outcome::Error) => Self::Error,
            Some(_) if left_behind => Self::LeftBehind,
            Some(_) => Self::Passed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
