//! Measures the CPU that a run needs more for the one thing that it makes, as a whole process: `create-cost [--runs N]`
//!
//! One run is one canary in a monitor with a journal (`Durability::Process`) and a sink that keeps count; the target is in
//! memory and answers at once. Rounds of runs that make nothing and of runs that make one thing take turns. Then the journal
//! of a process that died with 10,000 things in it is swept, as at the start of a monitor. Linux only: the CPU is that of
//! `/proc/self/task/*/schedstat`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use synthetic_benches::cleanup::{Carts, die_with, monitor, sweep};
use synthetic_benches::process::cpu;

const USAGE: &str = "usage: create-cost [--runs N]";
/// How many runs a monitor makes: every canary runs once.
const RUNS_OF_A_MONITOR: usize = 500;
const ROUNDS: usize = 11;
const LEFT: usize = 10_000;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its user")]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let runs = match &args[..] {
        [] => Some(5_000),
        [flag, number] if flag == "--runs" => number.parse().ok(),
        _ => None,
    };
    let Some(runs) = runs else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    match measure(runs).await {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(runs: usize) -> Result<String, String> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((cpu_of_a_run(runs, 0).await?, cpu_of_a_run(runs, 1).await?));
    }
    let without = median(rounds.iter().map(|(without, _)| *without).collect());
    let with = median(rounds.iter().map(|(_, with)| *with).collect());
    let mut more: Vec<f64> = rounds.iter().map(|(without, with)| with - without).collect();
    more.sort_by(f64::total_cmp);
    let mut text = format!("CPU of a run, median of {ROUNDS} rounds of {runs} runs each\n");
    text += &format!("  that makes nothing    {without:6.1} us\n");
    text += &format!("  that makes one thing  {with:6.1} us\n");
    text += &format!(
        "  more                  {:6.1} us ({:.1} to {:.1})\n",
        median(more.clone()),
        more[0],
        more[more.len() - 1]
    );

    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let carts = Carts::default();
    die_with(folder.path(), &carts, LEFT).await;
    let (started, before) = (Instant::now(), cpu()?);
    let report = sweep(folder.path(), &carts).await;
    let (wall, cpu) = (started.elapsed(), cpu()? - before);
    if (report.items.len(), report.pending, carts.count()) != (LEFT, 0, 0) {
        return Err(format!("it was not swept: {} of {LEFT} are left", carts.count()));
    }
    text += &format!("{LEFT} things of a dead process, read and swept at start: {wall:.0?} wall, {cpu:.0?} CPU");
    Ok(text)
}

/// Returns the CPU of one run, in microseconds.
async fn cpu_of_a_run(runs: usize, things: usize) -> Result<f64, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let carts = Carts::default();
    let mut spent = Duration::ZERO;
    let monitors = runs.div_ceil(RUNS_OF_A_MONITOR);
    for _ in 0..monitors {
        let monitor = monitor(folder.path(), &carts, RUNS_OF_A_MONITOR, things);
        let before = cpu()?;
        let (reports, summary) = monitor.once().await;
        spent += cpu()? - before;
        if reports.len() != RUNS_OF_A_MONITOR || summary.exit() != synthetic_core::monitor::Exit::Passed {
            return Err(format!("a run did not pass: {summary:?}"));
        }
    }
    Ok(spent.as_secs_f64() * 1e6 / (monitors * RUNS_OF_A_MONITOR) as f64)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
