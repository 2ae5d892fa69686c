//! Every canary once.

use std::sync::Arc;

use synthetic_core::monitor::{ControlError, Exit};
use synthetic_core::prelude::*;
use synthetic_core::sink::DeliveryError;
use tokio::time::{sleep, timeout};

use super::{at, good, monitor, of, slow, starts, stuck};

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

#[tokio::test(start_paused = true)]
async fn once_runs_eight_of_a_class_side_by_side_and_skips_none_for_lack_of_a_place() {
    let (builder, sink) = monitor();
    let builder = builder.concurrency("http", 100).queue("http", 0).concurrency("browser", 1).queue("browser", 0);
    let builder = (0..20).fold(builder, |builder, n| {
        builder.canary(every(mins(1)), of(Spec::new(format!("http-{n}")).timeout(secs(30)), secs(10)))
    });
    let builder = (0..3).fold(builder, |builder, n| {
        let spec = Spec::new(format!("browser-{n}")).timeout(secs(30)).class("browser");
        builder.canary(every(mins(1)), of(spec, secs(10)))
    });
    let (reports, summary) = builder.build().unwrap().once().await;
    assert_eq!((reports.len(), summary.exit()), (23, Exit::Passed));
    for (n, wait) in [(7, 0), (8, 10), (15, 10), (16, 20), (19, 20)] {
        assert_eq!(starts(&sink, &format!("http-{n}")), [secs(wait)]);
        assert_eq!((reports[n].queue_wait.as_secs(), reports[n].duration), (wait, secs(10)));
    }
    assert_eq!(starts(&sink, "browser-2"), [secs(20)], "a limit below eight holds");
}

#[tokio::test(start_paused = true)]
async fn told_to_stop_half_way_once_starts_no_other_and_reports_those_that_ran() {
    let (builder, sink) = monitor();
    let builder = (0..20).fold(builder, |builder, n| {
        let name = format!("c{n}");
        match n {
            3 => builder.canary(every(mins(1)), stuck(Spec::new(name))),
            _ => builder.canary(every(mins(1)), of(Spec::new(name), secs(5))),
        }
    });
    let monitor = builder.grace(secs(4)).build().unwrap();
    let handle = monitor.handle();
    let (reports, summary) = monitor.once_until(sleep(secs(7))).await;
    let names: Vec<_> = reports.iter().map(|report| &*report.canary).collect();
    let expected: Vec<_> = (0..15).map(|n| format!("c{n}")).collect();
    assert_eq!(names, expected, "eight at once, and seven more as soon as there was a place");
    let cancelled = reports.iter().filter(|report| report.reason == Some(synthetic_core::Reason::Cancelled)).count();
    assert_eq!((cancelled, sink.reports().len(), summary.runs()), (8, 15, 15));
    assert_eq!((summary.canaries.len(), summary.canaries["c19"].runs()), (20, 0));
    let stats = handle.stats();
    assert_eq!((stats.in_flight, stats.waiting), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn once_ends_when_all_that_it_would_run_is_paused_or_removed() {
    for remove in [false, true] {
        let (builder, sink) = monitor();
        let monitor = builder.canary(every(mins(1)), good("a")).canary(every(mins(1)), good("b")).build().unwrap();
        let handle = monitor.handle();
        for name in ["a", "b"] {
            if remove { handle.remove(name).unwrap() } else { handle.pause(name).unwrap() }
        }
        let (reports, summary) = timeout(mins(1), monitor.once()).await.expect("it ends");
        assert_eq!((reports.len(), sink.reports().len(), summary.exit()), (0, 0, Exit::NothingSelected));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_told_before_the_start_keeps_no_canary_from_its_one_run() {
    let (builder, _sink) = monitor();
    let monitor = builder.canary(every(mins(1)), good("a")).canary(every(mins(1)), good("b")).build().unwrap();
    let handle = monitor.handle();
    handle.pause("a").unwrap();
    handle.resume("a").unwrap();
    handle.reschedule("b", every(mins(2))).unwrap();
    sleep(mins(5)).await;
    let (reports, _) = timeout(mins(1), monitor.once()).await.expect("it ends");
    let runs: Vec<_> = reports.iter().map(|report| (&*report.canary, at(report.scheduled_at), report.missed)).collect();
    assert_eq!(runs, [("a", mins(5), 0), ("b", mins(5), 0)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_or_paused_while_it_waits_for_once_does_not_run_and_holds_nothing_up() {
    let (builder, _sink) = monitor();
    let builder = builder.concurrency("http", 1).canary(every(mins(1)), slow("a", secs(10)));
    let builder = ["b", "c"].iter().fold(builder, |builder, name| builder.canary(every(mins(1)), good(*name)));
    let monitor = builder.build().unwrap();
    let handle = monitor.handle();
    let running = tokio::spawn(monitor.once());
    sleep(secs(1)).await;
    handle.remove("b").unwrap();
    handle.pause("c").unwrap();
    let (reports, summary) = timeout(mins(1), running).await.expect("it ends").unwrap();
    assert_eq!((reports.len(), summary.runs()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_added_while_once_goes_on_runs_once_too() {
    let (builder, _sink) = monitor();
    let monitor = builder.canary(every(mins(1)), slow("a", secs(10))).build().unwrap();
    let handle = monitor.handle();
    let running = tokio::spawn(monitor.once());
    sleep(secs(1)).await;
    handle.add(every(secs(10)), good("b")).unwrap();
    sleep(ms(1)).await;
    assert_eq!(handle.runs("b").unwrap().len(), 1);
    let (reports, _) = running.await.unwrap();
    let names: Vec<_> = reports.iter().map(|report| &*report.canary).collect();
    assert_eq!(names, ["a", "b"]);
    assert!(matches!(handle.add(every(secs(10)), good("c")), Err(ControlError::NotRunning(_))));
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
