//! What a monitor is told while it runs.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use synthetic_core::Reason;
use synthetic_core::monitor::{Activity, ControlError, Handle};
use synthetic_core::prelude::*;
use synthetic_core::testing::RecordingSink;
use tokio::time::{sleep, timeout};

use super::{Live, at, good, monitor, of, on_the_dot, slow, starts, stuck};

#[tokio::test(start_paused = true)]
async fn canaries_are_listed_by_name_with_what_they_do_and_did() {
    let (builder, _sink) = monitor();
    let bad = canary(Spec::new("bad").timeout(secs(5)), |run: Run| async move { run.expect("x", 1, eq(2)) });
    let tagged = of(Spec::new("tagged").timeout(secs(50)).tags(["checkout"]).class("browser"), secs(40));
    let builder = builder
        .canary(on_the_dot(mins(1)), tagged)
        .canary(on_the_dot(mins(2)), bad)
        .canary(on_the_dot(mins(3)), good("also"));
    let monitor = builder.build().unwrap();
    let handle = monitor.handle();
    let before = handle.get("tagged").unwrap();
    assert_eq!((before.activity, before.next, before.last, before.summary.runs()), (Activity::Idle, None, None, 0));
    let running = tokio::spawn(monitor.run_until(sleep(secs(30))));
    sleep(secs(10)).await;

    let list = handle.list();
    let names: Vec<_> = list.iter().map(|canary| &*canary.name).collect();
    assert_eq!(names, ["also", "bad", "tagged"]);
    let (bad, tagged) = (&list[1], &list[2]);
    assert_eq!((bad.activity, bad.next.map(at), bad.paused), (Activity::Idle, Some(mins(2)), false));
    let last = bad.last.unwrap();
    assert_eq!((at(last.started_at), last.outcome, last.reason), (secs(0), Outcome::Failed, Some(Reason::Expectation)));
    assert_eq!((bad.summary.outcomes[&Outcome::Failed], &*bad.class), (1, "http"));
    assert_eq!((tagged.activity, tagged.next, tagged.last), (Activity::Running, None, None));
    assert_eq!(
        (&*tagged.class, &*tagged.tags, &*tagged.schedule),
        ("browser", &["checkout".to_owned()][..], "every 1m, offset 0s")
    );
    assert_eq!(handle.get("bad").as_ref(), Some(bad));
    assert_eq!(handle.get("nobody"), None);
    running.await.unwrap();

    // A handle outlives its monitor.
    let after = handle.get("tagged").unwrap();
    assert_eq!((after.activity, after.next, after.summary.runs()), (Activity::Idle, None, 1));
    assert_eq!((handle.list().len(), handle.runs("bad").unwrap().len()), (3, 1));
    assert!(!handle.health().is_ready());
    let error = handle.trigger("bad").unwrap_err();
    assert_eq!(error, ControlError::NotRunning("it was told to stop"));
    assert_eq!(handle.add(every(mins(1)), good("new")), Err(ControlError::NotRunning("it was told to stop")));
    assert_eq!(error.to_string(), "the monitor does not run: it was told to stop");
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_a_canary_that_is_not_there_is_told_which_are() {
    let (builder, _sink) = monitor();
    let live = Live::start(builder.canary(every(mins(1)), good("b")).canary(every(mins(1)), good("a"))).await;
    let handle = &live.handle;
    let unknown = ControlError::Unknown { name: "c".to_owned(), known: vec!["a".into(), "b".into()] };
    assert_eq!(unknown.to_string(), "there is no canary \"c\": there are a, b");
    let all = [
        handle.runs("c").map(drop),
        handle.pause("c"),
        handle.resume("c"),
        handle.trigger("c"),
        handle.reschedule("c", every(mins(2))),
        handle.remove("c"),
    ];
    assert!(all.into_iter().all(|result| result == Err(unknown.clone())));
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn paused_while_idle_it_starts_no_more_and_resumed_it_goes_on_at_the_next_start_that_its_schedule_names() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(secs(10)), good("a"))).await;
    sleep(secs(12)).await;
    live.handle.pause("a").unwrap();
    live.handle.pause("a").unwrap();
    let paused = live.handle.get("a").unwrap();
    assert_eq!((paused.paused, paused.next), (true, None));
    sleep(secs(33)).await;
    live.handle.resume("a").unwrap();
    assert_eq!(live.handle.get("a").unwrap().next.map(at), Some(secs(50)));
    live.handle.resume("a").unwrap();
    sleep(secs(16)).await;
    assert_eq!(starts(&sink, "a"), [secs(0), secs(10), secs(50), secs(60)]);
    assert_eq!((live.handle.stats().missed, live.stop().await.canaries["a"].missed), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn paused_while_it_runs_it_ends_and_starts_no_more() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(secs(10)), of(Spec::new("a").timeout(secs(10)), secs(5)))).await;
    live.handle.pause("a").unwrap();
    assert_eq!(live.activity("a"), Activity::Running);
    sleep(secs(60)).await;
    assert_eq!(
        (sink.reports().len(), sink.reports()[0].outcome, live.activity("a")),
        (1, Outcome::Passed, Activity::Idle)
    );
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn paused_and_resumed_while_it_runs_it_goes_on_as_if_nothing_had_been() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(secs(10)), of(Spec::new("a").timeout(secs(10)), secs(5)))).await;
    live.handle.pause("a").unwrap();
    sleep(secs(2)).await;
    live.handle.resume("a").unwrap();
    sleep(secs(20)).await;
    assert_eq!(starts(&sink, "a"), [secs(0), secs(10)]);
    assert_eq!(live.activity("a"), Activity::Running);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn paused_while_it_waits_for_a_place_it_gives_up_its_turn() {
    let (builder, sink) = monitor();
    let builder = builder.concurrency("http", 1).canary(on_the_dot(mins(2)), slow("hog", secs(30)));
    let builder = builder.canary(on_the_dot(mins(1)), good("first")).canary(on_the_dot(mins(3)), good("second"));
    let live = Live::start(builder).await;
    assert_eq!((live.activity("first"), live.handle.stats().waiting), (Activity::Waiting, 2));
    live.handle.pause("first").unwrap();
    assert_eq!((live.activity("first"), live.handle.stats().waiting), (Activity::Idle, 1));
    sleep(secs(40)).await;
    assert_eq!((starts(&sink, "first").len(), starts(&sink, "second")), (0, vec![secs(30)]));
    live.handle.resume("first").unwrap();
    sleep(secs(25)).await;
    assert_eq!(starts(&sink, "first"), [secs(60)]);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_before_the_start_does_not_run_and_what_is_resumed_runs_from_the_start() {
    let (builder, sink) = monitor();
    let monitor =
        builder.canary(on_the_dot(secs(10)), good("a")).canary(on_the_dot(secs(20)), good("b")).build().unwrap();
    let handle = monitor.handle();
    handle.pause("a").unwrap();
    handle.pause("b").unwrap();
    handle.resume("b").unwrap();
    assert!(!handle.health().is_ready());
    let error = handle.trigger("a").unwrap_err();
    assert_eq!(error.to_string(), "the monitor does not run: it was not started");
    assert_eq!(handle.add(every(mins(1)), good("c")), Err(ControlError::NotRunning("it was not started")));
    // What was said before the start starts no clock.
    sleep(mins(7)).await;
    let running = tokio::spawn(monitor.run_until(sleep(secs(25))));
    sleep(secs(1)).await;
    assert!(handle.health().is_healthy(), "{}", handle.health());
    assert_eq!(handle.get("b").unwrap().next.map(at), Some(mins(7) + secs(20)));
    let summary = running.await.unwrap();
    let runs: Vec<_> =
        sink.reports().iter().map(|report| (report.canary.to_string(), at(report.scheduled_at))).collect();
    assert_eq!(runs, [("b".to_owned(), mins(7)), ("b".to_owned(), mins(7) + secs(20))]);
    assert_eq!((handle.stats().missed, summary.canaries["a"].runs()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn triggered_it_runs_now_and_its_schedule_stays_as_it_is() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(secs(10)), of(Spec::new("a").timeout(secs(10)), secs(2)))).await;
    sleep(secs(4)).await;
    live.handle.trigger("a").unwrap();
    assert_eq!(live.activity("a"), Activity::Running);
    sleep(secs(3)).await;
    assert_eq!(live.handle.get("a").unwrap().next.map(at), Some(secs(10)));
    sleep(secs(2)).await;
    // Over its next start, which is late then and not missed.
    live.handle.trigger("a").unwrap();
    sleep(secs(12)).await;
    assert_eq!(starts(&sink, "a"), [secs(0), secs(4), secs(9), secs(11)]);
    let reports = sink.reports();
    let due: Vec<_> = reports.iter().map(|report| (at(report.scheduled_at).as_secs(), report.missed)).collect();
    assert_eq!(due, [(0, 0), (4, 0), (9, 0), (10, 0)]);
    assert_eq!(live.activity("a"), Activity::Running, "and again at 20");
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn triggered_when_its_start_is_overdue_it_makes_up_for_that_one_too() {
    let (builder, sink) = monitor();
    let monitor = builder.canary(every(secs(10)), good("a")).build().unwrap();
    let handle = monitor.handle();
    let mut running = pin!(monitor.run_until(std::future::pending()));
    assert!(timeout(secs(5), &mut running).await.is_err());
    // Nobody polls it while its start is due.
    sleep(secs(7)).await;
    handle.trigger("a").unwrap();
    assert!(timeout(secs(1), &mut running).await.is_err());
    let due: Vec<_> = sink.reports().iter().map(|report| (at(report.scheduled_at).as_secs(), report.missed)).collect();
    assert_eq!(due, [(0, 0), (12, 0), (10, 0)]);
}

#[tokio::test(start_paused = true)]
async fn triggered_while_it_is_paused_it_runs_once_and_stays_paused() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(secs(10)), good("a"))).await;
    live.handle.pause("a").unwrap();
    sleep(secs(60)).await;
    live.handle.trigger("a").unwrap();
    sleep(secs(60)).await;
    assert_eq!(starts(&sink, "a"), [secs(0), secs(60)]);
    assert!(live.handle.get("a").unwrap().paused);
    assert_eq!(sink.reports()[1].missed, 0);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn triggered_while_it_runs_or_waits_it_says_that_it_is_busy() {
    let (builder, sink) = monitor();
    let builder = builder.concurrency("http", 1).canary(on_the_dot(mins(2)), slow("a", secs(30)));
    let live = Live::start(builder.canary(on_the_dot(mins(3)), good("b"))).await;
    for name in ["a", "b"] {
        let error = live.handle.trigger(name).unwrap_err();
        assert_eq!(error, ControlError::Busy(name.to_owned()));
    }
    insta::assert_snapshot!(live.handle.trigger("a").unwrap_err(), @r#"canary "a" runs now, or waits for its place: it never runs twice side by side"#);
    sleep(mins(1)).await;
    assert_eq!(sink.reports().len(), 2);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rescheduled_it_counts_from_now() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(mins(60)), good("a"))).await;
    sleep(secs(100)).await;
    live.handle.reschedule("a", every(secs(20))).unwrap();
    let status = live.handle.get("a").unwrap();
    assert_eq!(&*status.schedule, "every 20s");
    let first = status.next.map(at).unwrap();
    assert!(first >= secs(100) && first < secs(120), "{first:?} is within an interval from now");
    sleep(secs(60)).await;
    let expected = [secs(0), first, first + secs(20), first + secs(40)];
    assert_eq!(starts(&sink, "a"), expected);
    assert_eq!(live.handle.stats().missed, 0);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rescheduled_it_does_not_start_when_the_old_schedule_would_have_let_it() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(secs(20)), good("a"))).await;
    live.handle.reschedule("a", every(mins(10))).unwrap();
    let first = live.handle.get("a").unwrap().next.map(at).unwrap();
    sleep(mins(15)).await;
    assert_eq!(starts(&sink, "a"), [secs(0), first, first + mins(10)]);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rescheduled_while_it_runs_or_is_paused_it_follows_the_new_schedule_when_it_can() {
    let (builder, sink) = monitor();
    let builder =
        builder.canary(on_the_dot(mins(1)), slow("runs", secs(30))).canary(on_the_dot(mins(2)), good("paused"));
    let live = Live::start(builder).await;
    live.handle.pause("paused").unwrap();
    sleep(secs(10)).await;
    for name in ["runs", "paused"] {
        live.handle.reschedule(name, every(mins(10))).unwrap();
        assert_eq!(live.handle.get(name).unwrap().next, None);
    }
    sleep(mins(30)).await;
    assert_eq!(starts(&sink, "paused").len(), 1);
    let runs = starts(&sink, "runs");
    assert_eq!((runs.len(), runs[2] - runs[1]), (4, mins(10)));
    live.handle.resume("paused").unwrap();
    sleep(mins(10)).await;
    assert_eq!(starts(&sink, "paused").len(), 2);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_cannot_work_is_refused_and_the_old_one_stays() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(secs(10)), good("a"))).await;
    let before = live.handle.get("a").unwrap();
    let error = live.handle.reschedule("a", every(secs(0))).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    the monitor goes on as it was:
    - canary "a": its interval is zero: give it one, such as every(mins(1))
    "#);
    let error = live.handle.reschedule("a", every(secs(4))).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    the monitor goes on as it was:
    - canary "a": its timeout of 5s is longer than its interval of 4s, so that runs would overlap: shorten the timeout or lengthen the interval
    "#);
    assert!(matches!(&error, ControlError::Config(error) if error.problems()[0].canary.as_deref() == Some("a")));
    assert_eq!(live.handle.get("a").unwrap(), before);
    sleep(secs(15)).await;
    assert_eq!(starts(&sink, "a"), [secs(0), secs(10)]);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn added_it_runs_within_its_interval_and_again_and_again() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(mins(1)), good("a"))).await;
    sleep(secs(100)).await;
    live.handle.add(every(secs(20)), good("new")).unwrap();
    let first = live.handle.get("new").unwrap().next.map(at).unwrap();
    assert!(first >= secs(100) && first < secs(120), "{first:?}");
    sleep(secs(60)).await;
    assert_eq!(starts(&sink, "new"), [first, first + secs(20), first + secs(40)]);
    assert_eq!(live.handle.list().len(), 2);
    assert_eq!(live.stop().await.canaries["new"].runs(), 3);
}

#[tokio::test(start_paused = true)]
async fn many_that_are_added_at_once_do_not_start_at_once() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(mins(1)), good("a"))).await;
    for n in 0..100 {
        live.handle.add(every(mins(10)), good(format!("c{n}"))).unwrap();
    }
    sleep(secs(61)).await;
    let mut starts: Vec<_> =
        sink.reports().iter().filter(|report| &*report.canary != "a").map(|report| at(report.started_at)).collect();
    assert_eq!(starts.len(), 100, "all of them within a minute");
    starts.dedup_by_key(|start| start.as_secs());
    assert!(starts.len() > 30, "spread over it: {} seconds have a start", starts.len());
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_run_is_not_added_and_everything_that_is_wrong_with_it_is_said() {
    let (builder, _sink) = monitor();
    let live = Live::start(builder.canary(every(mins(1)), good("a"))).await;
    let wrong = stuck(Spec::new("a b").timeout(secs(20)).class("mainframe"));
    insta::assert_snapshot!(live.handle.add(every(secs(10)), wrong).unwrap_err(), @r#"
    the monitor goes on as it was:
    - canary "a b": its name must be 1 to 255 of the characters 0-9, a-z, _ and -
    - canary "a b": nobody says how many runs of its class "mainframe" go on side by side: add .concurrency("mainframe", 10)
    - canary "a b": its timeout of 20s is longer than its interval of 10s, so that runs would overlap: shorten the timeout or lengthen the interval
    "#);
    insta::assert_snapshot!(live.handle.add(every(mins(1)), good("a")).unwrap_err(), @r#"
    the monitor goes on as it was:
    - canary "a": its name is there twice: every canary needs a name of its own
    "#);
    assert_eq!(live.handle.list().len(), 1);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn removed_it_is_not_there_any_more_and_what_it_did_still_counts() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(secs(10)), good("a")).canary(every(mins(1)), good("b"))).await;
    sleep(secs(15)).await;
    live.handle.remove("a").unwrap();
    assert!(live.handle.get("a").is_none() && live.handle.runs("a").is_err());
    assert_eq!(live.handle.remove("a").unwrap_err().to_string(), "there is no canary \"a\": there are b");
    sleep(mins(5)).await;
    assert_eq!(starts(&sink, "a").len(), 2);
    live.handle.add(every(secs(20)), good("a")).unwrap();
    assert_eq!(live.handle.get("a").unwrap().summary.runs(), 0, "it is another one");
    sleep(mins(1)).await;
    assert_eq!(starts(&sink, "a").len(), 5);
    assert_eq!(live.stop().await.canaries["a"].runs(), 5);
}

#[tokio::test(start_paused = true)]
async fn removed_while_it_runs_it_ends_and_its_report_is_delivered() {
    let (builder, sink) = monitor();
    let builder = builder.concurrency("http", 1).canary(on_the_dot(mins(2)), slow("a", secs(30)));
    let live = Live::start(builder.canary(on_the_dot(mins(3)), good("b"))).await;
    live.handle.remove("a").unwrap();
    assert!(live.handle.get("a").is_none());
    assert_eq!(live.handle.list().len(), 1);
    let stats = live.handle.stats();
    assert_eq!((stats.in_flight, stats.waiting), (1, 1), "it keeps its place until it ends");
    sleep(secs(31)).await;
    assert_eq!((starts(&sink, "a").len(), starts(&sink, "b")), (1, vec![secs(30)]));
    sleep(mins(10)).await;
    assert_eq!(starts(&sink, "a").len(), 1);
    let summary = live.stop().await;
    assert_eq!(summary.canaries["a"].outcomes[&Outcome::Passed], 1);
}

#[tokio::test(start_paused = true)]
async fn another_one_of_its_name_is_not_added_before_the_run_of_the_removed_one_has_ended() {
    let (builder, _sink) = monitor();
    let live = Live::start(builder.canary(every(mins(2)), slow("a", secs(30)))).await;
    live.handle.remove("a").unwrap();
    let error = live.handle.add(every(mins(1)), good("a")).unwrap_err();
    assert_eq!(error, ControlError::Busy("a".to_owned()), "one name never runs twice side by side");
    assert_eq!((live.handle.list().len(), live.handle.get("a")), (0, None));
    sleep(secs(31)).await;
    live.handle.add(every(mins(1)), good("a")).unwrap();
    assert_eq!(live.handle.list().len(), 1);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn removed_while_it_waits_it_never_starts() {
    let (builder, sink) = monitor();
    let builder = builder.concurrency("http", 1).canary(every(mins(2)), slow("a", secs(30)));
    let live = Live::start(builder.canary(every(mins(3)), good("b"))).await;
    live.handle.remove("b").unwrap();
    assert_eq!(live.handle.stats().waiting, 0);
    live.handle.add(every(mins(3)), good("b")).unwrap();
    live.handle.remove("b").unwrap();
    sleep(mins(10)).await;
    assert_eq!(starts(&sink, "b").len(), 0);
    assert_eq!(live.stop().await.canaries["b"].runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_last_canary_may_be_removed_and_the_monitor_waits_for_others() {
    let (builder, sink) = monitor();
    let live = Live::start(builder.canary(every(mins(1)), good("a"))).await;
    live.handle.remove("a").unwrap();
    sleep(mins(10)).await;
    assert!(live.handle.health().is_healthy() && live.handle.health().is_ready());
    assert_eq!(live.handle.pause("a").unwrap_err().to_string(), "there is no canary \"a\": there is none at all");
    live.handle.add(every(mins(1)), good("b")).unwrap();
    sleep(mins(2)).await;
    assert_eq!(starts(&sink, "b").len(), 2);
    live.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_may_tell_its_own_monitor() {
    let (builder, sink) = monitor();
    let own = Arc::new(OnceLock::<Handle>::new());
    let inner = Arc::clone(&own);
    let telling = canary(Spec::new("telling").timeout(secs(5)), move |run: Run| {
        let handle = inner.get().unwrap().clone();
        async move {
            sleep(secs(1)).await;
            handle.pause("telling").unwrap();
            handle.trigger("told").unwrap();
            run.expect("itself", handle.trigger("telling"), eq(Err(ControlError::Busy("telling".to_owned()))))
        }
    });
    let monitor =
        builder.canary(on_the_dot(secs(10)), telling).canary(on_the_dot(mins(10)), good("told")).build().unwrap();
    own.set(monitor.handle()).unwrap();
    monitor.run_until(sleep(secs(60))).await;
    assert_eq!((starts(&sink, "telling"), starts(&sink, "told")), (vec![secs(0)], vec![secs(0), secs(1)]));
    assert!(sink.reports().iter().all(|report| report.outcome == Outcome::Passed));
}

#[tokio::test(start_paused = true)]
async fn the_next_start_stays_where_it_is_while_time_goes_by_also_when_a_test_lets_it_fly() {
    let monitor = Monitor::named("test").canary(every(mins(60)), good("a")).sink(RecordingSink::new()).build().unwrap();
    let handle = monitor.handle();
    let running = tokio::spawn(monitor.run_until(sleep(mins(59))));
    sleep(secs(1)).await;
    let next = handle.get("a").unwrap().next.unwrap();
    sleep(mins(50)).await;
    assert_eq!(handle.get("a").unwrap().next, Some(next));
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_status_is_data_that_others_can_read() {
    let (builder, _sink) = monitor();
    let live = Live::start(builder.canary(every(mins(1)), good("a"))).await;
    let json = serde_json::to_value(live.handle.get("a").unwrap()).unwrap();
    assert_eq!((&json["activity"], &json["paused"]), (&"idle".into(), &false.into()));
    assert_eq!((&json["next"], &json["last"]["outcome"]), (&"1970-01-01T00:01:00Z".into(), &"passed".into()));
    assert_eq!(json["summary"]["outcomes"]["passed"], 1);
    assert_eq!(live.handle.get("a").unwrap().last.unwrap().started_at, SystemTime::UNIX_EPOCH);
    live.stop().await;
}
