//! What the small programs of this package share: a target, a monitor that runs once, an exit code.

#[cfg(feature = "browser")]
mod product;

use std::path::PathBuf;
use std::process::ExitCode;

use synthetic_core::monitor::{Builder, Exit};
use synthetic_core::prelude::*;
use synthetic_sinks::Stdout;

#[cfg(feature = "browser")]
pub use self::product::Product;
use crate::storefront::Storefront;

/// Runs what `compose` adds to a monitor once against `--target URL`, or against a storefront of its own, prints what it
/// saw, and returns how the process should end.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_examples::{canaries::api_health, program};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let compose = |monitor: Builder, url: &str| monitor.canary(every(mins(1)), api_health::canary(url));
/// # use synthetic_core::monitor::Builder;
/// let exit = program::run_once(compose, ["api_health".to_owned()]).await;
/// assert_eq!(exit, std::process::ExitCode::SUCCESS);
/// # }
/// ```
#[expect(clippy::print_stderr, reason = "a program speaks to its user")]
pub async fn run_once(
    compose: impl FnOnce(Builder, &str) -> Builder,
    arguments: impl IntoIterator<Item = String>,
) -> ExitCode {
    let arguments: Vec<String> = arguments.into_iter().skip(1).collect();
    let target = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--target" | "--url", url] => Some(url.to_owned()),
        _ => {
            eprintln!("usage: [--target URL]; without a target, a storefront is started for the occasion");
            return Exit::Usage.into();
        }
    };
    // The shop lives as long as this function.
    let (shop, url) = match target {
        Some(url) => (None, url),
        None => match Storefront::new().start().await {
            Ok(shop) => {
                let url = shop.url().to_owned();
                (Some(shop), url)
            }
            Err(error) => {
                eprintln!("failed to start a storefront: {error}");
                return Exit::Error.into();
            }
        },
    };
    let folder = journal(&url);
    let monitor = Monitor::named("examples").journal(&folder).secrets(crate::demo_secrets()).sink(Stdout::pretty());
    let exit = match compose(monitor, &url).build() {
        Ok(monitor) => monitor.once().await.1.exit(),
        Err(problem) => {
            eprintln!("{problem}");
            Exit::Usage
        }
    };
    // It stays when something in it is still to be removed, in a shop that is still there.
    let _ = if shop.is_some() { std::fs::remove_dir_all(folder) } else { std::fs::remove_dir(folder) };
    exit.into()
}

/// Returns the folder of these programs' journal for a target: what is made in one target is not looked for in another. One
/// of your own is on a volume that outlives the process.
#[must_use]
pub fn journal(target: &str) -> PathBuf {
    let name: String = target.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    std::env::temp_dir().join(format!("synthetic-examples-{name}"))
}
