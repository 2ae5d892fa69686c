//! Sweeps the journal while a monitor runs: at its start, and again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::cleanup::{Cleaner, State, Sweeper};
use crate::clock::later;
use crate::failure::panic_message;

/// How many problems are remembered for the summary.
const MOST_PROBLEMS: usize = 100;

/// How a monitor sweeps.
pub(super) struct Sweeps {
    pub(super) sweeper: Sweeper,
    pub(super) every: Duration,
    pub(super) cleaner: Arc<Cleaner>,
}

/// The task that sweeps.
pub(super) struct Sweeping {
    task: JoinHandle<()>,
    /// A monitor that is dropped sweeps no more.
    stop: DropGuard,
    problems: Arc<Mutex<Vec<String>>>,
}

/// What is left when a monitor ends.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// By canary, as its name stands in marks.
    pub(super) left_behind: BTreeMap<String, u64>,
    pub(super) problems: Vec<String>,
}

impl Sweeps {
    /// Begins to sweep.
    pub(super) fn start(&self) -> Sweeping {
        let (stop, problems) = (CancellationToken::new(), Arc::<Mutex<Vec<String>>>::default());
        let (sweeper, every) = (self.sweeper.clone(), self.every);
        let (stopped, found) = (stop.clone(), Arc::clone(&problems));
        let task = tokio::spawn(async move {
            loop {
                note(&found, pass(&sweeper).await);
                tokio::select! {
                    () = stopped.cancelled() => return,
                    () = sleep(every) => {}
                }
            }
        });
        Sweeping { task, stop: stop.drop_guard(), problems }
    }

    /// The monitor was told to stop: cleanup has what is left of the grace period after runs have had their half, less what
    /// the reports need.
    pub(super) fn end_within(&self, grace: Duration) {
        self.cleaner.end_by(later(Instant::now(), grace - grace / 10));
    }

    /// Ends the sweeps, lets go of the journal, and says what is left.
    pub(super) async fn finish(&self, sweeping: Sweeping) -> Swept {
        let Sweeping { mut task, stop, problems } = sweeping;
        drop(stop);
        // A pass that goes on may end; everything that it does may be done again.
        let time = self.cleaner.time(Duration::from_secs(10));
        if tokio::time::timeout(time, &mut task).await.is_err() {
            task.abort();
            let _ = task.await;
        }
        if !self.cleaner.remembers() && !self.cleaner.journal.due().is_empty() {
            // Nobody comes after us.
            let _ = tokio::time::timeout(time, self.sweeper.sweep()).await;
        }
        let mut swept = Swept { problems: std::mem::take(&mut *lock(&problems)), ..Swept::default() };
        for tracked in self.cleaner.journal.all().iter().filter(|tracked| tracked.entry.state != State::Kept) {
            *swept.left_behind.entry(tracked.entry.mark.canary().to_owned()).or_default() += 1;
        }
        if let Err(error) = self.sweeper.close().await {
            tracing::error!(target: "synthetic", "the journal could not be closed: {error}");
            swept.problems.push(format!("the journal could not be closed: {error}"));
        }
        swept
    }
}

/// Sweeps once, and returns what was wrong. A pass that panics, in a store or a resource, is not the last one.
async fn pass(sweeper: &Sweeper) -> Vec<String> {
    let mut tasks = JoinSet::new();
    let sweeper = sweeper.clone();
    tasks.spawn(async move { sweeper.sweep().await.problems });
    match tasks.join_next().await {
        Some(Ok(problems)) => problems,
        Some(Err(broken)) => match broken.try_into_panic() {
            Ok(panic) => {
                vec![format!("a sweep broke off, the next one begins anew: it panicked: {}", panic_message(&*panic))]
            }
            Err(_) => Vec::new(),
        },
        None => Vec::new(),
    }
}

/// Remembers what was wrong, once each and within bounds.
fn note(known: &Mutex<Vec<String>>, problems: Vec<String>) {
    let mut known = lock(known);
    for problem in problems {
        if !known.contains(&problem) && known.len() < MOST_PROBLEMS {
            tracing::error!(target: "synthetic", "journal: {problem}");
            known.push(problem);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
