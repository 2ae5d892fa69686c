//! How many runs of a class go on side by side, and what becomes of those that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use synthetic_core::Reason;
use synthetic_core::monitor::Activity;
use synthetic_core::prelude::*;
use tokio::time::sleep;

use super::{Live, at, good, monitor, of, on_the_dot, slow, starts, stuck};

#[tokio::test(start_paused = true)]
async fn runs_wait_for_a_place_in_the_order_in_which_they_were_due_and_that_is_no_part_of_their_duration() {
    let (builder, sink) = monitor();
    let names = ["a", "b", "c", "d", "e"];
    let builder = names.iter().fold(builder, |builder, name| builder.canary(every(secs(60)), slow(name, secs(40))));
    let live = Live::start(builder.concurrency("http", 2)).await;
    sleep(secs(49)).await;
    let stats = live.handle.stats();
    assert_eq!((stats.in_flight, stats.waiting, stats.started), (2, 2, 3), "a, b, c started; d, e wait");
    assert_eq!([live.activity("b"), live.activity("d")], [Activity::Running, Activity::Waiting]);
    assert_eq!(live.handle.get("d").unwrap().next, None);
    sleep(secs(90)).await;
    let first: Vec<_> = names
        .iter()
        .map(|name| {
            let reports = sink.reports();
            let report = reports.iter().find(|report| &*report.canary == *name).unwrap();
            assert_eq!((report.outcome, report.duration), (Outcome::Passed, secs(40)));
            (at(report.scheduled_at).as_secs(), at(report.started_at).as_secs(), report.queue_wait.as_secs())
        })
        .collect();
    assert_eq!(first, [(0, 0, 0), (12, 12, 0), (24, 40, 16), (36, 52, 16), (48, 80, 32)]);
    let wait = live.handle.stats().queue_wait;
    assert!(wait.max() >= secs(32) && wait.count() >= 5, "{wait:?}");
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_told_first_to_run_runs_first() {
    let (builder, sink) = monitor();
    let builder = builder.concurrency("http", 1).canary(every(mins(10)), slow("a", secs(30)));
    let builder = ["b", "c", "d"].iter().fold(builder, |builder, name| builder.canary(every(mins(10)), good(*name)));
    let live = Live::start(builder).await;
    for name in ["d", "b", "c"] {
        live.handle.trigger(name).unwrap();
    }
    sleep(secs(31)).await;
    let order: Vec<_> = sink.reports().iter().map(|report| report.canary.to_string()).collect();
    assert_eq!(order, ["a", "d", "b", "c"]);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn never_more_of_a_class_go_on_than_it_has_places_and_all_places_are_used() {
    let (builder, _sink) = monitor();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let builder = (0..30).fold(builder.concurrency("db", 3), |builder, n| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        let counting = canary(Spec::new(format!("c{n}")).class("db").timeout(secs(20)), move |run: Run| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(ms(500 + n * 70)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                run.expect("x", 1, eq(1))
            }
        });
        builder.canary(every(secs(20)), counting)
    });
    let summary = builder.build().unwrap().run_until(sleep(mins(10))).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert!(summary.canaries.values().all(|canary| canary.runs() > 20), "{summary}");
}

#[tokio::test(start_paused = true)]
async fn a_start_for_which_the_queue_has_no_room_is_skipped_with_a_report_that_says_why() {
    let (builder, sink) = monitor();
    let builder = builder.concurrency("db", 1).queue("db", 1);
    let builder = ["a", "b", "c"].iter().fold(builder, |builder, name| {
        builder.canary(every(mins(3)), of(Spec::new(*name).class("db").timeout(secs(50)), secs(40)))
    });
    let live = Live::start(builder).await;
    live.handle.trigger("b").unwrap();
    live.handle.trigger("c").unwrap();
    sleep(ms(1)).await;
    let reports = sink.reports();
    let skipped = &reports[0];
    assert_eq!((&*skipped.canary, skipped.outcome, skipped.reason), ("c", Outcome::Skipped, Some(Reason::Skipped)));
    assert_eq!((skipped.duration, skipped.queue_wait, skipped.checks), (ms(0), ms(0), 0));
    insta::assert_snapshot!(skipped.failures[0].subject(), @r#"class "db" has no place left: 1 running, 1 waiting"#);
    insta::assert_snapshot!(skipped.failures[0].advice().unwrap(), @"see which runs of this class take so long; `Builder::concurrency` sets how many go on side by side");
    assert_eq!(
        [live.activity("a"), live.activity("b"), live.activity("c")].map(|it| it == Activity::Idle),
        [false, false, true]
    );
    let stats = live.handle.stats();
    assert_eq!((stats.queue_full, stats.started, stats.in_flight, stats.waiting), (1, 1, 1, 1));
    sleep(mins(3)).await;
    assert!(starts(&sink, "c").len() > 1, "it runs at its next start");
    let summary = live.stop().await;
    assert_eq!(summary.canaries["c"].outcomes[&Outcome::Skipped], 1);
}

#[tokio::test(start_paused = true)]
async fn ten_times_as_many_wait_as_go_on_when_nobody_says_otherwise() {
    let (builder, _sink) = monitor();
    let builder = (0..15).fold(builder.concurrency("http", 1), |builder, n| {
        builder.canary(every(mins(60)), of(Spec::new(format!("c{n}")), secs(20)))
    });
    let live = Live::start(builder).await;
    for n in 1..15 {
        live.handle.trigger(&format!("c{n}")).unwrap();
    }
    sleep(ms(1)).await;
    let stats = live.handle.stats();
    assert_eq!((stats.in_flight, stats.waiting, stats.queue_full), (1, 10, 4));
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_of_none_skips_at_once_whether_it_is_said_before_or_after_the_places() {
    let (builder, _sink) = monitor();
    let builder = builder.queue("http", 0).concurrency("http", 1).canary(every(mins(10)), slow("a", secs(40)));
    let live = Live::start(builder.canary(every(mins(10)), good("b"))).await;
    live.handle.trigger("b").unwrap();
    sleep(ms(1)).await;
    assert_eq!(live.handle.runs("b").unwrap()[0].outcome, Outcome::Skipped);
    sleep(secs(40)).await;
    live.handle.trigger("b").unwrap();
    sleep(ms(1)).await;
    assert_eq!(live.handle.runs("b").unwrap()[0].outcome, Outcome::Passed);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_class_that_is_full_holds_no_other_class_up() {
    let (builder, sink) = monitor();
    let browser = |name: &'static str| of(Spec::new(name).class("browser").timeout(secs(60)), secs(55));
    let builder =
        ["one", "two", "three"].iter().fold(builder, |builder, name| builder.canary(every(mins(1)), browser(name)));
    let live = Live::start(builder.canary(every(secs(10)), good("http"))).await;
    sleep(secs(59)).await;
    assert_eq!(starts(&sink, "http").len(), 6);
    assert_eq!(
        live.activity("three"),
        Activity::Running,
        "the default is two browsers: it waited for the first to end"
    );
    live.stop().await;
    let three =
        sink.reports().iter().find(|report| &*report.canary == "three").map(|report| report.queue_wait.as_secs());
    assert_eq!(three, Some(15));
}

#[tokio::test(start_paused = true)]
async fn one_canary_that_always_times_out_takes_one_place_of_three_and_starves_nobody() {
    let (builder, _sink) = monitor();
    let builder = builder.concurrency("http", 3).canary(every(secs(10)), stuck(Spec::new("stuck").timeout(secs(10))));
    let builder = (0..10).fold(builder, |builder, n| {
        builder.canary(every(secs(10)), of(Spec::new(format!("c{n}")).timeout(secs(10)), secs(1)))
    });
    let live = Live::start(builder).await;
    let handle = live.handle.clone();
    sleep(ms(99_990)).await;
    let summary = live.stop().await;
    let stats = handle.stats();
    assert_eq!((stats.starved, stats.queue_full, stats.missed), (0, 0, 0));
    assert!(stats.queue_wait.max() < ms(5), "{:?}", stats.queue_wait.max());
    for n in 0..10 {
        assert_eq!(summary.canaries[&*format!("c{n}")].outcomes[&Outcome::Passed], 10);
    }
    assert_eq!(summary.canaries["stuck"].outcomes[&Outcome::Failed], 10);
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_waits_longer_than_its_interval_is_said_to_starve_while_it_does_and_is_counted_afterwards() {
    let (builder, sink) = monitor();
    let builder =
        builder.concurrency("http", 1).canary(on_the_dot(mins(2)), of(Spec::new("hog").timeout(secs(60)), secs(50)));
    let live = Live::start(builder.canary(on_the_dot(secs(20)), good("hungry"))).await;
    // They start together, and the one that was added first has the place.
    sleep(secs(19)).await;
    assert!(live.handle.health().starved.is_empty(), "its next start is yet to come");
    sleep(secs(2)).await;
    let health = live.handle.health();
    assert_eq!(health.starved, ["hungry".into()]);
    assert!(!health.is_healthy() && health.is_ready());
    assert_eq!(health.to_string(), "unhealthy: hungry waits for a place for longer than its interval");
    sleep(secs(30)).await;
    assert!(live.handle.health().is_healthy());
    assert_eq!(live.handle.stats().starved, 1);
    let reports = sink.reports();
    let first = reports.iter().find(|report| &*report.canary == "hungry").unwrap();
    assert_eq!((first.queue_wait.as_secs(), first.missed), (50, 0));
    let second = reports.iter().filter(|report| &*report.canary == "hungry").nth(1).unwrap();
    assert_eq!((at(second.scheduled_at).as_secs(), second.missed), (40, 1), "the start at 20 was missed");
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_told_to_run_after_a_long_pause_does_not_starve_at_once() {
    let (builder, _sink) = monitor();
    let builder =
        builder.concurrency("http", 1).canary(every(mins(10)), of(Spec::new("hog").timeout(secs(60)), secs(50)));
    let live = Live::start(builder.canary(every(secs(20)), good("paused"))).await;
    live.handle.pause("paused").unwrap();
    sleep(secs(60)).await;
    sleep(mins(5)).await;
    live.handle.trigger("hog").unwrap();
    live.handle.trigger("paused").unwrap();
    sleep(secs(1)).await;
    assert_eq!(live.activity("paused"), Activity::Waiting);
    assert!(live.handle.health().starved.is_empty(), "{}", live.handle.health());
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn however_a_run_ends_its_place_is_free_again() {
    let (builder, _sink) = monitor();
    let spec = |name: &'static str| Spec::new(name).timeout(secs(5));
    let builder = builder
        .concurrency("http", 1)
        .canary(every(mins(1)), stuck(spec("times-out")))
        .canary(every(mins(1)), canary(spec("panics"), |_run: Run| async { panic!("boom") }))
        .canary(every(mins(1)), canary(spec("fails"), |run: Run| async move { run.expect("x", 1, eq(2)) }))
        .canary(every(mins(1)), canary(spec("skips"), |_run: Run| async { Err(Failure::skip("not today")) }))
        .canary(
            every(mins(1)),
            canary(spec("leaks"), |run: Run| async move {
                run.defer("hangs", std::future::pending());
                run.expect("x", 1, eq(1))
            }),
        );
    let live = Live::start(builder).await;
    sleep(mins(10)).await;
    let stats = live.handle.stats();
    assert_eq!((stats.in_flight, stats.waiting, stats.missed, stats.starved), (1, 0, 0, 0), "one has just begun");
    let summary = live.stop().await;
    assert!(summary.canaries.values().all(|canary| canary.runs() >= 10), "{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_body_that_never_gives_its_thread_back_gives_its_place_to_the_next() {
    let (builder, _sink) = monitor();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let blocks = canary(Spec::new("blocks").timeout(secs(1)), move |_run: Run| {
        let _ = held.lock().unwrap().recv();
        async { Ok(()) }
    });
    let ran = Arc::new(tokio::sync::Notify::new());
    let told = Arc::clone(&ran);
    let next = canary(Spec::new("next").timeout(secs(5)), move |run: Run| {
        told.notify_one();
        async move { run.expect("x", 1, eq(1)) }
    });
    let builder = builder.concurrency("http", 1).canary(every(mins(1)), blocks).canary(every(mins(2)), next);
    let monitor = builder.build().unwrap();
    let handle = monitor.handle();
    let summary = monitor.run_until(ran.notified()).await;
    assert_eq!(handle.runs("blocks").unwrap()[0].reason, Some(Reason::Blocked));
    assert_eq!((summary.canaries["next"].runs(), handle.stats().in_flight), (1, 0));
    drop(release);
}
