//! How a run, a step or a cleanup ended: [`Outcome`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a run or a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything that had to hold held, and everything that should hold did too.
    Passed,
    /// It was not carried out, on purpose.
    Skipped,
    /// Everything that had to hold held, but something that should hold did not, or something was left behind.
    Degraded,
    /// Nothing was learned of the target: the canary, its settings or the SDK stood in the way.
    Error,
    /// The target is wrong: something that had to hold did not.
    Failed,
}

impl Outcome {
    /// All outcomes, in the order in which they are declared.
    pub const ALL: [Self; 5] = [Self::Passed, Self::Skipped, Self::Degraded, Self::Error, Self::Failed];

    /// Returns whether nobody needs to be woken: passed or degraded.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::Outcome;
    /// assert!(Outcome::Degraded.is_up());
    /// assert!(!Outcome::Error.is_up());
    /// ```
    #[must_use]
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Passed | Self::Degraded)
    }

    /// Returns the name that metrics and the JSON form use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Degraded => "degraded",
            Self::Error => "error",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
