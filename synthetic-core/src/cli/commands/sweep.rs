//! `sweep`: removes what earlier runs have left.

use std::time::Duration;

use crate::cleanup::Sweeper;
use crate::cli::{Refused, terminal};
use crate::monitor::{Builder, Exit};

pub(super) async fn sweep(builder: Builder, within: Duration) -> Result<Exit, Refused> {
    let sweeper = sweeper(builder)?;
    let report = sweeper.settle(within).await;
    let closed = sweeper.close().await;
    terminal::out(&report.to_string());
    closed.map_err(|error| Refused::error(format!("the journal could not be closed: {error}")))?;
    let left = report.pending + report.abandoned;
    Ok(match (report.problems.is_empty(), left) {
        (false, _) => Exit::Error,
        (true, 0) => Exit::Passed,
        (true, _) => Exit::LeftBehind,
    })
}

pub(super) async fn preview(builder: Builder) -> Result<Exit, Refused> {
    let sweeper = sweeper(builder)?;
    let (planned, problems) = sweeper.preview().await;
    let closed = sweeper.close().await;
    planned.iter().for_each(|planned| terminal::out(&planned.to_string()));
    problems.iter().for_each(|problem| terminal::out(&format!("problem: {problem}")));
    terminal::out(&format!("{} things would be dealt with; nothing was changed", planned.len()));
    closed.map_err(|error| Refused::error(format!("the journal could not be closed: {error}")))?;
    Ok(if problems.is_empty() { Exit::Passed } else { Exit::Error })
}

fn sweeper(builder: Builder) -> Result<Sweeper, Refused> {
    if !builder.has_a_journal() {
        return Err(Refused::usage("there is no journal to sweep: say --journal DIR, the one that the monitor writes"));
    }
    Ok(builder.without_spools().build().map_err(Refused::usage)?.sweeper())
}
