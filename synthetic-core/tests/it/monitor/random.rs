//! Whatever a monitor is told in whatever order, what must hold does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use synthetic_core::monitor::{Activity, Connectivity, ControlError, Handle, Stats, Summary};
use synthetic_core::prelude::*;
use synthetic_core::testing::RecordingSink;
use tokio::time::sleep;

use super::{Live, monitor};

const OPERATIONS: usize = 2_000;
const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
/// How many of each class go on side by side, and how many wait.
const CLASSES: [(&str, usize, usize); 2] = [("http", 2, 2), ("db", 1, 1)];

fn class_of(name: &str) -> usize {
    usize::from(name > "e")
}

/// What the canaries of a test do, as they see it themselves.
#[derive(Default)]
struct World {
    random: Mutex<fastrand::Rng>,
    /// How many runs of each go on.
    going: [AtomicUsize; NAMES.len()],
    begun: AtomicUsize,
    /// A canary ran twice side by side.
    overlapped: AtomicBool,
    offline: AtomicBool,
}

impl World {
    fn below(&self, n: u64) -> u64 {
        self.random.lock().unwrap().u64(0..n)
    }

    /// Ends in one way or another, after a while.
    fn canary(self: &Arc<Self>, name: &'static str) -> impl Canary {
        let me = NAMES.iter().position(|it| *it == name).unwrap();
        let spec =
            Spec::new(name).timeout(secs(9)).cleanup_timeout(secs(60), secs(60)).class(CLASSES[class_of(name)].0);
        let world = Arc::clone(self);
        canary(spec, move |run: Run| {
            let world = Arc::clone(&world);
            world.begun.fetch_add(1, Ordering::SeqCst);
            if world.going[me].fetch_add(1, Ordering::SeqCst) > 0 {
                world.overlapped.store(true, Ordering::SeqCst);
            }
            let leaves = Arc::clone(&world);
            run.defer("leave", async move {
                leaves.going[me].fetch_sub(1, Ordering::SeqCst);
                Ok(())
            });
            async move {
                sleep(ms(world.below(4_000))).await;
                match world.below(10) {
                    0 => std::panic::resume_unwind(Box::new("boom")),
                    1 => run.expect("x", 1, eq(2)),
                    2 => Err(Failure::skip("not today")),
                    3 => std::future::pending().await,
                    4 => {
                        let takes = secs(world.below(30));
                        run.defer("slow", async move {
                            sleep(takes).await;
                            Ok(())
                        });
                        run.expect("x", 1, eq(1))
                    }
                    _ => run.expect("x", 1, eq(1)),
                }
            }
        })
    }

    fn going(&self, class: usize) -> usize {
        let of_class = NAMES.iter().zip(&self.going).filter(|(name, _)| class_of(name) == class);
        of_class.map(|(_, going)| going.load(Ordering::SeqCst)).sum()
    }

    fn connectivity(self: &Arc<Self>) -> Connectivity {
        let world = Arc::clone(self);
        let check = Connectivity::check(move || {
            let offline = world.offline.load(Ordering::SeqCst);
            async move {
                sleep(ms(20)).await;
                if offline { Err("the cable is not plugged in".to_owned()) } else { Ok(()) }
            }
        });
        check.fresh_for(secs(1))
    }
}

/// What the monitor should know.
#[derive(Default)]
struct Model {
    /// Whether each canary that there is, is paused.
    paused: BTreeMap<&'static str, bool>,
    /// Those that were removed while they ran.
    leaving: BTreeSet<&'static str>,
}

impl Model {
    /// Does something at random, and checks that the answer is the one that it should be.
    fn operate(&mut self, world: &Arc<World>, handle: &Handle) {
        let name = NAMES[usize::try_from(world.below(NAMES.len() as u64)).unwrap()];
        let interval = every(secs(10 + world.below(50)));
        let before = handle.get(name);
        let known = |result: Result<(), ControlError>, there: bool| match result {
            Ok(()) => assert!(there, "{name} is not there"),
            Err(error) => assert!(matches!(error, ControlError::Unknown { .. }) && !there, "{name}: {error}"),
        };
        let there = self.paused.contains_key(name);
        match world.below(14) {
            0..3 => match handle.trigger(name) {
                Ok(()) => assert_eq!(before.map(|it| it.activity), Some(Activity::Idle)),
                Err(ControlError::Busy(_)) => assert_ne!(before.map(|it| it.activity), Some(Activity::Idle)),
                error => known(error, there),
            },
            3 => {
                known(handle.pause(name), there);
                self.paused.entry(name).and_modify(|paused| *paused = true);
            }
            4..8 => {
                known(handle.resume(name), there);
                self.paused.entry(name).and_modify(|paused| *paused = false);
            }
            8 => known(handle.reschedule(name, interval), there),
            9 => {
                known(handle.remove(name), there);
                self.paused.remove(name);
                if before.is_some_and(|it| it.activity == Activity::Running) {
                    self.leaving.insert(name);
                }
            }
            10..13 => match handle.add(interval, world.canary(name)) {
                Ok(()) => {
                    assert!(!there, "{name} was there already");
                    self.leaving.remove(name);
                    self.paused.insert(name, false);
                }
                Err(ControlError::Busy(_)) => assert!(self.leaving.contains(name), "{name} does not run"),
                Err(error) => assert!(there && matches!(error, ControlError::Config(_)), "{name}: {error}"),
            },
            _ => world.offline.store(world.below(4) == 0, Ordering::SeqCst),
        }
    }

    /// Checks what must hold at any time.
    fn check(&self, world: &World, handle: &Handle) {
        assert!(!world.overlapped.load(Ordering::SeqCst), "a canary ran twice side by side");
        let (list, stats) = (handle.list(), handle.stats());
        let seen: Vec<_> = list.iter().map(|canary| (&*canary.name, canary.paused)).collect();
        let known: Vec<_> = self.paused.iter().map(|(name, paused)| (*name, *paused)).collect();
        assert_eq!(seen, known);
        for canary in &list {
            let has_next = canary.activity == Activity::Idle && !canary.paused;
            assert_eq!(canary.next.is_some(), has_next, "{canary:?}");
        }
        let of = |activity| list.iter().filter(|canary| canary.activity == activity).count();
        assert_eq!(usize::try_from(stats.waiting).unwrap(), of(Activity::Waiting));
        let in_flight = usize::try_from(stats.in_flight).unwrap();
        assert!(in_flight <= of(Activity::Running) + self.leaving.len(), "{stats:?}");
        for (n, (class, most, _)) in CLASSES.iter().enumerate() {
            assert!(world.going(n) <= *most, "{} of {class} go on", world.going(n));
        }
        assert!(in_flight >= world.going(0) + world.going(1), "{stats:?}");
    }
}

/// Checks what must hold at the end.
fn check_end(summary: &Summary, stats: &Stats, sink: &RecordingSink, begun: usize) {
    let reports = sink.reports();
    let ids: BTreeSet<_> = reports.iter().map(|report| report.run_id).collect();
    assert_eq!((ids.len(), summary.runs()), (reports.len(), reports.len() as u64), "one report a start");
    assert_eq!(stats.started + stats.queue_full + stats.no_connectivity, summary.runs(), "{stats:?}");
    assert!(begun as u64 <= stats.started, "{begun} bodies began: {stats:?}");
    assert_eq!((stats.in_flight, stats.waiting), (0, 0));
    let missed: u64 = summary.canaries.values().map(|canary| canary.missed).sum();
    assert_eq!(stats.missed, missed);
    assert!(reports.iter().map(|report| report.missed).sum::<u64>() <= missed);
}

#[tokio::test(start_paused = true)]
async fn whatever_it_is_told_no_run_is_doubled_or_lost_and_every_place_is_given_back() {
    for seed in 0..4 {
        println!("seed {seed}");
        let world = Arc::new(World { random: Mutex::new(fastrand::Rng::with_seed(seed)), ..World::default() });
        let (builder, sink) = monitor();
        let builder = builder.connectivity(world.connectivity()).grace(secs(4));
        let builder = CLASSES.iter().fold(builder, |builder, (class, most, waiting)| {
            builder.concurrency(*class, *most).queue(*class, *waiting)
        });
        let builder = NAMES.iter().fold(builder, |builder, name| builder.canary(every(secs(15)), world.canary(name)));
        let live = Live::start(builder).await;
        let handle = live.handle.clone();
        let mut model = Model { paused: NAMES.map(|name| (name, false)).into(), ..Model::default() };
        for _ in 0..OPERATIONS {
            if world.below(2) == 0 {
                sleep(ms(world.below(8_000))).await;
            }
            model.operate(&world, &handle);
            model.check(&world, &handle);
        }
        // Half of them are told to stop while runs go on.
        if seed % 2 == 0 {
            settle(&world, &handle).await;
        }
        let summary = live.stop().await;
        check_end(&summary, &handle.stats(), &sink, world.begun.load(Ordering::SeqCst));
        assert_eq!((world.going(0), world.going(1)), (0, 0));
        assert!(summary.runs() > 500, "{}", summary.runs());
    }
}

/// Lets everything end, and checks that all places are free then, and no more than there are.
async fn settle(world: &Arc<World>, handle: &Handle) {
    world.offline.store(false, Ordering::SeqCst);
    for canary in handle.list() {
        handle.pause(&canary.name).unwrap();
    }
    sleep(mins(5)).await;
    let stats = handle.stats();
    assert_eq!((stats.in_flight, stats.waiting), (0, 0));
    for name in NAMES {
        if handle.get(name).is_none() {
            handle.add(every(mins(60)), world.canary(name)).unwrap();
            handle.pause(name).unwrap();
        }
        handle.trigger(name).unwrap();
    }
    for (n, (class, most, waiting)) in CLASSES.iter().enumerate() {
        let of = |activity| {
            NAMES.iter().filter(|name| class_of(name) == n && handle.get(name).unwrap().activity == activity).count()
        };
        let skipped = NAMES.iter().filter(|name| class_of(name) == n).count() - most - waiting;
        assert_eq!((of(Activity::Running), of(Activity::Waiting)), (most + skipped, *waiting), "{class}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn told_from_many_threads_at_once_no_run_is_doubled_or_lost_either() {
    let (builder, sink) = monitor();
    let builder = builder.concurrency("http", 2).queue("http", 2);
    let quick = |name: &'static str| super::of(Spec::new(name).timeout(ms(50)), ms(0));
    let builder = NAMES.iter().fold(builder, |builder, name| builder.canary(every(ms(50)), quick(name)));
    let live = Live::start(builder).await;
    let tellers: Vec<_> = (0..4)
        .map(|seed| {
            let handle = live.handle.clone();
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..500 {
                    let name = NAMES[random.usize(..NAMES.len())];
                    // Each may be refused, as another one has told otherwise.
                    let _ = match random.u8(0..8) {
                        0 => handle.pause(name),
                        1 => handle.remove(name),
                        2 => handle.add(every(ms(20)), super::of(Spec::new(name).timeout(ms(20)), ms(0))),
                        3 => handle.reschedule(name, every(ms(50 + random.u64(..50)))),
                        4 => handle.resume(name),
                        _ => handle.trigger(name),
                    };
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for teller in tellers {
        teller.await.unwrap();
    }
    let handle = live.handle.clone();
    let summary = live.stop().await;
    check_end(&summary, &handle.stats(), &sink, 0);
}
