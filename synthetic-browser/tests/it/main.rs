//! What pages do in real browsers.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers are outside of any test function")]

mod actions;
mod failures;
mod frames;
mod support;
