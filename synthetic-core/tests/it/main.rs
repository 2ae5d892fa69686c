//! What a user of the crate sees, tested through its public API.
#![expect(clippy::unwrap_used, reason = "in helpers of tests too, a panic is how a test fails")]

mod ends;
mod house;
mod logs;
mod monitor;
mod odd_ends;
mod polls;
mod report;
mod secrets;
mod steps;
