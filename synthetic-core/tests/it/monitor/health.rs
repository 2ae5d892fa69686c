//! Who watches the monitor.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use synthetic_core::monitor::{Connectivity, Handle, Health};
use synthetic_core::prelude::*;
use tokio::time::{sleep, timeout};

use super::{Live, good, monitor, of, stuck};

fn silent(handle: &Handle) -> Vec<(String, u64)> {
    handle.health().silent.iter().map(|silent| (silent.canary.to_string(), silent.since.as_secs())).collect()
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_from_its_start_until_it_is_told_to_stop_and_lives_all_the_time() {
    let (builder, _sink) = monitor();
    let builder = builder.canary(every(mins(1)), of(Spec::new("a").timeout(secs(50)), secs(40))).grace(mins(5));
    let monitor = builder.build().unwrap();
    let handle = monitor.handle();
    let states = |health: &Health| (health.live, health.ready, health.is_ready(), health.is_healthy());
    assert_eq!(states(&handle.health()), (true, false, false, true));
    assert_eq!(handle.health().to_string(), "not running");

    let running = tokio::spawn(monitor.run_until(sleep(secs(70))));
    sleep(secs(1)).await;
    assert_eq!(states(&handle.health()), (true, true, true, true));
    assert_eq!(handle.health().to_string(), "healthy");

    sleep(secs(70)).await;
    assert_eq!(handle.stats().in_flight, 1, "it drains");
    assert_eq!(states(&handle.health()), (true, false, false, true));
    running.await.unwrap();
    assert_eq!(states(&handle.health()), (true, false, false, true));
    assert_eq!(handle.health().to_string(), "not running");
}

#[tokio::test(start_paused = true)]
async fn a_scheduler_that_is_not_awake_for_half_a_minute_does_not_live() {
    let (builder, _sink) = monitor();
    let monitor = builder.canary(every(mins(10)), good("a")).build().unwrap();
    let handle = monitor.handle();
    let mut running = pin!(monitor.run_until(std::future::pending()));
    assert!(timeout(mins(5), &mut running).await.is_err());
    assert!(handle.health().live, "also when there is nothing to do");
    // Nobody polls it.
    sleep(secs(24)).await;
    assert!(handle.health().live);
    sleep(secs(10)).await;
    let health = handle.health();
    assert!(!health.live && !health.is_ready() && !health.is_healthy());
    insta::assert_snapshot!(health, @"unhealthy: the scheduler has not been awake for half a minute: a canary or the app blocks its threads");
    assert!(timeout(secs(1), &mut running).await.is_err());
    assert!(handle.health().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_concludes_nothing_for_its_intervals_is_silent_until_it_does() {
    let hangs = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&hangs);
    let check = Connectivity::check(move || {
        let hangs = told.load(Ordering::SeqCst);
        async move { if hangs { std::future::pending().await } else { Ok(()) } }
    });
    let (builder, _sink) = monitor();
    let builder = builder.connectivity(check.timeout(mins(10))).silent_after(3);
    let fast = Spec::new("a").timeout(secs(5)).cleanup_timeout(secs(1), secs(1));
    let live = Live::start(builder.canary(every(secs(10)), of(fast, secs(0))).canary(every(mins(20)), good("b"))).await;
    sleep(secs(25)).await;
    hangs.store(true, Ordering::SeqCst);
    // The last run that it concluded was at 20: starts at 30, 40 and 50, and six seconds for the run.
    sleep(secs(30)).await;
    assert!(live.handle.health().is_healthy(), "{}", live.handle.health());
    sleep(secs(2)).await;
    let health = live.handle.health();
    assert_eq!(health.to_string(), "unhealthy: a has concluded no run for 37 s");
    assert!(!health.is_healthy() && health.is_ready() && health.live);
    hangs.store(false, Ordering::SeqCst);
    sleep(mins(10)).await;
    assert!(live.handle.health().is_healthy(), "{}", live.handle.health());
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn silence_begins_after_the_intervals_and_what_a_run_may_take_and_ends_with_a_conclusion() {
    let (builder, _sink) = monitor();
    // It waits for a place that it does not get: nothing else keeps a run from its conclusion.
    let builder = builder.concurrency("http", 1).canary(every(mins(60)), stuck(Spec::new("hog").timeout(mins(20))));
    let fast = Spec::new("a").timeout(secs(5)).cleanup_timeout(secs(1), secs(1));
    let builder = builder.canary(every(secs(10)), of(fast, secs(0))).silent_after(3);
    let live = Live::start(builder).await;
    // Starts at 0, 10 and 20; the third is to be over at 26.
    sleep(secs(25)).await;
    assert_eq!(silent(&live.handle), []);
    sleep(secs(2)).await;
    assert_eq!(silent(&live.handle), [("a".to_owned(), 27)]);
    assert_eq!(live.handle.health().starved, ["a".into()]);
    assert!(live.handle.health().to_string().starts_with("unhealthy: a has concluded no run for 27 s; a waits"));
    sleep(mins(20)).await;
    assert!(live.handle.health().is_healthy(), "{}", live.handle.health());
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn paused_it_is_not_silent_and_resumed_it_has_its_time() {
    let (builder, _sink) = monitor();
    let builder = builder.concurrency("http", 1).canary(every(mins(60)), stuck(Spec::new("hog").timeout(mins(20))));
    let fast = Spec::new("a").timeout(secs(5)).cleanup_timeout(secs(1), secs(1));
    let live = Live::start(builder.canary(every(secs(10)), of(fast, secs(0)))).await;
    sleep(mins(1)).await;
    assert_eq!(silent(&live.handle).len(), 1);
    live.handle.pause("a").unwrap();
    assert!(live.handle.health().is_healthy(), "{}", live.handle.health());
    sleep(mins(5)).await;
    assert!(live.handle.health().is_healthy());
    live.handle.resume("a").unwrap();
    // From 360 s on: starts at 370, 380, 390, and six seconds for the run.
    sleep(secs(35)).await;
    assert_eq!(silent(&live.handle), []);
    sleep(secs(2)).await;
    assert_eq!(silent(&live.handle), [("a".to_owned(), 37)]);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_added_or_rescheduled_has_its_time_from_then_on() {
    let (builder, _sink) = monitor();
    let live = Live::start(builder.canary(every(mins(30)), good("a"))).await;
    sleep(mins(29)).await;
    live.handle.add(every(secs(10)), good("b")).unwrap();
    live.handle.reschedule("a", every(secs(10))).unwrap();
    for _ in 0..100 {
        assert!(live.handle.health().is_healthy(), "{}", live.handle.health());
        sleep(ms(700)).await;
    }
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_added_and_concludes_nothing_is_silent_since_it_was_added() {
    let (builder, _sink) = monitor();
    let builder = builder.concurrency("http", 1).canary(every(mins(60)), stuck(Spec::new("hog").timeout(mins(20))));
    let live = Live::start(builder).await;
    sleep(secs(100)).await;
    let fast = Spec::new("a").timeout(secs(5)).cleanup_timeout(secs(1), secs(1));
    live.handle.add(every(secs(10)), of(fast, secs(0))).unwrap();
    sleep(secs(25)).await;
    assert_eq!(silent(&live.handle), []);
    sleep(secs(12)).await;
    assert_eq!(silent(&live.handle), [("a".to_owned(), 37)]);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_fails_times_out_or_skips_is_not_silent() {
    let (builder, _sink) = monitor();
    let builder = builder.silent_after(1).canary(every(secs(10)), stuck(Spec::new("late").timeout(secs(10))));
    let skips = canary(Spec::new("skips").timeout(secs(5)), |_run: Run| async { Err(Failure::skip("not today")) });
    let live = Live::start(builder.canary(every(secs(10)), skips)).await;
    for _ in 0..100 {
        assert!(live.handle.health().is_healthy(), "{}", live.handle.health());
        sleep(ms(700)).await;
    }
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_monitor_that_is_asked_to_wait_for_ever_answers_at_once() {
    let (builder, _sink) = monitor();
    let builder = builder.silent_after(u32::MAX).canary(every(ms(1)), stuck(Spec::new("a").timeout(ms(1))));
    let live = Live::start(builder).await;
    assert!(live.handle.health().is_healthy());
    live.stop().await;
}
