//! Ends that are rare, and of which a report must be true all the same.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use synthetic_core::prelude::*;
use synthetic_core::report::CleanupResult;
use synthetic_core::{Persona, Personas, Reason, Runner};

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[tokio::test]
async fn a_panic_is_never_taken_for_that_of_an_earlier_run_on_the_same_thread() {
    // Its panic is in code of the first run, and nobody asks where it was.
    let first = once(canary(Spec::new("first"), |run: Run| async move {
        let _ = catch_unwind(AssertUnwindSafe(|| panic!("handled")));
        run.expect("x", 1, eq(1))
    }))
    .await;
    first.assert_passed();
    // A panic that goes on, as that of a task does, calls no hook.
    let second = once(canary(Spec::new("second"), |run: Run| async move {
        run.expect("x", 1, eq(1))?;
        resume_unwind(Box::new("goes on"))
    }))
    .await;
    assert_eq!(second.reason, Some(Reason::Panic), "{second}");
    assert_eq!(second.failures[0].subject(), "the body panicked: goes on");
    assert!(second.failures[0].pieces_of_evidence().is_empty(), "its place is not known: {second}");
}

#[tokio::test]
async fn a_failure_of_another_run_counts_in_the_run_that_returns_it() {
    let report = once(canary(Spec::new("outer"), |run: Run| async move {
        run.expect("x", 1, eq(1))?;
        let inner = canary(Spec::new("inner"), |run: Run| async move { run.expect("status", 500, eq(200)) });
        let inner = Runner::new().run(inner).await;
        Err(inner.failures[0].clone())
    }))
    .await;
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    assert_eq!(report.failures[0].subject(), "status");
}

#[tokio::test]
async fn failures_that_came_back_from_json_are_told_apart() {
    let report = once(canary(Spec::new("child"), |run: Run| async move {
        run.soft("a", async { Err::<(), _>(Failure::new("first")) }).await;
        run.soft("b", async { Err::<(), _>(Failure::new("second")) }).await;
        Ok(())
    }))
    .await;
    let json = serde_json::to_string(&report).unwrap();
    let relay = once(canary(Spec::new("relay"), move |run: Run| {
        let child: Report = serde_json::from_str(&json).unwrap();
        async move {
            for failure in child.failures {
                let _ = run.raise(failure);
            }
            Ok(())
        }
    }))
    .await;
    assert_eq!(relay.failures.len(), 2, "{relay}");
}

#[tokio::test]
async fn what_only_cleanup_checked_makes_no_run_green() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        let inner = run.clone();
        run.defer("log out", async move { inner.step("log out", async { Ok(()) }).await });
        Ok(())
    }))
    .await;
    assert_eq!(report.reason, Some(Reason::NothingChecked), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_step_of_cleanup_changes_nothing_of_the_step_it_was_deferred_in() {
    let report = once(canary(Spec::new("test").timeout(secs(5)), |run: Run| async move {
        run.step("log in", async {
            let inner = run.clone();
            run.defer("log out", async move {
                tokio::time::sleep(secs(2)).await;
                inner.step("press", async { Ok(()) }).await
            });
            std::future::pending::<Result>().await
        })
        .await
    }))
    .await;
    assert_eq!((report.steps[0].finished, report.steps[0].duration), (false, secs(5)), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_one_too_many_changes_nothing_of_the_step_it_is_in() {
    let report = once(canary(Spec::new("test").timeout(secs(5)), |run: Run| async move {
        run.step("crowd", async {
            for _ in 0..1000 {
                run.step("one", async { Ok(()) }).await?;
            }
            std::future::pending::<Result>().await
        })
        .await
    }))
    .await;
    assert!(!report.steps[0].finished, "{report}");
    assert_eq!(report.failures[0].step(), ["crowd"]);
    assert_eq!(report.steps[0].outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn the_longest_times_are_no_end_at_all() {
    let spec = Spec::new("test").timeout(Duration::MAX).cleanup_timeout(Duration::MAX, Duration::MAX);
    let report = Runner::new()
        .patience(Duration::MAX)
        .run(canary(spec, |run: Run| async move {
            run.defer("fine", async { Ok(()) });
            run.step("long", async { Ok(()) }).timeout(Duration::MAX).await?;
            run.eventually(every(Duration::MAX).up_to(Duration::MAX), || async { Ok(()) }).await?;
            run.retry(attempts(u32::MAX).wait(Duration::MAX), || async { Ok(()) }).await?;
            run.persona(&Personas::of([Persona::new("alice")])?).await.map(drop)
        }))
        .await;
    report.assert_passed();
}

#[tokio::test(start_paused = true)]
async fn looking_again_at_once_leaves_time_for_the_answer_to_change() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        let start = tokio::time::Instant::now();
        run.eventually(every(ms(0)).up_to(secs(1)), || async { run.expect("waited", start.elapsed(), ge(ms(500))) })
            .await
    }))
    .await;
    report.assert_passed();
}

#[tokio::test]
async fn what_cleanup_defers_is_undone_too() {
    let undone = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&undone);
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let (inner, count) = (run.clone(), Arc::clone(&count));
        run.defer("delete the order", async move {
            inner.defer("log out again", async move {
                count.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
            Ok(())
        });
        async move { run.expect("x", 1, eq(1)) }
    }))
    .await;
    report.assert_passed();
    let names: Vec<_> = report.cleanup.items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!((names, undone.load(Ordering::SeqCst)), (vec!["delete the order", "log out again"], 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_body_that_was_given_up_still_makes_is_undone_when_it_comes_back() {
    let (undone, was_undone) = tokio::sync::oneshot::channel();
    let undone = std::sync::Mutex::new(Some(undone));
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    let opened = std::sync::Mutex::new(Some(opened));
    let canary = canary(Spec::new("test").timeout(secs(1)), move |run: Run| {
        let (opened, undone) = (opened.lock().unwrap().take().unwrap(), undone.lock().unwrap().take().unwrap());
        async move {
            // Stands for a blocking client that makes something after its run was given up.
            let _ = opened.recv();
            run.defer("order 7", async move {
                let _ = undone.send(());
                Ok(())
            });
            Ok(())
        }
    });
    let report = Runner::new().patience(ms(50)).run(canary).await;
    assert_eq!(report.reason, Some(Reason::Blocked));
    drop(gate);
    assert!(was_undone.await.is_ok());
}

#[tokio::test]
async fn what_panics_when_it_is_dropped_untried_stops_nothing_after_it() {
    let undone = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&undone);
    let spec = Spec::new("test").cleanup_timeout(secs(1), ms(20));
    let report = once(canary(spec, move |run: Run| {
        let count = Arc::clone(&count);
        run.defer("never tried", async { Ok(()) });
        let bomb = Bomb;
        run.defer("never tried either", async move {
            let _bomb = bomb;
            Ok(())
        });
        run.defer("hangs", async move {
            count.fetch_add(1, Ordering::SeqCst);
            std::future::pending().await
        });
        async move { run.expect("x", 1, eq(1)) }
    }))
    .await;
    let results: Vec<_> = report.cleanup.items.iter().map(|item| item.result).collect();
    assert_eq!(results, [CleanupResult::TimedOut, CleanupResult::NotTried, CleanupResult::NotTried], "{report}");
    assert_eq!((report.outcome, undone.load(Ordering::SeqCst)), (Outcome::Degraded, 1));
}

#[tokio::test]
async fn what_a_protocol_crate_keeps_may_panic_when_it_is_dropped() {
    #[derive(Default)]
    struct Connections(Option<Bomb>);
    impl Drop for Connections {
        fn drop(&mut self) {
            self.0 = None;
            panic!("dropped");
        }
    }
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        let _connections = run.extension::<Connections>();
        run.expect("status", 500, eq(200))
    }))
    .await;
    assert_eq!((report.outcome, report.failures[0].subject()), (Outcome::Failed, "status"), "{report}");
}

#[test]
fn where_the_runtime_ends_before_cleanup_the_report_says_what_is_left() {
    let doomed = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let handle = doomed.handle().clone();
    let (started, has_started) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        handle.block_on(once(canary(Spec::new("test"), move |run: Run| {
            run.defer("order 7", async { Ok(()) });
            let _ = started.send(());
            std::future::pending()
        })))
    });
    has_started.recv().unwrap();
    doomed.shutdown_background();
    let report = thread.join().unwrap();
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Cancelled)), "{report}");
    assert_eq!(report.cleanup.left_behind(), 1, "{report}");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "to block the thread is what is tested")]
async fn a_persona_of_a_body_that_blocked_and_came_back_is_free_again() {
    let pool = Personas::of([Persona::new("alice")]).unwrap();
    let kept = Arc::new(std::sync::Mutex::new(None));
    let (of_run, keeps) = (pool.clone(), Arc::clone(&kept));
    let report = once(canary(Spec::new("test").timeout(secs(1)), move |run: Run| {
        let (pool, kept) = (of_run.clone(), Arc::clone(&keeps));
        async move {
            // A handle that somebody keeps, as a task does that outlives its run.
            *kept.lock().unwrap() = Some(run.clone());
            run.persona(&pool).await?;
            std::thread::sleep(Duration::from_millis(1300));
            Ok(())
        }
    }))
    .await;
    assert_eq!(report.reason, Some(Reason::Blocked));
    assert!(pool.in_use().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_blocks_through_its_cancellation_is_not_said_to_be_late() {
    let (gate, opened) = std::sync::mpsc::channel::<()>();
    let opened = std::sync::Mutex::new(Some(opened));
    let (started, has_started) = tokio::sync::oneshot::channel();
    let started = std::sync::Mutex::new(Some(started));
    let stuck = canary(Spec::new("stuck").timeout(secs(30)), move |_run: Run| {
        let opened = opened.lock().unwrap().take();
        let _ = started.lock().unwrap().take().map(|started| started.send(()));
        async move {
            let _ = opened.map(|opened| opened.recv());
            Ok(())
        }
    });
    let sink = synthetic_core::testing::RecordingSink::new();
    let monitor = Monitor::named("test").canary(every(mins(1)), stuck).sink(sink.clone()).grace(ms(0)).build().unwrap();
    monitor.run_until(async { drop(has_started.await) }).await;
    drop(gate);
    let report = &sink.reports()[0];
    assert_eq!(report.reason, Some(Reason::Blocked));
    let subject = report.failures[0].subject();
    assert!(
        subject.starts_with("the body held its thread for 1") && subject.ends_with("after it was cancelled"),
        "{report}"
    );
}

#[tokio::test]
async fn however_many_preferences_do_not_hold_in_a_try_a_failure_in_it_counts() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        run.eventually(every(ms(10)).up_to(ms(5)), || async {
            for n in 0..150 {
                run.prefer("n", n, eq(-1));
            }
            let _ = run.expect("status", 500, eq(200));
            Ok(())
        })
        .await
    }))
    .await;
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    assert_eq!(report.warnings, ["50 unmet preferences were left out, a run keeps 100"]);
}

#[tokio::test]
async fn a_failure_beyond_the_bound_still_decides_how_the_run_ended() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        for n in 0..100 {
            let _ = run.raise(Failure::setup(format!("setting {n}")));
        }
        run.expect("status", 500, eq(200))
    }))
    .await;
    assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Expectation)), "{report}");
}

#[tokio::test]
async fn texts_are_bounded_wherever_they_come_from() {
    let long = "ä".repeat(1024 * 1024);
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let long = long.clone();
        async move {
            for n in 0..30 {
                run.warn(format!("{n} {long}"));
            }
            run.metric(long.clone(), 1.0, Unit::Count);
            run.label(long.clone(), long.clone());
            let failure = Failure::new(long.clone()).expected(long.clone()).actual(long.clone()).hint(long.clone());
            let failure = failure.cause(long.clone()).evidence(long.clone(), long.clone());
            run.step(long.clone(), async { Err(failure) }).await
        }
    }))
    .await;
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.len() < 400_000, "{} bytes", json.len());
    assert!(
        report.warnings.iter().any(|warning| warning.contains("11 warnings were left out")),
        "{:?}",
        report.warnings.len()
    );
}

#[tokio::test(start_paused = true)]
async fn a_step_that_takes_too_long_says_where_within_it_the_journey_stood() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        run.step("order", run.step("wait for the bank", std::future::pending::<Result>())).timeout(secs(5)).await
    }))
    .await;
    assert_eq!(report.failures[0].step(), ["order", "wait for the bank"], "{report}");
    assert_eq!((report.steps[1].outcome, report.steps[1].reason), (Outcome::Failed, Some(Reason::Timeout)), "{report}");
}

#[tokio::test(start_paused = true)]
async fn whoever_ends_a_poll_early_says_what_its_last_look_saw() {
    for (of_step, of_run) in [(secs(5), secs(30)), (secs(30), secs(5))] {
        let report = once(canary(Spec::new("test").timeout(of_run), move |run: Run| async move {
            let look = || async { run.expect("status", "pending", eq("confirmed")) };
            run.step("becomes confirmed", run.eventually(every(secs(2)).up_to(secs(60)), look)).timeout(of_step).await
        }))
        .await;
        assert_eq!((report.reason, report.failures.len()), (Some(Reason::Timeout), 1), "{report}");
        let evidence = &report.failures[0].pieces_of_evidence()[0];
        assert_eq!(evidence.label, "last try");
        assert_eq!(evidence.text, "number 3: status: expected is equal to \"confirmed\", actual \"pending\"");
    }
}

#[tokio::test]
async fn a_run_needs_a_clock_and_says_so_before_its_body_starts() {
    let started = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&started);
    let panicked = std::thread::spawn(move || {
        let without_time = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        without_time.block_on(once(canary(Spec::new("test"), move |run: Run| {
            count.fetch_add(1, Ordering::SeqCst);
            async move { run.expect("x", 1, eq(1)) }
        })));
    });
    assert!(panicked.join().is_err());
    assert_eq!(started.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_run_within_a_run_has_a_report_of_its_own() {
    let report = once(canary(Spec::new("outer"), |run: Run| async move {
        let inner = run
            .step("inner", async {
                tracing::info!("before");
                let inner = canary(Spec::new("inner"), |run: Run| async move {
                    tracing::info!("inside");
                    run.step("bad", async { run.expect("x", 1, eq(2)) }).await
                });
                Ok(once(inner).await)
            })
            .await?;
        assert_eq!((inner.steps.len(), inner.log.len(), inner.log[0].text.as_str()), (1, 1, "inside"));
        run.expect("inner", inner.outcome, eq(Outcome::Passed))
    }))
    .await;
    assert_eq!((report.steps.len(), report.failures.len(), report.log.len()), (1, 1, 1), "{report}");
}

#[tokio::test]
async fn a_run_may_be_made_on_a_local_set() {
    let local = tokio::task::LocalSet::new();
    let canary = canary(Spec::new("test"), |run: Run| async move { run.expect("x", 1, eq(1)) });
    local.run_until(once(canary)).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_runs_of_one_runner_side_by_side_mix_nothing_up() {
    let runner = Runner::new();
    let runs: Vec<_> = (0..1000)
        .map(|n| {
            let runner = runner.clone();
            tokio::spawn(async move {
                let canary = canary(Spec::new(format!("c{n}")), move |run: Run| async move {
                    run.label("n", n.to_string());
                    tokio::task::yield_now().await;
                    run.step(format!("step {n}"), async { run.expect("n", n, eq(-1)) }).await
                });
                (n, runner.run(canary).await)
            })
        })
        .collect();
    for run in runs {
        let (n, report) = run.await.unwrap();
        assert_eq!((report.labels["n"].clone(), report.failures.len()), (n.to_string(), 1));
        assert_eq!(report.failures[0].step(), [format!("step {n}")]);
    }
}
