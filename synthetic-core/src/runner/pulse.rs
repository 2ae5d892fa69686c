//! Keeps the timers of a runtime going while a body blocks one of its threads.
//!
//! Of the threads of a tokio runtime, one waits for timers and sockets, the others wait for it. When that one goes on
//! into a body that blocks, nobody hears a timer any more, not even the one that would give the body up, until
//! something from outside wakes another thread. That is what this does: while runs are in flight, it hands their runtime
//! an empty task now and then.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

/// How long timers may stand still.
const BEAT: Duration = Duration::from_millis(250);

/// A thread that is started when the first run needs it, sleeps while none is in flight, and ends when this is dropped.
#[derive(Default)]
pub(super) struct Pulse(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The runtimes in which runs are in flight, and how many.
    runtimes: Vec<(Handle, usize)>,
    started: bool,
    sleeps: bool,
    ended: bool,
}

/// A run in flight.
pub(super) struct InFlight(Option<(Arc<Inner>, Handle)>);

impl Pulse {
    /// Watches over the current runtime until what is returned is dropped. One with a single thread has nobody to wake.
    pub(super) fn watch(&self) -> InFlight {
        let runtime = Handle::current();
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return InFlight(None);
        }
        let mut state = self.0.lock();
        match state.runtimes.iter_mut().find(|(known, _)| known.id() == runtime.id()) {
            Some((_, runs)) => *runs += 1,
            None => state.runtimes.push((runtime.clone(), 1)),
        }
        if state.sleeps {
            self.0.changed.notify_one();
        } else if !state.started {
            let inner = Arc::clone(&self.0);
            // Without it, a body that blocks may be given up late; it is no reason not to run.
            state.started =
                std::thread::Builder::new().name("synthetic-pulse".into()).spawn(move || inner.beat()).is_ok();
        }
        drop(state);
        InFlight(Some((Arc::clone(&self.0), runtime)))
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beat(&self) {
        let mut state = self.lock();
        while !state.ended {
            if state.runtimes.is_empty() {
                state.sleeps = true;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.sleeps = false;
                continue;
            }
            (state, _) = self.changed.wait_timeout(state, BEAT).unwrap_or_else(PoisonError::into_inner);
            for (runtime, _) in &state.runtimes {
                drop(runtime.spawn(async {}));
            }
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let Some((inner, runtime)) = self.0.take() else { return };
        let mut state = inner.lock();
        if let Some(at) = state.runtimes.iter().position(|(known, _)| known.id() == runtime.id()) {
            state.runtimes[at].1 -= 1;
            if state.runtimes[at].1 == 0 {
                state.runtimes.swap_remove(at);
            }
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_one();
    }
}
