//! The words of a page's failures, and what they say of the page around.

use std::panic::Location;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use synthetic_core::{Failure, Reason};

use crate::engine::{ConsoleMessage, FrameId, World};
use crate::locator::query::Query;
use crate::page::Page;
use crate::page::ask::Trouble;
use crate::page::limit::{Limit, span};
use crate::page::url::{shown, shown_within};

/// How many script errors a failure shows.
const SCRIPT_ERRORS: usize = 5;

/// The least time in which a browser that is well has to answer, however busy the machine is: with less, it is not asked.
const ANSWER: Duration = Duration::from_millis(500);

pub(crate) const RUN_TIME_UP: &str = "the time of the run, or of its step, was nearly up: does an earlier step take \
     longer than usual? if it may, give the run more time with `Spec::timeout`";

/// What a page says of itself.
#[derive(Debug, Default, Deserialize)]
struct Surroundings {
    url: String,
    title: String,
    near: Vec<String>,
}

/// What was expected did not come about. Not yet recorded.
pub(crate) struct Unsettled {
    pub(crate) failure: Failure,
    /// It was looked at, and did not hold; otherwise something stood in the way of looking.
    pub(crate) unmet: bool,
}

impl Unsettled {
    /// What was looked at, and did not hold; unless it turned out that an error of our own stood in the way.
    pub(crate) fn unmet(failure: Failure) -> Self {
        Self { unmet: !failure.is_error(), failure }
    }

    pub(crate) fn in_the_way(failure: Failure) -> Self {
        Self { failure, unmet: false }
    }
}

impl Page {
    /// Returns whether a wish came about, and records that it did not; what stood in the way of looking is a failure.
    pub(crate) fn wished(
        &self,
        settled: Result<(), Unsettled>,
        place: &'static Location<'static>,
    ) -> synthetic_core::Result<bool> {
        let Err(Unsettled { failure, unmet }) = settled else { return Ok(true) };
        if !unmet {
            return Err(self.raise(failure, place));
        }
        if let Some(run) = self.run() {
            run.raise_preference(failure.at(place));
        }
        Ok(false)
    }

    /// Records a failure in the run, if there is one, and returns it without the secrets that are known.
    pub(crate) fn raise(&self, failure: Failure, place: &'static Location<'static>) -> Failure {
        let failure = failure.at(place);
        match self.run() {
            Some(run) => {
                let failure = run.raise(failure);
                self.failed(&run);
                failure
            }
            None => failure.redacted(self.redactor()),
        }
    }

    /// Makes the failure of `what` (`click button "Save"`), which could not be done.
    pub(crate) async fn troubled(&self, what: &str, trouble: Trouble, limit: &Limit) -> Failure {
        match trouble {
            Trouble::Gone(why) => self.gone(what, &why).await,
            Trouble::Refused(why) => Failure::setup(format!("{what}: {why}")),
            Trouble::Script(why) => {
                // A selector that is none is the author's mistake; its stack is of our own library.
                let why = why.split("\n    at ").next().unwrap_or_default().to_owned();
                Failure::setup(format!("{what}: {why}"))
            }
            Trouble::Crashed => Failure::with_reason(Reason::Unexpected, format!("{what}: the page crashed"))
                .evidence("page", shown(&self.url()))
                .hint("what renders the page ended: does the page need more memory than there is?"),
            // A browser that goes closes its tabs first.
            Trouble::Closed => match self.no_browser().await {
                Some(why) => self.gone(what, &why).await,
                None => Failure::with_reason(Reason::Unexpected, format!("{what}: the page was closed")),
            },
            Trouble::Dialog(dialog) => Failure::new(what)
                .expected("is done without a dialog")
                .actual(format!("dialog {} opened: {:?}", dialog.kind, dialog.message))
                .hint("it was dismissed; if it is part of the journey, say so with `page.dialog(…)` or `page.on_dialog(…)`"),
            Trouble::Stale => match self.no_browser().await {
                Some(why) => self.gone(what, &why).await,
                None => Failure::with_reason(Reason::Timeout, what)
                    .expected("is done in a document that stays")
                    .actual(format!("the page went from document to document for {}", span(limit.whole()))),
            },
            Trouble::Silent => match self.hung(what).await {
                Some(hung) => hung,
                None => Failure::with_reason(Reason::Timeout, what)
                    .expected(format!("is done within {}", span(limit.whole())))
                    .actual("the page did not answer: its scripts keep it busy, or it waits for something")
                    .hint(if limit.of_the_run { RUN_TIME_UP } else { "does a script of the page run without end?" }),
            },
        }
    }

    /// Asks the browser, after a page that did not answer in time, what it answers without any page. When that comes to nothing
    /// too, returns the error of our own that says so, for nothing was learned of the target; and no other run has that browser.
    pub(crate) async fn hung(&self, what: &str) -> Option<Failure> {
        let limit = Limit::of_evidence(self.run().as_ref());
        if limit.left() < ANSWER || tokio::time::timeout(limit.left(), self.context().cookies()).await.is_ok() {
            return None;
        }
        if let Some(health) = &self.inner.health {
            health.hangs();
        }
        let hung = Failure::setup("the browser does not answer")
            .expected("says which cookies there are, which takes no page")
            .actual(format!("no answer within {}", span(limit.whole())))
            .hint("is the machine short of processors or memory, or was the browser stopped? the next run has another one");
        Some(hung.cause(format!("noticed by: {what}")))
    }

    /// Asks whether the browser is still there, and returns why not.
    pub(crate) async fn no_browser(&self) -> Option<String> {
        let limit = Limit::of_evidence(self.run().as_ref());
        let asked = tokio::time::timeout(limit.left(), self.context().cookies()).await;
        asked.ok()?.err().map(|error| error.to_string())
    }

    /// Makes the error of our own that says that the browser is gone.
    async fn gone(&self, what: &str, why: &str) -> Failure {
        match &self.inner.health {
            Some(health) => health.why_gone(why).await.into_failure().cause(format!("noticed by: {what}")),
            None => Failure::setup(format!("{what}: the browser is gone: {why}")),
        }
    }

    /// Adds what the page says of itself: where it is, what scripts threw, and what is near to what was looked for. Where the
    /// browser itself says nothing any more, that is the failure.
    pub(crate) async fn with_surroundings(
        &self,
        mut failure: Failure,
        frame: &FrameId,
        near: Option<&Query>,
    ) -> Failure {
        let limit = Limit::of_evidence(self.run().as_ref());
        let script = "query => canary.surroundings(query)";
        let arguments = [json!(near)];
        let told = self.ask_aside(&limit, self.tab().call(frame, World::Ours, script, &arguments)).await;
        if told.is_none()
            && let Some(hung) = self.hung(failure.subject()).await
        {
            return hung;
        }
        let told = told.and_then(|told| serde_json::from_value::<Surroundings>(told).ok());
        if let Some(Surroundings { near, .. }) = &told
            && !near.is_empty()
        {
            failure = failure.evidence("near", near.join("\n"));
        }
        let page = match &told {
            Some(Surroundings { url, title, .. }) => format!("{title:?} at {}", shown(url)),
            None => shown(&self.url()),
        };
        self.with_script_errors(failure.evidence("page", page))
    }

    /// Adds what scripts threw since the page has its document.
    pub(crate) fn with_script_errors(&self, failure: Failure) -> Failure {
        let errors = self.watch().read(|tally| {
            let errors = tally.recent_exceptions();
            let mut lines: Vec<String> = errors
                .iter()
                .take(SCRIPT_ERRORS)
                .map(|error| {
                    let text = error.text.lines().next().unwrap_or_default();
                    format!("{text} ({}:{}:{})", shown(&error.url), error.line, error.column)
                })
                .collect();
            if errors.len() > SCRIPT_ERRORS {
                lines.push(format!("and {} more", errors.len() - SCRIPT_ERRORS));
            }
            lines.join("\n")
        });
        let failure =
            if errors.is_empty() { failure } else { failure.evidence("script errors", shown_within(&errors)) };
        let written = self.watch().read(|tally| {
            // What the browser writes of requests is told with them.
            let wrote = |message: &&ConsoleMessage| {
                message.level == "error" && !message.text.starts_with("Failed to load resource")
            };
            let mut last: Vec<String> =
                tally.console.iter().rev().filter(wrote).take(SCRIPT_ERRORS).map(line).collect();
            last.reverse();
            last.join("\n")
        });
        if written.is_empty() { failure } else { failure.evidence("console errors", shown_within(&written)) }
    }
}

/// Writes what a page wrote to the console: its first line, and where that was.
fn line(message: &ConsoleMessage) -> String {
    let text = message.text.lines().next().unwrap_or_default();
    match &*message.url {
        "" => text.to_owned(),
        url => format!("{text} ({}:{})", shown(url), message.line),
    }
}
