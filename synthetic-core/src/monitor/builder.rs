//! Puts a monitor together, and finds everything that is wrong with it before it runs.

#[cfg(feature = "alerts")]
mod inventory;
#[cfg(feature = "cli")]
mod line;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::board::Board;
use super::classes::Limit;
use super::config_error::{ConfigError, Problem};
use super::setting::{Journal, Set, Setting, Settings, Source};
use super::slot::Slot;
use super::sweeps::Sweeps;
use super::{Connectivity, Handle, Monitor, Shard, validate};
use crate::canary::{AnyCanary, Spec, objective_problem};
use crate::cleanup::{Cleaner, JournalError, JournalStore, Kinds, Resource};
use crate::clock::Clock;
use crate::runner::Runner;
use crate::schedule::{Schedule, apart, seed, stagger};
use crate::secret::SecretStore;
use crate::sink::{OpenError, Outlet, Sink, Spool};

/// Puts a monitor together. See [`Monitor`].
///
/// # Default
///
/// - journal: none, so that what a killed process made is not removed
/// - sweep: at the start and every five minutes
/// - grace period: 20 s for runs and their cleanup to end when the monitor is told to stop
/// - closing: 10 s for sinks to deliver what is queued
/// - concurrency: 1,000 runs of class `http` side by side, 2 of class `browser`; ten times as many may wait
/// - connectivity: our own network is not checked
/// - history: the last 20 runs of a canary that passed, and the last 20 that did not; 10,000 in all
/// - health: a canary that has concluded nothing for 3 intervals is silent
/// - objective: 99.9 % of the runs of a canary go well
/// - secrets: from the environment
#[must_use = "a monitor does nothing until it is built and run"]
pub struct Builder {
    name: Arc<str>,
    canaries: Vec<(Schedule, AnyCanary)>,
    sinks: Vec<(Arc<dyn Sink>, Option<Spool>)>,
    /// A spool that another process has is left to it.
    is_beside_another: bool,
    runner: Runner,
    clock: Option<Clock>,
    kinds: Arc<Kinds>,
    bad_kinds: Vec<String>,
    settings: Settings,
    /// Who speaks: what is set now, is set by them.
    speaker: Source,
}

impl Builder {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            runner: Runner::new().monitor(Arc::clone(&name)),
            name,
            canaries: Vec::new(),
            sinks: Vec::new(),
            is_beside_another: false,
            clock: None,
            kinds: Arc::default(),
            bad_kinds: Vec::new(),
            settings: Settings::default(),
            speaker: Source::Program,
        }
    }

    /// Says where the monitor runs: `eu-west-1`. It is in every report.
    pub fn location(mut self, location: impl Into<Arc<str>>) -> Self {
        self.settings.location = self.says(Some(location.into()));
        self
    }

    /// Adds a canary and when it runs. First starts of canaries with the same period are spread over it.
    pub fn canary(mut self, schedule: impl Into<Schedule>, canary: impl Into<AnyCanary>) -> Self {
        self.canaries.push((schedule.into(), canary.into()));
        self
    }

    /// Adds a place that reports go to.
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push((Arc::new(sink), None));
        self
    }

    /// Adds a place that reports go to, with a [spool](Spool) before it: what cannot be delivered goes to disk, and is delivered
    /// later, in order, after a restart too.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::prelude::*;
    /// use synthetic_core::testing::RecordingSink;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let monitor = Monitor::named("shop").spooled_sink(folder.path().join("spool"), RecordingSink::new());
    /// # let _ = monitor;
    /// ```
    pub fn spooled_sink(mut self, spool: impl Into<Spool>, sink: impl Sink + 'static) -> Self {
        self.sinks.push((Arc::new(sink), Some(spool.into())));
        self
    }

    /// Keeps what canaries make in a folder, so that the next process removes what this one leaves when it is killed. It is
    /// made when it is not there; give it a volume that outlives the process, on a local disk.
    ///
    /// Processes of one monitor may share a folder. Monitors that differ have one each: whoever reads a journal must know its
    /// kinds, and ask the same target.
    ///
    /// Every kind that canaries make must be known by a [`resource`](Self::resource).
    pub fn journal(mut self, folder: impl AsRef<Path>) -> Self {
        self.settings.journal = self.says(Journal::Folder(folder.as_ref().to_owned()));
        self
    }

    /// Keeps what canaries make in this store: a [`FileJournal`](crate::cleanup::FileJournal) with other settings, or one of
    /// your own.
    pub fn journal_store(mut self, store: impl JournalStore) -> Self {
        self.settings.journal = self.says(Journal::Store(Arc::new(store)));
        self
    }

    /// Registers a resource, so that what is in the journal of its kind can be removed, also by a process that did not make
    /// it.
    pub fn resource(mut self, resource: impl Resource) -> Self {
        let kind = Resource::kind(&resource).to_owned();
        if let Some(problem) = resource.problem() {
            self.bad_kinds.push(format!("the resource for kind {kind:?} cannot remove anything: {problem}"));
        }
        if !self.kinds.register(resource) {
            self.bad_kinds.push(format!("two resources are registered for kind {kind:?}: every kind has one"));
        }
        self
    }

    /// Sets how often what is in the journal is swept, the start apart.
    pub fn sweep_every(mut self, interval: Duration) -> Self {
        self.settings.sweep_every = self.says(interval);
        self
    }

    /// Adds a store of secrets, as [`Runner::secrets`] does.
    pub fn secrets(mut self, store: impl SecretStore + 'static) -> Self {
        self.runner = self.runner.secrets(store);
        self
    }

    /// Sets from which level up events inside of a run are kept for its report, as [`Runner::keep_logs`] does.
    pub fn keep_logs(mut self, from: Option<tracing::Level>) -> Self {
        self.runner = self.runner.keep_logs(from);
        self
    }

    /// Takes the wall-clock time of every run from this clock, for tests that compare whole reports.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.runner = self.runner.clock(clock);
        self.clock = Some(clock);
        self
    }

    /// Sets how long runs may take to end when the monitor is told to stop, their cleanup included.
    ///
    /// For half of it, runs may go on; then they are cancelled. Cleanup has what is left, less a tenth for the reports, and
    /// a second in any case. Sinks are closed [afterwards](Self::close_within): together they should be less than what the
    /// platform gives, such as Kubernetes' `terminationGracePeriodSeconds` of 30 s. What is not removed by then stays in the
    /// journal. Zero cancels at once.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = self.says(grace);
        self
    }

    /// Sets how many runs of a [class](crate::Spec::class) go on side by side: `.concurrency("browser", 4)`. Ten times as many
    /// wait for their place in the order in which they were due; the starts beyond that are skipped, with a report each. The
    /// time of waiting is no part of a run's duration.
    pub fn concurrency(mut self, class: impl Into<Arc<str>>, most: usize) -> Self {
        self.settings.limits.insert(class.into(), self.says(Limit::of(most)));
        self
    }

    /// Sets how many starts of a [class](crate::Spec::class) may wait for their place, instead of ten times as many as
    /// [go on](Self::concurrency).
    pub fn queue(mut self, class: impl Into<Arc<str>>, most: usize) -> Self {
        self.settings.queues.insert(class.into(), self.says(most));
        self
    }

    /// Runs only the canaries of one shard: with `1/4` to `4/4` on four machines, every canary runs on exactly one of them. A
    /// canary is in the same shard in every process and every version. A shard may have no canary; such a monitor has nothing
    /// to run, and is refused as any other without canaries.
    pub fn shard(mut self, shard: Shard) -> Self {
        self.settings.shard = self.says(Some(shard));
        self
    }

    /// Checks before runs that our own network is there: while it is not, they are skipped.
    pub fn connectivity(mut self, connectivity: Connectivity) -> Self {
        self.settings.connectivity = self.says(Some(connectivity));
        self
    }

    /// Sets how many runs of each canary are remembered: so many that passed, and so many that did not. Where that comes to
    /// more than 10,000 for all canaries together, each has its share; the last run that did not pass is always remembered.
    pub fn history(mut self, each: usize) -> Self {
        self.settings.history = self.says(each);
        self
    }

    /// Sets for how many of its intervals a canary may conclude nothing before the monitor is
    /// [unhealthy](super::Health).
    pub fn silent_after(mut self, intervals: u32) -> Self {
        self.settings.silent_after = self.says(intervals);
        self
    }

    /// Sets which share of the runs of a canary is to go well, in percent, where its [spec](crate::Spec::objective) does not say
    /// so itself: what the alerts and dashboards that the command line makes of the monitor are measured by.
    pub fn objective(mut self, percent: f64) -> Self {
        self.settings.objective = self.says(percent);
        self
    }

    /// Sets how long sinks may take to deliver what is queued when the monitor ends.
    pub fn close_within(mut self, close: Duration) -> Self {
        self.settings.close = self.says(close);
        self
    }

    /// Builds the monitor.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong, each with the canary it is about: a name that sinks would refuse or that is
    /// there twice, an interval of zero, a timeout longer than the interval, no canary, no sink.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::prelude::*;
    ///
    /// let nothing = |_run: Run| async { Ok(()) };
    /// let error = Monitor::named("shop")
    ///     .canary(every(secs(10)), canary(Spec::new("api health").timeout(secs(20)), nothing))
    ///     .sink(synthetic_core::testing::RecordingSink::new())
    ///     .build()
    ///     .unwrap_err();
    /// assert_eq!(error.to_string(), "\
    /// monitor \"shop\" cannot run:
    /// - canary \"api health\": its name must be 1 to 255 of the characters 0-9, a-z, _ and -
    /// - canary \"api health\": its timeout of 20s is longer than its interval of 10s, so that runs would overlap: \
    /// shorten the timeout or lengthen the interval");
    /// ```
    pub fn build(mut self) -> Result<Monitor, ConfigError> {
        self.keep_shard();
        let journal = self.settings.journal.value.open();
        let mut problems = self.problems(journal.as_ref().err());
        let sinks = self.outlets(&mut problems);
        let (store, []) = (journal.ok().flatten(), &problems[..]) else {
            return Err(ConfigError::new(self.name, problems));
        };
        let limits: BTreeMap<_, _> =
            self.settings.classes().into_iter().map(|(class, limit)| (class, limit.value)).collect();
        let Settings { location, sweep_every, grace, close, history, silent_after, connectivity, .. } = self.settings;
        let classes: Vec<Arc<str>> = limits.keys().cloned().collect();
        let slots = slots(self.canaries, &self.name, &classes);
        let board = Arc::new(Board::new(slots, limits, history.value, self.clock));
        let handle =
            Handle::new(Arc::clone(&board), Arc::clone(&self.name), location.value.clone(), silent_after.value);
        let clock = self.clock.unwrap_or_else(Clock::system);
        let cleaner = Arc::new(Cleaner::swept(store, self.kinds, clock));
        let mut runner = self.runner.cleaner(Arc::clone(&cleaner));
        if let Some(location) = location.value {
            runner = runner.location(location);
        }
        let sweeps = Sweeps { sweeper: cleaner.sweeper(self.name), every: sweep_every.value, cleaner };
        let (connectivity, grace, close) = (connectivity.value, grace.value, close.value);
        Ok(Monitor { board, handle, sinks, runner, sweeps, connectivity, grace, close })
    }

    /// Returns what it is set to and who said so, canaries and sinks apart.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::monitor::Source;
    /// use synthetic_core::prelude::*;
    ///
    /// let settings = Monitor::named("shop").grace(secs(30)).settings();
    /// let grace = settings.iter().find(|setting| setting.name == "grace").unwrap();
    /// assert_eq!((&*grace.value, &grace.source), ("30s", &Source::Program));
    /// ```
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        self.settings.list()
    }

    /// Runs only the canaries of which this is true.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::prelude::*;
    /// # use synthetic_core::testing::RecordingSink;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), synthetic_core::monitor::ConfigError> {
    /// let up = |name: &'static str| canary(Spec::new(name), |run: Run| async move { run.expect("up", true, eq(true)) });
    /// let monitor = Monitor::named("shop")
    ///     .canary(every(mins(1)), up("search"))
    ///     .canary(every(mins(1)), up("checkout"))
    ///     .sink(RecordingSink::new())
    ///     .only(|spec| spec.name() == "search")
    ///     .build()?;
    /// assert_eq!(monitor.once().await.0.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn only(mut self, keep: impl Fn(&Spec) -> bool) -> Self {
        self.canaries.retain(|(_, canary)| keep(canary.spec()));
        self
    }

    fn says<T>(&self, value: T) -> Set<T> {
        Set { value, source: self.speaker.clone() }
    }

    fn keep_shard(&mut self) {
        if let Some(shard) = self.settings.shard.value {
            self.canaries.retain(|(_, canary)| shard.contains(canary.spec().name()));
        }
    }

    fn problems(&self, journal: Option<&JournalError>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let (mut names, classes) = (HashSet::new(), self.settings.classes());
        for (schedule, canary) in &self.canaries {
            let spec = canary.spec();
            let mut found = validate::canary(schedule, spec, &|class| classes.contains_key(class));
            if !names.insert(spec.name()) {
                found.push(validate::TWICE.to_owned());
            }
            problems.extend(found.into_iter().map(|text| Problem { canary: Some(spec.name().to_owned()), text }));
        }
        let mut of_all = |text: &str| problems.push(Problem { canary: None, text: text.to_owned() });
        if self.name.is_empty() {
            of_all("its name is empty: give it one, such as the service's");
        }
        if let Some(error) = journal {
            of_all(&format!("its journal cannot be used: {error}"));
        }
        self.bad_kinds.iter().for_each(|problem| of_all(problem));
        if self.settings.sweep_every.value.is_zero() {
            of_all("its interval between sweeps is zero: give it one, such as mins(5)");
        }
        for (class, limit) in &classes {
            if limit.value.running == 0 {
                of_all(&format!(
                    "no run of class {class:?} could ever start: give it a place with .concurrency({class:?}, 1)"
                ));
            }
        }
        if self.settings.silent_after.value == 0 {
            of_all("every canary would be silent at once: .silent_after takes at least 1");
        }
        if let Some(problem) = objective_problem(self.settings.objective.value) {
            of_all(&problem);
        }
        if self.canaries.is_empty() {
            of_all("it has no canary, and nothing is green on nothing: add one with .canary(every(mins(1)), …)");
        }
        if self.sinks.is_empty() {
            of_all("it has no sink, so nobody would learn what it finds: add one with .sink(Stdout::pretty())");
        }
        problems
    }

    /// Opens the spools, and adds what is wrong with them.
    fn outlets(&mut self, problems: &mut Vec<Problem>) -> Vec<Outlet> {
        let mut outlets = Vec::new();
        for (sink, spool) in std::mem::take(&mut self.sinks) {
            let spool = match spool.map(|spool| spool.open()).transpose() {
                Ok(spool) => spool,
                Err(error @ OpenError::InUse(_)) if self.is_beside_another => {
                    tracing::warn!(target: "synthetic", sink = sink.name(), "it goes on without its spool: {error}");
                    None
                }
                Err(error) => {
                    problems.push(Problem { canary: None, text: format!("sink {}: {error}", sink.name()) });
                    continue;
                }
            };
            outlets.push(Outlet { sink, spool });
        }
        outlets
    }
}

/// Spreads the first starts of canaries with the same interval over it; those of another interval begin a moment later.
fn slots(canaries: Vec<(Schedule, AnyCanary)>, monitor: &str, classes: &[Arc<str>]) -> Vec<Slot> {
    let mut alike: BTreeMap<Duration, usize> = BTreeMap::new();
    for period in canaries.iter().filter_map(|(schedule, _)| schedule.period()) {
        *alike.entry(period).or_default() += 1;
    }
    let apart = |(n, (period, count)): (usize, (&Duration, &usize))| {
        let by = if n == 0 { Duration::ZERO } else { apart(seed(monitor, &n.to_string()), *period, *count) };
        (*period, by)
    };
    let apart: BTreeMap<Duration, Duration> = alike.iter().enumerate().map(apart).collect();
    let mut nth: BTreeMap<Duration, usize> = BTreeMap::new();
    let slot = |(schedule, canary): (Schedule, AnyCanary)| {
        let offset = schedule.period().map(|period| {
            let n = nth.entry(period).or_default();
            *n += 1;
            stagger(period, alike[&period], *n - 1) + apart[&period]
        });
        let offset = offset.unwrap_or_default();
        let class = classes.iter().position(|class| **class == *canary.spec().class_name());
        let class = class.and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
        let seed = seed(monitor, canary.spec().name());
        Slot { offset, ..Slot::new(canary, schedule, class, seed) }
    };
    canaries.into_iter().map(slot).collect()
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).field("canaries", &self.canaries).finish_non_exhaustive()
    }
}
