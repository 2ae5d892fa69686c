//! Servers that do wrong on purpose: whatever they do, a check ends in time, keeps no more than it may, and says what happened
//! and in which phase.
//!
//! What a server does with time is in `stalls.rs` and `deadlines.rs`, with the head of its answer in `heads.rs`, with the length
//! of its body in `lengths.rs`, with how much it sends in `floods.rs`, `bombs.rs` and `memory.rs`, and with its connections in
//! `connections.rs`. Names that no resolver answers for are in `src/wire/tests/errors.rs` and `net_dns.rs`, certificates in
//! `tls.rs`, proxies in `proxies.rs`.

mod bombs;
mod connections;
mod deadlines;
mod floods;
mod heads;
mod lengths;
#[cfg(target_os = "linux")]
mod memory;
mod rogue;
mod stalls;

pub(crate) use self::rogue::Rogue;
