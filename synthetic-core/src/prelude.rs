//! The few words that every canary says: `use synthetic_core::prelude::*;`.
//!
//! The trait [`Matcher`](crate::expect::Matcher) is not among them: plain texts are matchers, so that its `matches` would
//! stand before that of `str`. Who writes a matcher imports it.

use std::time::Duration;

pub use crate::canary::{Canary, Spec, canary};
pub use crate::cleanup::{Gone, Mark, Resource};
pub use crate::expect::{
    all_of, any_of, between, contains, ends_with, eq, every, exists, ge, gt, is_array, is_boolean, is_empty,
    is_integer, is_iso_date, is_null, is_number, is_object, is_string, is_uuid, le, len, lt, matches, ne, near, not,
    one_of, some, starts_with, under,
};
pub use crate::failure::{Failure, Result};
pub use crate::monitor::Monitor;
pub use crate::outcome::Outcome;
pub use crate::report::{Report, Unit};
pub use crate::run::{Run, attempts};
#[cfg(feature = "cron")]
pub use crate::schedule::cron;
pub use crate::testing::once;

/// Returns so many seconds.
#[must_use]
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns so many milliseconds.
#[must_use]
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Returns so many minutes, at most what a `Duration` holds.
#[must_use]
pub const fn mins(minutes: u64) -> Duration {
    Duration::from_secs(minutes.saturating_mul(60))
}
