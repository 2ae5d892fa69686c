//! Why a run ended as it did: [`Reason`], a closed set.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;

/// Why a run ended as it did: a closed set, so that it can be a label of a metric.
///
/// Each belongs to one [`Outcome`], see [`outcome`](Self::outcome).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Failed: an expectation did not hold.
    Expectation,
    /// Failed: a run, a step or a request was not done in its time.
    Timeout,
    /// Failed: a name could not be resolved.
    Dns,
    /// Failed: no connection could be made.
    Connect,
    /// Failed: the TLS handshake failed, or the certificate was refused.
    Tls,
    /// Failed: the connection broke, or what came back was not the protocol.
    Protocol,
    /// Failed: the body met an error that it did not foresee, and returned it with `?`.
    Unexpected,
    /// Degraded: a preference did not hold.
    Preference,
    /// Degraded: something that the run made or held was left behind.
    Leftover,
    /// Error: the body panicked.
    Panic,
    /// Error: the body kept its thread to itself past its deadline.
    Blocked,
    /// Error: the run was cancelled before it could conclude.
    Cancelled,
    /// Error: the run could not be carried out: a secret, a persona, a setting.
    Setup,
    /// Error: the body ended well without a step, a request or an expectation. Nothing is green on nothing.
    NothingChecked,
    /// Skipped: the body, or the monitor, chose not to run.
    Skipped,
}

impl Reason {
    /// All reasons, in the order in which they are declared.
    pub const ALL: [Self; 15] = [
        Self::Expectation,
        Self::Timeout,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Protocol,
        Self::Unexpected,
        Self::Preference,
        Self::Leftover,
        Self::Panic,
        Self::Blocked,
        Self::Cancelled,
        Self::Setup,
        Self::NothingChecked,
        Self::Skipped,
    ];

    /// Returns the outcome of a run that ends for this reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::{Outcome, Reason};
    /// assert_eq!(Reason::Timeout.outcome(), Outcome::Failed);
    /// assert_eq!(Reason::Panic.outcome(), Outcome::Error);
    /// ```
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Expectation
            | Self::Timeout
            | Self::Dns
            | Self::Connect
            | Self::Tls
            | Self::Protocol
            | Self::Unexpected => Outcome::Failed,
            Self::Preference | Self::Leftover => Outcome::Degraded,
            Self::Panic | Self::Blocked | Self::Cancelled | Self::Setup | Self::NothingChecked => Outcome::Error,
            Self::Skipped => Outcome::Skipped,
        }
    }

    /// Returns whether a network stood between us and an answer, which another try may cure.
    #[must_use]
    pub const fn is_network(self) -> bool {
        matches!(self, Self::Timeout | Self::Dns | Self::Connect | Self::Tls | Self::Protocol)
    }

    /// Returns the name that metrics and the JSON form use: `nothing_checked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expectation => "expectation",
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Unexpected => "unexpected",
            Self::Preference => "preference",
            Self::Leftover => "leftover",
            Self::Panic => "panic",
            Self::Blocked => "blocked",
            Self::Cancelled => "cancelled",
            Self::Setup => "setup",
            Self::NothingChecked => "nothing_checked",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
