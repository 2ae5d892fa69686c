//! What a user of the crate sees, tested through its public API.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod aborts;
#[cfg(any(feature = "cloudwatch", feature = "s3", feature = "ssm"))]
mod aws;
#[cfg(all(feature = "secrets-manager", feature = "ssm"))]
mod aws_secrets;
#[cfg(all(feature = "s3", feature = "gcs", feature = "azure"))]
mod buckets;
#[cfg(feature = "cloudwatch")]
mod cloudwatch;
#[cfg(feature = "github")]
mod github;
mod hostile;
#[cfg(feature = "json-lines")]
mod json_lines;
#[cfg(feature = "junit")]
mod junit;
#[cfg(all(feature = "prometheus-axum", feature = "pushgateway"))]
mod prometheus;
#[cfg(feature = "cloudwatch")]
mod proxy;
#[cfg(all(
    feature = "artifacts",
    feature = "cloudwatch",
    feature = "emf",
    feature = "prometheus",
    feature = "webhook"
))]
mod remote;
mod secrets;
mod sinks;
#[cfg(feature = "stdout")]
mod stdout;
#[cfg(feature = "webhook")]
mod webhook;
