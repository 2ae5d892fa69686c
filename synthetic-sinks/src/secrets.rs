//! Secrets from AWS: what its two stores have in common.

mod failed;
#[cfg(feature = "secrets-manager")]
mod manager;
mod names;
#[cfg(feature = "ssm")]
mod parameters;
mod store;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

#[cfg(feature = "secrets-manager")]
pub use self::manager::SecretsManager;
#[cfg(feature = "ssm")]
pub use self::parameters::ParameterStore;

/// How long a look-up may take with its retries unless the user says so.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bounds each try, so that one that hangs leaves time for another; the whole is bounded where it is called.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(4))
        .build()
}

/// Tries three times, as every tool of AWS does, unless the configuration says otherwise.
fn retries(config: &SdkConfig) -> RetryConfig {
    config.retry_config().cloned().unwrap_or_else(RetryConfig::standard)
}

/// Returns where a store is, as messages say it.
fn place(service: &str, config: &SdkConfig) -> String {
    match config.region() {
        Some(region) => format!("{service} in {region}"),
        None => format!("{service} in no region"),
    }
}
