//! A demo shop and a monitor that watches it, in one process.
//!
//! `cargo run --bin quickstart [-- --for 10s] [--faults[=errors=0.3,latency=200ms]] [--json]`

use std::process::ExitCode;
use std::time::Duration;

use synthetic_core::monitor::Exit;
use synthetic_core::prelude::*;
use synthetic_examples::canaries::{api_health, custom_matcher, order_workflow};
use synthetic_examples::storefront::{Faults, Storefront};
use synthetic_examples::{demo_secrets, program};
use synthetic_sinks::{Prometheus, Stdout};

const HELP: &str = "\
Starts a demo shop and a monitor that watches it, and prints what each canary sees.

usage: quickstart [--for TIME] [--faults [FAULTS]] [--json] [--listen ADDR]

  --for TIME        ends by itself after this time, such as 10s or 2m; without it, Ctrl-C ends it
  --faults [FAULTS] lets the shop break: errors=0.3 (the rate of 500s), latency=200ms, lost_answers=0.1,
                    unhealthy=true, wrong_json=true, several with commas; alone, it means errors=0.3,latency=100ms
  --json            prints JSON lines, one report each
  --listen ADDR     serves metrics for Prometheus at http://ADDR/metrics, as 127.0.0.1:9464; port 0 is a free one

Ends with 0 when everything passed, 1 when something failed, 2 when nothing can be said, 3 when something was left
behind in the shop, 4 when nothing ran, 64 when it was called wrongly.
";

#[derive(Debug, PartialEq)]
struct Options {
    ends_after: Option<Duration>,
    faults: Faults,
    json: bool,
    listen: Option<String>,
}

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its user")]
async fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return Exit::Passed.into();
        }
        Err(problem) => {
            eprintln!("quickstart: {problem}\ntry `quickstart --help`");
            return Exit::Usage.into();
        }
    };
    match watch(options).await {
        Ok(exit) => exit.into(),
        Err(problem) => {
            eprintln!("quickstart: {problem}");
            Exit::Error.into()
        }
    }
}

#[expect(clippy::print_stderr, reason = "a program speaks to its user, and standard output is for results")]
async fn watch(options: Options) -> Result<Exit, Box<dyn std::error::Error>> {
    let shop = Storefront::new().faults(options.faults).start().await?;
    let url = shop.url();
    let how = options.ends_after.map_or("Ctrl-C ends it".to_owned(), |time| format!("ends after {time:?}"));
    eprintln!("a demo shop listens on {url}; {how}");

    let journal = program::journal(url);
    let mut monitor = Monitor::named("quickstart")
        .journal(&journal)
        .resource(order_workflow::Shop::at(url).orders())
        .canary(every(secs(2)), AtMost(api_health::canary(url), ms(1900)))
        .canary(every(secs(3)), AtMost(order_workflow::canary(url), ms(2900)))
        .canary(every(secs(5)), AtMost(custom_matcher::canary(url), ms(4900)))
        .secrets(demo_secrets())
        .sink(if options.json { Stdout::json() } else { Stdout::pretty() });
    if let Some(address) = options.listen {
        let metrics = Prometheus::new().listen(address)?;
        if let Some(address) = metrics.address() {
            eprintln!("metrics are served at http://{address}/metrics");
        }
        monitor = monitor.sink(metrics);
    }
    let monitor = monitor.build()?;
    let summary = match options.ends_after {
        Some(time) => monitor.run_until(tokio::time::sleep(time)).await,
        None => monitor.run().await,
    };
    eprintln!("\n{summary}");
    if summary.exit() == Exit::Failed {
        eprintln!("each failure above stands alone: what was expected, what was there, where, and what to do");
    }
    let left = shop.state().orders.len();
    eprintln!("orders left in the shop: {left}");
    shop.stop().await;
    // What it still holds went with the shop.
    let _ = std::fs::remove_dir_all(journal);
    Ok(summary.exit())
}

/// A canary with less time: in the quickstart everything runs every few seconds, so that there is something to see.
struct AtMost<C>(C, Duration);

impl<C: Canary> Canary for AtMost<C> {
    fn spec(&self) -> Spec {
        self.0.spec().timeout(self.1).cleanup_timeout(secs(2), secs(5))
    }

    async fn run(&self, run: Run) -> synthetic_core::Result {
        self.0.run(run).await
    }
}

fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options { ends_after: None, faults: Faults::none(), json: false, listen: None };
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        let (flag, attached) = match argument.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        let value = attached.or_else(|| arguments.next_if(|next| !next.starts_with("--")));
        match (flag.as_str(), value) {
            ("--help" | "-h", _) => return Ok(None),
            ("--json", None) => options.json = true,
            ("--listen", Some(address)) => options.listen = Some(address),
            ("--listen", None) => return Err("--listen needs an address, as in 127.0.0.1:9464".to_owned()),
            ("--for", Some(time)) => options.ends_after = Some(duration(&time)?),
            ("--for", None) => return Err("--for needs a time, as in 10s".to_owned()),
            ("--faults", faults) => {
                let faults = faults.unwrap_or_else(|| "errors=0.3,latency=100ms".to_owned());
                options.faults = faults.parse().map_err(|error| format!("--faults: {error}"))?;
            }
            (flag, value) => {
                let value = value.map(|value| format!(" {value}")).unwrap_or_default();
                return Err(format!("unknown argument `{flag}{value}`"));
            }
        }
    }
    Ok(Some(options))
}

fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("--for takes a time such as 500ms, 10s or 2m, not `{text}`")),
    };
    let number: f64 =
        number.parse().map_err(|_| format!("--for takes a time such as 500ms, 10s or 2m, not `{text}`"))?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| format!("--for: `{text}` is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Options>, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_argument_is_understood() {
        let faults = Faults { errors: 1.0, ..Faults::none() };
        let expected =
            Options { ends_after: Some(secs(10)), faults, json: true, listen: Some("127.0.0.1:0".to_owned()) };
        assert_eq!(parsed("--for 10s --faults errors=1.0 --json --listen 127.0.0.1:0"), Ok(Some(expected)));
        let alone = parsed("--faults --for=2m").unwrap().unwrap();
        assert_eq!((alone.faults.errors, alone.ends_after), (0.3, Some(mins(2))));
        assert_eq!(parsed("--help"), Ok(None));
    }

    #[test]
    fn a_wrong_line_is_refused_with_what_would_be_right() {
        for (line, message) in [
            ("--for", "--for needs a time, as in 10s"),
            ("--listen", "--listen needs an address, as in 127.0.0.1:9464"),
            ("--for ten", "--for takes a time such as 500ms, 10s or 2m, not `ten`"),
            ("--faults errors=2", "--faults: fault `errors` takes a rate from 0 to 1, not `2`"),
            ("--nonsense", "unknown argument `--nonsense`"),
        ] {
            assert_eq!(parsed(line), Err(message.to_owned()), "{line}");
        }
    }
}
