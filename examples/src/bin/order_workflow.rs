//! Runs the journey of an order once: `cargo run --bin order_workflow [-- --target URL]`.

use std::process::ExitCode;

use synthetic_examples::canaries::order_workflow;
use synthetic_examples::program;

#[tokio::main]
async fn main() -> ExitCode {
    program::run_once(order_workflow::canary, std::env::args()).await
}
