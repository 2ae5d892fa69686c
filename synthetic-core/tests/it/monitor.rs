//! The monitor: what it refuses, when it runs what, and how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use synthetic_core::Clock;
use synthetic_core::monitor::{Builder, Exit};
use synthetic_core::prelude::*;
use synthetic_core::sink::DeliveryError;
use synthetic_core::testing::RecordingSink;

fn good(name: &'static str) -> impl Canary {
    canary(Spec::new(name).timeout(secs(5)), |run: Run| async move { run.expect("x", 1, eq(1)) })
}

fn slow(name: &'static str, takes: Duration) -> impl Canary {
    canary(Spec::new(name).timeout(secs(50)), move |run: Run| async move {
        run.step("wait", async {
            tokio::time::sleep(takes).await;
            Ok(())
        })
        .await
    })
}

fn monitor() -> (Builder, RecordingSink) {
    let sink = RecordingSink::new();
    (Monitor::named("test").clock(Clock::system()).sink(sink.clone()), sink)
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let nothing = |_run: Run| async { Ok(()) };
    let error = Monitor::named("")
        .canary(every(secs(10)), canary(Spec::new("a"), nothing))
        .canary(every(secs(60)), canary(Spec::new("a").timeout(secs(0)), nothing))
        .canary(every(secs(0)), canary(Spec::new("Ünï"), nothing))
        .build()
        .unwrap_err();
    insta::assert_snapshot!(error, @r#"
    monitor "" cannot run:
    - canary "a": its timeout of 30s is longer than its interval of 10s, so that runs would overlap: shorten the timeout or lengthen the interval
    - canary "a": its timeout is zero: no run could ever finish
    - canary "a": its name is there twice: every canary needs a name of its own
    - canary "Ünï": its name must be 1 to 255 of the characters 0-9, a-z, _ and -
    - canary "Ünï": its interval is zero: give it one, such as every(mins(1))
    - its name is empty: give it one, such as the service's
    - it has no sink, so nobody would learn what it finds: add one with .sink(Stdout::pretty())
    "#);
    assert_eq!(error.problems()[0].canary.as_deref(), Some("a"));
}

#[test]
fn a_monitor_without_canaries_is_an_error_not_green() {
    let error = monitor().0.build().unwrap_err().to_string();
    assert!(error.contains("it has no canary, and nothing is green on nothing"), "{error}");
}

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
    let builder = names.iter().fold(builder, |builder, name| builder.canary(every(secs(20)), good(name)));
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
async fn told_to_stop_it_lets_runs_end_and_starts_none() {
    let (builder, sink) = monitor();
    let monitor = builder.canary(every(secs(60)), slow("slow", secs(20))).grace(mins(1)).build().unwrap();
    let start = tokio::time::Instant::now();
    let summary = monitor.run_until(tokio::time::sleep(secs(5))).await;
    assert_eq!((summary.runs(), sink.reports()[0].outcome), (1, Outcome::Passed));
    assert!(start.elapsed() >= secs(20) && start.elapsed() < secs(21));
}

#[tokio::test(start_paused = true)]
async fn past_the_grace_period_runs_are_cancelled_cleaned_up_and_reported() {
    let (builder, sink) = monitor();
    let undone = Arc::new(AtomicUsize::new(0));
    let inner = Arc::clone(&undone);
    let holding = canary(Spec::new("holding").timeout(secs(50)), move |run: Run| {
        let undone = Arc::clone(&inner);
        run.defer("let go", async move {
            undone.fetch_add(1, Ordering::SeqCst);
            Ok(())
        });
        std::future::pending()
    });
    let monitor = builder.canary(every(secs(60)), holding).grace(secs(2)).build().unwrap();
    let start = tokio::time::Instant::now();
    let summary = monitor.run_until(tokio::time::sleep(secs(5))).await;
    let reports = sink.reports();
    assert_eq!(reports[0].reason, Some(synthetic_core::Reason::Cancelled));
    assert_eq!((undone.load(Ordering::SeqCst), summary.exit()), (1, Exit::Error));
    assert!(start.elapsed() < secs(8), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn stopped_before_the_first_start_nothing_runs_and_that_is_not_green() {
    let (builder, sink) = monitor();
    let summary = builder.canary(every(secs(60)), good("a")).build().unwrap().run_until(std::future::ready(())).await;
    assert_eq!((summary.runs(), summary.exit(), sink.reports().len()), (0, Exit::NothingSelected, 0));
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
async fn once_runs_each_and_returns_their_reports_in_order() {
    let (builder, sink) = monitor();
    let monitor =
        builder.canary(every(mins(1)), slow("slow", secs(3))).canary(every(mins(1)), good("good")).build().unwrap();
    let (reports, summary) = monitor.once().await;
    let names: Vec<_> = reports.iter().map(|report| &*report.canary).collect();
    assert_eq!((names, sink.reports().len(), summary.exit()), (vec!["slow", "good"], 2, Exit::Passed));
}

#[tokio::test(start_paused = true)]
async fn what_was_left_behind_has_an_exit_code_of_its_own() {
    let (builder, _sink) = monitor();
    let leaky = canary(Spec::new("leaky"), |run: Run| async move {
        run.defer("cart 7", async { Err(Failure::new("status of DELETE /carts/7").actual("500")) });
        run.expect("x", 1, eq(1))
    });
    let (_, summary) = builder.canary(every(mins(1)), leaky).build().unwrap().once().await;
    assert_eq!(summary.exit(), Exit::LeftBehind);
    assert_eq!(summary.to_string(), "leaky     1 runs, 1 degraded, 1 things left behind");
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_does_not_close_as_it_should_is_not_green() {
    struct Leaky;
    #[async_trait::async_trait]
    impl synthetic_core::Sink for Leaky {
        fn name(&self) -> &'static str {
            "leaky"
        }
        async fn deliver(&self, _reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
            Ok(())
        }
        async fn close(&self) -> Result<(), DeliveryError> {
            Err(DeliveryError::Retry("disk full".into()))
        }
    }
    let monitor = Monitor::named("test").canary(every(mins(1)), good("good")).sink(Leaky).build().unwrap();
    let (_, summary) = monitor.once().await;
    assert_eq!(summary.exit(), Exit::Error);
    assert!(summary.to_string().ends_with("sink leaky delivered 1; last error: it could not be closed: disk full"));
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
    let blocks = canary(Spec::new("blocks").timeout(ms(50)), move |_run: Run| {
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
    monitor.run_until(told.notified()).await;
    drop(gate);
    let reports = sink.reports();
    let blocked = reports.iter().find(|report| &*report.canary == "blocks").map(|report| report.reason);
    assert_eq!(blocked, Some(Some(synthetic_core::Reason::Blocked)));
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_is_set_after_the_monitor_was_built_sees_what_is_logged_in_a_run() {
    let (builder, _sink) = monitor();
    let logs = canary(Spec::new("logs").timeout(secs(5)), |run: Run| async move {
        tracing::info!("inside of a run");
        run.expect("x", 1, eq(1))
    });
    let monitor = builder.canary(every(mins(1)), logs).build().unwrap();
    let lines = Arc::new(std::sync::Mutex::new(Vec::new()));
    let writer = Arc::clone(&lines);
    let subscriber = tracing_subscriber::fmt().with_writer(move || Lines(Arc::clone(&writer))).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    monitor.once().await;
    assert!(String::from_utf8_lossy(&lines.lock().unwrap()).contains("inside of a run"));
}

struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
