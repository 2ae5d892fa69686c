//! [`Sweeper`]: removes what runs could not, and what processes left behind that are gone.

mod orphans;
mod report;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

pub use self::report::{Planned, SweepReport};
use super::any_resource::AnyResource;
use super::journal::{Journal, Tracked};
use super::kinds::Kinds;
use super::remove::{Patience, describe, remove};
use super::{Entry, JournalStore, Mark, Resource};
use crate::clock::{Clock, later};
use crate::failure::{Failure, Reason};
use crate::report::{CleanupItem, CleanupResult};

/// How many things are removed side by side.
const SIDE_BY_SIDE: usize = 16;
/// How long a thing may take, unless it is said.
const EACH: Duration = Duration::from_secs(10);

/// Removes what is in a journal and belongs to no run that goes on: what runs could not remove, what was kept for
/// debugging and is due, and what processes left behind that are gone, by whatever death. Cheap to clone.
///
/// A [`Monitor`](crate::Monitor) with a journal has one at work: at its start and every five minutes. Alone, it is for
/// programs that clean up without running canaries.
///
/// # Examples
///
/// ```
/// use synthetic_core::cleanup::{FileJournal, Sweeper};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let sweeper = Sweeper::new("shop", FileJournal::open(folder)?); // .resource(shop.orders())
/// let report = sweeper.sweep().await;
/// assert_eq!((report.items.len(), report.pending), (0, 0));
/// sweeper.close().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Sweeper {
    journal: Arc<Journal>,
    kinds: Arc<Kinds>,
    monitor: Arc<str>,
    /// One pass at a time.
    pass: Arc<Mutex<()>>,
}

/// A thing that is to be removed, and what removes it.
type Thing = (Mark, Arc<dyn AnyResource>);

impl Sweeper {
    /// Makes a sweeper of what the monitor of this name made, and of all that is in the journal.
    pub fn new(monitor: impl Into<Arc<str>>, store: impl JournalStore) -> Self {
        let journal = Journal::new(Some(Arc::new(store)), Clock::system());
        Self::of(monitor.into(), Arc::new(journal), Arc::default())
    }

    pub(crate) fn of(monitor: Arc<str>, journal: Arc<Journal>, kinds: Arc<Kinds>) -> Self {
        Self { journal, kinds, monitor, pass: Arc::default() }
    }

    /// Registers a resource: what is in the journal of its kind is removed by it.
    #[must_use]
    pub fn resource(self, resource: impl Resource) -> Self {
        self.kinds.register(resource);
        self
    }

    /// Takes over what processes that are gone have left, and goes once over everything that may be removed now.
    ///
    /// Every thing has ten seconds and stands alone: whatever is wrong with one stops no other. What is not done stays in
    /// the journal for the next pass. Passes wait for each other.
    ///
    /// # Cancellation
    ///
    /// What has been asked of the target goes on; everything may be done again.
    pub async fn sweep(&self) -> SweepReport {
        let _pass = self.pass.lock().await;
        let started = Instant::now();
        let mut report = SweepReport::default();
        self.adopt(&mut report).await;
        self.remove_due(&mut report).await;
        orphans::sweep(self, &mut report).await;
        self.conclude(&mut report, started);
        report
    }

    /// Sweeps again and again until nothing is left to be removed, as when what a lost answer hid may still appear, or until
    /// the time is up. What is kept for debugging is not waited for.
    pub async fn settle(&self, within: Duration) -> SweepReport {
        let started = Instant::now();
        let end = later(started, within);
        let mut all = SweepReport::default();
        loop {
            let report = self.sweep().await;
            let next = self.next_quiet().filter(|_| Instant::now() < end);
            all.merge(report);
            let Some(next) = next else { break };
            let left = next.duration_since(self.journal.now()).unwrap_or_default();
            // What failed is not asked again and again without a breath.
            let wait = left.max(Duration::from_millis(250));
            sleep(wait.min(end.saturating_duration_since(Instant::now()))).await;
        }
        self.conclude(&mut all, started);
        all
    }

    /// Says what [`sweep`](Self::sweep) would do, and does nothing: neither in the target nor in the journal.
    pub async fn preview(&self) -> (Vec<Planned>, Vec<String>) {
        let mut problems = Vec::new();
        let mut tracked: Vec<(Entry, Option<String>)> =
            self.journal.due().into_iter().map(|it| (it.entry, it.place.map(|place| place.to_string()))).collect();
        match self.journal.store() {
            None => {}
            Some(store) => match store.look().await {
                Ok(left) => {
                    problems.extend(left.problems);
                    tracked.extend(left.entries.into_iter().map(|(entry, place)| (entry, Some(place))));
                }
                Err(error) => problems.push(error.to_string()),
            },
        }
        let plan = |(entry, place): (Entry, Option<String>)| {
            Planned::new(self.kinds.get(&entry.kind).as_deref(), entry, place, self.journal.now())
        };
        let mut planned: Vec<Planned> = tracked.into_iter().map(plan).collect();
        planned.sort_by(|a, b| a.entry.mark.as_str().cmp(b.entry.mark.as_str()));
        (planned, problems)
    }

    /// Returns what was abandoned: what nobody tries to remove any more, with its id or mark.
    #[must_use]
    pub fn abandoned(&self) -> Vec<Entry> {
        let all = self.journal.all().into_iter().map(|tracked| tracked.entry);
        all.filter(|entry| entry.state == super::State::Abandoned).collect()
    }

    /// Lets go of the journal. What is not removed, the next process takes over.
    ///
    /// # Errors
    ///
    /// Returns why the store could not be closed.
    pub async fn close(&self) -> Result<(), super::JournalError> {
        match self.journal.store() {
            Some(store) => {
                self.journal.catch_up().await;
                store.close().await
            }
            None => Ok(()),
        }
    }

    async fn adopt(&self, report: &mut SweepReport) {
        let Some(store) = self.journal.store() else { return };
        match store.adopt().await {
            Ok(left) => {
                report.problems.extend(left.problems);
                for (entry, place) in left.entries {
                    self.journal.keep(entry, place);
                }
            }
            Err(error) => report.problems.push(format!("what other processes left cannot be read: {error}")),
        }
    }

    async fn remove_due(&self, report: &mut SweepReport) {
        let mut unknown: BTreeMap<String, Vec<Tracked>> = BTreeMap::new();
        // What one run made may depend on each other: newest first, one after the other.
        let mut runs: BTreeMap<Uuid, Vec<Thing>> = BTreeMap::new();
        for tracked in self.journal.due() {
            match tracked.resource.clone().or_else(|| self.kinds.get(&tracked.entry.kind)) {
                Some(resource) => {
                    let mark = tracked.entry.mark;
                    runs.entry(mark.run_id()).or_default().push((mark, resource));
                }
                None => unknown.entry(tracked.entry.kind.clone()).or_default().push(tracked),
            }
        }
        let mut tasks = JoinSet::new();
        for mut made in runs.into_values().rev() {
            made.sort_by_key(|(mark, _)| Reverse(mark.number()));
            if tasks.len() >= SIDE_BY_SIDE {
                self.note(tasks.join_next().await, report);
            }
            tasks.spawn(remove_of_run(Arc::clone(&self.journal), made));
        }
        while let Some(done) = tasks.join_next().await {
            self.note(Some(done), report);
        }
        for (kind, things) in unknown {
            self.unknown(&kind, &things, report);
        }
    }

    fn note(&self, done: Option<Result<Vec<(Mark, CleanupItem)>, JoinError>>, report: &mut SweepReport) {
        // The task itself holds nothing that could panic: every removal is isolated.
        for (mark, item) in done.and_then(Result::ok).into_iter().flatten() {
            self.said(mark.canary(), item, report);
        }
    }

    fn said(&self, canary: &str, item: CleanupItem, report: &mut SweepReport) {
        match item.result {
            CleanupResult::Removed | CleanupResult::AlreadyGone => {
                tracing::info!(target: "synthetic", canary, mark = item.mark, "swept: {item}");
            }
            CleanupResult::Abandoned => {
                tracing::error!(target: "synthetic", canary, mark = item.mark, "abandoned: {item}");
            }
            _ => tracing::warn!(target: "synthetic", canary, mark = item.mark, "not swept yet: {item}"),
        }
        self.journal.note_swept(canary, item.clone());
        report.items.push(item);
    }

    /// Nobody knows how to remove these.
    fn unknown(&self, kind: &str, things: &[Tracked], report: &mut SweepReport) {
        let mut places: Vec<&str> = things.iter().filter_map(|tracked| tracked.place.as_deref()).collect();
        places.sort_unstable();
        places.dedup();
        let known = match &self.kinds.names()[..] {
            [] => "none is".to_owned(),
            names => format!("registered are {}", names.join(", ")),
        };
        let count = if things.len() == 1 { "1 thing".to_owned() } else { format!("{} things", things.len()) };
        let mut monitors: Vec<&str> = things.iter().map(|tracked| tracked.entry.mark.monitor()).collect();
        monitors.sort_unstable();
        monitors.dedup();
        let text = format!(
            "{count} of kind {kind:?} cannot be removed: no resource of this kind is registered ({known}); made by monitor {}, \
             found in {}. Register one with `.resource(…)`; monitors that differ need a journal folder each",
            monitors.join(", "),
            if places.is_empty() { "this process".to_owned() } else { places.join(", ") },
        );
        tracing::error!(target: "synthetic", kind, "{text}");
        for tracked in things {
            let failure = Failure::with_reason(Reason::Setup, format!("no resource of kind {kind:?} is registered"))
                .hint("register it: `.resource(…)`; it stays in the journal until then");
            let mut item = CleanupItem::new(tracked.entry.name(), Duration::ZERO, CleanupResult::Failed, Some(failure));
            describe(&mut item, &tracked.entry);
            self.journal.note_swept(tracked.entry.mark.canary(), item.clone());
            report.items.push(item);
        }
        report.problems.push(text);
    }

    /// Returns when the next thing that waits for quiescence may be settled: what failed counts as due at once.
    fn next_quiet(&self) -> Option<SystemTime> {
        let quiet_at = |tracked: &Tracked| {
            let resource = tracked.resource.clone().or_else(|| self.kinds.get(&tracked.entry.kind))?;
            let recovery = resource.recovery();
            // What only a replay can find needs not wait for anything.
            let is_due = tracked.entry.id.is_some() || (tracked.entry.payload.is_some() && !recovery.searches());
            Some(if is_due { self.journal.now() } else { tracked.quiet_at(recovery.quiescence_time()) })
        };
        self.journal.due().iter().filter_map(quiet_at).min()
    }

    fn conclude(&self, report: &mut SweepReport, started: Instant) {
        let all = self.journal.all();
        report.pending = all.iter().filter(|tracked| tracked.entry.state.is_pending()).count();
        report.abandoned = all.len() - report.pending;
        report.duration = started.elapsed();
    }
}

/// Removes what one run made, in the order in which it is given.
async fn remove_of_run(journal: Arc<Journal>, made: Vec<Thing>) -> Vec<(Mark, CleanupItem)> {
    let patience = Patience { each: EACH, wait_until: None, again: true };
    let mut items = Vec::with_capacity(made.len());
    for (mark, resource) in made {
        if let Some(item) = remove(&journal, &resource, &mark, patience, |removal| removal).await {
            items.push((mark, item));
        }
    }
    items
}

impl fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.journal.store().map(|store| store.place());
        f.debug_struct("Sweeper").field("journal", &place).field("kinds", &self.kinds.names()).finish_non_exhaustive()
    }
}
