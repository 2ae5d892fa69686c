//! [`Pool`]: who gets which browser, and when there is another one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Settings;
use super::instance::Instance;
use super::lease::{Health, Lease, Opened, Opening};
use super::seats::Seats;
use crate::engine::{ContextOptions, EngineError};
use crate::launch::error::LaunchError;

/// How often a browser is taken that turns out to be gone: the second one is new.
const TRIES: usize = 3;

type Launched = watch::Receiver<Option<Result<Arc<Instance>, LaunchError>>>;

#[derive(Debug)]
pub(super) struct Pool {
    settings: Settings,
    /// One for each run that may have pages.
    seats: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    slot: Slot,
    /// Ends all browsers that were launched since the last time it was replaced.
    stop: CancellationToken,
    /// The tasks that launch them and look after them. Replaced together: those of a later browser are nothing to wait for.
    tasks: TaskTracker,
}

#[derive(Debug)]
enum Slot {
    Empty,
    Launching(Launched),
    Running {
        instance: Arc<Instance>,
        /// For the next run.
        spare: Option<Opening>,
    },
}

impl Pool {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            seats: Arc::new(Semaphore::new(settings.max_pages.min(Semaphore::MAX_PERMITS))),
            settings,
            state: Mutex::new(State { slot: Slot::Empty, stop: CancellationToken::new(), tasks: TaskTracker::new() }),
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) async fn version(self: &Arc<Self>) -> Result<String, LaunchError> {
        Ok(self.instance().await?.engine.version().to_owned())
    }

    pub(super) async fn lease(self: &Arc<Self>, options: &ContextOptions, seats: &Seats) -> Result<Lease, LaunchError> {
        let closed = || LaunchError::new(format!("{} was closed", self.settings.product));
        let stop = self.lock().stop.clone();
        let seat = seats.take(&self.seats).await.map_err(|_| closed())?;
        let mut last = None;
        for _ in 0..TRIES {
            // Whoever closes the browser does not want another one for those who had it.
            if stop.is_cancelled() {
                return Err(closed());
            }
            let instance = self.instance().await?;
            match self.open(&instance, options).await {
                Ok(opened) => return Ok(Lease::new(opened, seat, Arc::clone(self))),
                Err(Trouble::Browser(error)) => last = Some(error),
                Err(Trouble::Wish(error)) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(closed))
    }

    pub(super) async fn close(&self) {
        // What is in the slot is dropped outside of the lock.
        let next = State { slot: Slot::Empty, stop: CancellationToken::new(), tasks: TaskTracker::new() };
        let State { slot: _slot, stop, tasks } = std::mem::replace(&mut *self.lock(), next);
        stop.cancel();
        tasks.close();
        tasks.wait().await;
    }

    /// Returns the browser that runs; launches one when there is none, for all who wait for it at the same time.
    pub(super) async fn instance(self: &Arc<Self>) -> Result<Arc<Instance>, LaunchError> {
        for _ in 0..TRIES {
            let mut launched = {
                let mut state = self.lock();
                match &state.slot {
                    Slot::Running { instance, .. } if instance.is_fit() => return Ok(Arc::clone(instance)),
                    // Else it ended with its runtime.
                    Slot::Launching(launched) if launched.has_changed().is_ok() => launched.clone(),
                    _ => {
                        let launched = self.begin_launch(state.stop.child_token(), state.tasks.clone());
                        state.slot = Slot::Launching(launched.clone());
                        launched
                    }
                }
            };
            if let Ok(launched) = launched.wait_for(Option::is_some).await
                && let Some(launched) = &*launched
            {
                return launched.clone();
            }
        }
        Err(LaunchError::new(format!("{} was not launched: the task that did so ended", self.settings.product)))
    }

    /// Launches a browser in a task of its own: whoever waits for it may give up, and others wait on.
    fn begin_launch(self: &Arc<Self>, stop: CancellationToken, tasks: TaskTracker) -> Launched {
        let (told, launched) = watch::channel(None);
        let (pool, settings) = (Arc::downgrade(self), self.settings.clone());
        tasks.clone().spawn(async move {
            let result = Instance::launch(&settings, stop.clone(), &tasks).await.map(Arc::new);
            // Without a pool there is nobody to have it, and it is closed.
            if let Some(pool) = Weak::upgrade(&pool) {
                let mut state = pool.lock();
                if !stop.is_cancelled() {
                    state.slot = match &result {
                        Ok(instance) => Slot::Running { instance: Arc::clone(instance), spare: None },
                        Err(_) => Slot::Empty,
                    };
                }
            }
            told.send_replace(Some(result));
        });
        launched
    }

    /// Opens a page, or takes the one that is ready.
    async fn open(&self, instance: &Arc<Instance>, options: &ContextOptions) -> Result<Opened, Trouble> {
        let spare = self.take(instance, options);
        let opens = async {
            if let Some(spare) = spare
                && let Ok(Ok(opened)) = spare.await
                && opened.is_ready().await
            {
                return Ok(opened);
            }
            let opening = Opened::begin(Arc::clone(instance), options.clone()).await;
            opening.unwrap_or_else(|_| Err(EngineError::Gone("the runtime ends".to_owned())))
        };
        let product = self.settings.product;
        let told = match timeout(self.settings.launch_timeout, opens).await {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(EngineError::Gone(told))) => told,
            Ok(Err(error @ EngineError::Refused { .. })) => {
                return Err(Trouble::Wish(LaunchError::new(format!("{product} would not open a page: {error}"))));
            }
            Ok(Err(error)) => {
                instance.tire();
                return Err(Trouble::Browser(LaunchError::new(format!("{product} could not open a page: {error}"))));
            }
            Err(_) => {
                let seconds = self.settings.launch_timeout.as_secs_f64();
                let text = format!("{product} was killed: it did not open a page within {seconds} s");
                instance.kill(LaunchError::new(text.clone()));
                text
            }
        };
        Err(Trouble::Browser(Health::of(instance).why_gone(&told).await))
    }

    /// Counts a run of a browser, and takes its spare page where that will do. When that browser has had its runs, nobody else
    /// gets it.
    fn take(&self, instance: &Arc<Instance>, options: &ContextOptions) -> Option<Opening> {
        let runs = instance.count();
        let mut state = self.lock();
        let Slot::Running { instance: current, spare } = &mut state.slot else { return None };
        if !Arc::ptr_eq(current, instance) {
            return None;
        }
        let taken = if is_plain(options) { spare.take() } else { None };
        if runs >= self.settings.runs {
            state.slot = Slot::Empty;
        }
        taken
    }

    /// Makes a page ready for the next run: when one has given its own back, so that it is not made while that one waits.
    pub(super) fn prepare(&self, instance: &Arc<Instance>) {
        let mut state = self.lock();
        if let Slot::Running { instance: current, spare: spare @ None } = &mut state.slot
            && self.settings.has_spare()
            && Arc::ptr_eq(current, instance)
            && instance.is_fit()
        {
            *spare = Some(Opened::begin(Arc::clone(instance), ContextOptions::default()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.lock().stop.cancel();
    }
}

/// Returns whether a context is one that is made without wishes.
fn is_plain(options: &ContextOptions) -> bool {
    let ContextOptions {
        viewport,
        locale,
        time_zone,
        user_agent,
        headers,
        credentials,
        downloads,
        accept_bad_certificates,
    } = options;
    viewport.is_none()
        && locale.is_none()
        && time_zone.is_none()
        && user_agent.is_none()
        && headers.is_empty()
        && credentials.is_none()
        && downloads.is_none()
        && !accept_bad_certificates
}

/// Why there is no page.
enum Trouble {
    /// It is the browser's: another one may do.
    Browser(LaunchError),
    /// It is what was asked for.
    Wish(LaunchError),
}
