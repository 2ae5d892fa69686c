//! `list` and `validate`: what would run.

use std::fmt::Write as _;
use std::time::SystemTime;

use jiff::Timestamp;

use crate::cli::{Refused, terminal};
use crate::clock::Clock;
use crate::monitor::{Builder, CanaryStatus, Exit};

/// How many of the next starts are shown.
const STARTS: usize = 3;

pub(super) fn list(builder: Builder, json: bool) -> Result<Exit, Refused> {
    let canaries = builder.without_spools().build().map_err(Refused::usage)?.handle().list();
    if json {
        let text = serde_json::to_string_pretty(&canaries).map_err(Refused::error)?;
        terminal::out(&text);
        return Ok(Exit::Passed);
    }
    let rows = canaries.iter().map(|canary| {
        [
            canary.name.to_string(),
            canary.schedule.clone(),
            canary.class.clone(),
            format!("{:?}", canary.timeout),
            canary.tags.join(" "),
        ]
    });
    terminal::out(&table(["CANARY", "SCHEDULE", "CLASS", "TIMEOUT", "TAGS"], rows));
    Ok(Exit::Passed)
}

pub(super) fn validate(builder: Builder) -> Result<Exit, Refused> {
    let settings = builder.settings();
    let starts = builder.upcoming(Clock::system().now(), STARTS);
    let sinks = builder.sink_names();
    let monitor = builder.beside_another().build().map_err(Refused::usage)?;
    let mut text = format!("monitor {:?} can run\n\n", monitor.name());
    let rows = settings.into_iter().map(|setting| [setting.name, setting.value, setting.source.to_string()]);
    text += &table(["SETTING", "VALUE", "SET BY"], rows);
    let rows = monitor.handle().list().into_iter().map(|canary| {
        let next = starts
            .get(&canary.name)
            .map(|starts| starts.iter().map(|at| clock_time(*at)).collect::<Vec<_>>().join(", "));
        [canary.name.to_string(), canary.schedule, next.unwrap_or_default()]
    });
    let _ = write!(text, "\n{}", table(["CANARY", "SCHEDULE", "NEXT STARTS (UTC)"], rows));
    let _ = write!(text, "\nsinks: {}", if sinks.is_empty() { "none".to_owned() } else { sinks.join(", ") });
    terminal::out(&text);
    Ok(Exit::Passed)
}

/// Shows what canaries of a monitor that runs do now.
pub(super) fn status(canaries: &[CanaryStatus]) -> String {
    let rows = canaries.iter().map(|canary| {
        let last = canary.last.map_or("-".to_owned(), |last| {
            let why = last.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{}{why} at {}", last.outcome, clock_time(last.started_at))
        });
        let next = canary.next.map_or("-".to_owned(), clock_time);
        let now = if canary.paused { format!("{}, paused", canary.activity) } else { canary.activity.to_string() };
        [canary.name.to_string(), now, last, next, canary.summary.runs().to_string(), canary.schedule.clone()]
    });
    table(["CANARY", "NOW", "LAST", "NEXT (UTC)", "RUNS", "SCHEDULE"], rows)
}

/// Shows a moment of these days: `2026-12-24 08:30:00`.
fn clock_time(at: SystemTime) -> String {
    Timestamp::try_from(at).map_or("-".to_owned(), |at| at.strftime("%F %T").to_string())
}

/// Lays out rows in columns that are as wide as their widest cell.
fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_spaces() {
        let rows = [["a".to_owned(), "x".to_owned()], ["longer".to_owned(), String::new()]];
        assert_eq!(table(["N", "VALUE"], rows.into_iter()), "N       VALUE\na       x\nlonger\n");
    }
}
