//! Where in which run the code that is being polled stands.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::futures::TaskLocalFuture;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::outcome::Outcome;
use crate::run::Shared;
use crate::run::ledger::LeftOut;

tokio::task_local! {
    static CURRENT: Context;
}

/// The run, the step and the try that the code being polled belongs to. Every future of a run sets it while it is
/// polled, as `tracing` does with spans: steps side by side in one task each see their own.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) run: Arc<Shared>,
    /// The innermost step, by its place in the ledger.
    pub(crate) step: Option<usize>,
    /// The innermost try of a `retry` or an `eventually`.
    pub(crate) tries: Option<Arc<Try>>,
    /// When the time of the steps around is up, if one of them has a time of its own.
    pub(crate) deadline: Option<Instant>,
    /// Whether this is cleanup, not the journey.
    pub(crate) cleanup: bool,
}

impl Context {
    /// Returns where we stand, in whichever run.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Returns where we stand in `run`; at its top when we stand in none or in another one.
    pub(crate) fn within(run: &Arc<Shared>) -> Self {
        Self::current().filter(|context| Arc::ptr_eq(&context.run, run)).unwrap_or_else(|| Self::top(run))
    }

    /// Returns the top of `run`, outside of any step.
    pub(crate) fn top(run: &Arc<Shared>) -> Self {
        Self { run: Arc::clone(run), step: None, tries: None, deadline: None, cleanup: false }
    }

    /// Calls `f` standing here.
    pub(crate) fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), f)
    }

    /// Makes a future stand here whenever it is polled.
    pub(crate) fn scope<F: Future>(self, future: F) -> TaskLocalFuture<Self, F> {
        CURRENT.scope(self, future)
    }

    /// Returns the numbers of the tries that this is part of, outermost first.
    pub(crate) fn lineage(&self) -> Vec<u64> {
        let mut lineage: Vec<u64> =
            std::iter::successors(self.tries.as_ref(), |tries| tries.outer.as_ref()).map(|tries| tries.id).collect();
        lineage.reverse();
        lineage
    }

    /// Returns whether the time of a poll around is up.
    pub(crate) fn is_past_a_poll(&self) -> bool {
        std::iter::successors(self.tries.as_ref(), |tries| tries.outer.as_ref()).any(|tries| tries.is_over())
    }

    /// Records a failure here: in the innermost try, whose end decides what becomes of it, or in the run.
    pub(crate) fn raise(&self, failure: &mut Failure) {
        failure.set_step(|| self.run.ledger().step_path(self.step));
        match &self.tries {
            Some(tries) => tries.push(failure.clone()),
            None => self.run.ledger().raise(self.run.id, failure),
        }
        if self.cleanup {
            return;
        }
        let floor = self.tries.as_ref().and_then(|tries| tries.step);
        self.run.ledger().mark(self.step, floor, failure.reason());
    }
}

/// One try of a `retry` or an `eventually`: failures in it do not count until it is known to be the last.
#[derive(Debug)]
pub(crate) struct Try {
    id: u64,
    outer: Option<Arc<Self>>,
    /// The step that the tries are made in.
    step: Option<usize>,
    raised: Mutex<Raised>,
    /// Whether its time is up.
    over: AtomicBool,
}

/// What was raised in a try. Preferences have a bound of their own, so that they never push out a failure.
#[derive(Debug, Default)]
struct Raised {
    failures: Vec<Failure>,
    unmet: Vec<Failure>,
    left_out: LeftOut,
}

impl Try {
    /// Begins a try within `context`, and returns where its code stands.
    pub(crate) fn begin(context: &Context) -> Context {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let tries = Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            outer: context.tries.clone(),
            step: context.step,
            raised: Mutex::default(),
            over: AtomicBool::new(false),
        };
        Context { tries: Some(Arc::new(tries)), ..context.clone() }
    }

    fn push(&self, failure: Failure) {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let Raised { failures, unmet, left_out } = &mut *raised;
        let (list, left_out) = if failure.reason().outcome() == Outcome::Degraded {
            (unmet, &mut left_out.unmet)
        } else {
            (failures, &mut left_out.failures)
        };
        if list.iter().any(|known| known.is_same(&failure)) {
            return;
        }
        if list.len() < crate::run::ledger::MOST_FAILURES {
            list.push(failure);
        } else {
            *left_out += 1;
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Says that its time is up: nothing more is made in it.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Returns the first failure that was raised in this try, preferences apart.
    pub(crate) fn first_failure(&self) -> Option<Failure> {
        let raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        raised.failures.first().cloned()
    }

    /// Takes what was raised in this try: failures first, then preferences.
    pub(crate) fn take(&self) -> (Vec<Failure>, LeftOut) {
        let Raised { mut failures, unmet, left_out } =
            std::mem::take(&mut *self.raised.lock().unwrap_or_else(PoisonError::into_inner));
        failures.extend(unmet);
        (failures, left_out)
    }
}
