//! Alert rules and dashboards, made of what a monitor runs: [`Alerts`] and [`Dashboard`], behind the feature `alerts`.
//!
//! Pure functions from an [`Inventory`] to text: the same monitor gives the same text, byte for byte, so that it can be kept
//! under version control, and a test can hold it against the monitor. The command line prints it: `alerts` and
//! `dashboard`. What each rule means is in `docs/alerts.md`.
//!
//! # Examples
//!
//! ```
//! use synthetic_core::alerts::{Alerts, Inventory};
//! use synthetic_core::prelude::*;
//! # use synthetic_core::testing::RecordingSink;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let health = canary(Spec::new("health").objective(99.5), |run: Run| async move { run.expect("up", true, eq(true)) });
//! let monitor = Monitor::named("shop").canary(every(mins(1)), health).sink(RecordingSink::new());
//! let rules = Alerts::Prometheus.render(&Inventory::of(monitor)?)?;
//! assert!(rules.contains("time() - synthetic_last_run_timestamp_seconds{canary=\"health\"} > 240"));
//! # Ok(()) }
//! ```

mod burn;
mod cloudformation;
mod cloudwatch;
mod concern;
mod grafana;
mod inventory;
mod node;
mod prometheus;
mod promql;
mod severity;

pub use self::inventory::Inventory;

/// The forms of alert rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Alerts {
    /// A rule file of Prometheus, in YAML: a group for each canary.
    Prometheus,
    /// A CloudFormation template, in YAML: `AWS::CloudWatch::Alarm` and `AWS::CloudWatch::CompositeAlarm`. Its parameters are
    /// the topic that alarms go to, and the namespace of the metrics.
    CloudFormation,
}

/// The forms of a dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dashboard {
    /// The JSON model of a Grafana dashboard on a Prometheus data source.
    Grafana,
    /// The body of a CloudWatch dashboard, as `PutDashboard` takes it.
    CloudWatch {
        /// The region of the metrics: `eu-west-1`.
        region: String,
        /// The namespace of the metrics: `CloudWatchSynthetics`.
        namespace: String,
    },
}

impl Alerts {
    /// Writes the rules, as text that ends with a line break.
    ///
    /// # Errors
    ///
    /// Says so when there are more canaries than a CloudFormation template has room for: select fewer for each of several.
    pub fn render(self, inventory: &Inventory) -> Result<String, TooMany> {
        match self {
            Self::Prometheus => Ok(prometheus::rules(inventory)),
            Self::CloudFormation => cloudformation::template(inventory),
        }
    }
}

impl Dashboard {
    /// Writes the dashboard, as JSON that ends with a line break.
    ///
    /// # Errors
    ///
    /// Says so when there are more canaries than a CloudWatch dashboard has room for: select fewer for each of several.
    pub fn render(&self, inventory: &Inventory) -> Result<String, TooMany> {
        match self {
            Self::Grafana => Ok(grafana::dashboard(inventory)),
            Self::CloudWatch { region, namespace } => cloudwatch::dashboard(inventory, region, namespace),
        }
    }
}

/// There are more canaries than fit into one text of this form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} has at most {most} {of_what}, and these canaries need {needed}: select fewer, such as by --tag, --grep or --shard"
)]
#[non_exhaustive]
pub struct TooMany {
    /// What has too little room: `a CloudFormation template`.
    pub what: &'static str,
    /// What there is too much of: `resources`.
    pub of_what: &'static str,
    /// How many it has room for.
    pub most: usize,
    /// How many there would be.
    pub needed: usize,
}

#[cfg(test)]
mod tests;
