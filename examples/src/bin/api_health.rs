//! Runs the canary of three endpoints once: `cargo run --bin api_health [-- --target URL]`.

use std::process::ExitCode;

use synthetic_core::prelude::*;
use synthetic_examples::canaries::api_health;
use synthetic_examples::program;

#[tokio::main]
async fn main() -> ExitCode {
    program::run_once(|monitor, url| monitor.canary(every(mins(1)), api_health::canary(url)), std::env::args()).await
}
