//! Evidence that is gathered when a body has ended.

use std::time::Duration;

use synthetic_core::prelude::*;
use synthetic_core::{Outcome, Reason};

#[tokio::test]
async fn evidence_is_gathered_before_what_was_deferred_is_undone_and_the_last_is_made_after_it() {
    let report = once(canary(Spec::new("order"), |run: Run| async move {
        let (gathering, closing) = (run.clone(), run.clone());
        run.defer("close", async move {
            closing.label("closed", "yes");
            closing.attach("closed", "text/plain", "second");
            Ok(())
        });
        run.gather(async move { gathering.attach("gathered", "text/plain", "first") });
        run.attach_last("last", "text/plain", |failed| Some(format!("failed: {failed}").into()));
        run.attach_last("none", "text/plain", |_| None);
        run.expect("door", "open", eq("closed"))
    }))
    .await;
    let artifacts: Vec<(&str, &[u8])> = report.artifacts.iter().map(|it| (&*it.name, &*it.bytes)).collect();
    let expected: [(&str, &[u8]); 3] = [("gathered", b"first"), ("closed", b"second"), ("last", b"failed: true")];
    assert_eq!(artifacts, expected);
}

#[tokio::test(start_paused = true)]
async fn evidence_that_hangs_panics_or_fails_is_a_warning_and_changes_no_result() {
    let report = once(canary(Spec::new("stubborn"), |run: Run| async move {
        let (first, second) = (run.clone(), run.clone());
        run.gather(async move {
            drop(first.expect("evidence", 1, eq(2)));
            panic!("no picture")
        });
        run.gather(async move {
            second.attach("before", "text/plain", "x");
            std::future::pending().await
        });
        run.attach_last("broken", "text/plain", |_| panic!("no file"));
        run.expect("door", "open", eq("open"))
    }))
    .await;
    assert_eq!((report.outcome, report.checks), (Outcome::Passed, 1), "{report}");
    assert_eq!(
        report.warnings,
        [
            "evidence was not gathered: it panicked: no picture",
            "evidence was not gathered: not done within 5s",
            "artifact \"broken\" could not be made: it panicked: no file",
        ]
    );
    assert_eq!(report.artifacts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_gathers_knows_that_the_time_was_up_or_the_body_panicked() {
    for (reason, panics) in [(Reason::Timeout, false), (Reason::Panic, true)] {
        let spec = Spec::new("ends").timeout(Duration::from_secs(1));
        let report = once(canary(spec, move |run: Run| async move {
            let later = run.clone();
            run.gather(async move { later.label("failed", later.has_failed().to_string()) });
            assert!(!panics, "boom");
            std::future::pending().await
        }))
        .await;
        assert_eq!((report.reason, &*report.labels["failed"]), (Some(reason), "true"));
    }
}

#[tokio::test]
async fn a_protocol_crate_knows_its_step_and_whether_a_failure_counts_at_once() {
    once(canary(Spec::new("where"), |run: Run| async move {
        let here = run.clone();
        run.step("outer", async {
            here.step("inner", async {
                assert_eq!(here.current_step(), Some((1, vec!["outer".to_owned(), "inner".to_owned()])));
                assert!(!here.is_tentative());
                let tentative = here.tolerate(async { Ok(here.is_tentative()) }).await?;
                assert!(tentative);
                Ok(())
            })
            .await
        })
        .await
    }))
    .await
    .assert_passed();
}
