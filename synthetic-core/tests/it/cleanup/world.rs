//! A world in which processes live and are killed, one after the other: what outlives them, and time.

use std::time::{Duration, SystemTime};

use synthetic_core::Clock;
use synthetic_core::cleanup::{FileJournal, JournalStore, Recovery, SweepReport, Sweeper};
use synthetic_core::prelude::*;
use synthetic_core::testing::RecordingSink;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::life::{Life, Mortal, Point, Tears};
use super::shelf::Shelf;
use super::target::{Target, Things, Way, When};

/// When the target carries out what is in flight as its client is killed, or has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Never,
    BeforeTheCrash,
    BeforeTheSweep,
    /// After the first sweep, one second before quiescence is over.
    AfterTheSweep,
}

/// The default: ten seconds for a creation, and sixty more.
pub(crate) const QUIESCENCE: Duration = Duration::from_secs(70);

/// What outlives processes: the target, the journal's place, and time.
pub(crate) struct World {
    pub(crate) target: Target,
    pub(crate) shelf: Shelf,
    /// Where the journal is, instead of on the shelf.
    pub(crate) folder: Option<TempDir>,
    pub(crate) way: Way,
    pub(crate) recovery: Recovery,
    pub(crate) in_flight: When,
    pub(crate) now: SystemTime,
    /// When the target carries out what it has not yet.
    pub(crate) late: Option<SystemTime>,
}

impl World {
    pub(crate) fn new(way: Way) -> Self {
        let target = Target::default();
        let recovery = Things::new(&target, way).recovery;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Self { target, shelf: Shelf::default(), folder: None, way, recovery, in_flight: When::Now, now, late: None }
    }

    /// Makes one in which what is in flight is carried out at this moment.
    pub(crate) fn at(way: Way, moment: Moment) -> Self {
        let mut world = Self::new(way);
        world.in_flight = match moment {
            Moment::Never => When::Never,
            Moment::BeforeTheCrash => When::Now,
            Moment::BeforeTheSweep | Moment::AfterTheSweep => When::Told,
        };
        world.late = (moment == Moment::AfterTheSweep).then(|| world.now + QUIESCENCE - Duration::from_secs(1));
        world
    }

    /// Keeps the journal in files.
    pub(crate) fn with_files(mut self) -> Self {
        self.folder = Some(TempDir::new().unwrap());
        self
    }

    pub(crate) fn things(&self, life: &Life) -> Things {
        let mut things = Things::new(&self.target, self.way).in_life(life, self.in_flight);
        things.recovery = self.recovery;
        things
    }

    pub(crate) fn store(&self, life: &Life) -> Mortal {
        let store: Box<dyn Tears> = match &self.folder {
            Some(folder) => Box::new(FileJournal::open(folder.path()).unwrap()),
            None => Box::new(self.shelf.open()),
        };
        Mortal { store, life: life.clone() }
    }

    /// Lives the life of a process until it ends or is killed; then nothing of it runs any more. Returns what it returned,
    /// unless it was killed.
    pub(crate) fn live<T, Fut: Future<Output = T>>(
        &mut self,
        life: &Life,
        process: impl FnOnce(Clock) -> Fut,
    ) -> Option<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (ended, took) = runtime.block_on(async {
            let (start, clock) = (Instant::now(), Clock::starting_at(self.now));
            if let Some(late) = self.late {
                let (target, left) = (self.target.clone(), late.duration_since(self.now).unwrap_or_default());
                drop(tokio::spawn(async move {
                    sleep(left).await;
                    target.carry_out();
                }));
            }
            let ended = tokio::select! {
                biased;
                () = life.died() => None,
                ended = process(clock) => Some(ended),
            };
            (ended, start.elapsed())
        });
        runtime.shutdown_background();
        self.now += took;
        ended
    }

    /// Runs a canary once that makes so many things and removes them. Returns whether it came to its end.
    pub(crate) fn run(&mut self, life: &Life, number: usize) -> bool {
        let (things, store) = (self.things(life), self.store(life));
        let (body, journey) = (things.clone(), life.clone());
        let canary = canary(Spec::new("order").timeout(mins(1)), move |run: Run| {
            let (things, life) = (body.clone(), journey.clone());
            async move {
                for _ in 0..number {
                    let made = things.make(&run).await;
                    life.reach(Point::Journey).await;
                    made?;
                }
                run.expect("x", 1, eq(1))
            }
        });
        let process = |clock| async move {
            let monitor = Monitor::named("shop").clock(clock).journal_store(store).resource(things);
            monitor.canary(every(mins(5)), canary).sink(RecordingSink::new()).build().unwrap().once().await
        };
        self.live(life, process).is_some()
    }

    /// Waits until no file of the journal is locked. A process that another test starts has a copy of every lock of this one
    /// for a moment, until it is what it is to be.
    fn wait_for_locks(&self) {
        for file in self.folder.iter().flat_map(|folder| std::fs::read_dir(folder.path()).unwrap()) {
            std::fs::File::open(file.unwrap().path()).unwrap().lock().unwrap();
        }
    }

    /// Restarts, and sweeps until all is settled. Returns nothing when it was killed.
    pub(crate) fn sweep(&mut self, life: &Life) -> Option<SweepReport> {
        if self.in_flight == When::Told && self.late.is_none() {
            self.target.carry_out();
        }
        self.wait_for_locks();
        let (things, store) = (self.things(life), self.store(life));
        let process = |clock| async move {
            let sweeper = sweeper(clock, store, things);
            sweeper.sweep().await;
            let report = sweeper.settle(mins(5)).await;
            // Whatever comes late has come by then.
            sleep(mins(5)).await;
            sweeper.close().await.unwrap();
            report
        };
        self.live(life, process)
    }

    pub(crate) fn check(&self, report: &SweepReport, case: &str) {
        let seen = || format!("{case}: {report}: {:?}", self.target.happened());
        assert_eq!(self.target.ids(), Vec::<String>::new(), "{}", seen());
        assert_eq!(self.shelf.states(), Vec::<String>::new(), "{}", seen());
        assert_eq!((report.pending, report.abandoned, report.problems.len()), (0, 0, 0), "{}", seen());
        let files = self.folder.iter().flat_map(|folder| std::fs::read_dir(folder.path()).unwrap());
        assert_eq!(files.count(), 0, "{}", seen());
    }
}

/// Makes a sweeper of the shop that takes time from a clock.
pub(crate) fn sweeper(clock: Clock, store: impl JournalStore, things: Things) -> Sweeper {
    let idle = canary(Spec::new("idle"), |run: Run| async move { run.expect("x", 1, eq(1)) });
    let monitor = Monitor::named("shop").clock(clock).journal_store(store).resource(things);
    monitor.canary(every(mins(5)), idle).sink(RecordingSink::new()).build().unwrap().sweeper()
}
