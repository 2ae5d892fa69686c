//! Signs in to the shop once, in a real browser:
//! `cargo run --features browser --bin login [-- --browser chromium|firefox] [--target URL]`.

use std::process::ExitCode;

use synthetic_core::monitor::Exit;
use synthetic_core::prelude::*;
use synthetic_examples::canaries::login;
use synthetic_examples::program;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a program speaks to its user")]
async fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().collect();
    let mut product = program::Product::default();
    if let Some(at) = arguments.iter().position(|argument| argument == "--browser") {
        let named = arguments.drain(at..(at + 2).min(arguments.len())).nth(1).unwrap_or_default();
        product = match named.parse() {
            Ok(product) => product,
            Err(problem) => {
                eprintln!("--browser: {problem}");
                return Exit::Usage.into();
            }
        };
    }
    let browser = product.browser();
    let exit =
        program::run_once(|monitor, url| monitor.canary(every(mins(5)), login::canary(&browser, url)), arguments).await;
    browser.close().await;
    exit
}
