//! Measures what a monitor with very many canaries costs, and how late their runs start:
//! `schedule-scale [--canaries N] [--interval 60s] [--for 90s | --runs N] [--http] [--connections reuse|fresh]`
//!
//! - Without more, 100,000 canaries that count one check run once in 60 s each, for 90 s.
//! - With `--http`, 10,000 canaries make one GET each, against a server in a process of its own. They share one client; its
//!   connections are fresh for every run, as is the default, or used again.
//! - With `--runs`, 1,000 canaries run every 100 ms until there were so many runs: whether memory grows.
//!
//! The runtime is that of `#[tokio::main]`. The last line of the output is one JSON object. It exits with 0 when something
//! was measured, whatever came of it, 2 when nothing could be, and 64 when it was called wrongly. Linux only.

use std::process::ExitCode;
use std::time::Duration;

use synthetic_benches::scale::{Load, Until, Work, serve};

const USAGE: &str = "usage: schedule-scale [--canaries N] [--interval 60s] [--for 90s | --runs N] [--http] \
                     [--connections reuse|fresh]";

/// What the program was called for.
enum Call {
    Measure(Load),
    /// By another one, as its server.
    Serve,
}

fn call(mut args: impl Iterator<Item = String>) -> Result<Call, String> {
    let (mut canaries, mut interval, mut time, mut runs) = (None, None, None, None);
    let (mut http, mut reuse) = (false, None);
    while let Some(flag) = args.next() {
        match flag.as_str() {
            "--serve" => return Ok(Call::Serve),
            "--http" => {
                http = true;
                continue;
            }
            _ => {}
        }
        let value = args.next().ok_or(format!("{flag} is not known, or has no value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{flag} {value}: {error}"));
        match flag.as_str() {
            "--canaries" => canaries = Some(usize::try_from(number()?).map_err(|error| error.to_string())?),
            "--interval" => interval = Some(duration(&value)?),
            "--for" => time = Some(duration(&value)?),
            "--runs" => runs = Some(number()?),
            "--connections" if value == "reuse" => reuse = Some(true),
            "--connections" if value == "fresh" => reuse = Some(false),
            _ => return Err(format!("{flag} {value} is not known")),
        }
    }
    let until = match (time, runs) {
        (Some(_), Some(_)) => return Err("--for and --runs exclude each other".to_owned()),
        (None, Some(runs)) => Until::Runs(runs),
        (time, None) => Until::Time(time.unwrap_or(Duration::from_secs(90))),
    };
    if reuse.is_some() && !http {
        return Err("--connections is for --http".to_owned());
    }
    let work = if http { Work::Http { reuse: reuse == Some(true) } } else { Work::Nothing };
    let (many, often) = match (until, work) {
        (Until::Runs(_), _) => (1_000, Duration::from_millis(100)),
        (Until::Time(_), Work::Http { .. }) => (10_000, Duration::from_secs(60)),
        (Until::Time(_), Work::Nothing) => (100_000, Duration::from_secs(60)),
    };
    Ok(Call::Measure(Load { canaries: canaries.unwrap_or(many), interval: interval.unwrap_or(often), until, work }))
}

/// Reads a time such as `90s`, `100ms` or `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000)];
    let read = units.into_iter().find_map(|(unit, millis)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(Duration::from_millis(number.checked_mul(millis)?))
    });
    read.ok_or(format!("{text:?} is no time: write it as 90s, 100ms or 2m"))
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a program speaks to its user")]
async fn main() -> ExitCode {
    let call = match call(std::env::args().skip(1)) {
        Ok(call) => call,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    let ended = match call {
        Call::Serve => serve().await,
        Call::Measure(load) => measure(load).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "a program speaks to its user")]
async fn measure(load: Load) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    let figures = load.measure(&program).await?;
    println!("{figures}");
    println!("{}", serde_json::to_string(&figures).map_err(|error| error.to_string())?);
    Ok(())
}
