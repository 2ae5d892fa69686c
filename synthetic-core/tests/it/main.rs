//! What a user of the crate sees, tested through its public API.

mod ends;
mod house;
mod logs;
mod monitor;
mod odd_ends;
mod polls;
mod report;
mod secrets;
mod steps;
