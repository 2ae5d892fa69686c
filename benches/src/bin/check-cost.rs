//! Runs one HTTP check many times, for a comparison of whole processes: one run is one canary with one step, one GET, a
//! status and a JSON expectation, and one report to a sink.
//!
//! `check-cost --url URL --runs N --connections reuse|fresh [--sink tally|json]`
//!
//! The sink keeps count, as one for metrics does; `--sink json` writes every report as a JSON line to nowhere instead.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use synthetic_benches::Tally;
use synthetic_core::{AnyCanary, Outcome, Runner, Sink, Spec};
use synthetic_http::Http;
use synthetic_sinks::Stdout;

const USAGE: &str = "usage: check-cost --url URL --runs N --connections reuse|fresh [--sink tally|json]";

struct Settings {
    url: String,
    runs: usize,
    reuse: bool,
    json: bool,
}

fn settings(mut args: impl Iterator<Item = String>) -> Result<Settings, String> {
    let (mut url, mut runs, mut reuse, mut json) = (None, None, None, false);
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(format!("{flag} has no value"))?;
        match flag.as_str() {
            "--url" => url = Some(value),
            "--runs" => runs = Some(value.parse().map_err(|error| format!("--runs {value}: {error}"))?),
            "--connections" if value == "reuse" => reuse = Some(true),
            "--connections" if value == "fresh" => reuse = Some(false),
            "--sink" if value == "tally" => json = false,
            "--sink" if value == "json" => json = true,
            _ => return Err(format!("{flag} {value} is not known")),
        }
    }
    match (url, runs, reuse) {
        (Some(url), Some(runs), Some(reuse)) => Ok(Settings { url, runs, reuse, json }),
        _ => Err("a flag is missing".to_owned()),
    }
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its user")]
async fn main() -> ExitCode {
    let settings = match settings(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    let http = Http::at(&settings.url);
    let http = if settings.reuse { http.reuse_connections() } else { http };
    // In a task of its own, as a monitor does.
    match tokio::spawn(runs(http, settings.runs, settings.json)).await {
        Ok(Ok(wall)) => {
            println!(
                "{} checks, {:.1} us wall each",
                settings.runs,
                wall.as_secs_f64() * 1e6 / settings.runs.max(1) as f64
            );
            ExitCode::SUCCESS
        }
        Ok(Err(problem)) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the check so often, and returns how long that took.
async fn runs(http: Http, runs: usize, json: bool) -> Result<Duration, String> {
    let canary = AnyCanary::new(synthetic_benches::one_check(Spec::new("check-cost"), http, ""));
    let runner = Runner::new();
    let sink: Box<dyn Sink> = if json { Box::new(Stdout::json().to(std::io::sink())) } else { Box::<Tally>::default() };
    // Reports go to the sink as its pipeline would hand them over: in batches of the size that it asks for.
    let most = sink.batch().most;
    let mut batch = Vec::with_capacity(most);
    let start = Instant::now();
    for _ in 0..runs {
        let report = runner.run(canary.clone()).await;
        if report.outcome != Outcome::Passed {
            return Err(report.to_string());
        }
        batch.push(Arc::new(report));
        if batch.len() == most {
            sink.deliver(&batch).await.map_err(|error| error.to_string())?;
            batch.clear();
        }
    }
    sink.deliver(&batch).await.map_err(|error| error.to_string())?;
    Ok(start.elapsed())
}
