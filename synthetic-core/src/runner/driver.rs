//! Polls a body until it ends, or is told to stop: its time is up, or the run is cancelled.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Dispatch;

use super::end::{End, raise_where_it_stands};
use super::panics;
use crate::canary::Body;
use crate::failure::Result;
use crate::run::{Context, Run, Shared};

/// How long a body may hold its thread past its deadline before it is said to have blocked it.
const TOLERANCE: Duration = Duration::from_millis(100);

/// Polls the body to its end, and returns how and when it ended. When this returns, the body has been dropped, and nothing
/// that it was making is in flight any more.
pub(super) async fn drive(canary: &Body, run: &Arc<Shared>, dispatch: Option<&Dispatch>) -> (End, Duration) {
    let here = Context::top(run);
    let span = tracing::info_span!(target: "synthetic", "run", canary = run.spec.name(), run_id = %run.id);
    let enter = |f: &mut dyn FnMut()| {
        let mut inside = || span.in_scope(|| here.enter(&mut *f));
        match dispatch {
            Some(dispatch) => tracing::dispatcher::with_default(dispatch, inside),
            None => inside(),
        }
    };

    let mut body: Option<Pin<Box<dyn Future<Output = Result> + Send + '_>>> = None;
    // How and when the body was told to end. To drop a creation in flight is to lose its answer: the body is polled on until
    // there is none, and begins no other.
    let mut told: Option<(End, Duration)> = None;
    let mut cancelled = pin!(run.cancel.cancelled());
    let mut settled = pin!(run.creations.settled());
    let ended = poll_fn(|task| {
        if told.is_none() && cancelled.as_mut().poll(task).is_ready() {
            let timed_out = Instant::now() >= run.deadline;
            told = Some(tell(run, if timed_out { End::TimedOut } else { End::Cancelled }));
        }
        if told.is_some() && settled.as_mut().poll(task).is_ready() {
            return Poll::Ready(None);
        }
        let begun = Instant::now();
        let mut polled = Poll::Pending;
        panics::forget_scene();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            enter(&mut || {
                let body = body.get_or_insert_with(|| canary.start(Run::new(Arc::clone(run))));
                polled = body.as_mut().poll(task);
            });
        }));
        if let Err(panic) = caught {
            return Poll::Ready(Some(End::Panicked(panic)));
        }
        // What a body says after its time, nobody was waiting for any more; what it found wrong still counts.
        if let Poll::Ready(Err(failure)) = polled {
            return Poll::Ready(Some(End::Returned(Err(failure))));
        }
        let late = Instant::now().saturating_duration_since(run.deadline);
        if told.is_none() && !late.is_zero() {
            let blocked = begun < run.deadline && late > TOLERANCE;
            told = Some(tell(run, if blocked { End::Blocked(late) } else { End::TimedOut }));
        }
        match polled {
            Poll::Ready(_) if told.is_some() => Poll::Ready(None),
            Poll::Ready(result) => Poll::Ready(Some(End::Returned(result))),
            Poll::Pending if told.is_some() => settled.as_mut().poll(task).map(|()| None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    let (told, at) = told.map_or((None, run.elapsed()), |(end, at)| (Some(end), at));
    // A body may panic while it is dropped; its end is known by now.
    let _ = catch_unwind(AssertUnwindSafe(|| enter(&mut || body = None)));
    // A task that the body has spawned may be making something too.
    run.creations.seal();
    run.creations.settled().await;
    match ended.or(told) {
        Some(end) => (end, at),
        None => unreachable!("a body ends by itself or is told to"),
    }
}

/// Tells a body to end: it makes nothing more, and where it stands is said, while that is still known.
fn tell(run: &Arc<Shared>, end: End) -> (End, Duration) {
    run.creations.seal();
    if !matches!(end, End::Cancelled) {
        raise_where_it_stands(run, &end);
    }
    (end, run.elapsed())
}
