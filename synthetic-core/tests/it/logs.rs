//! What is logged inside of a run is part of its report when it did not pass.

use synthetic_core::Runner;
use synthetic_core::prelude::*;

async fn logging(run: Run) -> Result {
    tracing::info!("outside of any step");
    run.step("pay", async {
        tracing::warn!(amount = 30, currency = "EUR", "slow \"bank\"");
        tracing::debug!("too fine to keep");
        run.expect("paid", false, eq(true))
    })
    .await
}

#[tokio::test]
async fn events_of_a_failed_run_are_in_its_report() {
    let report = once(canary(Spec::new("test"), logging)).await;
    let lines: Vec<_> = report.log.iter().map(|line| (&*line.level, line.text.as_str())).collect();
    assert_eq!(lines, [("INFO", "outside of any step"), ("WARN", "slow \"bank\" amount=30 currency=\"EUR\"")]);
    assert_eq!(report.log[0].target, "it::logs");
}

#[tokio::test]
async fn a_run_that_passed_keeps_no_log() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        tracing::info!("all is well");
        run.expect("x", 1, eq(1))
    }))
    .await;
    assert!(report.log.is_empty());
}

#[tokio::test]
async fn the_newest_lines_stay_and_the_report_says_how_many_went() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        for n in 0..1000 {
            tracing::info!("{n} {}", "x".repeat(5000));
        }
        run.expect("x", 1, eq(2))
    }))
    .await;
    assert_eq!(report.log.len(), 200);
    assert!(report.log[199].text.starts_with("999 ") && report.log[199].text.len() < 1100);
    assert_eq!(report.warnings, ["800 log lines were left out, a run keeps 200"]);
}

#[tokio::test]
async fn runs_side_by_side_keep_their_own_logs() {
    let canary = |name: &'static str| {
        canary(Spec::new(name), move |run: Run| async move {
            tokio::task::yield_now().await;
            tracing::info!("I am {name}");
            run.expect("x", 1, eq(2))
        })
    };
    let runner = Runner::new();
    let (a, b) = tokio::join!(runner.run(canary("a")), runner.run(canary("b")));
    assert_eq!((a.log[0].text.as_str(), b.log[0].text.as_str()), ("I am a", "I am b"));
    assert_eq!((a.log.len(), b.log.len()), (1, 1));
}

#[tokio::test]
async fn events_and_spans_still_reach_the_subscriber_of_the_app() {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);
    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let report = once(canary(Spec::new("shop"), logging)).await;
    let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
    let line = text.lines().find(|line| line.contains("slow")).unwrap_or_else(|| panic!("no such line in {text:?}"));
    assert!(line.contains("run{canary=\"shop\" run_id="), "{line}");
    assert!(line.contains(":step{name=pay}: it::logs: slow \"bank\" amount=30"), "{line}");
    assert_eq!(report.log.len(), 2);
}

#[tokio::test]
async fn keeping_logs_can_be_switched_off_or_made_finer() {
    let off = Runner::new().keep_logs(None).run(canary(Spec::new("test"), logging)).await;
    assert!(off.log.is_empty());
    let fine = Runner::new().keep_logs(Some(tracing::Level::DEBUG)).run(canary(Spec::new("test"), logging)).await;
    assert_eq!(fine.log.len(), 3);
}

#[tokio::test]
async fn what_tasks_in_the_scope_of_a_run_and_its_cleanup_log_is_in_its_report_too() {
    let report = once(canary(Spec::new("test"), |run: Run| async move {
        run.defer("log out", async {
            tracing::warn!("cannot log out");
            Ok(())
        });
        tokio::spawn(run.scope(async { tracing::info!("in a task") })).await?;
        run.expect("x", 1, eq(2))
    }))
    .await;
    let lines: Vec<_> = report.log.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["in a task", "cannot log out"]);
}
