//! A monitor of two canaries, one of which panics: built with `--profile abort`, that is the end of the process, and
//! both runs are still reported.
//!
//! `cargo run --profile abort -p synthetic-sinks --example aborts`

use std::sync::Arc;

use synthetic_core::prelude::*;
use synthetic_sinks::Stdout;
use tokio::sync::Barrier;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
    let both = Arc::new(Barrier::new(2));
    let waits = Arc::clone(&both);
    let monitor = Monitor::named("aborts")
        .canary(
            every(mins(1)),
            canary(Spec::new("waits"), move |_run: Run| {
                let both = Arc::clone(&waits);
                async move {
                    both.wait().await;
                    std::future::pending().await
                }
            }),
        )
        .canary(
            every(mins(2)),
            canary(Spec::new("panics"), move |run: Run| {
                let both = Arc::clone(&both);
                async move {
                    both.wait().await;
                    run.step("boom", async { panic!("out of stock") }).await
                }
            }),
        )
        .sink(Stdout::json())
        .build()?;
    monitor.run_until(std::future::pending()).await;
    Ok(())
}
