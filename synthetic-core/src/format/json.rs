//! One JSON object: the summary, and every report whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::view::View;
use crate::monitor::{CanarySummary, Exit, Summary};
use crate::outcome::Outcome;
use crate::report::{JSON_SCHEMA, Report};

/// The version of the object that [`Format::Json`](super::Format::Json) writes. It changes only when a field is removed or
/// changes its meaning; readers must accept fields that they do not know. Each report in it has a version of its own.
pub const RESULTS_VERSION: &str = "synthetic-results/1";

const RESULTS_SCHEMA: &str = include_str!("results.schema.json");

/// Returns the JSON Schema (draft 2020-12) of the object that [`Format::Json`](super::Format::Json) writes: whole, with that
/// of the reports in it.
///
/// # Examples
///
/// ```
/// use synthetic_core::format::{RESULTS_VERSION, results_schema};
///
/// let schema: serde_json::Value = serde_json::from_str(&results_schema())?;
/// assert_eq!(schema["properties"]["schema"]["const"], RESULTS_VERSION);
/// assert_eq!(schema["$defs"]["report"]["properties"]["schema"]["const"], "synthetic-report/1");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn results_schema() -> String {
    let (mut results, mut report) = (object(RESULTS_SCHEMA), object(JSON_SCHEMA));
    report.remove("$schema");
    // References within the schema of a report are to the definitions of the document that they stand in.
    let mut definitions = match report.remove("$defs") {
        Some(Value::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    if let Some(Value::Object(own)) = results.remove("$defs") {
        definitions.extend(own);
    }
    definitions.insert("report".to_owned(), Value::Object(report));
    results.insert("$defs".to_owned(), Value::Object(definitions));
    format!("{:#}", Value::Object(results))
}

fn object(schema: &str) -> Map<String, Value> {
    serde_json::from_str(schema).unwrap_or_else(|error| unreachable!("a schema of this crate is an object: {error}"))
}

pub(super) fn render(view: &View<'_>) -> String {
    let results = Results { schema: RESULTS_VERSION, summary: Totals::of(view), reports: view.reports };
    let mut text = serde_json::to_string(&results).unwrap_or_else(|error| {
        unreachable!("every key is text, and memory does not refuse to be written to: {error}")
    });
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Results<'a> {
    schema: &'static str,
    summary: Totals<'a>,
    reports: &'a [Arc<Report>],
}

#[derive(Serialize)]
struct Totals<'a> {
    exit: ExitCode,
    runs: u64,
    outcomes: BTreeMap<Outcome, u64>,
    left_behind: u64,
    canaries: BTreeMap<&'a str, Canary<'a>>,
    sinks: Vec<Sink<'a>>,
    problems: &'a [String],
}

#[derive(Serialize)]
struct ExitCode {
    code: u8,
    name: &'static str,
}

#[derive(Serialize)]
struct Canary<'a> {
    runs: u64,
    outcomes: &'a BTreeMap<Outcome, u64>,
    left_behind: u64,
    missed: u64,
    flaky: u64,
}

#[derive(Serialize)]
struct Sink<'a> {
    sink: &'a str,
    delivered: u64,
    dropped: &'a BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'a str>,
}

impl<'a> Totals<'a> {
    fn of(view: &View<'a>) -> Self {
        let summary: &Summary = view.summary;
        let sinks = summary.sinks.iter().map(|stats| Sink {
            sink: &stats.sink,
            delivered: stats.delivered,
            dropped: &stats.dropped,
            last_error: stats.last_error.as_deref(),
        });
        Self {
            exit: summary.exit().into(),
            runs: summary.runs(),
            outcomes: view.outcomes(),
            left_behind: view.left_behind(),
            canaries: summary.canaries.iter().map(|(name, canary)| (&**name, canary.into())).collect(),
            sinks: sinks.collect(),
            problems: &summary.problems,
        }
    }
}

impl<'a> From<&'a CanarySummary> for Canary<'a> {
    fn from(canary: &'a CanarySummary) -> Self {
        let CanarySummary { outcomes, left_behind, missed, flaky } = canary;
        Self { runs: canary.runs(), outcomes, left_behind: *left_behind, missed: *missed, flaky: *flaky }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        let name = match exit {
            Exit::Passed => "passed",
            Exit::Failed => "failed",
            Exit::Error => "error",
            Exit::LeftBehind => "left_behind",
            Exit::NothingSelected => "nothing_selected",
            Exit::Usage => "usage",
        };
        Self { code: exit as u8, name }
    }
}
