//! Shows the SDK at work: a target to run canaries against, canaries, and the programs that run them.
//!
//! - [`storefront`] is the target: a small shop that is started inside a test or an example, listens on this machine
//!   only, and breaks on demand.
//! - [`canaries`] holds one canary a file, to be read and copied.
//! - `src/bin` holds the programs: `quickstart` runs everything in one process, the others run one canary each.
//! - `tests/in_a_test.rs` uses the same steps in an integration test.
//!
//! # Examples
//!
//! ```
//! use synthetic_core::prelude::*;
//! use synthetic_examples::canaries::api_health;
//! use synthetic_examples::storefront::Storefront;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let shop = Storefront::new().start().await?;
//! let runner = synthetic_core::Runner::new().secrets(synthetic_examples::demo_secrets());
//! runner.run(api_health::canary(shop.url())).await.assert_passed();
//! # Ok(())
//! # }
//! ```

pub mod canaries;
pub mod program;
pub mod sinks;
pub mod storefront;

use synthetic_core::secret::EnvSecrets;

/// Returns the secrets of the storefront, which are none: everybody may know them.
///
/// A service of your own has its secrets in the environment, in a folder that Kubernetes mounts, or in a vault.
#[must_use]
pub fn demo_secrets() -> EnvSecrets {
    EnvSecrets::with_lookup(|variable| match variable {
        "STOREFRONT_API_TOKEN" => Some(storefront::API_TOKEN.into()),
        "STOREFRONT_PASSWORD" => Some(storefront::PASSWORD.into()),
        _ => None,
    })
}

/// The examples on the pages of the repository, which are compiled and run like any other.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/guide.md")]
    struct Guide;
    #[cfg(feature = "browser")]
    #[doc = include_str!("../../docs/browser.md")]
    struct Browser;
    #[doc = include_str!("../../docs/http/requests.md")]
    struct HttpRequests;
    #[doc = include_str!("../../docs/notifications.md")]
    struct Notifications;
    #[doc = include_str!("../../docs/prometheus.md")]
    struct Prometheus;
    #[doc = include_str!("../../docs/resources.md")]
    struct Resources;
}
