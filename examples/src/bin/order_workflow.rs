//! Runs the journey of an order once: `cargo run --bin order_workflow [-- --target URL]`.

use std::process::ExitCode;

use synthetic_core::monitor::Builder;
use synthetic_core::prelude::*;
use synthetic_examples::canaries::order_workflow;
use synthetic_examples::program;

#[tokio::main]
async fn main() -> ExitCode {
    let compose = |monitor: Builder, url: &str| {
        // Lets a restart finish what a crash interrupted.
        let orders = order_workflow::Shop::at(url).orders();
        monitor.resource(orders).canary(every(mins(1)), order_workflow::canary(url))
    };
    program::run_once(compose, std::env::args()).await
}
