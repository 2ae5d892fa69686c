//! The state of a run that its handles, its runner and its logs share.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber;
use uuid::Uuid;

use crate::canary::Spec;
use crate::cleanup::{AnyResource, Cleaner, Mark};
use crate::clock::{Clock, later};
use crate::failure::{Failure, Result, Text};
use crate::persona::PersonaLease;
use crate::report::Earlier;
use crate::run::creations::Creations;
use crate::run::{Context, Evidence, Ledger, poll};
use crate::secret::Secrets;

/// Something that only this process can undo.
pub(crate) struct Deferred {
    pub(crate) name: Text,
    undo: Pin<Box<dyn Future<Output = Result> + Send>>,
}

impl Deferred {
    /// Keeps a future that belongs where it was deferred, but to the cleanup: what fails in it fails the cleanup, not the
    /// journey.
    pub(crate) fn new(name: Text, here: Context, undo: impl Future<Output = Result> + Send + 'static) -> Self {
        let outer = Context { cleanup: true, tries: None, deadline: None, ..here };
        // What it logs belongs to the run too, although it is undone outside of the body.
        let undo = async move { poll::tolerate(outer, undo).await }.with_current_subscriber();
        Self { name, undo: Box::pin(undo) }
    }

    /// Undoes it at once, because the cleanup of its run is over: a body that was given up came back and made something,
    /// or a task that it spawned. No report can tell any more.
    pub(crate) fn undo_late(self, run: &Shared) {
        let (canary, id, each) = (run.spec.shared_name(), run.id, run.spec.cleanup_time().0);
        let name = self.name.clone();
        tracing::warn!(target: "synthetic", %canary, run = %id, "{name:?} was deferred after the run had ended: undone at once");
        let undone = async move {
            let ended = tokio::time::timeout(each, self.undo()).await;
            let ended = ended.unwrap_or_else(|_| Err(Failure::new(format!("not done within {each:?}"))));
            if let Err(failure) = ended {
                tracing::error!(target: "synthetic", %canary, run = %id, "left behind: {name:?}: {failure}");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(undone)),
            Err(_) => drop(undone),
        }
    }

    /// Undoes it.
    pub(crate) fn undo(self) -> Pin<Box<dyn Future<Output = Result> + Send>> {
        self.undo
    }
}

/// Something that the run must undo.
pub(crate) enum Undo {
    /// What only this process can undo.
    Deferred(Deferred),
    /// What was made in the target: the journal knows how far it is.
    Made(Made),
}

/// A thing that was made in the target, or was about to be.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) mark: Mark,
    pub(crate) resource: Arc<dyn AnyResource>,
}

/// What a run is given when it begins.
pub(crate) struct BeginRun {
    pub(crate) spec: Spec,
    pub(crate) monitor: Option<Arc<str>>,
    pub(crate) clock: Clock,
    pub(crate) secrets: Secrets,
    pub(crate) cancel: CancellationToken,
    pub(crate) cleaner: Arc<Cleaner>,
    pub(crate) earlier: Option<Arc<Earlier>>,
}

/// Something on the stack that nobody could undo.
pub(crate) enum Remaining {
    Deferred(Text),
    Made(Mark),
}

/// The state of one run.
pub(crate) struct Shared {
    pub(crate) id: Uuid,
    pub(crate) spec: Spec,
    /// The name of the monitor in marks.
    pub(crate) monitor: Option<Arc<str>>,
    pub(crate) clock: Clock,
    pub(crate) deadline: Instant,
    pub(crate) secrets: Secrets,
    pub(crate) cancel: CancellationToken,
    pub(crate) cleaner: Arc<Cleaner>,
    pub(crate) creations: Arc<Creations>,
    /// The attempts before this one, where it is not the first.
    pub(crate) earlier: Option<Arc<Earlier>>,
    /// What is to be gathered when the body has ended.
    pub(crate) evidence: Evidence,
    checks: AtomicU64,
    phase: AtomicU8,
    ledger: Mutex<Ledger>,
    stack: Mutex<Vec<Undo>>,
    personas: Mutex<Vec<PersonaLease>>,
    /// What protocol crates keep with the run, one of each type: a handful.
    extensions: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
}

/// What protocol crates kept with a run that has concluded.
#[must_use = "connections end when it is dropped"]
pub(crate) struct Extensions(Vec<Arc<dyn Any + Send + Sync>>);

impl Drop for Extensions {
    fn drop(&mut self) {
        // What panics while it is dropped is no reason to lose the report that it comes with.
        let _ = catch_unwind(AssertUnwindSafe(|| self.0.clear()));
    }
}

/// How far a run is. It only goes forward, and whoever moves it is responsible for what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The body is being polled.
    Body = 0,
    /// The body has ended or was given up; what was deferred is being undone.
    Cleanup = 1,
    /// Everything that was deferred has had its turn.
    Over = 2,
}

impl Shared {
    pub(crate) fn begin(begin: BeginRun) -> Arc<Self> {
        let BeginRun { spec, monitor, clock, secrets, cancel, cleaner, earlier } = begin;
        Arc::new(Self {
            id: new_id(clock.wall_at(clock.started())),
            deadline: later(clock.started(), spec.time()),
            spec,
            monitor,
            clock,
            secrets,
            cancel,
            cleaner,
            creations: Arc::default(),
            earlier,
            evidence: Evidence::default(),
            checks: AtomicU64::new(0),
            phase: AtomicU8::new(Phase::Body as u8),
            ledger: Mutex::default(),
            stack: Mutex::default(),
            personas: Mutex::default(),
            extensions: Mutex::default(),
        })
    }

    /// Locks what was recorded. Never held across a call into foreign code.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Counts a check of the journey. What only cleanup checks makes no journey green.
    pub(crate) fn count_check(&self) {
        if self.phase.load(Ordering::Relaxed) == Phase::Body as u8 {
            self.checks.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// Moves the run from its body to its cleanup. Returns whether the caller was the one to do so.
    pub(crate) fn begin_cleanup(&self) -> bool {
        self.phase
            .compare_exchange(Phase::Body as u8, Phase::Cleanup as u8, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Returns whether the body has ended or was given up.
    pub(crate) fn is_past_its_body(&self) -> bool {
        self.phase.load(Ordering::Acquire) != Phase::Body as u8
    }

    /// Keeps something to undo, also while other things are being undone. Gives it back when that is over.
    pub(crate) fn push(&self, undo: Undo) -> Result<(), Undo> {
        let mut stack = self.stack.lock().unwrap_or_else(PoisonError::into_inner);
        if self.phase.load(Ordering::Acquire) == Phase::Over as u8 {
            return Err(undo);
        }
        stack.push(undo);
        Ok(())
    }

    /// Takes what is to be undone first: the newest. When there is nothing, cleanup is over: decided under the lock, so
    /// that nothing is kept that nobody takes.
    pub(crate) fn pop(&self) -> Option<Undo> {
        let mut stack = self.stack.lock().unwrap_or_else(PoisonError::into_inner);
        let next = stack.pop();
        if next.is_none() {
            self.phase.store(Phase::Over as u8, Ordering::Release);
        }
        next
    }

    /// Returns what is on the stack and was not taken, newest first.
    pub(crate) fn still_to_undo(&self) -> Vec<Remaining> {
        let stack = self.stack.lock().unwrap_or_else(PoisonError::into_inner);
        let remaining = |undo: &Undo| match undo {
            Undo::Deferred(deferred) => Remaining::Deferred(deferred.name.clone()),
            Undo::Made(made) => Remaining::Made(made.mark.clone()),
        };
        stack.iter().rev().map(remaining).collect()
    }

    /// Returns the extension of a type, made when it is first asked for.
    pub(crate) fn extension<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut extensions = self.extensions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = extensions.iter().find_map(|known| Arc::clone(known).downcast::<T>().ok()) {
            return known;
        }
        let made = Arc::new(T::default());
        extensions.push(Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        made
    }

    /// Takes what protocol crates kept with the run: connections end when it is dropped.
    pub(crate) fn take_extensions(&self) -> Extensions {
        Extensions(std::mem::take(&mut *self.extensions.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Holds a persona until the run has concluded.
    pub(crate) fn hold(&self, lease: PersonaLease) {
        self.personas.lock().unwrap_or_else(PoisonError::into_inner).push(lease);
    }

    /// Gives back the personas.
    pub(crate) fn release_personas(&self) {
        let leases = std::mem::take(&mut *self.personas.lock().unwrap_or_else(PoisonError::into_inner));
        drop(leases);
    }
}

/// Makes a UUID version 7 (RFC 9562, section 5.7): milliseconds, then 74 random bits. It names a run and guards nothing,
/// so a fast generator will do.
fn new_id(now: SystemTime) -> Uuid {
    let millis = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(u64::MAX), &random).into_uuid()
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("id", &self.id).field("canary", &self.spec.name()).finish_non_exhaustive()
    }
}
