//! Runs the canary with a matcher of its own once: `cargo run --bin custom_matcher [-- --target URL]`.

use std::process::ExitCode;

use synthetic_core::monitor::Builder;
use synthetic_core::prelude::*;
use synthetic_examples::canaries::{custom_matcher, order_workflow};
use synthetic_examples::program;

#[tokio::main]
async fn main() -> ExitCode {
    let compose = |monitor: Builder, url: &str| {
        // Lets a restart finish what a crash interrupted.
        let orders = order_workflow::Shop::at(url).orders();
        monitor.resource(orders).canary(every(mins(1)), custom_matcher::canary(url))
    };
    program::run_once(compose, std::env::args()).await
}
