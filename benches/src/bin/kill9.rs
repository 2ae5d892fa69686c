//! Kills processes at random moments, and counts what their cleanup leaves behind.
//!
//! `kill9 --strategy replay|search|client-id|finally|ids|search-once|all [--kills N] [--seed S] [--lanes N]`
//!
//! What is tried, and when a kill has landed, is said in the library's module `kill9`. The last line of the output is one
//! JSON object with `strategy`, `landed` and `left_behind`. With `all`, every strategy is tried and a table is printed; the
//! object then has the three that promise something added up, and every single one under `strategies`.
//!
//! It exits with 0 when no strategy that promises something has left anything behind, 3 when one has, 2 when a trial could
//! not be made, 64 when it was called wrongly, and 130 when it was interrupted.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use synthetic_benches::kill9::{Ended, Harness, Strategy, Task, Totals, table};

const USAGE: &str =
    "usage: kill9 --strategy replay|search|client-id|finally|ids|search-once|all [--kills N] [--seed S] [--lanes N]";

/// What the program was called for.
enum Call {
    Harness {
        harness: Harness,
        strategies: Vec<Strategy>,
    },
    /// By a harness, as a child.
    Task(Task),
}

fn call(mut args: impl Iterator<Item = String>) -> Result<Call, String> {
    let (mut strategy, mut kills, mut seed, mut lanes) = (None, 500, 1, 4);
    let (mut child, mut url, mut folder) = (None, None, None);
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(format!("{flag} has no value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{flag} {value}: {error}"));
        match flag.as_str() {
            "--kills" => kills = number()?,
            "--seed" => seed = number()?,
            "--lanes" => lanes = number()?,
            "--strategy" => strategy = Some(value),
            "--child" => child = Some(value == "sweep"),
            "--url" => url = Some(value),
            "--folder" => folder = Some(PathBuf::from(value)),
            _ => return Err(format!("{flag} is not known")),
        }
    }
    let strategy = strategy.ok_or("--strategy is missing")?;
    if let (Some(sweeps), Some(url), Some(folder)) = (child, url, folder) {
        return Ok(Call::Task(Task { sweeps, strategy: strategy.parse()?, url, folder }));
    }
    let strategies = if strategy == "all" { Strategy::ALL.to_vec() } else { vec![strategy.parse()?] };
    let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    let count = |number: u64| usize::try_from(number).map_err(|error| error.to_string());
    Ok(Call::Harness { harness: Harness { program, kills: count(kills)?, seed, lanes: count(lanes)? }, strategies })
}

#[expect(clippy::print_stderr, reason = "a program speaks to its user")]
fn main() -> ExitCode {
    let call = match call(std::env::args().skip(1)) {
        Ok(call) => call,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    let mut runtime = match &call {
        Call::Task(_) => tokio::runtime::Builder::new_current_thread(),
        Call::Harness { .. } => tokio::runtime::Builder::new_multi_thread(),
    };
    let ended = runtime.enable_all().build().map_err(|error| error.to_string()).and_then(|runtime| {
        runtime.block_on(async {
            match call {
                Call::Task(task) => task.run().await.map(|ended| {
                    if let Ended::Left(what) = &ended {
                        eprintln!("{what}");
                    }
                    ended.code()
                }),
                Call::Harness { harness, strategies } => tokio::select! {
                    ended = run(&harness, &strategies) => ended,
                    // What is dropped by it ends its children and removes its folders.
                    _ = tokio::signal::ctrl_c() => Ok(130),
                },
            }
        })
    });
    ended.map_or_else(
        |problem| {
            eprintln!("{problem}");
            ExitCode::from(2)
        },
        ExitCode::from,
    )
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program speaks to its user")]
async fn run(harness: &Harness, strategies: &[Strategy]) -> Result<u8, String> {
    let mut all: Vec<Totals> = Vec::new();
    for strategy in strategies {
        let totals = harness.run(*strategy).await?;
        eprintln!(
            "{strategy}: {} of {} kills landed, {} things left behind, {:.0} s",
            totals.landed, totals.trials, totals.left_behind, totals.seconds
        );
        all.push(totals);
    }
    let kept = |totals: &&Totals| totals.strategy.parse().is_ok_and(Strategy::promises);
    let promised: usize = all.iter().filter(kept).map(|totals| totals.left_behind).sum();
    let last = match &all[..] {
        [one] => serde_json::to_value(one).map_err(|error| error.to_string())?,
        all => {
            println!("{}", table(all));
            let landed: usize = all.iter().filter(kept).map(|totals| totals.landed).sum();
            json!({ "strategy": "all", "landed": landed, "left_behind": promised, "strategies": all })
        }
    };
    println!("{last}");
    Ok(if promised == 0 { 0 } else { 3 })
}
