//! What a user of the crate sees, tested through its public API.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod cleanup;
mod ends;
mod evidence;
#[cfg(feature = "cron")]
mod foreign;
#[cfg(feature = "cli")]
mod formats;
mod house;
mod journal;
mod logs;
mod monitor;
mod odd_ends;
mod polls;
mod report;
mod retries;
mod secrets;
mod spool;
mod steps;
