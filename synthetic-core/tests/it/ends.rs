//! Every way in which a run can end: each is reported for what it is, and what was deferred is undone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use synthetic_core::prelude::*;
use synthetic_core::report::CleanupResult;
use synthetic_core::{Reason, Runner};

type Undone = Arc<Mutex<Vec<&'static str>>>;

/// Defers two things, then does what `body` does.
async fn check<F, Fut>(spec: Spec, body: F) -> (Report, Vec<&'static str>)
where
    F: Fn(Run) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    let undone = Undone::default();
    let report = once(deferring(spec, Arc::clone(&undone), body)).await;
    let undone = undone.lock().unwrap().clone();
    (report, undone)
}

fn deferring<F, Fut>(spec: Spec, undone: Undone, body: F) -> impl Canary
where
    F: Fn(Run) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    canary(spec, move |run: Run| {
        for name in ["first", "second"] {
            let undone = Arc::clone(&undone);
            run.defer(name, async move {
                undone.lock().unwrap().push(name);
                Ok(())
            });
        }
        body(run)
    })
}

#[tokio::test]
async fn what_was_deferred_is_undone_newest_first() {
    let (report, undone) = check(Spec::new("test"), |run| async move { run.expect("x", 1, eq(1)) }).await;
    report.assert_passed();
    assert_eq!(undone, ["second", "first"]);
}

#[tokio::test]
async fn after_a_failure_what_was_deferred_is_undone() {
    let (report, undone) = check(Spec::new("test"), |run| async move { run.expect("x", 1, eq(2)) }).await;
    assert_eq!((report.outcome, undone.len()), (Outcome::Failed, 2));
}

#[tokio::test]
async fn a_panic_is_an_error_of_the_canary_with_its_message_and_place() {
    let (report, undone) =
        check(Spec::new("test"), |run| async move { run.step("boom", async { panic!("out of stock: {}", 7) }).await })
            .await;
    assert_eq!((report.outcome, report.reason, undone.len()), (Outcome::Error, Some(Reason::Panic), 2));
    let failure = &report.failures[0];
    assert_eq!(failure.subject(), "the body panicked: out of stock: 7");
    assert!(failure.pieces_of_evidence()[0].text.contains("ends.rs:"), "{report}");
    assert_eq!(failure.step(), ["boom"], "the step it happened in");
    assert!(!report.steps[0].finished);
}

#[tokio::test]
async fn a_panic_before_the_first_await_is_caught_too() {
    struct Bad;
    impl Canary for Bad {
        fn spec(&self) -> Spec {
            Spec::new("bad")
        }
        fn run(&self, _run: Run) -> impl Future<Output = Result> + Send {
            panic!("early");
            #[expect(unreachable_code, reason = "says what the future is")]
            async {
                Ok(())
            }
        }
    }
    assert_eq!(once(Bad).await.reason, Some(Reason::Panic));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_takes_too_long_fails_where_it_stood() {
    let (report, undone) = check(Spec::new("test").timeout(secs(5)), |run| async move {
        run.step("order", async {
            run.step("wait", async {
                std::future::pending::<()>().await;
                Ok(())
            })
            .await
        })
        .await
    })
    .await;
    assert_eq!((report.outcome, report.reason, undone.len()), (Outcome::Failed, Some(Reason::Timeout), 2));
    assert_eq!(report.duration, secs(5));
    assert_eq!(report.failures[0].subject(), "the run was not done within its timeout of 5s");
    assert_eq!(report.failures[0].step(), ["order", "wait"]);
    assert_eq!(report.steps[1].outcome, Outcome::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_late_and_says_ok_is_not_green() {
    let (report, _) = check(Spec::new("test").timeout(secs(5)), |run| async move {
        run.expect("x", 1, eq(1))?;
        // Stands for code that blocks its thread: no timer fires in between.
        tokio::time::advance(secs(9)).await;
        Ok(())
    })
    .await;
    assert!(!report.outcome.is_up(), "{report}");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "to block the thread is what is tested")]
async fn a_body_that_blocks_the_only_thread_past_its_deadline_is_reported_as_that() {
    let spec = Spec::new("test").timeout(secs(1));
    let (report, undone) = check(spec, |run| async move {
        run.step("compute", async {
            std::thread::sleep(Duration::from_millis(1300));
            Ok(())
        })
        .await
    })
    .await;
    assert_eq!((report.outcome, report.reason, undone.len()), (Outcome::Error, Some(Reason::Blocked), 2));
    assert!(report.failures[0].advice().unwrap().contains("spawn_blocking"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_never_gives_its_thread_back_is_given_up_and_cleaned_up_after() {
    let undone = Undone::default();
    let (release, stuck) = std::sync::mpsc::channel::<()>();
    let stuck = Arc::new(Mutex::new(stuck));
    let canary = deferring(Spec::new("test").timeout(secs(1)), Arc::clone(&undone), move |run| {
        let stuck = Arc::clone(&stuck);
        async move {
            run.step("stuck", async move {
                let _ = stuck.lock().unwrap().recv();
                Ok(())
            })
            .await
        }
    });
    let report = Runner::new().patience(ms(50)).run(canary).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Blocked)));
    assert_eq!(report.failures[0].step(), ["stuck"]);
    assert_eq!(*undone.lock().unwrap(), ["second", "first"]);
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_run_cancels_it_and_what_it_deferred_is_still_undone() {
    let undone = Undone::default();
    let canary = deferring(Spec::new("test"), Arc::clone(&undone), |_run| std::future::pending());
    assert!(tokio::time::timeout(secs(1), once(canary)).await.is_err());
    tokio::time::sleep(secs(1)).await;
    assert_eq!(*undone.lock().unwrap(), ["second", "first"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_undone_stops_nothing_and_is_reported_beside_the_outcome() {
    let report = once(canary(Spec::new("test").cleanup_timeout(secs(2), secs(5)), |run: Run| async move {
        run.defer("fine", async { Ok(()) });
        run.defer("hangs too", std::future::pending());
        run.defer("hangs", std::future::pending());
        run.defer("panics", async { panic!("boom") });
        run.defer("fails", async { Err(Failure::new("status of DELETE /carts/7").actual("500")) });
        let inner = run.clone();
        run.defer("is careless", async move {
            let _ = inner.expect("gone", false, eq(true));
            Ok(())
        });
        run.expect("x", 1, eq(1))
    }))
    .await;
    let items: Vec<_> = report.cleanup.items.iter().map(|item| (item.name.as_str(), item.result)).collect();
    assert_eq!(
        items,
        [
            ("is careless", CleanupResult::Failed),
            ("fails", CleanupResult::Failed),
            ("panics", CleanupResult::Failed),
            ("hangs", CleanupResult::TimedOut),
            ("hangs too", CleanupResult::TimedOut),
            ("fine", CleanupResult::Removed),
        ]
    );
    assert_eq!((report.outcome, report.reason), (Outcome::Degraded, Some(Reason::Leftover)));
    assert!(report.failures.is_empty(), "cleanup never hides in the journey's failures: {report}");
    assert_eq!((report.cleanup.left_behind(), report.cleanup.duration, report.duration), (5, secs(4), ms(0)));
    assert!(report.to_string().contains("left behind: fails: failed: status of DELETE /carts/7: 500"), "{report}");
}

#[tokio::test]
async fn steps_of_cleanup_are_not_steps_of_the_journey() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        let inner = run.clone();
        run.defer(
            "log out",
            async move { inner.step("press the button", async { Err(Failure::new("no button")) }).await },
        );
        run.step("log in", async { Ok(()) }).await
    }))
    .await;
    let steps: Vec<_> = report.steps.iter().map(|step| (&*step.name, step.outcome)).collect();
    assert_eq!(steps, [("log in", Outcome::Passed)]);
    assert_eq!(report.cleanup.items[0].failure.as_ref().unwrap().subject(), "no button");
}

#[tokio::test(start_paused = true)]
async fn when_the_budget_of_cleanup_is_used_up_the_rest_is_said_not_to_be_tried() {
    let report = once(canary(Spec::new("test").cleanup_timeout(secs(3), secs(3)), |run: Run| async move {
        run.defer("starves", async { Ok(()) });
        run.defer("hangs", std::future::pending());
        run.expect("x", 1, eq(1))
    }))
    .await;
    let results: Vec<_> = report.cleanup.items.iter().map(|item| item.result).collect();
    assert_eq!(results, [CleanupResult::TimedOut, CleanupResult::NotTried]);
}

#[tokio::test]
async fn a_panic_in_the_destructor_of_a_body_is_contained() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let report = once(canary(Spec::new("test").timeout(ms(20)), |_run| async {
        let _bomb = Bomb;
        std::future::pending().await
    }))
    .await;
    assert_eq!(report.reason, Some(Reason::Timeout));
}

#[tokio::test]
async fn a_panic_in_the_destructor_of_what_is_kept_with_a_run_is_contained() {
    #[derive(Default)]
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        let _kept = run.extension::<Bomb>();
        run.expect("x", 1, eq(1))
    }))
    .await;
    report.assert_passed();
}

#[tokio::test]
async fn a_canary_whose_spec_is_wrong_does_not_run_and_says_why() {
    let report = once(canary(Spec::new("Api Health"), |_run| async { panic!("ran") })).await;
    assert_eq!(report.reason, Some(Reason::Setup));
    assert_eq!(
        report.failures[0].subject(),
        "canary \"Api Health\" cannot run: its name must be 1 to 255 of the characters 0-9, a-z, _ and -"
    );
}

#[test]
fn a_runtime_that_is_shut_down_during_a_run_does_not_hang() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let undone = Undone::default();
    let canary = deferring(Spec::new("test"), undone, |_run| std::future::pending());
    let attempt = runtime.spawn(once(canary));
    runtime.shutdown_timeout(Duration::from_secs(5));
    drop(attempt);
}
