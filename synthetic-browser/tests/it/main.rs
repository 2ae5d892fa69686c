//! What pages do in real browsers.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers are outside of any test function")]

mod actions;
mod evidence;
mod failures;
mod frames;
mod network;
mod opening;
mod support;
mod vitals;
