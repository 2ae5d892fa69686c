//! What a run is to protocol crates: where they record requests, raise failures, and keep what is theirs.

use std::borrow::Cow;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use bytes::Bytes;

use crate::failure::{Failure, Result, Text};
use crate::report::RequestReport;
use crate::run::{LastArtifact, Run};
use crate::secret::{Secret, Secrets};

/// # For protocol crates
///
/// What `synthetic-http` and `synthetic-browser` use to be part of a run. Canaries do not need it.
impl Run {
    /// Counts a check: a request, an expectation on an answer. A run that checked nothing is never green.
    pub fn count_check(&self) {
        self.shared().count_check();
    }

    /// Records a failure in the current step, also if the code that made it is not going to return it. Gives it back
    /// without the secrets that the run has resolved.
    #[must_use = "return it, or drop it to go on"]
    pub fn raise(&self, failure: Failure) -> Failure {
        let mut failure = failure.redacted(self.shared().secrets.redactor());
        self.here().raise(&mut failure);
        failure
    }

    /// Records a failure as a preference that did not hold: it degrades the run.
    pub fn raise_preference(&self, failure: Failure) {
        drop(self.raise(failure.into_preference()));
    }

    /// Records a request in the current step.
    pub fn record_request(&self, mut request: RequestReport) {
        let here = self.here();
        (request.step, request.cleanup) = (here.step, here.cleanup);
        self.shared().ledger().request(request);
    }

    /// Records a request that was made earlier, in the step that was current then
    /// ([`current_step`](Self::current_step) has its place); `None` is outside of all steps.
    pub fn record_request_in(&self, step: Option<usize>, mut request: RequestReport) {
        (request.step, request.cleanup) = (step, false);
        self.shared().ledger().request(request);
    }

    /// Keeps a secret that did not come from [`secret`](Self::secret) out of everything that leaves the run.
    ///
    /// # Errors
    ///
    /// An error of our own for a secret that cannot be kept out, such as one of three characters.
    #[track_caller]
    pub fn keep_secret(&self, secret: &Secret) -> Result {
        let place = Location::caller();
        let registered = self.shared().secrets.redactor().register(secret);
        registered.map_err(|error| self.raise(Failure::setup(error.to_string()).at(place)))
    }

    /// Returns the secret stores of the run, for those who say themselves where a missing one is needed.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.shared().secrets
    }

    /// Returns whether the code being polled undoes what was deferred, so that the body's time no longer counts.
    #[must_use]
    pub fn is_cleaning_up(&self) -> bool {
        self.here().cleanup
    }

    /// Returns what a protocol crate keeps with the run, made when it is first asked for and dropped with the run: its
    /// connections, its cookies. One of each type.
    #[must_use]
    pub fn extension<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.shared().extension()
    }

    /// Adds a warning to the report: something that its reader should know about the report itself. A run keeps 20, each
    /// cut after 1 KiB.
    pub fn warn(&self, warning: impl Into<String>) {
        self.shared().ledger().warn(warning.into());
    }

    /// Gathers evidence when the body has ended, before anything that it deferred is undone: a picture of a page that is
    /// still open. [`has_failed`](Self::has_failed) is known by then.
    ///
    /// All gathering of a run has 5 seconds, in the order in which it was asked for. What cannot be had in that time, or
    /// panics, is a warning in the report and changes no result.
    ///
    /// # Examples
    ///
    /// ```
    /// # use synthetic_core::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let report = once(canary(Spec::new("gathers"), |run: Run| async move {
    ///     let later = run.clone();
    ///     run.gather(async move {
    ///         if later.has_failed() {
    ///             later.attach("state.txt", "text/plain", "still here");
    ///         }
    ///     });
    ///     run.expect("door", "open", eq("closed"))
    /// })).await;
    /// assert_eq!(report.artifacts[0].name, "state.txt");
    /// # }
    /// ```
    pub fn gather(&self, evidence: impl Future<Output = ()> + Send + 'static) {
        self.shared().evidence.gather(Box::pin(evidence));
    }

    /// Attaches evidence that is complete only when everything is over: made as the report is, after what was made is
    /// removed. `make` is told whether the journey failed; `None` attaches nothing.
    pub fn attach_last(
        &self,
        name: impl Into<String>,
        media_type: impl Into<Text>,
        make: impl FnOnce(bool) -> Option<Bytes> + Send + 'static,
    ) {
        let artifact = LastArtifact { name: name.into(), media_type: media_type.into(), make: Box::new(make) };
        self.shared().evidence.attach_last(artifact);
    }

    /// Returns whether the journey has failed so far, or cannot conclude. What failed in a try that is still going on does
    /// not count yet.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.shared().ledger().has_failed()
    }

    /// Returns whether what fails here counts only when it is known what becomes of a try around it: of an `eventually`, a
    /// `retry`, a `tolerate`.
    #[must_use]
    pub fn is_tentative(&self) -> bool {
        self.here().tries.is_some()
    }

    /// Returns the step that is current, by its place in [`Report::steps`](crate::Report::steps), and its path of names.
    #[must_use]
    pub fn current_step(&self) -> Option<(usize, Vec<String>)> {
        let step = self.here().step?;
        Some((step, self.shared().ledger().step_path(Some(step))))
    }

    /// Returns the text without the secrets that the run has resolved.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.shared().secrets.redactor().redact(text)
    }
}
