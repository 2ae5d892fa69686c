//! What happens to a creation in flight: nobody who ends a body loses its answer, and what is lost all the same is found.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use synthetic_core::cleanup::Recovery;
use synthetic_core::failure::Fate;
use synthetic_core::monitor::Builder;
use synthetic_core::prelude::*;
use synthetic_core::report::CleanupResult;
use synthetic_core::testing::RecordingSink;
use synthetic_core::{Reason, Runner};
use tokio::time::{Instant, sleep};

use super::shelf::{Broken, Shelf};
use super::target::{Plan, Sight, Target, Things, Way, When};

/// A monitor of orders with a journal, its shelf and its sink.
fn shop(things: &Things) -> (Builder, Shelf, RecordingSink) {
    let (shelf, sink) = (Shelf::default(), RecordingSink::new());
    let builder = Monitor::named("shop").journal_store(shelf.open()).resource(things.clone()).sink(sink.clone());
    (builder, shelf, sink)
}

fn orders(way: Way) -> (Target, Things) {
    let target = Target::default();
    let things = Things::new(&target, way);
    (target, things)
}

fn results(report: &Report) -> Vec<CleanupResult> {
    report.cleanup.items.iter().map(|item| item.result).collect()
}

/// A body that makes orders one after the other, and never ends by itself.
fn making_on_and_on(spec: Spec, things: &Things) -> impl Canary + use<> {
    let things = things.clone();
    canary(spec, move |run: Run| {
        let things = things.clone();
        async move {
            loop {
                // What is refused does not stop it: it tries again and again.
                if things.make(&run).await.is_err() {
                    sleep(ms(10)).await;
                }
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_time_is_up_waits_for_the_answer_in_flight_and_begins_no_other_creation() {
    let (target, things) = orders(Way::Search);
    target.plan(Plan::slow(secs(8)));
    let start = Instant::now();
    let report = once(making_on_and_on(Spec::new("order").timeout(secs(5)), &things)).await;
    assert_eq!((report.outcome, report.reason), (Outcome::Failed, Some(Reason::Timeout)), "{report}");
    assert_eq!((report.duration, start.elapsed().as_secs()), (secs(5), 8), "the wait is none of the journey's");
    assert_eq!(target.happened(), ["made 1", "looked", "asked to delete 1", "deleted 1"]);
    assert_eq!(results(&report), [CleanupResult::Removed]);
    assert_eq!(report.cleanup.items[0].name, "shop/order 1", "its id was learned");
}

#[tokio::test(start_paused = true)]
async fn it_waits_no_longer_than_a_creation_may_take() {
    let (target, things) = orders(Way::Search);
    target.plan(Plan::lost(When::Now));
    let start = Instant::now();
    let report =
        once(making_on_and_on(Spec::new("order").timeout(secs(5)).cleanup_timeout(secs(10), mins(2)), &things));
    let report = report.await;
    // 10 s for the answer, and then until nothing can appear any more: 70 s after the intent.
    assert_eq!((report.reason, start.elapsed().as_secs()), (Some(Reason::Timeout), 70), "{report}");
    assert_eq!((target.all("deleted"), results(&report)), (vec!["1".to_owned()], vec![CleanupResult::Removed]));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_waits_for_the_answer_in_flight_too() {
    let (target, things) = orders(Way::ClientId);
    target.plan(Plan::slow(secs(8)));
    let (builder, shelf, sink) = shop(&things);
    let canary = making_on_and_on(Spec::new("order").timeout(secs(50)), &things);
    let monitor = builder.canary(every(mins(1)), canary).grace(secs(2)).build().unwrap();
    monitor.run_until(sleep(secs(3))).await;
    let report = &sink.reports()[0];
    assert_eq!(report.reason, Some(Reason::Cancelled), "{report}");
    assert_eq!((target.all("made").len(), target.ids().len(), shelf.entries().len()), (1, 0, 0), "{report}");
    assert_eq!(results(report), [CleanupResult::Removed]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_waits_in_the_background() {
    let (target, things) = orders(Way::Search);
    target.plan(Plan::slow(secs(8)));
    let run = once(making_on_and_on(Spec::new("order"), &things));
    assert!(tokio::time::timeout(secs(1), run).await.is_err());
    sleep(secs(10)).await;
    assert_eq!(target.happened(), ["made 1", "looked", "asked to delete 1", "deleted 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_time_is_up_waits_for_its_own_creations_and_begins_no_other() {
    let (target, things) = orders(Way::Search);
    target.plan(Plan::slow(secs(4)));
    target.plan(Plan::slow(secs(9)));
    let report = once(canary(Spec::new("order"), move |run: Run| {
        let things = things.clone();
        async move {
            let late = run.step("late", async {
                let first = things.make(&run).await;
                let second = things.make(&run).await;
                let refused = "shop/order is not created: no time is left for it";
                assert_eq!(second.unwrap_err().subject(), refused);
                first
            });
            let beside = run.step("beside", async { things.make(&run).await });
            let (late, beside) = tokio::join!(late.timeout(secs(2)), beside);
            run.expect("ended with its own", run.clock().elapsed(), ge(secs(9)))?;
            assert!(late.is_err());
            beside.map(drop)
        }
    }))
    .await;
    assert_eq!(report.steps[0].duration.as_secs(), 4, "not those of the step beside it: {report}");
    assert_eq!(report.reason, Some(Reason::Timeout), "{report}");
    assert_eq!((target.all("made").len(), target.all("deleted")), (2, vec!["2".to_owned(), "1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_a_select_drops_is_a_lost_answer_and_found() {
    for way in [Way::ClientId, Way::Replay, Way::Search] {
        let (target, things) = orders(way);
        // It is carried out long after nobody waits for it any more.
        target.plan(Plan::lost(When::After(secs(20))));
        let (builder, shelf, sink) = shop(&things);
        let dropping = canary(Spec::new("order").timeout(secs(20)), move |run: Run| {
            let things = things.clone();
            async move {
                tokio::select! {
                    _ = things.make(&run) => {}
                    () = sleep(secs(1)) => {}
                }
                run.expect("x", 1, eq(1))
            }
        });
        let monitor = builder.canary(every(mins(5)), dropping).sweep_every(secs(30)).build().unwrap();
        monitor.run_until(sleep(mins(4))).await;
        let report = &sink.reports()[0];
        let expected = if way == Way::Replay { CleanupResult::Removed } else { CleanupResult::Pending };
        assert_eq!(results(report), [expected], "{way:?}: {report}");
        assert_eq!((target.ids().len(), shelf.entries().len()), (0, 0), "{way:?}: {:?}", target.happened());
        assert!(!target.all("deleted").is_empty(), "{way:?}: {:?}", target.happened());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_task_of_the_run_is_making_when_the_body_ends_is_waited_for_and_removed() {
    let (target, things) = orders(Way::Search);
    target.plan(Plan::slow(secs(8)));
    let refused = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&refused);
    let report = once(canary(Spec::new("order"), move |run: Run| {
        let (things, refused) = (things.clone(), Arc::clone(&counter));
        async move {
            let inner = run.clone();
            drop(tokio::spawn(run.scope(async move {
                things.make(&inner).await.unwrap();
                let second = things.make(&inner).await.unwrap_err();
                assert!(second.subject().contains("the run is over"), "{second}");
                refused.fetch_add(1, Ordering::SeqCst);
            })));
            sleep(secs(1)).await;
            run.expect("x", 1, eq(1))
        }
    }))
    .await;
    assert_eq!((report.duration, results(&report)), (secs(1), vec![CleanupResult::Removed]), "{report}");
    sleep(secs(1)).await;
    assert_eq!((refused.load(Ordering::SeqCst), target.ids().len()), (1, 0));
}

#[tokio::test]
async fn a_task_that_creates_when_the_run_is_over_is_refused() {
    let (target, things) = orders(Way::Search);
    let (give, taken) = tokio::sync::oneshot::channel();
    let give = std::sync::Mutex::new(Some(give));
    let report = once(canary(Spec::new("order"), move |run: Run| {
        let _ = give.lock().unwrap().take().unwrap().send(run.clone());
        async move { run.expect("x", 1, eq(1)) }
    }))
    .await;
    let refused = things.make(&taken.await.unwrap()).await.unwrap_err();
    assert_eq!(refused.subject(), "shop/order is not created: the run is over");
    assert_eq!((report.outcome, target.happened().len()), (Outcome::Passed, 0));
}

#[tokio::test]
async fn cleanup_creates_nothing() {
    let (target, things) = orders(Way::Search);
    let report = once(canary(Spec::new("order"), move |run: Run| {
        let (things, inner) = (things.clone(), run.clone());
        async move {
            run.defer("restock", async move { things.make(&inner).await.map(drop) });
            run.expect("x", 1, eq(1))
        }
    }))
    .await;
    let failure = report.cleanup.items[0].failure.as_ref().unwrap();
    assert_eq!(failure.subject(), "shop/order is not created: cleanup only removes");
    assert!(target.happened().is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_try_has_a_mark_of_its_own_and_all_that_they_made_is_removed() {
    for way in [Way::ClientId, Way::Replay, Way::Search] {
        let (target, things) = orders(way);
        let busy = || Failure::new("status of POST /orders").actual("503").with_fate(Fate::Transient);
        target.plan(Plan::fails(When::Now, busy()));
        target.plan(Plan::fails(When::After(secs(30)), busy()));
        let (builder, shelf, sink) = shop(&things);
        let retrying = canary(Spec::new("order"), move |run: Run| {
            let things = things.clone();
            async move {
                let made = run.retry(attempts(3).wait(secs(1)), || things.make(&run)).await?;
                run.expect("made", made.is_empty(), eq(false))
            }
        });
        let monitor = builder.canary(every(mins(5)), retrying).sweep_every(secs(20)).build().unwrap();
        monitor.run_until(sleep(mins(4))).await;
        let report = &sink.reports()[0];
        assert_eq!((report.recovered.len(), report.cleanup.items.len()), (2, 3), "{way:?}: {report}");
        let marks: std::collections::BTreeSet<_> = report.cleanup.items.iter().map(|it| it.mark.clone()).collect();
        assert_eq!(marks.len(), 3, "{way:?}: {report}");
        assert_eq!(target.all("made").len(), 3, "{way:?}: {:?}", target.happened());
        assert_eq!((target.ids().len(), shelf.entries().len()), (0, 0), "{way:?}: {:?}", target.happened());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_a_body_makes_that_was_given_up_is_removed_when_it_comes_back() {
    let (target, mut things) = orders(Way::Search);
    things.recovery = Recovery::default().create_timeout(secs(1));
    // The first delete fails, and the body is gone: only a sweep can remove it.
    target.on_delete("1", [super::target::Delete::Forbidden, super::target::Delete::NotFound]);
    let (release, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(Some(gate));
    let (builder, shelf, sink) = shop(&things);
    let target_of_body = target.clone();
    let blocking = canary(Spec::new("order").timeout(secs(1)), move |run: Run| {
        let (gate, things, target) = (gate.lock().unwrap().take(), things.clone(), target_of_body.clone());
        async move {
            let create = run.create(&things, |mark| async move {
                // It holds its thread while it creates, and is given up.
                let _ = gate.map(|gate| gate.recv());
                target.put("1", mark.as_str());
                Ok("1".to_owned())
            });
            create.await.map(drop)
        }
    });
    let monitor = builder.canary(every(mins(5)), blocking).sweep_every(ms(20)).build().unwrap();
    let target_to_watch = target.clone();
    let watch = async move {
        while sink.reports().is_empty() {
            sleep(ms(10)).await;
        }
        assert_eq!(sink.reports()[0].reason, Some(Reason::Blocked));
        drop(release);
        while target_to_watch.all("asked to delete").len() < 2 {
            sleep(ms(10)).await;
        }
    };
    monitor.run_until(watch).await;
    assert_eq!((target.ids(), shelf.states()), (Vec::<String>::new(), Vec::<String>::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_body_that_was_given_up_creates_nothing_while_what_it_made_is_being_removed() {
    let (target, things) = orders(Way::Search);
    let (release, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(Some(gate));
    let release = Arc::new(std::sync::Mutex::new(Some(release)));
    let (builder, shelf, sink) = shop(&things);
    let (refused, tried) = (Arc::new(tokio::sync::Notify::new()), Arc::new(std::sync::Mutex::new(None)));
    let (tell, said) = (Arc::clone(&refused), Arc::clone(&tried));
    let begun = Arc::new(tokio::sync::Notify::new());
    let begins = Arc::clone(&begun);
    let blocking = canary(Spec::new("order").timeout(mins(1)), move |run: Run| {
        let (gate, things, release) = (gate.lock().unwrap().take(), things.clone(), Arc::clone(&release));
        let (tell, said, waits) = (Arc::clone(&tell), Arc::clone(&said), Arc::clone(&tell));
        let begins = Arc::clone(&begins);
        run.defer("wait for the body", async move {
            drop(release.lock().unwrap().take());
            waits.notified().await;
            Ok(())
        });
        async move {
            begins.notify_one();
            let _ = gate.map(|gate| gate.recv());
            *said.lock().unwrap() = Some(things.make(&run).await);
            tell.notify_one();
            Ok(())
        }
    });
    // Cancelled as soon as it holds its thread, it has time left.
    let monitor = builder.canary(every(mins(5)), blocking).grace(ms(0)).build().unwrap();
    monitor.run_until(begun.notified()).await;
    assert_eq!(sink.reports()[0].reason, Some(Reason::Blocked), "{}", sink.reports()[0]);
    let tried = tried.lock().unwrap().take().expect("the body came back");
    assert_eq!(tried.unwrap_err().subject(), "shop/order is not created: the run is over");
    assert_eq!((target.happened().len(), shelf.states().len()), (0, 0));
}

#[tokio::test]
async fn an_intent_that_cannot_be_written_sends_nothing_and_says_why() {
    let (target, things) = orders(Way::Search);
    let (shelf, sink, broken) = (Shelf::default(), RecordingSink::new(), Broken::default());
    broken.set(&[synthetic_core::cleanup::State::Intent]);
    let body = things.clone();
    let monitor = Monitor::named("shop").journal_store(shelf.open().broken(&broken)).resource(things).canary(
        every(mins(5)),
        canary(Spec::new("order"), move |run: Run| {
            let things = body.clone();
            async move { things.make(&run).await.map(drop) }
        }),
    );
    monitor.sink(sink.clone()).build().unwrap().once().await;
    let report = &sink.reports()[0];
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{report}");
    assert_eq!(
        report.failures[0].subject(),
        "shop/order was not created: shelf/0: no space left on device",
        "{report}"
    );
    assert!(report.failures[0].location().unwrap().contains("target.rs"), "{report}");
    assert_eq!((target.happened().len(), report.cleanup.items.len(), report.cleanup.pending), (0, 0, 0), "{report}");
}

#[tokio::test]
async fn an_id_that_cannot_be_written_is_said_and_the_thing_is_removed_all_the_same() {
    let (target, things) = orders(Way::Search);
    let (shelf, sink, broken) = (Shelf::default(), RecordingSink::new(), Broken::default());
    broken.set(&[synthetic_core::cleanup::State::Created]);
    let body = things.clone();
    let monitor = Monitor::named("shop").journal_store(shelf.open().broken(&broken)).resource(things).canary(
        every(mins(5)),
        canary(Spec::new("order"), move |run: Run| {
            let things = body.clone();
            async move {
                things.make(&run).await.map(drop)?;
                run.expect("x", 1, eq(1))
            }
        }),
    );
    monitor.sink(sink.clone()).build().unwrap().once().await;
    let report = &sink.reports()[0];
    assert_eq!(report.outcome, Outcome::Passed, "{report}");
    assert_eq!(
        report.warnings,
        ["the journal could not be written after a creation: shelf/0: no space left on device"]
    );
    assert_eq!((target.all("deleted"), results(report)), (vec!["1".to_owned()], vec![CleanupResult::Removed]));
    assert!(shelf.entries().is_empty());
}

#[tokio::test]
async fn a_kind_that_the_monitor_does_not_know_is_refused_when_there_is_a_journal() {
    let (target, things) = orders(Way::Search);
    let (shelf, sink) = (Shelf::default(), RecordingSink::new());
    let builder = |things: Things| {
        let body = canary(Spec::new("order"), move |run: Run| {
            let things = things.clone();
            async move {
                things.make(&run).await.map(drop)?;
                run.expect("x", 1, eq(1))
            }
        });
        Monitor::named("shop").canary(every(mins(5)), body).sink(sink.clone())
    };
    builder(things.clone()).journal_store(shelf.open()).build().unwrap().once().await;
    let report = &sink.reports()[0];
    assert_eq!((report.outcome, report.reason), (Outcome::Error, Some(Reason::Setup)), "{report}");
    assert_eq!(report.failures[0].subject(), "shop/order is not created: the monitor does not know this kind");
    assert!(report.failures[0].advice().unwrap().contains("add `.resource(…)`"), "{report}");
    assert!(target.happened().is_empty());

    builder(things).build().unwrap().once().await;
    let report = &sink.reports()[1];
    assert_eq!((report.outcome, target.all("deleted").len()), (Outcome::Passed, 1), "{report}");
    assert_eq!(
        report.warnings,
        ["the monitor has no journal: what a kill -9 leaves behind stays there; add `.journal(path)`"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_search_that_does_not_find_what_was_just_made_is_said_to_be_blind() {
    let cases = [
        (Way::Search, Sight::Good, None),
        (Way::Search, Sight::Blind, Some("it found nothing;")),
        (Way::Search, Sight::Wrong, Some("it found 1 other things;")),
        (Way::Search, Sight::Broken, Some("status of GET /orders: 500;")),
        (Way::Search, Sight::Hangs, Some("it did not answer within 5s;")),
        // These need no search.
        (Way::ClientId, Sight::Blind, None),
        (Way::Replay, Sight::Blind, None),
        (Way::Nothing, Sight::Blind, None),
    ];
    for (way, sight, says) in cases {
        let (_target, mut things) = orders(way);
        things.sight = sight;
        let report = once(canary(Spec::new("order"), move |run: Run| {
            let things = things.clone();
            async move {
                things.make(&run).await.map(drop)?;
                run.expect("x", 1, eq(1))
            }
        }))
        .await;
        assert_eq!((report.outcome, results(&report)), (Outcome::Passed, vec![CleanupResult::Removed]), "{report}");
        match says {
            None => assert!(report.warnings.is_empty(), "{way:?} {sight:?}: {report}"),
            Some(says) => {
                let warning = &report.warnings[0];
                assert!(warning.starts_with("cleanup search is blind for shop/order: "), "{warning}");
                assert!(warning.contains(says) && warning.contains(" the mark syn1-local-order-"), "{warning}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_is_tried_until_it_has_worked_once() {
    let (target, mut things) = orders(Way::Search);
    let runner = Runner::new();
    let body = |things: &Things| {
        let things = things.clone();
        canary(Spec::new("order"), move |run: Run| {
            let things = things.clone();
            async move {
                things.make(&run).await.map(drop)?;
                run.expect("x", 1, eq(1))
            }
        })
    };
    things.sight = Sight::Blind;
    for _ in 0..2 {
        assert_eq!(runner.run(body(&things)).await.warnings.len(), 1);
    }
    things.sight = Sight::Good;
    let looked = target.all("looked").len();
    assert!(runner.run(body(&things)).await.warnings.is_empty());
    assert!(runner.run(body(&things)).await.warnings.is_empty());
    let looked: Vec<_> = target.happened().into_iter().filter(|it| it == "looked").skip(looked).collect();
    assert_eq!(looked.len(), 3 + 3 + 1, "and not again afterwards");
}
