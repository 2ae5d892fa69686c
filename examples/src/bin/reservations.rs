//! A monitor of one call that fails now and then, for Prometheus: `reservations --help`. `examples/reservations/start` starts it
//! with the service and a Prometheus that watch each other.
//!
//! Without `--target`, a storefront is started for the occasion, and lives as long as the command.

use std::process::ExitCode;
use std::time::Duration;

use synthetic_core::cli::clap;
use synthetic_core::prelude::*;
use synthetic_examples::canaries::reservations;
use synthetic_examples::sinks::SinkFlags;
use synthetic_examples::storefront::Storefront;

#[derive(clap::Args)]
struct Flags {
    /// The storefront to make reservations in; one is started for the occasion when it is not said
    #[arg(long, env = "STOREFRONT_URL", value_name = "URL")]
    target: Option<String>,
    /// How many milliseconds pass between two reservations
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    pause: u64,
    #[command(flatten)]
    sinks: SinkFlags,
}

#[tokio::main]
async fn main() -> ExitCode {
    // It lives as long as the monitor.
    let mut shop = None;
    Monitor::main_with(async |flags: Flags| {
        let url = match flags.target {
            Some(url) => url,
            None => shop.insert(Storefront::new().start().await?).url().to_owned(),
        };
        let pause = Duration::from_millis(flags.pause);
        let monitor = Monitor::named("reservations").canary(every(pause), reservations::canary(&url, pause));
        flags.sinks.add_to(monitor).await
    })
    .await
}
