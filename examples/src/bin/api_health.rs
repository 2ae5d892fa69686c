//! Runs the canary of three endpoints once: `cargo run --bin api_health [-- --target URL]`.

use std::process::ExitCode;

use synthetic_examples::canaries::api_health;
use synthetic_examples::program;

#[tokio::main]
async fn main() -> ExitCode {
    program::run_once(api_health::canary, std::env::args()).await
}
