//! What was not sent, because CloudWatch does not take it: counted and said, never silent.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Why a value was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    NotFinite,
    TooOld,
    TooFarAhead,
    Dimension,
    #[cfg(feature = "cloudwatch")]
    Refused,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::TooOld => "too_old",
            Self::TooFarAhead => "too_far_ahead",
            Self::Dimension => "dimension",
            #[cfg(feature = "cloudwatch")]
            Self::Refused => "refused",
        }
    }

    const fn why(self) -> &'static str {
        match self {
            Self::NotFinite => "it is infinite or not a number",
            Self::TooOld => "it is older than two weeks",
            Self::TooFarAhead => "it is more than two hours ahead",
            Self::Dimension => "a dimension must be 1 to 1024 printable characters of ASCII: rename the step",
            #[cfg(feature = "cloudwatch")]
            Self::Refused => "CloudWatch refuses it",
        }
    }
}

/// Counts what was not sent, by reason.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(Mutex<BTreeMap<&'static str, u64>>);

impl LeftOut {
    /// Counts a value, and says so in the log the first time and then each time that the count has doubled.
    pub(crate) fn note(&self, reason: Reason, what: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(reason.as_str()).or_default();
        *count += 1;
        if count.is_power_of_two() {
            let (reason, why) = (reason.as_str(), reason.why());
            tracing::warn!(target: "synthetic", reason, values = *count, "a value for CloudWatch is left out, {what}: {why}");
        }
    }

    /// Returns the counts as they are now.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
