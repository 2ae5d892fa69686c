//! The login journey in real browsers: green, red in every way, and a thousand times.

mod chaos;
mod failures;
mod journey;
mod processes;
#[path = "../../../synthetic-browser/tests/it/support.rs"]
#[expect(clippy::print_stdout, reason = "a test says why it is skipped")]
#[expect(dead_code, reason = "the tests of the crate need more of it")]
mod support;
