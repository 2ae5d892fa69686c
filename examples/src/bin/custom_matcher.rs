//! Runs the canary with a matcher of its own once: `cargo run --bin custom_matcher [-- --target URL]`.

use std::process::ExitCode;

use synthetic_examples::canaries::custom_matcher;
use synthetic_examples::program;

#[tokio::main]
async fn main() -> ExitCode {
    program::run_once(custom_matcher::canary, std::env::args()).await
}
