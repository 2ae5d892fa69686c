#![doc = include_str!("../README.md")]

#[cfg(feature = "artifacts")]
mod artifacts;
#[cfg(any(feature = "s3", feature = "gcs", feature = "azure"))]
mod bucket;
#[cfg(feature = "cloudwatch")]
mod cloudwatch;
#[cfg(any(feature = "cloudwatch", feature = "emf"))]
mod datum;
#[cfg(feature = "emf")]
mod emf;
#[cfg(any(feature = "stdout", feature = "emf"))]
mod lines;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "stdout")]
mod stdout;

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
#[cfg(feature = "prometheus")]
pub use self::prometheus::Prometheus;
#[cfg(feature = "stdout")]
pub use self::stdout::Stdout;
