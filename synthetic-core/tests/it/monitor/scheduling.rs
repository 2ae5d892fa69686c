//! When what runs.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use synthetic_core::monitor::Exit;
use synthetic_core::prelude::*;
use tokio::time::{sleep, timeout};

use super::{Live, at, good, monitor, of, starts};

#[tokio::test(start_paused = true)]
async fn the_nth_start_is_n_intervals_after_the_first_however_long_runs_take() {
    let (builder, sink) = monitor();
    let takes = Arc::new(AtomicUsize::new(0));
    let varying = canary(Spec::new("varying").timeout(secs(9)), move |run: Run| {
        let n = takes.fetch_add(1, Ordering::Relaxed) as u64;
        async move {
            tokio::time::sleep(ms(n * 37 % 8000)).await;
            run.expect("x", 1, eq(1))
        }
    });
    let monitor = builder.canary(every(secs(10)), varying).build().unwrap();
    let summary = monitor.run_until(tokio::time::sleep(secs(9_995))).await;
    assert_eq!(summary.runs(), 1000);
    let reports = sink.reports();
    let first = reports[0].started_at;
    for (n, report) in reports.iter().enumerate() {
        let lag = report.started_at.duration_since(first).unwrap().abs_diff(secs(10 * n as u64));
        assert!(lag < ms(50), "start {n} is off by {lag:?}");
        let lag = report.started_at.duration_since(report.scheduled_at).unwrap_or_default();
        assert!(lag < ms(50), "{lag:?} after its time");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_never_overlaps_itself_and_missed_starts_collapse_into_one() {
    let (builder, sink) = monitor();
    let running = Arc::new(AtomicUsize::new(0));
    let overlap = canary(Spec::new("late").timeout(secs(10)).cleanup_timeout(secs(60), secs(60)), move |run: Run| {
        let running = Arc::clone(&running);
        async move {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "two at a time");
            run.defer("slow", async move {
                tokio::time::sleep(secs(25)).await;
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            });
            run.expect("x", 1, eq(1))
        }
    });
    let monitor = builder.canary(every(secs(10)), overlap).build().unwrap();
    let summary = monitor.run_until(tokio::time::sleep(secs(100))).await;
    assert!(sink.reports().iter().all(|report| report.outcome == Outcome::Passed));
    assert_eq!((summary.runs(), summary.canaries["late"].missed), (4, 4), "starts at 0, 25 for 20, 50, 75 for 70");
}

#[tokio::test(start_paused = true)]
async fn canaries_of_one_interval_start_spread_over_it() {
    let (builder, sink) = monitor();
    let names = ["a", "b", "c", "d"];
    let builder = names.iter().fold(builder, |builder, name| builder.canary(every(secs(20)), good(*name)));
    builder.build().unwrap().run_until(tokio::time::sleep(secs(19))).await;
    let reports = sink.reports();
    let starts: Vec<_> = reports
        .iter()
        .map(|report| (&*report.canary, report.started_at.duration_since(reports[0].started_at).unwrap().as_secs()))
        .collect();
    assert_eq!(starts, [("a", 0), ("b", 5), ("c", 10), ("d", 15)]);
}

#[tokio::test]
async fn on_a_real_clock_the_first_start_is_at_once() {
    let (builder, sink) = monitor();
    let told = std::sync::Arc::new(tokio::sync::Notify::new());
    let tell = std::sync::Arc::clone(&told);
    let telling = canary(Spec::new("telling").timeout(secs(5)), move |run: Run| {
        tell.notify_one();
        async move { run.expect("x", 1, eq(1)) }
    });
    let monitor = builder.canary(every(mins(60)), telling).build().unwrap();
    monitor.run_until(told.notified()).await;
    assert_eq!(sink.reports().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_panics_stops_no_other() {
    let (builder, sink) = monitor();
    let bad = canary(Spec::new("bad").timeout(secs(5)), |_run: Run| async { panic!("boom") });
    let monitor = builder.canary(every(secs(10)), bad).canary(every(secs(10)), good("good")).build().unwrap();
    let summary = monitor.run_until(tokio::time::sleep(secs(29))).await;
    assert_eq!(summary.canaries["bad"].outcomes[&Outcome::Error], 3);
    assert_eq!(summary.canaries["good"].outcomes[&Outcome::Passed], 3);
    assert_eq!((sink.reports().len(), summary.exit()), (6, Exit::Error));
    insta::assert_snapshot!(summary, @r"
    bad      3 runs, 3 error
    good     3 runs, 3 passed
    ");
}

#[tokio::test(start_paused = true)]
async fn the_longest_times_are_no_end_at_all_for_a_monitor_either() {
    let (builder, sink) = monitor();
    let patient =
        canary(Spec::new("patient").timeout(Duration::MAX), |run: Run| async move { run.expect("x", 1, eq(1)) });
    let builder = builder.canary(every(Duration::MAX), patient).grace(Duration::MAX).close_within(Duration::MAX);
    let summary = builder.build().unwrap().run_until(tokio::time::sleep(mins(10))).await;
    assert_eq!((summary.exit(), sink.reports().len()), (Exit::Passed, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_blocks_stops_no_timer_of_the_others() {
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    let opened = std::sync::Mutex::new(Some(opened));
    let blocks = canary(Spec::new("blocks").timeout(secs(1)), move |_run: Run| {
        let opened = opened.lock().unwrap().take();
        async move {
            // Woken by a timer, on the thread that waited for it.
            tokio::time::sleep(ms(10)).await;
            let _ = opened.map(|opened| opened.recv());
            Ok(())
        }
    });
    let (builder, sink) = monitor();
    let (told, tells) = (Arc::new(tokio::sync::Notify::new()), AtomicUsize::new(0));
    let tell = Arc::clone(&told);
    let ticking = canary(Spec::new("ticking").timeout(ms(10)), move |run: Run| {
        if tells.fetch_add(1, Ordering::SeqCst) == 50 {
            tell.notify_one();
        }
        async move { run.expect("x", 1, eq(1)) }
    });
    let monitor = builder.canary(every(mins(1)), blocks).canary(every(ms(30)), ticking).grace(ms(0)).build().unwrap();
    let blocked = || sink.reports().iter().find(|report| &*report.canary == "blocks").map(|report| report.reason);
    let seen = async {
        told.notified().await;
        // However many ticks that takes.
        while blocked().is_none() {
            sleep(ms(10)).await;
        }
    };
    monitor.run_until(seen).await;
    drop(gate);
    assert_eq!(blocked(), Some(Some(synthetic_core::Reason::Blocked)));
}

/// Runs every ten seconds, and is not done for 25 s.
fn late() -> impl Canary {
    canary(Spec::new("late").timeout(secs(10)).cleanup_timeout(secs(60), secs(60)), |run: Run| async move {
        run.defer("slow", async {
            sleep(secs(25)).await;
            Ok(())
        });
        run.expect("x", 1, eq(1))
    })
}

#[tokio::test(start_paused = true)]
async fn a_late_start_says_when_it_should_have_been_and_how_many_it_stands_for() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(secs(10)), late())).await;
    let handle = live.handle.clone();
    sleep(secs(99)).await;
    let summary = live.stop().await;
    let runs: Vec<_> = sink
        .reports()
        .iter()
        .map(|report| (at(report.scheduled_at).as_secs(), at(report.started_at).as_secs(), report.missed))
        .collect();
    assert_eq!(runs, [(0, 0, 0), (20, 25, 1), (50, 50, 2), (70, 75, 1)]);
    assert_eq!((summary.canaries["late"].missed, handle.stats().missed), (4, 4));
    assert!(summary.to_string().contains("4 starts missed"), "{summary}");
    assert_eq!(handle.stats().lag.max(), Duration::from_secs(5), "a late start is lag, whoever is at fault");
}

#[tokio::test(start_paused = true)]
async fn a_monitor_that_was_held_up_runs_once_for_all_the_starts_it_missed() {
    let (builder, sink) = monitor();
    let monitor = builder.canary(every(secs(10)), good("a")).build().unwrap();
    let handle = monitor.handle();
    let mut running = pin!(monitor.run_until(std::future::pending()));
    assert!(timeout(secs(5), &mut running).await.is_err());
    // Nobody polls it for 42 s.
    sleep(secs(42)).await;
    assert!(timeout(secs(4), &mut running).await.is_err());
    let runs: Vec<_> = sink
        .reports()
        .iter()
        .map(|report| (at(report.scheduled_at).as_secs(), at(report.started_at).as_secs(), report.missed))
        .collect();
    assert_eq!(runs, [(0, 0, 0), (40, 47, 3), (50, 50, 0)]);
    let stats = handle.stats();
    assert_eq!((stats.missed, stats.lag.max().as_secs(), stats.started), (3, 7, 3));
}

#[tokio::test(start_paused = true)]
async fn the_spread_is_the_interval_by_the_number_of_canaries_and_a_minute_at_most() {
    for (interval, count, gap) in
        [(secs(5), 20, ms(250)), (secs(30), 12, ms(2500)), (mins(5), 4, secs(60)), (mins(60), 12, secs(60))]
    {
        let (builder, sink) = monitor();
        let builder = (0..count).fold(builder, |builder, n| builder.canary(every(interval), good(format!("c{n}"))));
        builder.build().unwrap().run_until(sleep(interval - ms(1))).await;
        let reports = sink.reports();
        let starts: Vec<_> = reports.iter().map(|report| at(report.scheduled_at)).collect();
        let expected: Vec<_> = (0..count).map(|n| gap * n).collect();
        assert_eq!(starts, expected, "{count} every {interval:?}");
        assert!(starts.iter().all(|start| *start < interval));
    }
}

#[tokio::test(start_paused = true)]
async fn canaries_of_different_intervals_are_spread_apart_from_each_other() {
    let (builder, sink) = monitor();
    let builder = builder.canary(every(secs(20)), good("a")).canary(every(secs(30)), good("b"));
    let builder = builder.canary(every(secs(20)), good("c")).canary(every(secs(30)), good("d"));
    builder.build().unwrap().run_until(sleep(secs(29))).await;
    let starts = ["a", "b", "c", "d"].map(|name| starts(&sink, name)[0]);
    let apart = starts[1];
    assert!(secs(0) < apart && apart < secs(1), "{apart:?}");
    assert_eq!(starts, [secs(0), apart, secs(10), secs(15) + apart]);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_canaries_have_all_run_once_within_their_interval() {
    let (builder, sink) = monitor();
    let builder = (0..1000).fold(builder, |builder, n| builder.canary(every(secs(60)), good(format!("c{n}"))));
    let summary = builder.build().unwrap().run_until(sleep(ms(59_999))).await;
    assert_eq!((summary.canaries.len(), summary.runs(), sink.reports().len()), (1000, 1000, 1000));
    assert!(summary.canaries.values().all(|canary| canary.runs() == 1 && canary.missed == 0));
}

#[tokio::test(start_paused = true)]
async fn a_canary_whose_first_start_is_yet_to_come_never_starts_when_the_monitor_is_told_to_stop() {
    let (builder, sink) = monitor();
    let builder = builder.canary(every(secs(20)), good("first")).canary(every(secs(20)), good("second"));
    let start = tokio::time::Instant::now();
    let summary = builder.build().unwrap().run_until(sleep(secs(9))).await;
    assert_eq!((start.elapsed().as_secs(), starts(&sink, "second").len()), (9, 0), "it is told at once");
    assert_eq!((summary.canaries["first"].runs(), summary.canaries["second"].runs()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_panics_before_its_first_await_stops_no_other() {
    let (builder, _sink) = monitor();
    let never = |_run: Run| -> std::future::Ready<Result> { panic!("boom") };
    let builder = builder.canary(every(secs(10)), canary(Spec::new("bad").timeout(secs(5)), never));
    let summary = builder.canary(every(secs(10)), good("good")).build().unwrap().run_until(sleep(secs(29))).await;
    assert_eq!(summary.canaries["bad"].outcomes[&Outcome::Error], 3);
    assert_eq!(summary.canaries["good"].outcomes[&Outcome::Passed], 3);
    assert_eq!(summary.exit(), Exit::Error);
}

#[tokio::test(start_paused = true)]
async fn two_monitors_in_one_process_know_nothing_of_each_other() {
    let ((one, one_sink), (two, two_sink)) = (monitor(), monitor());
    let one =
        Live::start(one.concurrency("http", 1).canary(every(secs(10)), of(Spec::new("a").timeout(secs(9)), secs(8))))
            .await;
    let two = Live::start(two.concurrency("http", 1).canary(every(secs(10)), good("a"))).await;
    two.handle.pause("a").unwrap();
    sleep(secs(25)).await;
    assert_eq!((one_sink.reports().len(), two_sink.reports().len()), (2, 1));
    assert_eq!((one.handle.stats().in_flight, two.handle.stats().in_flight), (1, 0));
    assert_eq!(two.stop().await.runs(), 1);
    sleep(secs(10)).await;
    assert!(one.handle.health().is_ready(), "it goes on when the other one ends");
    assert_eq!(one.stop().await.runs(), 4);
}
