#![doc = include_str!("../README.md")]

#[cfg(feature = "artifacts")]
mod artifacts;
#[cfg(any(feature = "cloudwatch", feature = "secrets-manager", feature = "ssm"))]
mod aws;
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
mod bucket;
#[cfg(any(feature = "pushgateway", feature = "webhook"))]
mod client;
#[cfg(feature = "cloudwatch")]
mod cloudwatch;
#[cfg(any(feature = "emf", feature = "github", feature = "stdout"))]
mod console;
#[cfg(any(feature = "cloudwatch", feature = "emf"))]
mod datum;
#[cfg(feature = "emf")]
mod emf;
#[cfg(feature = "github")]
mod github;
#[cfg(feature = "json-lines")]
mod json_lines;
#[cfg(feature = "junit")]
mod junit;
#[cfg(any(feature = "junit", feature = "github"))]
mod kept;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(any(feature = "json-lines", feature = "junit", feature = "github"))]
mod recent;
#[cfg(any(feature = "secrets-manager", feature = "ssm"))]
mod secrets;
#[cfg(feature = "stdout")]
mod stdout;
#[cfg(feature = "webhook")]
mod webhook;

#[cfg(feature = "artifacts")]
pub use self::artifacts::{Artifacts, Keep};
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
pub use self::bucket::ObjectStore;
#[cfg(feature = "cloudwatch")]
pub use self::cloudwatch::CloudWatch;
#[cfg(any(feature = "cloudwatch", feature = "emf"))]
pub use self::datum::InvalidSetting;
#[cfg(feature = "emf")]
pub use self::emf::Emf;
#[cfg(feature = "github")]
pub use self::github::GithubAnnotations;
#[cfg(feature = "json-lines")]
pub use self::json_lines::JsonLines;
#[cfg(feature = "junit")]
pub use self::junit::JunitFile;
#[cfg(feature = "prometheus")]
pub use self::prometheus::Prometheus;
#[cfg(feature = "ssm")]
pub use self::secrets::ParameterStore;
#[cfg(feature = "secrets-manager")]
pub use self::secrets::SecretsManager;
#[cfg(feature = "stdout")]
pub use self::stdout::Stdout;
#[cfg(feature = "webhook")]
pub use self::webhook::{Webhook, WebhookError};

/// The examples on the pages of the repository, which are compiled and run like any other.
#[cfg(all(doctest, feature = "json-lines", feature = "junit", feature = "github"))]
mod pages {
    #[cfg(feature = "s3")]
    #[doc = include_str!("../../docs/artifacts.md")]
    struct Artifacts;
    #[doc = include_str!("../../docs/files.md")]
    struct Files;
    #[cfg(feature = "stdout")]
    #[doc = include_str!("../../docs/sinks.md")]
    struct Sinks;
}
