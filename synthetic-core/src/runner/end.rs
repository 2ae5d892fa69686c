//! How a body ended, and what is recorded of that.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::panics::{self, Scene};
use crate::failure::{Failure, Reason, Result, panic_message};
use crate::run::{Context, Shared};

/// How a body ended.
pub(super) enum End {
    /// By itself.
    Returned(Result),
    /// By a panic.
    Panicked(Box<dyn Any + Send>),
    /// Its time was up, and it was dropped.
    TimedOut,
    /// It held its thread for so long without giving it up, past its deadline.
    Blocked(Duration),
    /// It was cancelled, and dropped.
    Cancelled,
}

/// Records what the end of a body says, beyond what was recorded while it ran.
pub(super) fn raise_end(run: &Arc<Shared>, end: End) {
    let (here, mut failure) = match end {
        End::Returned(Ok(())) | End::TimedOut | End::Blocked(_) => return,
        End::Returned(Err(failure)) => (Context::top(run), failure),
        End::Panicked(panic) => panicked(run, &*panic),
        End::Cancelled => {
            let text = format!("cancelled after {:?}", rounded(run.elapsed()));
            (Context::top(run), Failure::ours(Reason::Cancelled, text))
        }
    };
    here.raise(&mut failure);
}

/// Records that a body was given up, in every innermost step that was open: that is where it stood.
pub(super) fn raise_where_it_stands(run: &Arc<Shared>, end: &End) {
    let timeout = run.spec.time();
    let failure = match end {
        End::Blocked(late) => {
            let late = rounded(*late);
            let text = if run.elapsed() < timeout {
                format!("the body held its thread for {late:?} after it was cancelled")
            } else {
                format!("the body held its thread {late:?} past its timeout of {timeout:?}")
            };
            Failure::ours(Reason::Blocked, text)
                .hint("move what blocks into `tokio::task::spawn_blocking`, or use its async counterpart")
        }
        _ => Failure::ours(Reason::Timeout, format!("the run was not done within its timeout of {timeout:?}")),
    };
    let open = run.ledger().innermost_open();
    let first = open.first().copied();
    let last_try = run.ledger().last_try(first);
    let mut failure = last_try.into_iter().fold(failure, |failure, last_try| failure.evidence("last try", last_try));
    Context { step: first, ..Context::top(run) }.raise(&mut failure);
    for step in open.into_iter().skip(1) {
        run.ledger().mark(Some(step), None, failure.reason());
    }
}

fn panicked(run: &Arc<Shared>, panic: &(dyn Any + Send)) -> (Context, Failure) {
    let failure = Failure::ours(Reason::Panic, format!("the body panicked: {}", panic_message(panic)));
    match panics::last_scene() {
        // A panic that goes on (`resume_unwind`) calls no hook: what is remembered is then that of another one.
        Some(Scene { here, place: Some(place) }) if Arc::ptr_eq(&here.run, run) => {
            (Context { tries: None, ..here }, failure.evidence("place", place))
        }
        _ => (Context::top(run), failure),
    }
}

fn rounded(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
