//! [`Account`]: an exchange that goes on after its head, and what is told of it when it ends.

use std::borrow::Cow;
use std::panic::Location;
use std::time::Duration;

use bytes::Bytes;
use synthetic_core::report::RequestReport;
use synthetic_core::secret::Redactor;
use synthetic_core::{Failure, Reason, Run};
use tokio::time::Instant;

use crate::archive::{keep_failed, keep_streamed};
use crate::curl::{AsSent, with_command};
use crate::explain::{Deadline, no_answer, times};
use crate::request::Request;
use crate::scope::raise;
use crate::send::{deadline, describe, describe_failed, record};
use crate::wire::{Journey, Phases, WireError};

/// Keeps count of an exchange that goes on after its head. It is recorded once, when it ends: by its proper end, by a
/// failure, or by being dropped.
pub(crate) struct Account {
    /// `GET /events`, as failures name it.
    pub(crate) name: String,
    pub(crate) method: Cow<'static, str>,
    pub(crate) label: String,
    /// `None` once it has ended.
    pub(crate) journey: Option<Journey>,
    pub(crate) run: Option<Run>,
    pub(crate) redactor: Option<Redactor>,
    pub(crate) place: &'static Location<'static>,
    pub(crate) deadline: Deadline,
    pub(crate) idle: Option<Duration>,
    pub(crate) reason: Option<Reason>,
    /// What was asked for, the head of the answer, and how many bytes had come when it was recorded, as a failure shows them.
    pub(crate) requested: String,
    pub(crate) request: Option<Box<Request>>,
    pub(crate) sent: AsSent,
    pub(crate) head: String,
    /// How long the parts of an exchange took that has ended.
    pub(crate) phases: Option<Phases>,
    pub(crate) received: u64,
    /// What is recorded of an exchange that has ended.
    pub(crate) finished: Option<RequestReport>,
}

impl Account {
    /// Returns when what is waited for now must be there: in the time of the request, and in that of the run and of the step
    /// that waits, which may be another one than the one that began it.
    pub(crate) fn deadline(&self) -> Deadline {
        let left = self.deadline.at.saturating_duration_since(Instant::now());
        match deadline(left, Run::current().as_ref()) {
            now if now.of_the_run => now,
            _ => self.deadline,
        }
    }

    /// Returns how many bytes have come since the head.
    pub(crate) fn received(&self) -> u64 {
        self.journey.as_ref().map_or(self.received, |journey| journey.received)
    }

    /// Counts a check of the run.
    pub(crate) fn count_check(&self) {
        if let Some(run) = &self.run {
            run.count_check();
        }
    }

    /// Ends with what broke the exchange off, and says so. The failure is not raised yet.
    pub(crate) fn broken(&mut self, error: WireError, deadline: Deadline) -> Failure {
        let Some(journey) = self.journey.take() else { return self.over() };
        let received = journey.received;
        self.received = received;
        let mut failed = journey.fail(error);
        if let Some(request) = &self.request {
            keep_failed(self.run.as_ref(), &request.settings, &mut failed);
        }
        let failure = no_answer(&self.name, &failed, deadline);
        let mut report = RequestReport::new(self.method.clone(), std::mem::take(&mut self.label));
        describe_failed(&mut report, &failed, failure.reason());
        report.size = received;
        record(self.run.as_ref(), report);
        self.reason = Some(failure.reason());
        failure
    }

    /// Notes that the exchange has come to its proper end. It is recorded once it is known what the canary says to that.
    pub(crate) fn finish(&mut self) {
        if let Some(mut journey) = self.journey.take() {
            self.received = journey.received;
            if let Some(request) = &self.request {
                keep_streamed(self.run.as_ref(), &request.settings, journey.take_legs(), self.received);
            }
            self.phases = Some(journey.phases());
            let mut report = RequestReport::new(self.method.clone(), std::mem::take(&mut self.label));
            describe(&mut report, &journey.so_far(Bytes::new()));
            report.size = self.received;
            self.finished = Some(report);
        }
    }

    /// Records an exchange that goes no further, unless it was.
    pub(crate) fn record(&mut self) {
        self.finish();
        if let Some(mut report) = self.finished.take() {
            report.reason = self.reason;
            record(self.run.as_ref(), report);
        }
    }

    /// Returns what is said of an exchange that is used after it was broken off.
    pub(crate) fn over(&self) -> Failure {
        let reason = self.reason.unwrap_or(Reason::Protocol);
        Failure::with_reason(reason, format!("{}: it was broken off before, and nothing more comes", self.name))
    }

    /// Returns what was asked for, and what came, with a failure.
    pub(crate) fn with_evidence(&self, failure: Failure) -> Failure {
        let failure = failure.evidence("request", self.requested.clone());
        let so_far = if self.journey.is_some() { " so far" } else { "" };
        let failure = failure.evidence("answer", format!("{}, {} bytes{so_far}", self.head, self.received()));
        let phases = self.journey.as_ref().map(Journey::phases).or(self.phases);
        phases.map(|phases| times(&phases)).into_iter().fold(failure, |failure, times| failure.evidence("times", times))
    }

    /// Returns that what is awaited cannot be judged.
    pub(crate) fn defect(&mut self, defect: &str) -> Failure {
        self.raise(Failure::setup(format!("what is awaited of {}: {defect}", self.name)))
    }

    /// Records a failure in the run, if there is one, and returns it without the secrets that are known.
    pub(crate) fn raise(&mut self, failure: Failure) -> Failure {
        self.reason.get_or_insert(failure.reason());
        let (run, redactor) = (self.run.as_ref(), self.redactor.as_ref());
        let failure = match &self.request {
            Some(request) => with_command(failure, request, &self.sent, run, redactor),
            None => failure,
        };
        raise(failure.at(self.place), self.run.as_ref(), self.redactor.as_ref())
    }

    /// Returns a text without the secrets that are known, cut to what a failure shows.
    pub(crate) fn shown(&self, text: &str) -> String {
        const MOST: usize = 1024;
        let text = match (&self.run, &self.redactor) {
            (Some(run), _) => run.redact(text).into_owned(),
            (None, Some(redactor)) => redactor.redact(text).into_owned(),
            (None, None) => text.to_owned(),
        };
        match text.char_indices().nth(MOST) {
            Some((cut, _)) => format!("{} …", &text[..cut]),
            None => text,
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.record();
    }
}
