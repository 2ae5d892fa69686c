//! Steps: what a person does, timed, nested, side by side, each with its own outcome.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

use crate::clock::later;
use crate::failure::{Failure, Reason, Result, Text};
use crate::run::creations::Place;
use crate::run::{Context, Run, Shared};

pin_project! {
    /// A step of a run: a future that sets itself as the current step while it is polled. See [`Run::step`].
    #[must_use = "a step does nothing until it is awaited"]
    pub struct Step<F> {
        #[pin]
        future: Option<F>,
        run: Run,
        name: Text,
        place: &'static Location<'static>,
        timeout: Option<Duration>,
        open: Option<Open>,
    }

    impl<F> PinnedDrop for Step<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // The body of the step goes first, so that what it does while it is dropped still belongs to the step.
            if let Some(open) = this.open.take() {
                open.here.enter(|| this.future.set(None));
                open.here.run.ledger().close_step(open.own, false, open.here.run.elapsed());
            }
        }
    }
}

/// A step that has been polled and has not ended.
struct Open {
    here: Context,
    /// Its own place in the ledger; `None` when it has none: in cleanup, and when there are too many steps.
    own: Option<usize>,
    span: tracing::Span,
    /// When its time is up.
    deadline: Option<(Instant, Pin<Box<Sleep>>)>,
    /// What it waits for when its time is up.
    held: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<F> Step<F> {
    #[track_caller]
    pub(crate) fn new(run: Run, name: Text, future: F) -> Self {
        Self { future: Some(future), run, name, place: Location::caller(), timeout: None, open: None }
    }

    /// Gives the step a time of its own, within the run's.
    ///
    /// When it is up, the step is dropped and fails with [`Reason::Timeout`], with the path of the innermost step that was
    /// open; the run goes on as its body says. A step that blocks its thread is late when it gives it back.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<T, F: Future<Output = Result<T>>> Future for Step<F> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let open = this.open.get_or_insert_with(|| Open::new(this.run, this.name, *this.timeout));
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Pending; // Polled again after its end, which the contract of `Future` leaves open.
        };
        let ended = open.span.in_scope(|| open.here.enter(|| future.poll(task)));
        let result = match ended {
            // A step that ends when its time is up is late, also when it blocked its thread and no timer could fire.
            Poll::Ready(Ok(_)) if open.is_late() => Err(timed_out(this.name, *this.timeout, this.place)),
            Poll::Ready(result) => result,
            Poll::Pending => match &mut open.deadline {
                Some((_, sleep)) => {
                    ready!(sleep.as_mut().poll(task));
                    // To drop what is being made is to lose its answer.
                    let (run, step) = (&open.here.run, open.here.step);
                    let held = open.held.get_or_insert_with(|| Box::pin(hold(Arc::clone(run), step)));
                    ready!(held.as_mut().poll(task));
                    // Said before the body of the step is dropped, while it is still known where it stood.
                    let failure = open.standing(timed_out(this.name, *this.timeout, this.place));
                    open.here.enter(|| this.future.set(None));
                    Err(failure)
                }
                None => return Poll::Pending,
            },
        };
        let result = result.map_err(|mut failure| {
            open.here.raise(&mut failure);
            failure
        });
        let run = &open.here.run;
        run.ledger().close_step(open.own, true, run.elapsed());
        *this.open = None;
        this.future.set(None);
        Poll::Ready(result)
    }
}

impl Open {
    fn new(run: &Run, name: &Text, timeout: Option<Duration>) -> Self {
        let mut here = Context::within(run.shared());
        run.shared().count_check();
        let now = run.shared().elapsed();
        let span = tracing::info_span!(target: "synthetic", "step", name = %name);
        let mut own = None;
        if !here.cleanup {
            // Cleanup has a report of its own; its steps are not steps of the journey.
            own = run.shared().ledger().open_step(name.clone(), here.step, here.lineage(), now);
            here.step = own.or(here.step);
        }
        let deadline = timeout.map(|timeout| {
            let deadline = later(Instant::now(), timeout);
            here.deadline = Some(here.deadline.map_or(deadline, |outer| outer.min(deadline)));
            (deadline, Box::pin(tokio::time::sleep_until(deadline)))
        });
        Self { here, own, span, deadline, held: None }
    }

    /// Makes a failure say where within the step the journey stands, and marks the steps that are open there.
    fn standing(&self, mut failure: Failure) -> Failure {
        let Some(own) = self.own else { return failure };
        let mut ledger = self.here.run.ledger();
        let open = ledger.innermost_open_within(own);
        let innermost = open.first().copied().or(self.own);
        failure.set_step(|| ledger.step_path(innermost));
        for step in open {
            ledger.mark(Some(step), self.own, failure.reason());
        }
        ledger.last_try(innermost).into_iter().fold(failure, |failure, last_try| failure.evidence("last try", last_try))
    }

    fn is_late(&self) -> bool {
        self.deadline.as_ref().is_some_and(|(deadline, _)| Instant::now() > *deadline)
    }
}

/// Waits until nothing is being made within a step any more; within the one around it, or the run, when it has no place of
/// its own in the ledger.
async fn hold(run: Arc<Shared>, step: Option<usize>) {
    let Some(outer) = step else { return run.creations.settled().await };
    let is_within = |place: &Place| place.step.is_some_and(|step| run.ledger().is_within(step, outer));
    run.creations.settled_where(is_within).await;
}

fn timed_out(name: &str, timeout: Option<Duration>, place: &'static Location<'static>) -> Failure {
    Failure::with_reason(
        Reason::Timeout,
        format!("step {name:?} was not done within {:?}", timeout.unwrap_or_default()),
    )
    .at(place)
}

impl<F> fmt::Debug for Step<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("name", &self.name).field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

pin_project! {
    /// A step whose failure does not stop the journey. See [`Run::soft`].
    #[derive(Debug)]
    #[must_use = "a step does nothing until it is awaited"]
    pub struct Soft<F> {
        #[pin]
        step: Step<F>,
    }
}

impl<F> Soft<F> {
    pub(crate) fn new(step: Step<F>) -> Self {
        Self { step }
    }

    /// Gives the step a time of its own, as [`Step::timeout`] does.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { step: self.step.timeout(timeout) }
    }
}

impl<T, F: Future<Output = Result<T>>> Future for Soft<F> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Self::Output> {
        // What failed has been recorded by the step; here it only has no way to stop the journey.
        self.project().step.poll(task).map(Result::ok)
    }
}
