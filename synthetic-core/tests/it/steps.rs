//! Steps and expectations: what they record, and what they do to the run.

use synthetic_core::prelude::*;
use synthetic_core::{Reason, Step};

async fn check<F, Fut>(body: F) -> Report
where
    F: Fn(Run) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result> + Send + 'static,
{
    once(canary(Spec::new("test"), body)).await
}

#[tokio::test]
async fn every_failure_is_kept_and_the_first_leads() {
    let report = check(|run| async move {
        run.soft("banner", async { run.expect("colour", "red", eq("blue")) }).await;
        run.soft("price", async { run.expect("price", 3, eq(4)) }).await;
        run.step("order", async { run.expect("status", 500, eq(201)) }).await
    })
    .await;
    let said: Vec<_> = report.failures.iter().map(|failure| failure.subject()).collect();
    assert_eq!(said, ["colour", "price", "status"]);
    assert_eq!(report.leading().unwrap().subject(), "colour");
    assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Expectation)));
}

#[tokio::test]
async fn a_failed_expectation_that_nobody_returned_still_fails_the_step_and_the_run() {
    let report = check(|run| async move {
        run.step("careless", async {
            let _ = run.expect("status", 500, eq(200));
            Ok(())
        })
        .await
    })
    .await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.steps[0].outcome, Outcome::Failed);
    assert_eq!(report.failures.len(), 1);
}

#[tokio::test]
async fn a_failure_that_travels_through_steps_counts_once_and_names_its_path() {
    let report = check(|run| async move {
        run.step("outer", async { run.step("inner", async { run.expect("x", 1, eq(2)) }).await }).await
    })
    .await;
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].step(), ["outer", "inner"]);
    assert!(report.failures[0].location().unwrap().contains("steps.rs:"), "{report}");
    assert_eq!(report.steps[0].outcome, Outcome::Failed);
    assert_eq!(report.steps[1].parent, Some(0));
}

#[tokio::test]
async fn steps_side_by_side_know_their_own_parents_and_failures() {
    let report = check(|run| async move {
        let branch = |name: &'static str, bad: bool| {
            let run = run.clone();
            async move {
                let inner: Step<_> = run.step(format!("{name} inner"), async {
                    tokio::task::yield_now().await;
                    run.expect("bad", bad, eq(false))
                });
                inner.await
            }
        };
        let (a, b) = tokio::join!(run.step("a", branch("a", false)), run.step("b", branch("b", true)));
        a.and(b)
    })
    .await;
    let steps: Vec<_> = report.steps.iter().map(|step| (&*step.name, step.parent, step.outcome)).collect();
    assert_eq!(
        steps,
        [
            ("a", None, Outcome::Passed),
            ("a inner", Some(0), Outcome::Passed),
            ("b", None, Outcome::Failed),
            ("b inner", Some(2), Outcome::Failed),
        ]
    );
    assert_eq!(report.failures[0].step(), ["b", "b inner"]);
}

#[tokio::test]
async fn a_preference_that_does_not_hold_degrades_the_run_and_stops_nothing() {
    let report = check(|run| async move {
        run.step("look", async {
            assert!(!run.prefer("latency", ms(400), lt(ms(300))));
            run.expect("status", 200, eq(200))
        })
        .await
    })
    .await;
    assert_eq!((report.outcome, report.reason), (Outcome::Degraded, Some(Reason::Preference)));
    assert!(report.failures.is_empty());
    assert_eq!(report.unmet[0].subject(), "latency");
    assert_eq!(report.steps[0].outcome, Outcome::Degraded);
    assert!(report.outcome.is_up());
}

#[tokio::test]
async fn a_foreign_error_fails_the_run_with_its_place() {
    let report = check(|run| async move {
        run.step("read", async {
            let _: u32 = "x".parse()?;
            Ok(())
        })
        .await
    })
    .await;
    assert_eq!(report.reason, Some(Reason::Unexpected));
    assert!(report.failures[0].location().unwrap().contains("steps.rs:"), "{report}");
}

#[tokio::test]
async fn what_failed_leads_over_an_error_of_our_own_that_came_later() {
    let report = check(|run| async move {
        let _ = run.expect("x", 1, eq(2));
        Err(Failure::setup("no secret"))
    })
    .await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.failures.len(), 2);
}

#[tokio::test]
async fn a_body_that_checks_nothing_is_never_green() {
    let report = check(|_run| async { Ok(()) }).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::NothingChecked)));
    assert!(report.failures[0].advice().is_some());
}

#[tokio::test]
async fn a_skipped_run_says_why_and_is_not_up() {
    let report = check(|_run| async { Err(Failure::skip("closed in this region")) }).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Skipped, Some(Reason::Skipped)));
    assert_eq!(report.failures[0].subject(), "closed in this region");
    assert!(!report.outcome.is_up());
}

#[tokio::test(start_paused = true)]
async fn a_step_has_a_time_of_its_own() {
    let report = check(|run| async move {
        run.soft("slow", async {
            run.step("within", async {
                tokio::time::sleep(secs(60)).await;
                Ok(())
            })
            .await
        })
        .timeout(secs(2))
        .await;
        run.step("goes on", async { Ok(()) }).await
    })
    .await;
    assert_eq!(report.reason, Some(Reason::Timeout));
    assert_eq!(report.failures[0].subject(), "step \"slow\" was not done within 2s");
    assert_eq!(report.duration, secs(2));
    assert!(!report.steps[1].finished);
    assert!(report.steps[0].finished && report.steps[2].finished);
}

#[tokio::test]
async fn a_step_that_is_dropped_is_in_the_report_as_one_that_did_not_finish() {
    let report = check(|run| async move {
        tokio::select! {
            biased;
            _ = run.step("loses", std::future::pending::<Result>()) => {}
            won = run.step("wins", async { Ok(()) }) => won?,
        }
        Ok(())
    })
    .await;
    assert_eq!(report.outcome, Outcome::Passed);
    assert_eq!((report.steps[0].outcome, report.steps[0].finished), (Outcome::Skipped, false));
}

#[tokio::test]
async fn lists_are_bounded_and_the_report_says_what_was_left_out() {
    let report = check(|run| async move {
        for n in 0..1200 {
            let _ = run.step("many", async { run.expect("n", n, eq(-1)) }).await;
        }
        for n in 0..40 {
            run.label(format!("l{n}"), "x".repeat(10_000));
            run.attach(format!("a{n}"), "text/plain", vec![b'x'; 5 * 1024 * 1024]);
        }
        run.metric("bad name", 1.0, Unit::Count);
        run.metric("not_finite", f64::NAN, Unit::Count);
        Ok(())
    })
    .await;
    assert_eq!((report.steps.len(), report.failures.len(), report.labels.len()), (1000, 100, 16));
    assert!(report.labels["l0"].len() < 300);
    assert_eq!(report.artifacts.len(), 8);
    assert_eq!(report.artifacts[0].cut_from, Some(5 * 1024 * 1024));
    assert_eq!(
        report.warnings,
        [
            "metric name \"bad name\" is not of the form [a-zA-Z_][a-zA-Z0-9_]*: left out",
            "metric \"not_finite\" is NaN, which is not a number to show: left out",
            "32 artifacts were left out, a run keeps 50 artifacts of 32 MiB in all",
            "1100 failures were left out, a run keeps 100",
            "24 labels were left out, a run keeps 16",
            "200 steps were left out, a run keeps 1000",
        ]
    );
}

#[tokio::test]
async fn a_task_in_the_scope_of_a_run_records_in_the_step_it_was_made_in() {
    let report = check(|run| async move {
        run.step("spawn", async {
            let task = tokio::spawn(run.scope(async { Run::current().map(|run| run.expect("x", 1, eq(2)).is_err()) }));
            assert_eq!(task.await?, Some(true));
            Ok(())
        })
        .await
    })
    .await;
    assert_eq!(report.failures[0].step(), ["spawn"]);
    assert!(Run::current().is_none());
}

#[test]
fn the_prelude_takes_no_word_from_the_standard_library() {
    let text = String::from("a,b");
    assert_eq!(text.matches(',').count(), 1);
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    struct Mine;
    assert!(Mine == Mine && Some(1).is_some());
}
