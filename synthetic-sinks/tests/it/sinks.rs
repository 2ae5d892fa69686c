//! Every sink, and what a test may ask of each: a new one is a line in [`all`].

use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use synthetic_core::{Report, Sink};

pub(crate) type Reports = Vec<Arc<Report>>;

type Writing = Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;

/// What left a sink, and what it was given.
pub(crate) struct Said<'a> {
    pub(crate) reports: &'a [Arc<Report>],
    pub(crate) bytes: &'a [u8],
    /// What left it for as many reports with tame texts.
    #[cfg_attr(
        not(any(feature = "junit", feature = "github")),
        expect(dead_code, reason = "the forms that are left need no comparison")
    )]
    pub(crate) tame: &'a [u8],
}

impl Said<'_> {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.bytes).unwrap()
    }
}

/// A kind of sink.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Panics unless every text of the reports is only text in what the sink wrote.
    pub(crate) check: fn(&Said<'_>),
    write: Box<dyn Fn(Reports) -> Writing + Send + Sync>,
}

impl Kind {
    /// `write` gives reports to a fresh sink, closes it, and returns every byte that left it.
    pub(crate) fn new<F>(name: &'static str, write: fn(Reports) -> F, check: fn(&Said<'_>)) -> Self
    where
        F: Future<Output = Vec<u8>> + Send + 'static,
    {
        Self { name, check, write: Box::new(move |reports| Box::pin(write(reports))) }
    }

    pub(crate) async fn write(&self, reports: &[Arc<Report>]) -> Vec<u8> {
        (self.write)(reports.to_vec()).await
    }
}

pub(crate) fn all() -> Vec<Kind> {
    let here = Vec::from([
        #[cfg(feature = "stdout")]
        Kind::new("stdout, for people", crate::stdout::people, crate::stdout::commands_no_terminal),
        #[cfg(feature = "stdout")]
        Kind::new("stdout, as JSON lines", crate::stdout::json, is_json_lines),
        #[cfg(feature = "json-lines")]
        Kind::new("JSON lines in files", crate::json_lines::files, is_json_lines),
        #[cfg(feature = "junit")]
        Kind::new("JUnit", crate::junit::file, crate::junit::is_junit),
        #[cfg(feature = "github")]
        Kind::new("GitHub", crate::github::text, crate::github::gives_no_command),
    ]);
    #[cfg(all(
        feature = "artifacts",
        feature = "cloudwatch",
        feature = "emf",
        feature = "prometheus",
        feature = "webhook"
    ))]
    let here = here.into_iter().chain(crate::remote::all()).collect();
    here
}

/// Gives a sink reports as the pipeline does, and closes it.
pub(crate) async fn deliver(sink: impl Sink, reports: &[Arc<Report>]) {
    for batch in reports.chunks(sink.batch().most) {
        sink.deliver(batch).await.unwrap();
    }
    sink.close().await.unwrap();
}

/// Runs a canary that passes, or one that fails.
#[cfg(any(feature = "json-lines", feature = "junit", feature = "github"))]
pub(crate) async fn ran(name: &'static str, passes: bool) -> Arc<Report> {
    use synthetic_core::prelude::*;

    let body = move |run: Run| async move { run.expect("in order", passes, eq(true)) };
    Arc::new(once(canary(Spec::new(name), body)).await)
}

/// Memory that a sink writes to.
#[derive(Clone, Default)]
pub(crate) struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every report is a line, and comes back as it was.
fn is_json_lines(said: &Said<'_>) {
    let lines: Vec<serde_json::Value> = said
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
        .collect();
    let reports: Vec<_> = said.reports.iter().map(|report| serde_json::to_value(&**report).unwrap()).collect();
    assert_eq!(lines.len(), reports.len());
    for (line, report) in lines.iter().zip(&reports) {
        assert!(line == report, "a report came back as another one: {}", report["canary"]);
        serde_json::from_value::<Report>(line.clone()).unwrap();
    }
}
