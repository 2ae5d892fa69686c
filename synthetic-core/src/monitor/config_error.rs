//! Says everything that is wrong with a monitor.

use std::fmt;
use std::sync::Arc;

/// Says everything that is wrong with a monitor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("monitor {monitor:?} cannot run:{}", List(problems))]
pub struct ConfigError {
    monitor: Arc<str>,
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(monitor: Arc<str>, problems: Vec<Problem>) -> Self {
        Self { monitor, problems }
    }

    /// Returns what is wrong, one by one.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// One thing that is wrong with a monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The canary it is about; `None` when it is about the monitor itself.
    pub canary: Option<String>,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.canary {
            Some(canary) => write!(f, "canary {canary:?}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

pub(super) struct List<'a>(pub(super) &'a [Problem]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|problem| write!(f, "\n- {problem}"))
    }
}
