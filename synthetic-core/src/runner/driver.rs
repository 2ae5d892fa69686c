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
use crate::canary::AnyCanary;
use crate::failure::Result;
use crate::run::{Context, Run, Shared};

/// How long a body may hold its thread past its deadline before it is said to have blocked it.
const TOLERANCE: Duration = Duration::from_millis(100);

/// Polls the body to its end. When this returns, the body has been dropped.
pub(super) async fn drive(canary: &AnyCanary, run: &Arc<Shared>, dispatch: Option<&Dispatch>) -> End {
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
    let mut stop = pin!(run.cancel.cancelled());
    let end = poll_fn(|task| {
        if stop.as_mut().poll(task).is_ready() {
            let timed_out = Instant::now() >= run.deadline;
            return Poll::Ready(if timed_out { End::TimedOut } else { End::Cancelled });
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
            return Poll::Ready(End::Panicked(panic));
        }
        let late = Instant::now().saturating_duration_since(run.deadline);
        match polled {
            // What a body says after its time, nobody was waiting for any more; what it found wrong still counts.
            Poll::Ready(Err(failure)) => Poll::Ready(End::Returned(Err(failure))),
            _ if begun < run.deadline && late > TOLERANCE => Poll::Ready(End::Blocked(late)),
            _ if !late.is_zero() => Poll::Ready(End::TimedOut),
            Poll::Ready(Ok(())) => Poll::Ready(End::Returned(Ok(()))),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    if matches!(end, End::TimedOut | End::Blocked(_)) {
        // Said before the body is dropped, while it is still known where it stood.
        raise_where_it_stands(run, &end);
    }
    // A body may panic while it is dropped; its end is known by now.
    let _ = catch_unwind(AssertUnwindSafe(|| enter(&mut || body = None)));
    end
}
