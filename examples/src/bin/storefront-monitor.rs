//! A whole monitor of the storefront, driven by its command line: `storefront-monitor --help`.
//!
//! Without `--target`, a storefront is started for the occasion, and lives as long as the command.

use std::process::ExitCode;

use synthetic_core::cli::clap;
use synthetic_core::monitor::Connectivity;
use synthetic_core::prelude::*;
use synthetic_examples::canaries::{api_health, custom_matcher, order_workflow};
use synthetic_examples::demo_secrets;
use synthetic_examples::sinks::SinkFlags;
use synthetic_examples::storefront::{Faults, Storefront};

#[derive(clap::Args)]
struct Flags {
    /// The storefront to watch; one is started for the occasion when it is not said
    #[arg(long, env = "STOREFRONT_URL", value_name = "URL")]
    target: Option<String>,
    /// Let the storefront that is started break: errors=0.3,latency=200ms,lost_answers=0.1
    #[arg(long, value_name = "FAULTS", conflicts_with = "target")]
    faults: Option<Faults>,
    /// Skip runs while none of these answers: our own network is down then
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    connectivity: Vec<String>,
    /// Sign in with a real browser too: chromium or firefox
    #[cfg(feature = "browser")]
    #[arg(long, env = "STOREFRONT_BROWSER", value_name = "BROWSER")]
    browser: Option<synthetic_examples::program::Product>,
    #[command(flatten)]
    sinks: SinkFlags,
}

#[tokio::main]
async fn main() -> ExitCode {
    // It lives as long as the monitor.
    let mut shop = None;
    #[cfg(feature = "browser")]
    let mut browser = None;
    Monitor::main_with(async |flags: Flags| {
        let url = match flags.target {
            Some(url) => url,
            None => shop
                .insert(Storefront::new().faults(flags.faults.unwrap_or_else(Faults::none)).start().await?)
                .url()
                .to_owned(),
        };
        let mut monitor = Monitor::named("storefront")
            .resource(order_workflow::Shop::at(&url).orders())
            .canary(every(mins(1)), api_health::canary(&url))
            .canary(every(mins(1)), order_workflow::canary(&url))
            .canary(every(mins(5)), custom_matcher::canary(&url))
            .secrets(demo_secrets());
        #[cfg(feature = "browser")]
        if let Some(product) = flags.browser {
            let browser = browser.insert(product.browser());
            monitor = monitor.canary(every(mins(5)), synthetic_examples::canaries::login::canary(browser, &url));
        }
        if !flags.connectivity.is_empty() {
            monitor = monitor.connectivity(Connectivity::tcp(flags.connectivity));
        }
        flags.sinks.add_to(monitor).await
    })
    .await
}
