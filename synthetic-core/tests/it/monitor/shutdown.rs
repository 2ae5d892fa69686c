//! How a monitor ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use synthetic_core::Reason;
use synthetic_core::monitor::{Activity, ControlError, Exit};
use synthetic_core::prelude::*;
use synthetic_core::sink::DeliveryError;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::{Live, good, monitor, on_the_dot, slow};

#[tokio::test(start_paused = true)]
async fn told_to_stop_it_lets_runs_end_and_starts_none() {
    let (builder, sink) = monitor();
    let monitor = builder.canary(every(secs(60)), slow("slow", secs(20))).grace(mins(1)).build().unwrap();
    let start = tokio::time::Instant::now();
    let summary = monitor.run_until(tokio::time::sleep(secs(5))).await;
    assert_eq!((summary.runs(), sink.reports()[0].outcome), (1, Outcome::Passed));
    assert!(start.elapsed() >= secs(20) && start.elapsed() < secs(21));
}

#[tokio::test(start_paused = true)]
async fn past_the_grace_period_runs_are_cancelled_cleaned_up_and_reported() {
    let (builder, sink) = monitor();
    let undone = Arc::new(AtomicUsize::new(0));
    let inner = Arc::clone(&undone);
    let holding = canary(Spec::new("holding").timeout(secs(50)), move |run: Run| {
        let undone = Arc::clone(&inner);
        run.defer("let go", async move {
            undone.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        std::future::pending()
    });
    let monitor = builder.canary(every(secs(60)), holding).grace(secs(2)).build().unwrap();
    let start = tokio::time::Instant::now();
    let summary = monitor.run_until(tokio::time::sleep(secs(5))).await;
    let reports = sink.reports();
    assert_eq!(reports[0].reason, Some(synthetic_core::Reason::Cancelled));
    assert_eq!((undone.load(Ordering::SeqCst), summary.exit()), (1, Exit::Error));
    assert!(start.elapsed() < secs(8), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn stopped_before_the_first_start_nothing_runs_and_that_is_not_green() {
    let (builder, sink) = monitor();
    let summary = builder.canary(every(secs(60)), good("a")).build().unwrap().run_until(std::future::ready(())).await;
    assert_eq!((summary.runs(), summary.exit(), sink.reports().len()), (0, Exit::NothingSelected, 0));
}

/// What became of a run, in the order in which it happened.
type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, what: &str) {
    log.lock().unwrap().push(what.to_owned());
}

/// Notes what it is told.
struct Noting(Log);

#[async_trait::async_trait]
impl synthetic_core::Sink for Noting {
    fn name(&self) -> &'static str {
        "noting"
    }
    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        reports.iter().for_each(|report| note(&self.0, &format!("{} {}", report.canary, report.outcome)));
        Ok(())
    }
    async fn close(&self) -> Result<(), DeliveryError> {
        note(&self.0, "closed");
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn when_the_time_of_a_run_is_up_in_its_second_step_the_others_do_not_begin_and_cleanup_has_a_time_of_its_own() {
    let (builder, sink) = monitor();
    let journey =
        canary(Spec::new("journey").timeout(secs(10)).cleanup_timeout(secs(20), secs(20)), |run: Run| async move {
            run.defer("cart", async {
                sleep(secs(15)).await;
                Ok(())
            });
            for (name, takes) in [("one", 1), ("two", 60), ("three", 1), ("four", 1), ("five", 1)] {
                run.step(name, async {
                    sleep(secs(takes)).await;
                    Ok(())
                })
                .await?;
            }
            Ok(())
        });
    builder.canary(every(mins(1)), journey).build().unwrap().run_until(sleep(secs(50))).await;
    let reports = sink.reports();
    let report = &reports[0];
    assert_eq!((report.outcome, report.reason, report.duration), (Outcome::Failed, Some(Reason::Timeout), secs(10)));
    let steps: Vec<_> = report.steps.iter().map(|step| (&*step.name, step.outcome)).collect();
    assert_eq!(steps, [("one", Outcome::Passed), ("two", Outcome::Failed)]);
    assert_eq!((report.cleanup.left_behind(), report.cleanup.duration), (0, secs(15)));
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_in_the_middle_of_a_run_all_is_done_in_its_order_and_in_time() {
    let log = Log::default();
    let noted = Arc::clone(&log);
    let journey = canary(Spec::new("journey").timeout(secs(50)), move |run: Run| {
        let log = Arc::clone(&noted);
        note(&log, "begins");
        let undo = Arc::clone(&log);
        run.defer("cart", async move {
            sleep(secs(2)).await;
            note(&undo, "undone");
            Ok(())
        });
        async move {
            sleep(secs(40)).await;
            note(&log, "ends");
            run.expect("x", 1, eq(1))
        }
    });
    let monitor = Monitor::named("test")
        .canary(every(secs(50)), journey)
        .sink(Noting(Arc::clone(&log)))
        .grace(secs(10))
        .build()
        .unwrap();
    let start = Instant::now();
    monitor.run_until(sleep(secs(20))).await;
    assert_eq!(*log.lock().unwrap(), ["begins", "undone", "journey error", "closed"]);
    assert_eq!(start.elapsed().as_secs(), 27, "half of the grace for the run, and two seconds for its cleanup");
}

#[tokio::test(start_paused = true)]
async fn cleanup_that_does_not_end_is_given_up_when_the_grace_is_over() {
    let (builder, sink) = monitor();
    let holding = canary(Spec::new("holding").cleanup_timeout(mins(5), mins(5)), |run: Run| {
        run.defer("hangs", std::future::pending());
        std::future::pending()
    });
    let start = Instant::now();
    builder.canary(every(mins(1)), holding).grace(secs(10)).build().unwrap().run_until(sleep(secs(5))).await;
    assert!(start.elapsed() <= secs(15), "{:?}", start.elapsed());
    assert_eq!(sink.reports()[0].cleanup.left_behind(), 1);
}

#[tokio::test(start_paused = true)]
async fn runs_that_wait_for_a_place_do_not_start_when_the_monitor_is_told_to_stop() {
    let (builder, sink) = monitor();
    let builder = builder.concurrency("http", 1).canary(on_the_dot(mins(2)), slow("hog", secs(30))).grace(mins(2));
    let builder =
        (0..5).fold(builder, |builder, n| builder.canary(on_the_dot(mins(3) + secs(n)), good(format!("c{n}"))));
    let live = Live::start(builder).await;
    let handle = live.handle.clone();
    assert_eq!((handle.stats().in_flight, handle.stats().waiting), (1, 5));
    let summary = live.stop().await;
    assert_eq!((summary.runs(), sink.reports().len()), (1, 1));
    let stats = handle.stats();
    assert_eq!((stats.in_flight, stats.waiting, stats.started), (0, 0, 1));
    assert!(handle.list().iter().all(|canary| canary.activity == Activity::Idle && canary.next.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_given_its_place_in_the_moment_of_the_stop_is_taken_back_or_reported() {
    // The stop comes in the same moment in which the place is free and a start is due.
    for offset in 0..5 {
        let (builder, sink) = monitor();
        let builder = builder.concurrency("http", 1).queue("http", 1).canary(every(secs(60)), slow("a", secs(30)));
        let builder = builder.canary(every(secs(61)), slow("b", secs(30))).canary(every(secs(62)), good("c"));
        let monitor = builder.build().unwrap();
        let handle = monitor.handle();
        let stop = async move {
            sleep(secs(30)).await;
            for _ in 0..offset {
                tokio::task::yield_now().await;
            }
        };
        let summary = monitor.run_until(stop).await;
        let stats = handle.stats();
        assert_eq!((stats.in_flight, stats.waiting), (0, 0));
        assert_eq!(stats.started + stats.queue_full, summary.runs(), "{stats:?}");
        assert_eq!(summary.runs(), sink.reports().len() as u64);
    }
}

#[tokio::test(start_paused = true)]
async fn while_it_drains_it_takes_no_orders_to_run() {
    let (builder, sink) = monitor();
    let builder =
        builder.canary(on_the_dot(mins(1)), slow("a", secs(30))).canary(on_the_dot(mins(2)), good("b")).grace(mins(2));
    let live = Live::start(builder).await;
    let handle = live.handle.clone();
    let ended = tokio::spawn(live.stop());
    sleep(secs(1)).await;
    assert_eq!(handle.trigger("b"), Err(ControlError::NotRunning("it was told to stop")));
    assert!(handle.add(every(mins(1)), good("c")).is_err());
    handle.pause("b").unwrap();
    handle.resume("b").unwrap();
    handle.reschedule("b", every(secs(10))).unwrap();
    handle.remove("a").unwrap();
    assert_eq!(handle.get("b").unwrap().next, None);
    let summary = ended.await.unwrap();
    assert_eq!((summary.canaries["a"].runs(), summary.canaries["b"].runs(), sink.reports().len()), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_grace_of_zero_cancels_at_once_and_a_second_is_left_for_cleanup() {
    let (builder, sink) = monitor();
    let undone = Arc::new(AtomicUsize::new(0));
    let inner = Arc::clone(&undone);
    let holding = canary(Spec::new("holding"), move |run: Run| {
        let undone = Arc::clone(&inner);
        run.defer("let go", async move {
            sleep(ms(800)).await;
            undone.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        std::future::pending()
    });
    let start = Instant::now();
    builder.canary(every(mins(1)), holding).grace(ms(0)).build().unwrap().run_until(sleep(secs(5))).await;
    assert_eq!((undone.load(Ordering::SeqCst), sink.reports()[0].reason), (1, Some(Reason::Cancelled)));
    assert!(start.elapsed() < secs(7), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_does_not_close_keeps_the_monitor_for_its_bound_only() {
    struct Hanging;
    #[async_trait::async_trait]
    impl synthetic_core::Sink for Hanging {
        fn name(&self) -> &'static str {
            "hanging"
        }
        async fn deliver(&self, _reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
            std::future::pending().await
        }
    }
    let (builder, sink) = monitor();
    let builder = builder.sink(Hanging).canary(every(mins(1)), good("a")).close_within(secs(3));
    let start = Instant::now();
    let summary = builder.build().unwrap().run_until(sleep(secs(5))).await;
    assert!(start.elapsed() < secs(9), "{:?}", start.elapsed());
    assert_eq!((sink.reports().len(), summary.sinks[1].dropped["shutdown"]), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_monitor_that_runs_cancels_its_runs_undoes_what_they_deferred_and_ends_everything() {
    let log = Log::default();
    let (noted, alive) = (Arc::clone(&log), Arc::new(()));
    let gone = Arc::downgrade(&alive);
    let holding = canary(Spec::new("holding"), move |run: Run| {
        let (log, alive) = (Arc::clone(&noted), Arc::clone(&alive));
        run.defer("let go", async move {
            let _alive = alive;
            sleep(secs(1)).await;
            note(&log, "undone");
            Ok(())
        });
        std::future::pending()
    });
    let folder = tempfile::tempdir().unwrap();
    let monitor = Monitor::named("test")
        .journal(folder.path())
        .concurrency("http", 1)
        .canary(every(mins(1)), holding)
        .canary(every(mins(2)), good("waits"))
        .sink(Noting(Arc::clone(&log)))
        .build()
        .unwrap();
    let handle = monitor.handle();
    assert!(timeout(secs(5), monitor.run_until(std::future::pending())).await.is_err());

    assert!(!handle.health().is_ready(), "{:?}", handle.health());
    assert_eq!(handle.trigger("waits"), Err(ControlError::NotRunning("it was told to stop")));
    sleep(mins(20)).await;
    assert_eq!(*log.lock().unwrap(), ["undone", "holding error", "closed"]);
    let stats = handle.stats();
    assert_eq!((stats.in_flight, stats.waiting, stats.started), (0, 0, 1));
    assert_eq!(handle.get("waits").unwrap().activity, Activity::Idle);
    assert!(handle.health().is_healthy() && !handle.health().is_ready(), "{}", handle.health());
    drop(handle);
    assert!(gone.upgrade().is_none(), "nothing of it is left: {log:?}");
}

#[tokio::test(start_paused = true)]
async fn a_monitor_that_is_dropped_sweeps_no_more() {
    #[derive(Clone)]
    struct Things {
        _alive: Arc<()>,
    }
    impl Resource for Things {
        const KIND: &'static str = "test/thing";
        type Made = u64;
        type Id = u64;
        fn id(&self, made: &u64) -> u64 {
            *made
        }
        async fn delete(&self, _id: &u64) -> Result<Gone> {
            Ok(Gone::Deleted)
        }
    }
    let alive = Arc::new(());
    let gone = Arc::downgrade(&alive);
    let folder = tempfile::tempdir().unwrap();
    let (builder, _sink) = monitor();
    let builder = builder.journal(folder.path()).resource(Things { _alive: alive }).canary(every(mins(1)), good("a"));
    let monitor = builder.build().unwrap();
    assert!(timeout(mins(7), monitor.run_until(std::future::pending())).await.is_err());
    sleep(mins(1)).await;
    assert!(gone.upgrade().is_none(), "somebody still holds its resources");
}

#[test]
fn a_runtime_that_is_shut_down_leaves_no_run_that_seems_to_go_on() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (builder, _sink) = monitor();
    let begun = Arc::new(Semaphore::new(0));
    let tell = Arc::clone(&begun);
    let holding = canary(Spec::new("holding"), move |_run: Run| {
        tell.add_permits(1);
        std::future::pending()
    });
    let builder = builder.concurrency("http", 1).canary(every(mins(1)), holding);
    let monitor = runtime.block_on(async { builder.canary(every(mins(2)), good("waits")).build().unwrap() });
    let handle = monitor.handle();
    let running = runtime.spawn(monitor.run_until(std::future::pending()));
    runtime.block_on(async { begun.acquire().await.unwrap().forget() });
    runtime.shutdown_timeout(Duration::from_secs(10));
    drop(running);
    let status = handle.get("holding").unwrap();
    assert_eq!((status.activity, status.summary.outcomes), (Activity::Idle, [(Outcome::Error, 1)].into()));
    let stats = handle.stats();
    assert_eq!((stats.in_flight, stats.waiting, stats.started), (0, 0, 1));
    assert!(matches!(handle.trigger("holding"), Err(ControlError::NotRunning(_))));
}
