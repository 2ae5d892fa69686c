//! `eventually`, `retry` and `tolerate`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use synthetic_core::Reason;
use synthetic_core::prelude::*;

#[tokio::test(start_paused = true)]
async fn looks_that_failed_do_not_count_once_a_later_one_is_good() {
    let looks = Arc::new(AtomicU32::new(0));
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let looks = Arc::clone(&looks);
        async move {
            run.step(
                "order",
                run.eventually(every(ms(100)).up_to(secs(5)), || async {
                    run.step("look", async {
                        // A check that fails and is not returned makes its look fail too.
                        let _ = run.expect("looks", looks.fetch_add(1, Ordering::Relaxed), ge(3));
                        Ok(())
                    })
                    .await
                }),
            )
            .await
        }
    }))
    .await;
    report.assert_passed();
    assert_eq!(report.steps[0].tries, Some(4));
    let superseded: Vec<_> = report.steps[1..].iter().map(|step| (step.superseded, step.outcome)).collect();
    let failed = (true, Outcome::Failed);
    assert_eq!(superseded, [failed, failed, failed, (false, Outcome::Passed)]);
    assert_eq!(report.duration, ms(300));
}

#[tokio::test(start_paused = true)]
async fn when_time_is_up_the_last_look_speaks() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        run.step(
            "order",
            run.eventually(every(ms(250)).up_to(secs(1)), || async {
                run.expect("status", "pending", eq("confirmed"))
            }),
        )
        .await
    }))
    .await;
    assert_eq!((report.outcome, report.failures.len()), (Outcome::Failed, 1));
    let failure = &report.failures[0];
    assert_eq!(failure.to_string(), "status: expected is equal to \"confirmed\", actual \"pending\"");
    assert_eq!(failure.pieces_of_evidence()[0].text, "4 within 1s, every 250ms; this is what the last one saw");
    assert_eq!((failure.step(), report.steps[0].tries), (&["order".to_owned()][..], Some(4)));
}

#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_is_given_up_when_time_is_up() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        run.eventually(every(ms(250)).up_to(secs(1)), std::future::pending::<Result>).await
    }))
    .await;
    assert_eq!(report.reason, Some(Reason::Timeout));
    assert_eq!(report.failures[0].subject(), "no answer yet when 1s had passed, in try 1");
    assert_eq!(report.duration, secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_our_own_is_not_waited_for() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        run.eventually(every(ms(250)).up_to(secs(10)), || async { Err::<(), _>(Failure::setup("no secret")) }).await
    }))
    .await;
    assert_eq!((report.reason, report.duration), (Some(Reason::Setup), ms(0)));
}

#[tokio::test(start_paused = true)]
async fn what_a_retry_cured_stays_visible() {
    let tries = Arc::new(AtomicU32::new(0));
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let tries = Arc::clone(&tries);
        async move {
            run.step(
                "reserve",
                run.retry(attempts(3).wait(ms(100)), || async {
                    run.expect("tries", tries.fetch_add(1, Ordering::Relaxed), ge(2))
                }),
            )
            .await
        }
    }))
    .await;
    report.assert_passed();
    assert_eq!((report.recovered.len(), report.duration), (2, ms(300)));
}

#[tokio::test(start_paused = true)]
async fn the_last_failure_of_a_retry_tells_what_the_earlier_ones_said() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        run.retry(attempts(2), || async { run.expect("seat", "none", eq("12A")) }).await
    }))
    .await;
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].pieces_of_evidence()[0].label, "earlier");
    assert!(report.recovered.is_empty());
}

#[tokio::test]
async fn a_retry_on_network_errors_does_not_repeat_a_wrong_answer() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        run.retry(attempts(5).on_network_errors(), || async { run.expect("seat", "none", eq("12A")) }).await
    }))
    .await;
    assert!(report.failures[0].pieces_of_evidence().is_empty());
}

#[tokio::test]
async fn what_is_tolerated_does_not_fail_the_run() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        let refused = run.tolerate(run.step("forbidden", async { run.expect("status", 403, eq(200)) })).await;
        run.expect("refused", refused.is_err(), eq(true))
    }))
    .await;
    report.assert_passed();
    assert!(report.steps[0].superseded);
}

#[tokio::test]
async fn preferences_of_the_look_that_counts_degrade_the_run() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        run.eventually(every(ms(10)).up_to(secs(1)), || async {
            run.prefer("latency", 9, lt(5));
            Ok(())
        })
        .await
    }))
    .await;
    assert_eq!((report.outcome, report.unmet.len()), (Outcome::Degraded, 1));
}

#[tokio::test]
async fn a_step_that_was_tolerated_and_good_counts() {
    let report =
        once(canary(
            Spec::new("test"),
            |run: Run| async move { run.tolerate(run.step("allowed", async { Ok(()) })).await },
        ))
        .await;
    report.assert_passed();
    assert!(!report.steps[0].superseded);
}

#[tokio::test]
async fn however_often_something_is_tried_again_what_is_kept_is_bounded_and_the_rest_is_counted() {
    let tries = Arc::new(AtomicU32::new(0));
    let report = once(canary(Spec::new("test"), move |run: Run| {
        let tries = Arc::clone(&tries);
        async move {
            run.retry(attempts(u32::MAX).wait(ms(0)), || async {
                run.expect("tries", tries.fetch_add(1, Ordering::Relaxed), ge(250))
            })
            .await
        }
    }))
    .await;
    report.assert_passed();
    assert_eq!(report.recovered.len(), 100);
    assert_eq!(report.warnings, ["150 recovered failures were left out, a run keeps 100"]);
}
