//! What a user of the crate sees, tested through its public API.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod crash_windows;
mod creating;
mod ends;
mod hard_cases;
mod house;
mod journal;
mod life;
mod logs;
mod made;
mod monitor;
mod odd_ends;
mod polls;
mod removing;
mod report;
mod secrets;
mod shelf;
#[cfg(unix)]
mod signals;
mod steps;
mod target;
mod world;
