//! [`Run`], the handle that a body is given.

use std::fmt::Debug;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tracing::instrument::WithSubscriber;
use uuid::Uuid;

use crate::artifact::Artifact;
use crate::cleanup::Creation;
use crate::clock::Clock;
use crate::expect::{self, Matcher};
use crate::failure::{Failure, Result, Text};
use crate::persona::{Persona, Personas};
use crate::report::{Metric, Unit};
use crate::run::{Attempts, Context, Deferred, Poll, Shared, Soft, Step, Undo, poll};
use crate::secret::Secret;

/// A body's handle to its run: steps, expectations, evidence. Cheap to clone; steps may run side by side.
///
/// Code that is given none finds it: while a step is polled, [`Run::current`] is its run, and what is recorded belongs
/// to that step. Tasks that a body spawns are outside of the run unless they are [in its scope](Self::scope).
#[derive(Debug, Clone)]
pub struct Run(Arc<Shared>);

/// # What the journey does
impl Run {
    /// Makes a step of a future: what a person does, under a name that will stand in an alert.
    ///
    /// Steps may be nested and may run side by side. A step fails when its future returns a failure, or when anything
    /// that was expected in it did not hold, even if the code went on.
    ///
    /// # Errors
    ///
    /// Passes the future's failure on, with the step's path.
    ///
    /// # Cancellation
    ///
    /// A step that is dropped is in the report as one that did not finish.
    ///
    /// # Examples
    ///
    /// ```
    /// # use synthetic_core::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let report = once(canary(Spec::new("shop"), |run: Run| async move {
    ///     let price = run.step("look up the price", async { Ok(30) }).await?;
    ///     run.step("check out", async {
    ///         run.step("pay", async { run.expect("amount", price, eq(30)) }).timeout(secs(5)).await
    ///     }).await
    /// })).await;
    /// report.assert_passed();
    /// assert_eq!(report.steps[2].parent, Some(1));
    /// # }
    /// ```
    #[track_caller]
    pub fn step<T, F>(&self, name: impl Into<Text>, future: F) -> Step<F::IntoFuture>
    where
        F: IntoFuture<Output = Result<T>>,
    {
        Step::new(self.clone(), name.into(), future.into_future())
    }

    /// Makes a step whose failure does not stop the journey: it still fails the run, and gives `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use synthetic_core::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let report = once(canary(Spec::new("page"), |run: Run| async move {
    ///     let banner: Option<()> = run.soft("banner", async { run.expect("colour", "red", eq("blue")) }).await;
    ///     assert!(banner.is_none());
    ///     run.step("goes on", async { Ok(()) }).await
    /// })).await;
    /// assert_eq!(report.outcome, Outcome::Failed);
    /// assert_eq!(report.steps.len(), 2);
    /// # }
    /// ```
    #[track_caller]
    pub fn soft<T, F>(&self, name: impl Into<Text>, future: F) -> Soft<F::IntoFuture>
    where
        F: IntoFuture<Output = Result<T>>,
    {
        Soft::new(Step::new(self.clone(), name.into(), future.into_future()))
    }

    /// Demands that a value is as `matcher` says. The subject is in the words of the service.
    ///
    /// It fails the run in any case; return the failure with `?` to stop the journey.
    ///
    /// # Errors
    ///
    /// Returns a [`Failure`] that says what was expected and what was there.
    #[track_caller]
    pub fn expect<T: Debug>(&self, subject: impl Into<String>, actual: T, matcher: impl Matcher<T>) -> Result {
        self.0.count_check();
        let place = Location::caller();
        expect::check(&actual, &matcher).map_err(|mismatch| {
            let mut failure = Failure::mismatch(subject, mismatch).at(place);
            self.here().raise(&mut failure);
            failure
        })
    }

    /// Wishes that a value is as `matcher` says: if not, the run is degraded and goes on. Returns whether it is.
    #[track_caller]
    pub fn prefer<T: Debug>(&self, subject: impl Into<String>, actual: T, matcher: impl Matcher<T>) -> bool {
        self.0.count_check();
        match expect::check(&actual, &matcher) {
            Ok(()) => true,
            Err(mismatch) => {
                let mut unmet = Failure::mismatch(subject, mismatch).at(Location::caller()).into_preference();
                self.here().raise(&mut unmet);
                false
            }
        }
    }

    /// Looks again and again until it holds: what takes time in the target.
    ///
    /// Each look is a fresh future. What failed in a look counts only if no later look is good.
    ///
    /// # Errors
    ///
    /// When the time is up, returns what the last look saw, with the number of tries. An error of our own ends it at
    /// once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use synthetic_core::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let report = once(canary(Spec::new("order"), |run: Run| async move {
    ///     let mut looks = 0;
    ///     run.step("becomes confirmed", run.eventually(every(ms(250)).up_to(secs(10)), || {
    ///         looks += 1;
    ///         let (run, looks) = (run.clone(), looks);
    ///         async move { run.expect("looks", looks, ge(4)) }
    ///     })).await
    /// })).await;
    /// report.assert_passed();
    /// assert_eq!((report.steps[0].tries, report.duration), (Some(4), ms(750)));
    /// # }
    /// ```
    pub fn eventually<T, F, Fut>(&self, poll: Poll, look: F) -> impl Future<Output = Result<T>> + Send + use<T, F, Fut>
    where
        T: Send,
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        let run = self.clone();
        async move { poll::eventually(run.here(), poll, look).await }
    }

    /// Tries again what may fail: at most so many times, and every failure stays in the report as recovered.
    ///
    /// # Errors
    ///
    /// Returns the last failure, with what the earlier ones said.
    ///
    /// # Examples
    ///
    /// ```
    /// # use synthetic_core::prelude::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
    /// let report = once(canary(Spec::new("flaky"), |run: Run| async move {
    ///     let mut tries = 0;
    ///     run.step("reserve", run.retry(attempts(3), || {
    ///         tries += 1;
    ///         let failed = tries < 2;
    ///         async move { if failed { Err(Failure::new("no seat")) } else { Ok(()) } }
    ///     })).await
    /// })).await;
    /// report.assert_passed();
    /// assert_eq!(report.recovered[0].subject(), "no seat");
    /// # }
    /// ```
    pub fn retry<T, F, Fut>(
        &self,
        attempts: Attempts,
        work: F,
    ) -> impl Future<Output = Result<T>> + Send + use<T, F, Fut>
    where
        T: Send,
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
    {
        let run = self.clone();
        async move { poll::retry(run.here(), attempts, work).await }
    }

    /// Lets something fail without failing the run: for what is expected to be refused, or does not matter.
    ///
    /// # Errors
    ///
    /// Passes the failure on; it is not in the report unless it is returned further. Nor are preferences that did not hold
    /// in it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use synthetic_core::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// once(canary(Spec::new("tolerant"), |run: Run| async move {
    ///     let refused = run.tolerate(async { run.expect("door", "open", eq("closed")) }).await.is_err();
    ///     run.expect("refused", refused, eq(true))
    /// })).await.assert_passed();
    /// # }
    /// ```
    pub fn tolerate<T, F>(&self, future: F) -> impl Future<Output = Result<T>> + Send + use<T, F>
    where
        T: Send,
        F: Future<Output = Result<T>> + Send,
    {
        let run = self.clone();
        async move { poll::tolerate(run.here(), future).await }
    }

    /// Promises to undo, after the body, what only this process can undo: close a page, log out.
    ///
    /// Whatever happens to the body, the future is awaited afterwards: newest first, each in a task of its own with its
    /// own time, one that fails or panics stops no other. What could not be undone degrades the run and is in
    /// [`Report::cleanup`](crate::Report::cleanup). What is undone may defer in turn. What is deferred when the run has
    /// ended, by a task that outlives it or a body that was given up, is undone at once and only logged.
    ///
    /// # Examples
    ///
    /// ```
    /// # use synthetic_core::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let report = once(canary(Spec::new("page"), |run: Run| async move {
    ///     run.defer("close the page", async { Ok(()) });
    ///     panic!("boom")
    /// })).await;
    /// assert_eq!(report.cleanup.left_behind(), 0);
    /// assert_eq!(report.cleanup.items[0].name, "close the page");
    /// # }
    /// ```
    pub fn defer(&self, name: impl Into<Text>, undo: impl Future<Output = Result> + Send + 'static) {
        let deferred = Deferred::new(name.into(), self.here(), undo);
        if let Err(Undo::Deferred(late)) = self.0.push(Undo::Deferred(deferred)) {
            late.undo_late(&self.0);
        }
    }
}

/// # Evidence
impl Run {
    /// Attaches evidence: at most 4 MiB each, 50 pieces and 32 MiB a run. Text (by its media type, or as it is UTF-8) is
    /// kept without the run's secrets; a picture is kept as it is.
    pub fn attach(&self, name: impl Into<String>, media_type: impl Into<Text>, bytes: impl Into<Bytes>) {
        self.0.ledger().attach(Artifact::new(name, media_type, bytes));
    }

    /// Measures something: a number that sinks show beside those of the SDK.
    ///
    /// The name is `[a-zA-Z_][a-zA-Z0-9_]*` and the value finite; one that is not so is left out with a warning. A run
    /// keeps 100.
    pub fn metric(&self, name: impl Into<String>, value: f64, unit: Unit) {
        let name = name.into();
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !value.is_finite() {
            self.0.ledger().warn(format!("metric {name:?} is {value}, which is not a number to show: left out"));
        } else if name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit()) {
            self.0.ledger().metric(Metric { name, value, unit });
        } else {
            self.0.ledger().warn(format!("metric name {name:?} is not of the form [a-zA-Z_][a-zA-Z0-9_]*: left out"));
        }
    }

    /// Labels the run, at most 16 labels. The same name again replaces the value. Both are cut after 256 bytes.
    pub fn label(&self, name: impl Into<String>, value: impl Into<String>) {
        self.0.ledger().label(name.into(), value.into());
    }

    /// Returns a secret, and keeps it out of everything that leaves the run from now on.
    ///
    /// # Errors
    ///
    /// An error of our own ([`Reason::Setup`](crate::Reason::Setup)) that says where it was looked for.
    #[track_caller]
    pub fn secret(&self, name: impl AsRef<str>) -> impl Future<Output = Result<Secret>> {
        let place = Location::caller();
        async move {
            let found = self.0.secrets.get(name.as_ref()).await;
            found.map_err(|error| self.raise(Failure::setup(error.to_string()).causes_of(&error).at(place)))
        }
    }

    /// Borrows a test identity for the rest of this run: no other run has it at the same time.
    ///
    /// It is given back after cleanup, so that what is cleaned up may still use it.
    ///
    /// # Errors
    ///
    /// An error of our own ([`Reason::Setup`](crate::Reason::Setup)) when none is free before the run's time is nearly up.
    pub async fn persona(&self, pool: &Personas) -> Result<Persona> {
        self.persona_where(pool, |_| true).await
    }

    /// Borrows a test identity that `suits`, as [`persona`](Self::persona) does.
    ///
    /// # Errors
    ///
    /// An error of our own ([`Reason::Setup`](crate::Reason::Setup)) when none of the pool suits, or none that does is
    /// free before the run's time is nearly up.
    pub async fn persona_where(&self, pool: &Personas, suits: impl FnMut(&Persona) -> bool + Send) -> Result<Persona> {
        let patience = self.time_left().mul_f64(0.9);
        match tokio::time::timeout(patience, pool.lease_where(suits)).await {
            Ok(Ok(lease)) => {
                let persona = Persona::clone(&lease);
                self.0.hold(lease);
                Ok(persona)
            }
            Ok(Err(none)) => Err(self.raise(Failure::setup(none.to_string()))),
            Err(_) => {
                let in_use = pool.in_use().join(", ");
                Err(self.raise(Failure::setup(format!("no persona was free within {patience:?}: in use are {in_use}"))))
            }
        }
    }
}

/// # About the run
impl Run {
    /// Returns the run that the code being polled belongs to, or `None` outside of any run.
    #[must_use]
    pub fn current() -> Option<Self> {
        Context::current().map(|context| Self(context.run))
    }

    /// Makes a future part of this run, and of the step it is called in, wherever it is polled: for tasks that a body
    /// spawns. What fails in it counts, also when the task is not waited for, as long as the run has not ended. A panic in
    /// it counts only when whoever waits for the task returns it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use synthetic_core::prelude::*;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// once(canary(Spec::new("spawns"), |run: Run| async move {
    ///     let task = tokio::spawn(run.scope(async { Run::current().is_some() }));
    ///     run.expect("in the run", task.await?, eq(true))
    /// })).await.assert_passed();
    /// # }
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        // What the task logs belongs to the run too.
        self.here().scope(future.with_current_subscriber())
    }

    /// Returns the run's id, a UUID version 7.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.0.id
    }

    /// Returns the canary's name.
    #[must_use]
    pub fn canary(&self) -> &str {
        self.0.spec.name()
    }

    /// Returns the clock that the run takes its time from.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clock
    }

    /// Returns when the time of the code being polled is up: that of the body, or of a step around it that has less. What is
    /// being [created](Self::create) has a time of its own.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        if let Some(creation) = Creation::current().filter(|creation| creation.mark().run_id() == self.0.id) {
            return creation.deadline();
        }
        self.here().deadline.map_or(self.0.deadline, |step| step.min(self.0.deadline))
    }

    /// Returns how much time is left until the [`deadline`](Self::deadline).
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline().saturating_duration_since(Instant::now())
    }
}

impl Run {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    pub(super) fn here(&self) -> Context {
        Context::within(&self.0)
    }
}
