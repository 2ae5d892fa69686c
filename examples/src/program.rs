//! What the small programs of this package share: a target, a monitor that runs once, an exit code.

use std::process::ExitCode;

use synthetic_core::AnyCanary;
use synthetic_core::monitor::Exit;
use synthetic_core::prelude::*;
use synthetic_sinks::Stdout;

use crate::storefront::Storefront;

/// Runs a canary once against `--target URL`, or against a storefront of its own, prints what it saw, and returns how
/// the process should end.
///
/// # Examples
///
/// ```
/// use synthetic_examples::{canaries::api_health, program};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let exit = program::run_once(api_health::canary, ["api_health".to_owned()]).await;
/// assert_eq!(exit, std::process::ExitCode::SUCCESS);
/// # }
/// ```
#[expect(clippy::print_stderr, reason = "a program speaks to its user")]
pub async fn run_once<C: Canary>(canary: impl Fn(&str) -> C, arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.into_iter().skip(1).collect();
    let target = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--target", url] => Some(url.to_owned()),
        _ => {
            eprintln!("usage: [--target URL]; without a target, a storefront is started for the occasion");
            return Exit::Usage.into();
        }
    };
    // The shop lives as long as this function.
    let (_shop, url) = match target {
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
    let monitor = Monitor::named("examples")
        .canary(every(mins(1)), AnyCanary::new(canary(&url)))
        .secrets(crate::demo_secrets())
        .sink(Stdout::pretty())
        .build();
    match monitor {
        Ok(monitor) => monitor.once().await.1.exit().into(),
        Err(problem) => {
            eprintln!("{problem}");
            Exit::Usage.into()
        }
    }
}
