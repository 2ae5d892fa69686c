//! What a target, a resource or a journey does that looks right and is not.

use std::result::Result;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use synthetic_core::cleanup::journal::Left;
use synthetic_core::cleanup::{Entry, JournalError, JournalStore, Recovery, State, Sweeper};
use synthetic_core::prelude::*;
use synthetic_core::report::CleanupResult;
use synthetic_core::secret::Secret;
use synthetic_core::testing::RecordingSink;
use synthetic_core::{Reason, Runner};
use tokio::time::sleep;

use super::shelf::{Broken, Shelf, ShelfStore};
use super::target::{Delete, Plan, Sight, Target, Things, Way, When};

fn orders(way: Way) -> (Target, Things) {
    let target = Target::default();
    let things = Things::new(&target, way);
    (target, things)
}

/// A body that makes one order.
fn making_one(things: &Things) -> impl Canary + use<> {
    let things = things.clone();
    canary(Spec::new("order"), move |run: Run| {
        let things = things.clone();
        async move {
            things.make(&run).await.map(drop)?;
            run.expect("x", 1, eq(1))
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_search_that_finds_everything_deletes_nothing_of_others() {
    for customers in [1, 3] {
        let (target, mut things) = orders(Way::Search);
        things.sight = Sight::Everything;
        things.recovery = Recovery::default().create_timeout(secs(1)).quiescence(secs(2));
        for n in 0..customers {
            target.put(&format!("customer {n}"), "an order of a customer");
        }
        target.plan(Plan::lost(When::Never));
        let report = once(making_one(&things)).await;
        assert_eq!(target.ids().len(), customers, "{:?}", target.happened());
        let item = &report.cleanup.items[0];
        assert_eq!(item.result, CleanupResult::Failed, "{report}");
        let failure = item.failure.as_ref().unwrap();
        assert!(failure.to_string().contains("a mark that was never used"), "{failure}");
        assert!(failure.advice().unwrap().contains("`find`"), "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_search_that_finds_more_than_what_was_just_made_is_warned_of() {
    let (target, mut things) = orders(Way::Search);
    things.sight = Sight::Everything;
    target.put("customer", "an order of a customer");
    let report = once(making_one(&things)).await;
    let warning = report.warnings.first().map(String::as_str).unwrap_or_default();
    assert!(warning.contains("it found 1 other things too"), "{report}");
    assert_eq!(target.ids(), ["customer"], "what was made has a known id");
}

#[tokio::test(start_paused = true)]
async fn an_eventually_whose_time_is_up_waits_for_what_it_is_making_and_begins_no_other() {
    let (target, things) = orders(Way::Nothing);
    target.plan(Plan::slow(secs(4)));
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let report = once(canary(Spec::new("order"), move |run: Run| {
        let (things, made) = (things.clone(), Arc::clone(&count));
        async move {
            let look = || async {
                things.make(&run).await?;
                made.fetch_add(1, Ordering::SeqCst);
                let again = things.make(&run).await.unwrap_err();
                assert_eq!(again.subject(), "shop/order is not created: no time is left for it");
                Err::<(), _>(again)
            };
            run.eventually(every(secs(1)).up_to(secs(2)), look).await
        }
    }))
    .await;
    assert_eq!((report.reason, made.load(Ordering::SeqCst)), (Some(Reason::Timeout), 1), "{report}");
    assert_eq!(report.cleanup.items[0].result, CleanupResult::Removed, "its answer was not lost: {report}");
    assert_eq!(target.ids(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_not_recorded_waits_for_what_it_is_making_too() {
    let (target, things) = orders(Way::Nothing);
    target.plan(Plan::slow(secs(4)));
    let report = once(canary(Spec::new("order"), move |run: Run| {
        let things = things.clone();
        async move {
            for _ in 0..1_000 {
                run.step("one of many", async { Ok(()) }).await?;
            }
            let late = run.step("late", async { things.make(&run).await }).timeout(secs(2)).await;
            assert!(late.is_err());
            Ok(())
        }
    }))
    .await;
    assert_eq!(report.cleanup.items[0].result, CleanupResult::Removed, "its answer was not lost: {report}");
    assert_eq!(target.ids(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn an_id_with_a_secret_in_it_leaves_in_the_journal_what_a_replay_needs() {
    let (target, things) = orders(Way::Replay);
    let (shelf, sink) = (Shelf::default(), RecordingSink::new());
    let left = Arc::new(Mutex::new(Vec::new()));
    let (seen, shelf_of_the_body) = (Arc::clone(&left), shelf.clone());
    target.plan_id("tok-5ecret-17");
    let body = things.clone();
    let leaking = canary(Spec::new("order"), move |run: Run| {
        let (things, seen, shelf) = (body.clone(), Arc::clone(&seen), shelf_of_the_body.clone());
        async move {
            run.secrets().redactor().register(&Secret::new("token", "5ecret-17")).unwrap();
            things.make(&run).await?;
            // What a `kill -9` would leave here.
            *seen.lock().unwrap() = shelf.entries();
            run.expect("x", 1, eq(1))
        }
    });
    let builder = Monitor::named("shop").journal_store(shelf.open()).resource(things.clone()).sink(sink.clone());
    builder.canary(every(mins(5)), leaking).build().unwrap().once().await;
    let entry = left.lock().unwrap()[0].clone();
    assert_eq!(entry.id, None, "the journal keeps no secret");
    assert!(entry.payload.is_some(), "{entry:?}");

    // As if the process had been killed there: the next one learns the id again.
    let target_of_the_next = target.clone();
    target_of_the_next.put("tok-5ecret-17", entry.mark.as_str());
    let next = Shelf::default();
    next.leave(entry);
    let report = Sweeper::new("shop", next.open()).resource(things).sweep().await;
    assert_eq!((report.abandoned, target.ids().len()), (0, 0), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_make_things_at_once_make_no_more_than_the_most() {
    let (target, mut things) = orders(Way::Nothing);
    things.recovery = Recovery::default().without_search();
    for _ in 0..20 {
        let things = things.clone();
        let live = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&live);
        let report = once(canary(Spec::new("order").max_live(3), move |run: Run| {
            let (things, live) = (things.clone(), Arc::clone(&count));
            async move {
                let barrier = Arc::new(tokio::sync::Barrier::new(16));
                let tasks: Vec<_> = (0..16)
                    .map(|_| {
                        let (run, things, live, barrier) =
                            (run.clone(), things.clone(), Arc::clone(&live), Arc::clone(&barrier));
                        tokio::spawn(async move {
                            barrier.wait().await;
                            if things.make(&run).await.is_ok() {
                                live.fetch_add(1, Ordering::SeqCst);
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await.unwrap();
                }
                run.expect("x", 1, eq(1))
            }
        }))
        .await;
        assert_eq!(live.load(Ordering::SeqCst), 3, "{report}");
        assert_eq!(target.ids().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_finds_nothing_where_the_search_still_finds_it_is_no_removal() {
    // The path to delete has a typing error: everything is 404.
    let (target, things) = orders(Way::Search);
    target.on_delete("1", [Delete::Elsewhere]);
    let runner = Runner::new();
    let report = runner.run(making_one(&things)).await;
    assert_eq!(target.ids(), ["1"]);
    assert_eq!(report.cleanup.items[0].result, CleanupResult::Failed, "{report}");
    let failure = report.cleanup.items[0].failure.as_ref().unwrap();
    assert!(failure.to_string().contains("its search still finds it"), "{failure}");

    // A journey that removes by itself what it made is none of that.
    let (target, things) = orders(Way::Search);
    let (body, shop) = (things.clone(), target.clone());
    let report = runner
        .run(canary(Spec::new("order"), move |run: Run| {
            let (things, target) = (body.clone(), shop.clone());
            async move {
                let id = things.make(&run).await?;
                sleep(secs(1)).await;
                run.expect("removed by the journey", target.take(&id), eq(true))
            }
        }))
        .await;
    assert_eq!(report.cleanup.items[0].result, CleanupResult::AlreadyGone, "{report}");
}

/// A journal whose disk holds the thread that writes an intent.
struct Stuck {
    store: ShelfStore,
    released: Mutex<Option<mpsc::Receiver<()>>>,
}

#[async_trait::async_trait]
impl JournalStore for Stuck {
    fn place(&self) -> String {
        self.store.place()
    }

    async fn put(&self, entries: &[Entry]) -> Result<(), JournalError> {
        let released = self.released.lock().unwrap().take();
        if let Some(released) = released {
            released.recv().unwrap();
        }
        self.store.put(entries).await
    }

    async fn adopt(&self) -> Result<Left, JournalError> {
        self.store.adopt().await
    }

    async fn look(&self) -> Result<Left, JournalError> {
        self.store.look().await
    }

    async fn close(&self) -> Result<(), JournalError> {
        self.store.close().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_that_was_given_up_while_its_intent_was_written_sends_nothing_when_that_is_done() {
    let (target, mut things) = orders(Way::Search);
    things.recovery = Recovery::default().create_timeout(secs(1));
    let (release, released) = mpsc::channel();
    let store = Stuck { store: Shelf::default().open(), released: Mutex::new(Some(released)) };
    let (came_back, back) = tokio::sync::oneshot::channel();
    let came_back = Mutex::new(Some(came_back));
    let body = things.clone();
    let stuck = canary(Spec::new("order").timeout(secs(1)), move |run: Run| {
        let (things, came_back) = (body.clone(), came_back.lock().unwrap().take().unwrap());
        async move {
            let made = things.make(&run).await;
            came_back.send(made.is_ok()).unwrap();
            made.map(drop)
        }
    });
    let sink = RecordingSink::new();
    let monitor = Monitor::named("shop").journal_store(store).resource(things).sink(sink.clone());
    let monitor = monitor.canary(every(mins(5)), stuck).build().unwrap();
    let reported = async {
        while sink.reports().is_empty() {
            sleep(ms(5)).await;
        }
        release.send(()).unwrap();
    };
    tokio::join!(monitor.once(), reported);
    let report = &sink.reports()[0];
    assert_eq!(report.reason, Some(Reason::Blocked), "{report}");
    assert!(!back.await.unwrap());
    assert_eq!(target.happened(), Vec::<String>::new());
}

/// A journal that panics when it is asked for the first time what others left.
struct Brittle {
    store: ShelfStore,
    asked: AtomicUsize,
}

#[async_trait::async_trait]
impl JournalStore for Brittle {
    fn place(&self) -> String {
        self.store.place()
    }

    async fn put(&self, entries: &[Entry]) -> Result<(), JournalError> {
        self.store.put(entries).await
    }

    async fn adopt(&self) -> Result<Left, JournalError> {
        assert!(self.asked.fetch_add(1, Ordering::SeqCst) > 0, "no such shelf");
        self.store.adopt().await
    }

    async fn look(&self) -> Result<Left, JournalError> {
        self.store.look().await
    }

    async fn close(&self) -> Result<(), JournalError> {
        self.store.close().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_panics_is_said_and_is_not_the_last_one() {
    let (target, things) = orders(Way::Search);
    let shelf = Shelf::default();
    let mark: Mark = "syn1-shop-order-01JD3QKX7V0000000000000000-1".parse().unwrap();
    target.put("1", mark.as_str());
    shelf.leave(Entry::intent(mark, "shop/order", std::time::SystemTime::UNIX_EPOCH).created("1".into()));
    let store = Brittle { store: shelf.open(), asked: AtomicUsize::new(0) };
    let monitor = Monitor::named("shop").journal_store(store).resource(things.clone()).sink(RecordingSink::new());
    let idle = canary(Spec::new("idle"), |run: Run| async move { run.expect("x", 1, eq(1)) });
    let summary = monitor.canary(every(mins(5)), idle).build().unwrap().run_until(sleep(mins(6))).await;
    assert_eq!(target.ids(), Vec::<String>::new());
    assert!(summary.to_string().contains("a sweep broke off"), "{summary}");
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_could_not_be_written_is_written_as_soon_as_that_works_again() {
    let (target, things) = orders(Way::Search);
    let (shelf, broken) = (Shelf::default(), Broken::default());
    let (seen, body) = (Arc::new(Mutex::new(Vec::new())), things.clone());
    let (runs, states, of_the_store) = (Arc::clone(&seen), shelf.clone(), broken.clone());
    let canary = canary(Spec::new("order"), move |run: Run| {
        let (things, runs, states, broken) = (body.clone(), Arc::clone(&runs), states.clone(), of_the_store.clone());
        async move {
            // The disk is full while the first run removes what it made, and then no more.
            let is_first = runs.lock().unwrap().is_empty();
            broken.set(if is_first { &[State::Deleted] } else { &[] });
            things.make(&run).await?;
            runs.lock().unwrap().push(states.states());
            run.expect("x", 1, eq(1))
        }
    });
    let monitor = Monitor::named("shop").journal_store(shelf.open().broken(&broken)).resource(things);
    let monitor = monitor.canary(every(mins(5)), canary).sink(RecordingSink::new()).build().unwrap();
    monitor.run_until(sleep(mins(6))).await;
    assert_eq!(target.ids(), Vec::<String>::new());
    assert_eq!(seen.lock().unwrap().as_slice(), [["created 1"], ["created 2"]], "nothing is left of the first one");
}
