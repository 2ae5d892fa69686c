//! Runs the login journey in a browser, for a comparison with peers: a context of its own, three pictures, three elements.
//!
//! `browser-flow --url URL --runs N [--browser chromium|firefox] [--cold]`
//!
//! The browser is warm, and each journey is a run of the SDK, from its start to its report. Then it says where the time goes,
//! what the protocol costs, and what a journey takes that does not follow upon another at once. With `--cold` each run launches
//! a browser of its own, and closes it. The last line is the one that peers print, too.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use synthetic_benches::flow::traffic::Traffic;
use synthetic_benches::flow::{Flow, Laps, PARTS};
use synthetic_browser::Browser;
use synthetic_core::Outcome;

const USAGE: &str = "usage: browser-flow --url URL --runs N [--browser chromium|firefox] [--cold]";
/// How many cold runs there are beside the warm ones.
const COLD_RUNS: usize = 3;
/// The pause between runs that do not follow at once, as those of a monitor. Time enough to make a page ready.
const PAUSE: Duration = Duration::from_millis(500);

struct Settings {
    url: String,
    runs: usize,
    firefox: bool,
    cold: bool,
}

impl Settings {
    fn browser(&self) -> Browser {
        if self.firefox { Browser::firefox() } else { Browser::chromium() }
    }
}

fn settings(mut args: impl Iterator<Item = String>) -> Result<Settings, String> {
    let (mut url, mut runs, mut firefox, mut cold) = (None, None, false, false);
    while let Some(flag) = args.next() {
        if flag == "--cold" {
            cold = true;
            continue;
        }
        let value = args.next().ok_or(format!("{flag} has no value"))?;
        match flag.as_str() {
            "--url" => url = Some(value),
            "--runs" => runs = Some(value.parse().map_err(|error| format!("--runs {value}: {error}"))?),
            "--browser" if value == "chromium" => firefox = false,
            "--browser" if value == "firefox" => firefox = true,
            _ => return Err(format!("{flag} {value} is not known")),
        }
    }
    match (url, runs) {
        (Some(url), Some(runs)) if runs > 0 => Ok(Settings { url, runs, firefox, cold }),
        (Some(_), Some(_)) => Err("--runs 0 measures nothing".to_owned()),
        _ => Err("a flag is missing".to_owned()),
    }
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a program speaks to its user")]
async fn main() -> ExitCode {
    let settings = match settings(std::env::args().skip(1)) {
        Ok(settings) => settings,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    let traffic = Traffic::default();
    // It is the first of this process.
    let _ = tracing::subscriber::set_global_default(traffic.clone());
    // In a task of its own, as a monitor does.
    let measured =
        tokio::spawn(
            async move { if settings.cold { cold(&settings).await } else { warm(&settings, &traffic).await } },
        );
    match measured.await {
        Ok(Ok(())) => ExitCode::SUCCESS,
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

#[expect(clippy::print_stdout, reason = "a program speaks to its user")]
async fn warm(settings: &Settings, traffic: &Traffic) -> Result<(), String> {
    let browser = settings.browser();
    let start = Instant::now();
    let version = browser.launch().await.map_err(|missing| format!("{missing:?}"))?;
    let launch = start.elapsed();
    let flow = Flow::new(&browser, &settings.url);
    let (mut whole, mut laps) = (Vec::new(), Vec::new());
    let before = traffic.so_far();
    for _ in 0..settings.runs {
        let (time, parts) = once(&flow).await?;
        whole.push(time);
        laps.push(parts);
    }
    let after = traffic.so_far();
    let mut apart = Vec::new();
    for _ in 0..settings.runs {
        tokio::time::sleep(PAUSE).await;
        apart.push(once(&flow).await?.0);
    }
    browser.close().await;
    println!("{version}");
    for (n, part) in PARTS.iter().enumerate() {
        let Spread { median, least, most } = Spread::of(laps.iter().map(|laps| laps[n]).collect());
        println!(
            "  {part:<9} median {:>6.1} ms  min {:>6.1}  max {:>6.1}",
            millis(median),
            millis(least),
            millis(most)
        );
    }
    let per_run = |many: u64| many as f64 / settings.runs as f64;
    println!(
        "protocol, a run: {:.0} commands of {:.1} KiB, {:.0} answers and events of {:.1} KiB",
        per_run(after.sent - before.sent),
        per_run(after.sent_bytes - before.sent_bytes) / 1024.0,
        per_run(after.received - before.received),
        per_run(after.received_bytes - before.received_bytes) / 1024.0,
    );
    println!("runs {} ms apart: median {:.0} ms", PAUSE.as_millis(), millis(Spread::of(apart).median));
    let mut times = Vec::new();
    for _ in 0..COLD_RUNS {
        times.push(one_cold(settings).await?);
    }
    println!("cold run (launch, flow, close): median {:.0} ms of {COLD_RUNS}", millis(Spread::of(times).median));
    tell(launch, "warm", whole);
    Ok(())
}

async fn cold(settings: &Settings) -> Result<(), String> {
    let mut times = Vec::new();
    for _ in 0..settings.runs {
        times.push(one_cold(settings).await?);
    }
    // Its launch is a part of it.
    tell(Duration::ZERO, "cold", times);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program speaks to its user")]
fn tell(launch: Duration, kind: &str, times: Vec<Duration>) {
    let Spread { median, least, most } = Spread::of(times);
    println!(
        "launch {:.0} ms, {kind} flow median {:.0} ms min {:.0} max {:.0} ms",
        millis(launch),
        millis(median),
        millis(least),
        millis(most)
    );
}

async fn one_cold(settings: &Settings) -> Result<Duration, String> {
    let start = Instant::now();
    // Nobody comes after it who could use a page.
    let browser = settings.browser().spare_page(false);
    once(&Flow::new(&browser, &settings.url)).await?;
    browser.close().await;
    Ok(start.elapsed())
}

async fn once(flow: &Flow) -> Result<(Duration, Laps), String> {
    let start = Instant::now();
    let (laps, report) = flow.run().await.map_err(|error| format!("a picture could not be written: {error}"))?;
    let time = start.elapsed();
    match report.outcome {
        Outcome::Passed => Ok((time, laps)),
        _ => Err(report.to_string()),
    }
}

struct Spread {
    median: Duration,
    least: Duration,
    most: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |n: usize| times.get(n).copied().unwrap_or_default();
        Self { median: at(times.len() / 2), least: at(0), most: at(times.len().saturating_sub(1)) }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
