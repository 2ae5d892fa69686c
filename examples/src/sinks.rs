//! Where the reports of these monitors go, as flags of their command lines.

use std::error::Error;
use std::path::PathBuf;

use synthetic_core::artifact::LocalFolder;
use synthetic_core::cli::clap;
use synthetic_core::monitor::Builder;
use synthetic_sinks::{Artifacts, CloudWatch, Emf, Prometheus, Stdout};

/// The sinks of a monitor, each behind a flag; without any, reports go to standard output.
///
/// # Examples
///
/// ```
/// use synthetic_core::cli::clap::{self, Parser};
/// use synthetic_core::prelude::*;
/// use synthetic_examples::canaries::reservations;
/// use synthetic_examples::sinks::SinkFlags;
///
/// #[derive(clap::Parser)]
/// struct Flags {
///     #[command(flatten)]
///     sinks: SinkFlags,
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let flags = Flags::parse_from(["monitor", "--prometheus", "127.0.0.1:0"]);
/// let monitor = Monitor::named("shop").canary(every(secs(5)), reservations::canary("http://127.0.0.1:8080", secs(4)));
/// let monitor = flags.sinks.add_to(monitor).await?;
/// assert!(monitor.build().is_ok());
/// # Ok(()) }
/// ```
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Where reports go")]
pub struct SinkFlags {
    /// Serve metrics for Prometheus at http://ADDR/metrics, as 127.0.0.1:9464; port 0 is a free one
    #[arg(long, env = "STOREFRONT_PROMETHEUS", value_name = "ADDR")]
    prometheus: Option<String>,
    /// Show the families of blackbox_exporter too
    #[arg(long, requires = "prometheus")]
    blackbox: bool,
    /// Publish metrics to CloudWatch, under the names of CloudWatch Synthetics; AWS_REGION, AWS_PROFILE and AWS_ENDPOINT_URL
    /// say where
    #[arg(long)]
    cloudwatch: bool,
    /// Write the same metrics as lines of the Embedded Metric Format instead of results, for Lambda and Fargate
    #[arg(long, conflicts_with = "json")]
    emf: bool,
    /// Keep report, log and attachments of every run that did not pass in this folder
    #[arg(long, env = "STOREFRONT_ARTIFACTS", value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// Keep what cannot be delivered to CloudWatch in this folder, until it can be
    #[arg(long, env = "STOREFRONT_SPOOL", value_name = "DIR", requires = "cloudwatch")]
    spool: Option<PathBuf>,
    /// Write reports as JSON lines, for machines
    #[arg(long)]
    json: bool,
}

impl SinkFlags {
    /// Adds the sinks that were asked for. The metrics are served from here on.
    ///
    /// # Errors
    ///
    /// Returns an error when the address for Prometheus is none, or is taken.
    #[expect(clippy::print_stderr, reason = "a program speaks to its user, and standard output is for results")]
    pub async fn add_to(self, mut monitor: Builder) -> Result<Builder, Box<dyn Error + Send + Sync>> {
        monitor = match (self.emf, self.json) {
            (true, _) => monitor.sink(Emf::stdout()),
            (_, true) => monitor.sink(Stdout::json()),
            _ => monitor.sink(Stdout::pretty()),
        };
        if let Some(address) = self.prometheus {
            let mut metrics = Prometheus::new();
            if self.blackbox {
                metrics = metrics.blackbox_compatible();
            }
            let metrics = metrics.listen(address)?;
            if let Some(address) = metrics.address() {
                eprintln!("metrics are served at http://{address}/metrics");
            }
            monitor = monitor.sink(metrics);
        }
        if self.cloudwatch {
            let metrics = CloudWatch::from_env().await;
            monitor = match self.spool {
                Some(folder) => monitor.spooled_sink(folder, metrics),
                None => monitor.sink(metrics),
            };
        }
        if let Some(folder) = self.artifacts {
            monitor = monitor.sink(Artifacts::new(LocalFolder::at(folder)));
        }
        Ok(monitor)
    }
}
