//! JUnit XML: a suite for each monitor, a case for each report.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::text::{line, printable};
use super::view::{Level, Note, View, place, why};
use crate::failure::cut;
use crate::outcome::Outcome;
use crate::report::{AttemptReport, Report};

/// The longest text of a case, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;
/// What the suite is called whose runs have no monitor.
const NO_MONITOR: &str = "canaries";

pub(super) fn render(view: &View<'_>) -> String {
    let mut suites: Vec<Suite> = Vec::new();
    for report in view.reports {
        let name = line(report.monitor.as_deref().unwrap_or(NO_MONITOR), 255);
        let at = suites.iter().position(|suite| suite.name == name).unwrap_or_else(|| {
            suites.push(Suite::named(name));
            suites.len() - 1
        });
        suites[at].add(report);
    }
    if suites.is_empty() {
        suites.push(Suite::named(NO_MONITOR.to_owned()));
    }
    // What no report says is in the first suite, which is the only one unless reports of several monitors were mixed.
    suites[0].say(view);

    let mut document = Document::new("synthetic");
    document.set_time(suites.iter().map(|suite| suite.took).sum());
    document.add_test_suites(suites.into_iter().map(Suite::finish));
    document.to_string().unwrap_or_else(|error| unreachable!("memory does not refuse to be written to: {error}"))
}

/// The cases of one monitor.
struct Suite {
    name: String,
    suite: TestSuite,
    names: Names,
    took: Duration,
    started: Option<SystemTime>,
}

impl Suite {
    fn named(name: String) -> Self {
        let suite = TestSuite::new(&name);
        Self { name, suite, names: Names::default(), took: Duration::ZERO, started: None }
    }

    fn add(&mut self, report: &Report) {
        self.took += report.duration;
        self.started = Some(self.started.map_or(report.started_at, |started| started.min(report.started_at)));
        let case = case(report, &self.name, &mut self.names);
        self.suite.add_test_case(case);
    }

    /// Adds what no report says: what must not look green as cases of its own, all else and the count as output.
    fn say(&mut self, view: &View<'_>) {
        let (errors, others): (Vec<_>, Vec<_>) = view.notes().into_iter().partition(|note| note.level == Level::Error);
        for note in &errors {
            let case = case_of(note, &self.name, &mut self.names);
            self.suite.add_test_case(case);
        }
        let mut texts: Vec<String> = others.iter().map(said).collect();
        texts.push(format!("{}: {}", view.verdict(), view.count()));
        self.suite.set_system_out(xml(&texts.join("\n")));
    }

    fn finish(mut self) -> TestSuite {
        self.suite.set_time(self.took);
        if let Some(started) = self.started {
            self.suite.extra.insert("timestamp".into(), rfc3339(started).into());
        }
        self.suite
    }
}

/// The names of the cases of a suite. Some readers, GitLab's among them, drop every case but the first of a name, and a
/// failure with it: a second one is `name #2`.
#[derive(Default)]
struct Names {
    /// How often each was used.
    used: BTreeMap<String, u64>,
}

impl Names {
    fn unique(&mut self, name: &str) -> String {
        let first = line(name, 255);
        let mut name = first.clone();
        while self.used.contains_key(&name) {
            let count = self.used.entry(first.clone()).or_default();
            *count += 1;
            name = format!("{first} #{count}");
        }
        self.used.insert(name.clone(), 1);
        name
    }
}

fn case(report: &Report, suite: &str, names: &mut Names) -> TestCase {
    let text = xml(&report.to_string());
    let mut status = match report.outcome {
        Outcome::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Outcome::Skipped => TestCaseStatus::skipped(),
        Outcome::Passed | Outcome::Degraded => TestCaseStatus::success(),
    };
    // These do nothing on a success, which has no message.
    status.set_message(xml(&why(report))).set_description(&text);
    if let Some(reason) = report.reason {
        status.set_type(reason.as_str());
    }
    // Written as `flakyFailure` in a success, as `rerunFailure` in a failure.
    status.add_reruns(report.attempts.iter().map(rerun));
    let is_success = matches!(status, TestCaseStatus::Success { .. });
    let mut case = TestCase::new(names.unique(&report.canary), status);
    case.set_classname(suite).set_time(report.duration);
    case.set_assertions(usize::try_from(report.checks).unwrap_or(usize::MAX));
    // The type that `set_timestamp` takes is of a crate that nothing else here needs.
    case.extra.insert("timestamp".into(), rfc3339(report.started_at).into());
    if let Some((file, line)) = place(report) {
        case.extra.insert("file".into(), xml(file).into());
        case.extra.insert("line".into(), line.to_string().into());
    }
    // A text of more than one line says more than that it passed: what it did not prefer, what it left behind.
    if is_success && text.contains('\n') {
        case.set_system_out(&text);
    }
    case.add_properties(properties(report));
    case
}

fn rerun(attempt: &AttemptReport) -> TestRerun {
    let kind = if attempt.outcome == Outcome::Error { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let mut rerun = TestRerun::new(kind);
    rerun.set_time(attempt.duration);
    if let Some(reason) = attempt.reason {
        rerun.set_type(reason.as_str());
    }
    if let Some(failure) = attempt.leading() {
        rerun.set_message(xml(&line(&failure.to_string(), 240))).set_description(xml(&format!("{failure:?}")));
    }
    rerun
}

fn properties(report: &Report) -> Vec<(String, String)> {
    let mut properties =
        vec![("run_id".to_owned(), report.run_id.to_string()), ("outcome".to_owned(), report.outcome.to_string())];
    properties.extend(report.reason.map(|reason| ("reason".to_owned(), reason.to_string())));
    properties.extend(report.location.as_ref().map(|location| ("location".to_owned(), line(location, 1024))));
    properties.extend(report.tags.iter().map(|tag| ("tag".to_owned(), line(tag, 1024))));
    let labels = report.labels.iter().map(|(name, value)| (format!("label.{}", line(name, 255)), line(value, 1024)));
    properties.extend(labels);
    if let left @ 1.. = report.cleanup.left_behind() {
        properties.push(("left_behind".to_owned(), left.to_string()));
    }
    properties
}

/// Makes a case of what is in no report and must not look green.
fn case_of(note: &Note, suite: &str, names: &mut Names) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(xml(&line(&note.text, 240))).set_description(xml(&said(note)));
    let mut case = TestCase::new(names.unique(&note.about), status);
    case.set_classname(suite);
    case
}

fn said(note: &Note) -> String {
    format!("{}: {}: {}", note.level.as_str(), note.about, note.text)
}

/// Makes a text fit for XML, which cannot hold every character, not even escaped. Tabs would be dropped by the writer.
fn xml(text: &str) -> String {
    cut(printable(text).replace('\t', "    "), LONGEST_TEXT)
}

fn rfc3339(time: SystemTime) -> String {
    let furthest = if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    let time = Timestamp::try_from(time).unwrap_or(furthest);
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time).to_string()
}
