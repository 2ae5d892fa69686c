//! What executes a run: an attempt is its body, then its cleanup; after the last attempt comes exactly one report.

mod attempt;
mod conclude;
mod driver;
mod end;
mod hook;
mod last_words;
mod logs;
mod panics;
mod pulse;
mod retry;
mod undo;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Dispatch, Level};

pub(crate) use self::last_words::LastWords;
pub(crate) use self::panics::panics_abort;
use crate::canary::AnyCanary;
use crate::cleanup::Cleaner;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::report::{Earlier, Report};
use crate::run::{BeginRun, Shared};
use crate::secret::{SecretStore, Secrets};

/// Executes canaries, one run at a time or many side by side. Cheap to clone.
///
/// [`testing::once`](crate::testing::once) is the short form for tests, a [`Monitor`](crate::Monitor) the long-lived one.
///
/// # Default
///
/// - secrets: from the environment
/// - logs: `tracing` events of a run are kept from `INFO` up, and are part of its report when it did not pass
/// - a body that does not give up its thread is given up one second after its deadline
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_core::Runner;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let runner = Runner::new().location("eu-west-1");
/// let report = runner.run(canary(Spec::new("arithmetic"), |run: Run| async move {
///     run.expect("1 + 1", 1 + 1, eq(2))
/// })).await;
/// assert_eq!(report.location.as_deref(), Some("eu-west-1"));
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a runner does nothing until it is given a canary"]
pub struct Runner {
    monitor: Option<Arc<str>>,
    location: Option<Arc<str>>,
    secrets: Secrets,
    asks_environment: bool,
    clock: Option<Clock>,
    capture: Option<Level>,
    dispatch: Option<Dispatch>,
    patience: Duration,
    last_words: Option<LastWords>,
    pulse: Arc<pulse::Pulse>,
    cleaner: Arc<Cleaner>,
}

impl Runner {
    /// Makes a runner. Events are passed on to the `tracing` subscriber that is current where it is made.
    pub fn new() -> Self {
        hook::install();
        let capture = Some(Level::INFO);
        Self {
            monitor: None,
            location: None,
            secrets: Secrets::default(),
            asks_environment: true,
            clock: None,
            capture,
            dispatch: capture.map(logs::capturing),
            patience: Duration::from_secs(1),
            last_words: None,
            pulse: Arc::default(),
            cleaner: Arc::new(Cleaner::alone()),
        }
    }

    /// Sets the name of the monitor that its reports carry.
    pub fn monitor(mut self, name: impl Into<Arc<str>>) -> Self {
        self.monitor = Some(name.into());
        self
    }

    /// Sets the location that its reports carry: `eu-west-1`.
    pub fn location(mut self, location: impl Into<Arc<str>>) -> Self {
        self.location = Some(location.into());
        self
    }

    /// Adds a store of secrets; the first one that is added takes the place of the environment, further ones are asked
    /// when those before them do not have it.
    pub fn secrets(mut self, store: impl SecretStore + 'static) -> Self {
        if std::mem::take(&mut self.asks_environment) {
            self.secrets = Secrets::new();
        }
        self.secrets = self.secrets.store(store);
        self
    }

    /// Sets from which level up `tracing` events inside of a run are kept for its report; `None` keeps none.
    ///
    /// While a body is polled, a subscriber that keeps events and passes everything on stands before the current one.
    /// Code that asks the current subscriber for its type, as `tracing-opentelemetry` does for a span's context, does not
    /// find it then: give `None` where that matters.
    pub fn keep_logs(mut self, from: Option<Level>) -> Self {
        self.capture = from;
        self.dispatch = from.map(logs::capturing);
        self
    }

    /// Takes the wall-clock time of every run from this clock, for tests that compare whole reports.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Sets how long after its deadline, or after it was cancelled, a body that does not give up its thread is waited for.
    ///
    /// One that is shorter than what the runtime needs to drop a body gives up bodies that do not block.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Passes events on to the subscriber that is current here.
    pub(crate) fn see_subscriber(self) -> Self {
        let from = self.capture;
        self.keep_logs(from)
    }

    /// Keeps what runs make in this journal.
    pub(crate) fn cleaner(mut self, cleaner: Arc<Cleaner>) -> Self {
        self.cleaner = cleaner;
        self
    }

    /// Returns whether what runs make is removed later when they cannot, also by another process.
    pub(crate) fn remembers(&self) -> bool {
        self.cleaner.remembers()
    }

    /// Sets what is called with the report of a run whose panic ends the process (`panic = "abort"`).
    pub(crate) fn last_words(mut self, last_words: LastWords) -> Self {
        self.last_words = Some(last_words);
        self
    }

    /// Runs a canary once, and returns its report. It is one run and one report also when the canary
    /// [retries](crate::Spec::retry) and makes several attempts.
    ///
    /// Whatever the body does, the report comes: it is given up at its timeout, a panic is caught (unless the process is
    /// built with `panic = "abort"`), and a body that blocks its thread is given up with what it deferred undone by
    /// others, provided that the runtime has another worker thread.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels the run. What it deferred is still undone, in the background, as long as the runtime
    /// lives.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time enabled, before the body starts; and when [`Canary::spec`] panics.
    ///
    /// [`Canary::spec`]: crate::Canary::spec
    pub async fn run(&self, canary: impl Into<AnyCanary>) -> Report {
        self.attempt(&canary.into(), None, CancellationToken::new()).await
    }

    /// Runs a canary once, as a monitor does: it was `due` at a moment that may have passed (without one, it is due
    /// now), and is cancelled by a token of its own.
    pub(crate) async fn attempt(&self, canary: &AnyCanary, due: Option<Instant>, cancel: CancellationToken) -> Report {
        if canary.spec().retries() > 0 {
            // In a box: a run that is not tried again, as most are not, pays nothing for it.
            return Box::pin(retry::run(self, canary, due, cancel)).await;
        }
        let (shared, identity) = self.begin(canary, due, cancel, None);
        attempt::run(self, canary, shared, identity).await
    }

    /// Reports that a run that was due does not begin, and why.
    pub(crate) fn skip(&self, canary: &AnyCanary, due: Instant, why: Failure) -> Report {
        let (shared, identity) = self.begin(canary, Some(due), CancellationToken::new(), None);
        attempt::refuse(&shared, &identity, why)
    }

    /// Begins an attempt, which comes after `earlier` ones.
    fn begin(
        &self,
        canary: &AnyCanary,
        due: Option<Instant>,
        cancel: CancellationToken,
        earlier: Option<Arc<Earlier>>,
    ) -> (Arc<Shared>, conclude::Identity) {
        let clock = self.clock.map_or_else(Clock::system, |clock| Clock::starting_at(clock.now()));
        let first = || clock.wall_at(clock.started()) - due.map_or(Duration::ZERO, |due| clock.started() - due);
        let scheduled_at = earlier.as_ref().map_or_else(first, |earlier| earlier.scheduled_at);
        let shared = Shared::begin(BeginRun {
            spec: canary.spec().clone(),
            monitor: self.monitor.clone(),
            clock,
            secrets: self.secrets.clone(),
            cancel,
            cleaner: Arc::clone(&self.cleaner),
            earlier,
        });
        let (monitor, location) = (self.monitor.clone(), self.location.clone());
        (shared, conclude::Identity { monitor, location, scheduled_at })
    }
}

impl Default for Runner {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("monitor", &self.monitor)
            .field("location", &self.location)
            .field("secrets", &self.secrets)
            .field("keep_logs", &self.capture)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}
