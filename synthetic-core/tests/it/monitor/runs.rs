//! What is remembered of runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use synthetic_core::prelude::*;
use tokio::time::sleep;

use super::{Live, good, monitor};

/// Fails when its number can be divided by this one.
fn fails_each(divisor: u64) -> impl Canary {
    let runs = AtomicU64::new(0);
    canary(Spec::new("a").timeout(secs(5)), move |run: Run| {
        let n = runs.fetch_add(1, Ordering::SeqCst);
        async move {
            run.label("n", n.to_string());
            run.expect("remainder", n % divisor, ne(0))
        }
    })
}

/// Returns the numbers of the runs that are remembered.
fn remembered(live: &Live) -> Vec<u64> {
    live.handle.runs("a").unwrap().iter().map(|report| report.labels["n"].parse().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_newest_runs_come_first_and_failures_outlive_successes() {
    let (builder, _sink) = monitor();
    let live = Live::start(builder.history(3).canary(every(secs(10)), fails_each(10))).await;
    sleep(secs(250)).await;
    assert_eq!(remembered(&live), [25, 24, 23, 20, 10, 0]);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn twenty_of_each_are_remembered_when_nobody_says_otherwise() {
    let (builder, _sink) = monitor();
    let live = Live::start(builder.canary(every(secs(10)), fails_each(2))).await;
    sleep(secs(1000)).await;
    let expected: Vec<u64> = (61..=100).rev().collect();
    assert_eq!(remembered(&live), expected);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn runs_that_start_in_the_same_moment_are_in_their_order_too() {
    let (builder, _sink) = monitor();
    let live = Live::start(builder.canary(every(mins(10)), fails_each(3))).await;
    for n in 1..8 {
        live.handle.trigger("a").unwrap();
        while live.handle.get("a").unwrap().summary.runs() == n {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(remembered(&live), [7, 6, 5, 4, 3, 2, 1, 0]);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn with_a_history_of_none_the_last_failure_is_remembered_and_how_the_last_run_ended_is_known() {
    let (builder, _sink) = monitor();
    let live = Live::start(builder.history(0).canary(every(secs(10)), fails_each(10))).await;
    sleep(secs(145)).await;
    assert_eq!(remembered(&live), [10]);
    let last = live.handle.get("a").unwrap().last.unwrap();
    assert_eq!((super::at(last.started_at), last.outcome, last.reason), (secs(140), Outcome::Passed, None));
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn many_canaries_remember_less_each_and_still_their_last_failure() {
    let (builder, _sink) = monitor();
    let builder = (0..2_000).fold(builder, |builder, n| builder.canary(every(mins(60)), good(format!("c{n}"))));
    let live = Live::start(builder.canary(every(secs(10)), fails_each(10))).await;
    sleep(secs(250)).await;
    assert_eq!(remembered(&live), [25, 24, 23, 22, 20, 10, 0]);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_is_what_sinks_were_given() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(secs(10)), good("a"))).await;
    sleep(secs(5)).await;
    assert!(Arc::ptr_eq(&live.handle.runs("a").unwrap()[0], &sink.reports()[0]));
    live.stop().await;
}
