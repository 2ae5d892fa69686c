//! How what was made is removed, what happens when it cannot be, and what is said of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use synthetic_core::cleanup::{Entry, Recovery, State, Sweeper};
use synthetic_core::failure::Fate;
use synthetic_core::monitor::{Builder, Exit};
use synthetic_core::prelude::*;
use synthetic_core::report::{CleanupResult, JSON_SCHEMA};
use synthetic_core::testing::RecordingSink;
use synthetic_core::{Clock, Reason};
use tokio::time::{Instant, sleep};

use super::shelf::Shelf;
use super::target::{Delete, Plan, Target, Things, Way, When};

/// A canary that makes so many orders, and then expects `status` to be 200.
fn making(spec: Spec, things: &Things, number: usize, status: u32) -> impl Canary + use<> {
    let things = things.clone();
    canary(spec, move |run: Run| {
        let things = things.clone();
        async move {
            for _ in 0..number {
                things.make(&run).await?;
            }
            run.expect("status", status, eq(200))
        }
    })
}

fn shop(things: &Things, shelf: &Shelf) -> (Builder, RecordingSink) {
    let sink = RecordingSink::new();
    (Monitor::named("shop").journal_store(shelf.open()).resource(things.clone()).sink(sink.clone()), sink)
}

fn lines(report: &Report) -> Vec<String> {
    report.cleanup.items.iter().map(ToString::to_string).collect()
}

fn orders() -> (Target, Things, Shelf) {
    let target = Target::default();
    let things = Things::new(&target, Way::Search);
    (target, things, Shelf::default())
}

#[tokio::test(start_paused = true)]
async fn a_delete_is_tried_again_with_longer_and_longer_waits_when_that_may_cure_it_and_only_then() {
    let cases = [
        (Delete::Fails(Fate::Transient), 5, CleanupResult::Removed),
        (Delete::Fails(Fate::Unknown), 1, CleanupResult::Failed),
        (Delete::Forbidden, 1, CleanupResult::Failed),
        (Delete::NotFound, 1, CleanupResult::AlreadyGone),
    ];
    for (delete, tries, result) in cases {
        let (target, things, _) = orders();
        let always = matches!(result, CleanupResult::Failed).then(|| delete.clone());
        target.on_delete("1", std::iter::repeat_n(delete.clone(), 4).chain(always));
        if result == CleanupResult::Removed {
            target.on_delete("1", std::iter::repeat_n(delete.clone(), 4).chain([Delete::Works]));
        }
        let start = Instant::now();
        let report = once(making(Spec::new("order"), &things, 1, 200)).await;
        assert_eq!(report.cleanup.items[0].result, result, "{delete:?}: {report}");
        assert_eq!(target.all("asked to delete").len(), tries, "{delete:?}: {report}");
        // 200, 400, 800 and 1600 ms, each a quarter more or less.
        let waited = if tries > 1 { ms(2250)..ms(3751) } else { ms(0)..ms(10) };
        assert!(waited.contains(&start.elapsed()), "{delete:?}: {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_one_removal_does_the_others_are_done() {
    let (target, things, shelf) = orders();
    target.on_delete("2", [Delete::Hangs]);
    target.on_delete("3", [Delete::Panics]);
    target.on_delete("4", [Delete::Fails(Fate::Transient)]);
    let (builder, sink) = shop(&things, &shelf);
    let spec = Spec::new("order").cleanup_timeout(secs(4), secs(60));
    builder.canary(every(mins(5)), making(spec, &things, 5, 200)).build().unwrap().once().await;
    assert_eq!(
        lines(&sink.reports()[0]),
        [
            "shop/order 5: removed",
            "shop/order 4: failed: status of DELETE /orders/4: 503",
            "shop/order 3: failed: it panicked: no such shelf",
            "shop/order 2: timed out: not done within 4s",
            "shop/order 1: removed",
        ]
    );
    assert_eq!(
        (target.ids(), shelf.states()),
        (strings(&["2", "3", "4"]), strings(&["created 2", "created 3", "created 4"]))
    );

    // The sweep of another process is no different.
    let sweeper = Sweeper::new("shop", shelf.open()).resource(things.clone());
    let report = sweeper.sweep().await;
    assert_eq!((report.pending, report.items.len(), target.ids().len()), (3, 3, 3), "{report}");
    target.mend();
    let report = sweeper.sweep().await;
    assert_eq!((report.pending, target.ids().len(), shelf.entries().len()), (0, 0, 0), "{report}");
}

#[tokio::test(start_paused = true)]
async fn all_removals_together_have_a_budget_and_what_it_does_not_reach_stays_in_the_journal() {
    let (target, things, shelf) = orders();
    target.on_delete("2", [Delete::Hangs]);
    target.on_delete("3", [Delete::Hangs]);
    let (builder, sink) = shop(&things, &shelf);
    let spec = Spec::new("order").cleanup_timeout(secs(3), secs(5));
    builder.canary(every(mins(5)), making(spec, &things, 3, 200)).build().unwrap().once().await;
    let report = &sink.reports()[0];
    assert_eq!(
        lines(report),
        [
            "shop/order 3: timed out: not done within 3s",
            "shop/order 2: timed out: not done within 2s",
            "shop/order 1: not tried: no time was left for it",
        ]
    );
    assert_eq!((report.cleanup.duration.as_secs(), report.cleanup.pending, shelf.entries().len()), (5, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_monitor_that_is_told_to_stop_cleans_up_within_its_grace_period() {
    let (target, things, shelf) = orders();
    for id in ["1", "2", "3"] {
        target.on_delete(id, [Delete::Hangs]);
    }
    let (builder, sink) = shop(&things, &shelf);
    let waiting = {
        let things = things.clone();
        canary(Spec::new("order"), move |run: Run| {
            let things = things.clone();
            async move {
                for _ in 0..3 {
                    things.make(&run).await?;
                }
                std::future::pending().await
            }
        })
    };
    let monitor = builder.canary(every(mins(5)), waiting).grace(secs(10)).build().unwrap();
    let start = Instant::now();
    let summary = monitor.run_until(sleep(secs(1))).await;
    assert!(start.elapsed() <= secs(1 + 10) + ms(200), "{:?}", start.elapsed());
    assert_eq!(sink.reports()[0].reason, Some(Reason::Cancelled));
    assert_eq!((summary.canaries["order"].left_behind, shelf.entries().len()), (3, 3), "{summary}");
}

#[tokio::test(start_paused = true)]
async fn what_the_sweep_did_and_what_waits_stands_in_the_next_report_of_that_canary() {
    let (target, things, shelf) = orders();
    target.on_delete("1", [Delete::Forbidden]);
    target.on_delete("2", [Delete::Forbidden]);
    let (builder, sink) = shop(&things, &shelf);
    let idle = canary(Spec::new("idle"), |run: Run| async move { run.expect("x", 1, eq(1)) });
    let monitor = builder
        .canary(every(mins(10)), making(Spec::new("order"), &things, 2, 200))
        .canary(every(mins(10)), idle)
        .sweep_every(mins(2));
    let mends = target.clone();
    let stop = async move {
        sleep(mins(5)).await;
        mends.on_delete("2", [Delete::Works]);
        sleep(mins(16)).await;
    };
    monitor.build().unwrap().run_until(stop).await;
    let of = |name: &str| -> Vec<_> { sink.reports().into_iter().filter(|it| &*it.canary == name).collect() };
    assert!(of("idle").iter().all(|it| it.cleanup.swept.is_empty() && it.cleanup.pending == 0));
    let reports = of("order");
    let first = &reports[0].cleanup;
    assert_eq!((first.pending, first.left_behind()), (2, 2));
    let second = &reports[1].cleanup;
    let swept: Vec<_> = second.swept.iter().map(ToString::to_string).collect();
    assert_eq!(
        swept,
        ["shop/order 2: removed", "shop/order 1: failed: status of DELETE /orders/1: 403"],
        "each thing once, with what became of it last"
    );
    assert_eq!((second.pending, second.oldest_pending.map(|it| it.as_secs() / 60)), (1, Some(10)));
    assert_eq!(reports[1].outcome, Outcome::Passed, "what an earlier run left is none of this one's: {}", reports[1]);
    assert_eq!(reports[2].cleanup.swept.len(), 1, "{}", reports[2]);
}

#[tokio::test(start_paused = true)]
async fn a_canary_pauses_while_too_much_of_what_it_made_waits_and_runs_again_when_it_is_removed() {
    let (target, things, shelf) = orders();
    for id in ["1", "2", "3"] {
        target.on_delete(id, [Delete::Forbidden]);
    }
    let (builder, sink) = shop(&things, &shelf);
    let canary = making(Spec::new("order").max_pending(1), &things, 1, 200);
    let mends = target.clone();
    let stop = async move {
        sleep(secs(270)).await;
        mends.mend();
        sleep(secs(120)).await;
    };
    builder.canary(every(mins(1)), canary).build().unwrap().run_until(stop).await;
    let reports = sink.reports();
    let outcomes: Vec<_> = reports.iter().map(|it| it.outcome).collect();
    use Outcome::{Degraded, Error, Passed};
    // The sweep is every five minutes: the fifth start comes before it, or with it.
    assert_eq!(outcomes[..5], [Degraded, Degraded, Error, Error, Error], "{outcomes:?}");
    assert_eq!(outcomes.last(), Some(&Passed), "{outcomes:?}");
    assert_eq!(target.all("made").len(), 2 + outcomes.iter().filter(|it| **it == Passed).count());
    let paused = &reports[2];
    assert_eq!(paused.reason, Some(Reason::Setup));
    assert_eq!(
        paused.failures[0].subject(),
        "canary \"order\" pauses: 2 things that it made wait for their removal, and 1 are the most that may; the oldest for \
         120s"
    );
    let last = &paused.failures[0].pieces_of_evidence()[0];
    assert_eq!(
        (last.label.as_str(), last.text.as_str()),
        ("last", "shop/order 2: failed: status of DELETE /orders/2: 403")
    );
    assert_eq!((paused.cleanup.pending, paused.steps.len()), (2, 0), "{paused}");
}

#[tokio::test]
async fn a_canary_has_no_more_than_its_most_at_a_time_what_earlier_runs_left_included() {
    let (target, things, shelf) = orders();
    target.on_delete("1", [Delete::Forbidden]);
    let (builder, sink) = shop(&things, &shelf);
    let canary = making(Spec::new("order").max_live(2), &things, 2, 200);
    builder.canary(every(mins(1)), canary).build().unwrap().once().await;
    let (builder, _) = shop(&things, &shelf);
    let canary = making(Spec::new("order").max_live(2), &things, 2, 200);
    let monitor = builder.sink(sink.clone()).canary(every(mins(1)), canary).build().unwrap();
    monitor.sweeper().sweep().await;
    monitor.once().await;
    let report = &sink.reports()[1];
    assert_eq!(report.reason, Some(Reason::Setup), "{report}");
    assert_eq!(
        report.failures[0].subject(),
        "shop/order is not created: 2 things of canary \"order\" are not removed yet, and 2 are the most it may have"
    );
    assert_eq!((target.all("made").len(), target.ids()), (3, strings(&["1"])));
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_run_made_is_kept_for_so_long_and_then_removed() {
    let (target, things, shelf) = orders();
    let (builder, sink) = shop(&things, &shelf);
    let spec = Spec::new("order").keep_on_failure(mins(30));
    let failing = making(spec, &things, 2, 500);
    let monitor = builder.canary(every(mins(60)), failing).sweep_every(mins(5)).build().unwrap();
    let (watch, watched) = (target.clone(), shelf.clone());
    let stop = async move {
        sleep(mins(29)).await;
        assert_eq!((watch.ids().len(), watched.states()), (2, strings(&["kept 1", "kept 2"])));
        assert!(watched.entries().iter().all(|entry| entry.not_before.is_some()));
        sleep(mins(7)).await;
        assert_eq!((watch.ids().len(), watched.entries().len()), (0, 0), "{:?}", watch.happened());
    };
    let summary = monitor.run_until(stop).await;
    let report = &sink.reports()[0];
    assert_eq!(lines(report), ["shop/order 2: kept", "shop/order 1: kept"]);
    assert_eq!((report.outcome, report.cleanup.left_behind(), report.cleanup.pending), (Outcome::Failed, 0, 2));
    assert_eq!(target.all("asked to delete"), ["2", "1"], "newest first");
    assert_eq!(summary.exit(), Exit::Failed);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_removed_in_time_by_another_process_and_not_before() {
    let (target, things, shelf) = orders();
    let (builder, _) = shop(&things, &shelf);
    let spec = Spec::new("order").keep_on_failure(mins(30));
    let summary = builder.canary(every(mins(60)), making(spec, &things, 1, 500)).build().unwrap().once().await.1;
    assert_eq!((summary.exit(), summary.canaries["order"].left_behind), (Exit::Failed, 0), "{summary}");

    let sweeper = Sweeper::new("shop", shelf.open()).resource(things);
    let report = sweeper.settle(mins(10)).await;
    assert_eq!((report.items.len(), report.pending, target.ids().len()), (0, 1, 1), "{report}");
    let (planned, _) = sweeper.preview().await;
    assert!(planned.iter().all(|it| it.action == "nothing yet: it is kept for debugging"), "{planned:?}");
    sleep(mins(31)).await;
    let report = sweeper.sweep().await;
    assert_eq!((report.items.len(), report.pending, target.ids().len()), (1, 0, 0), "{report}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_a_run_that_passed_nor_without_a_journal_nor_when_there_is_much_already() {
    let (target, things, shelf) = orders();
    let spec = || Spec::new("order").keep_on_failure(mins(30)).max_live(4);
    let (builder, sink) = shop(&things, &shelf);
    builder.canary(every(mins(60)), making(spec(), &things, 1, 200)).build().unwrap().once().await;
    let report = &sink.reports()[0];
    assert_eq!((lines(report), report.outcome), (strings(&["shop/order 1: removed"]), Outcome::Passed), "{report}");

    let report = once(making(spec(), &things, 1, 500)).await;
    assert_eq!(lines(&report), ["shop/order 2: removed"]);
    let warning = "nothing is kept for debugging: only a monitor with a journal would remember to remove it";
    assert_eq!(report.warnings, [warning]);

    let (builder, sink) = shop(&things, &shelf);
    let monitor = builder.canary(every(mins(1)), making(spec(), &things, 1, 500)).build().unwrap();
    monitor.run_until(sleep(secs(150))).await;
    let reports = sink.reports();
    assert_eq!(lines(&reports[1]), ["shop/order 4: kept"]);
    assert_eq!(lines(&reports[2]), ["shop/order 5: removed"]);
    assert_eq!(reports[2].warnings, ["nothing is kept for debugging: 2 things of this canary are there already"]);
    assert_eq!(target.ids(), ["3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_deleted_for_too_long_is_abandoned_with_its_id_and_not_tried_again() {
    let (target, mut things, shelf) = orders();
    things.recovery = Recovery::default().give_up_after(mins(20));
    target.on_delete("1", [Delete::Forbidden]);
    let (builder, sink) = shop(&things, &shelf);
    let canary = making(Spec::new("order").timeout(mins(1)), &things, 1, 200);
    let monitor = builder.canary(every(mins(30)), canary).build().unwrap();
    let summary = monitor.run_until(sleep(mins(61))).await;
    let reports = sink.reports();
    assert_eq!(reports[1].outcome, Outcome::Degraded, "somebody must remove it: {}", reports[1]);
    let given_up: Vec<_> = reports[1].cleanup.swept.iter().map(ToString::to_string).collect();
    assert_eq!(given_up, ["shop/order 1: abandoned: status of DELETE /orders/1: 403"]);
    assert_eq!((reports[1].cleanup.pending, reports[1].cleanup.left_behind()), (0, 1));
    assert!(reports[1].to_string().contains("hint: nobody tries again: remove it by its id or mark"), "{}", reports[1]);
    assert_eq!(reports[2].outcome, Outcome::Passed, "it is said once: {}", reports[2]);
    // The run itself, and then every sweep until it was too old.
    assert_eq!(target.all("asked to delete").iter().filter(|id| *id == "1").count(), 1 + 4);
    assert_eq!((summary.exit(), summary.canaries["order"].left_behind), (Exit::LeftBehind, 1), "{summary}");

    // The next process lists it, and leaves it alone.
    let sweeper = Sweeper::new("shop", shelf.open()).resource(things.clone());
    let report = sweeper.sweep().await;
    assert_eq!((report.items.len(), report.pending, report.abandoned), (0, 0, 1), "{report}");
    let listed = &sweeper.abandoned()[0];
    assert_eq!((listed.id.clone(), listed.state), (Some(json!("1")), State::Abandoned));
    sweeper.close().await.unwrap();
    assert_eq!(shelf.states(), ["abandoned 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_kind_in_the_journal_that_nobody_knows_is_said_with_its_place_and_never_dropped() {
    let (target, things, shelf) = orders();
    let mark: Mark = "syn1-shop-order-01JD3QKX7V0000000000000000-1".parse().unwrap();
    target.put("17", mark.as_str());
    let left = Entry::intent(mark, "shop/ghost", Clock::system().now()).created(json!("17"));
    shelf.leave(left);

    let (builder, sink) = shop(&things, &shelf);
    let monitor = builder.canary(every(mins(10)), making(Spec::new("order"), &things, 1, 200)).build().unwrap();
    let summary = monitor.run_until(sleep(mins(11))).await;
    let problem = "1 thing of kind \"shop/ghost\" cannot be removed: no resource of this kind is registered (registered are \
                   shop/order); made by monitor shop, found in shelf/0. Register one with `.resource(…)`; monitors that \
                   differ need a journal folder each";
    assert_eq!((summary.problems.clone(), summary.exit()), (strings(&[problem]), Exit::Error), "{summary}");
    assert_eq!(summary.canaries["order"].left_behind, 1, "{summary}");
    let swept: Vec<_> = sink.reports()[1].cleanup.swept.iter().map(ToString::to_string).collect();
    assert_eq!(swept, ["shop/ghost 17: failed: no resource of kind \"shop/ghost\" is registered"]);
    assert_eq!((target.ids(), shelf.states()), (strings(&["17"]), strings(&["created 17"])));

    let mut ghosts = things.clone();
    ghosts.kind = "shop/ghost";
    let sweeper = Sweeper::new("shop", shelf.open()).resource(ghosts);
    let report = sweeper.sweep().await;
    assert_eq!((report.problems.len(), report.pending, target.ids().len()), (0, 0, 0), "{report}");
    assert!(shelf.entries().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_nothing_can_find_is_abandoned_at_once_with_its_mark() {
    let (target, _, shelf) = orders();
    let things = Things::new(&target, Way::Nothing);
    target.plan(Plan::lost(When::Now));
    let (builder, sink) = shop(&things, &shelf);
    builder.canary(every(mins(5)), making(Spec::new("order"), &things, 1, 200)).build().unwrap().once().await;
    let item = &sink.reports()[0].cleanup.items[0];
    assert_eq!(item.result, CleanupResult::Abandoned);
    let mark = item.mark.as_deref().unwrap();
    assert_eq!(item.name, format!("shop/order with mark {mark}"));
    assert_eq!(target.carrying(mark), ["1"], "it is found by hand");
    assert_eq!(shelf.states(), ["abandoned"]);
}

#[tokio::test(start_paused = true)]
async fn a_lone_run_looks_itself_until_nothing_can_appear_any_more() {
    let (target, mut things, _) = orders();
    things.recovery = Recovery::default().create_timeout(secs(2)).quiescence(secs(20));
    target.plan(Plan::lost(When::After(secs(15))));
    let report = once(making(Spec::new("order"), &things, 1, 200)).await;
    assert_eq!((report.cleanup.items[0].result, target.ids().len()), (CleanupResult::Removed, 0), "{report}");
    assert_eq!(report.cleanup.duration.as_secs(), 18);

    target.plan(Plan::lost(When::After(secs(15))));
    let spec = Spec::new("order").cleanup_timeout(secs(5), secs(5));
    let report = once(making(spec, &things, 1, 200)).await;
    assert_eq!(report.cleanup.items[0].result, CleanupResult::Abandoned, "{report}");
    let advice = report.cleanup.items[0].failure.as_ref().unwrap().advice().unwrap();
    assert!(advice.starts_with("nobody looks for it any more: look for the mark syn1-local-order-"), "{advice}");
}

/// A report in which everything happened that can happen to what was made.
async fn everything() -> Arc<Report> {
    let (target, mut things, shelf) = orders();
    things.recovery = Recovery::default().give_up_after(mins(3));
    target.on_delete("1", [Delete::Forbidden]);
    target.on_delete("3", [Delete::Hangs]);
    target.on_delete("4", [Delete::Fails(Fate::Unknown)]);
    target.on_delete("5", [Delete::NotFound]);
    let (builder, sink) = shop(&things, &shelf);
    let ordering = canary(Spec::new("order-lifecycle").cleanup_timeout(secs(10), secs(25)), move |run: Run| {
        let (things, target) = (things.clone(), target.clone());
        async move {
            if target.ids().is_empty() {
                things.make(&run).await?;
                return run.expect("x", 1, eq(1));
            }
            for _ in 0..4 {
                things.make(&run).await?;
            }
            target.plan(Plan::lost(When::Never));
            run.soft("order once more", async { things.make(&run).await }).await;
            run.step("look at the order", async { run.expect("status of GET /orders/2", 500, eq(200)) }).await
        }
    });
    let clock = Clock::starting_at(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let monitor = builder.clock(clock).canary(every(mins(5)), ordering).sweep_every(mins(4)).build().unwrap();
    monitor.run_until(sleep(mins(6))).await;
    let reports = sink.reports();
    Arc::clone(&reports[1])
}

/// Replaces what differs from run to run.
fn steady(text: &str, run: &str) -> String {
    let text = text.replace(run, "<run>");
    let words = text.split_inclusive([' ', '\n']).map(|word| {
        let mark = word.find("syn1-").map_or("", |at| word[at..].trim_end_matches([' ', '\n', ',', ':']));
        let number = mark.rsplit('-').next().unwrap_or_default();
        if mark.is_empty() { word.to_owned() } else { word.replace(mark, &format!("<mark {number}>")) }
    });
    let mut text: String = words.collect();
    while let Some(at) = text.find(".rs:") {
        let digits = text[at + 4..].chars().take_while(char::is_ascii_digit).count();
        text.replace_range(at..at + 4 + digits, ".rs");
    }
    text
}

#[tokio::test(start_paused = true)]
async fn the_text_of_a_report_says_all_that_is_needed_to_remove_what_was_left_behind() {
    let report = everything().await;
    insta::assert_snapshot!(steady(&report.to_string(), &report.run_id.to_string()), @r#"
    order-lifecycle failed in 10.0 s (timeout)
      failed: creation of shop/order was not answered within 10s    step "order once more", synthetic-core/tests/it/cleanup/target.rs
      failed: status of GET /orders/2    step "look at the order", synthetic-core/tests/it/cleanup/removing.rs
        expected  is equal to 200
        actual    500
      left behind: shop/order with mark <mark 5>: pending: the answer to its creation was lost, and it may still appear in the next 60s
        hint: it is looked for again until then
      left behind: shop/order 4: failed: status of DELETE /orders/4: 503
        mark: <mark 3>
        hint: it stays in the journal and is tried again by every sweep
      left behind: shop/order 3: timed out: not done within 10s
        mark: <mark 2>
        hint: it stays in the journal and is tried again by every sweep
      left behind: shop/order 1: abandoned: status of DELETE /orders/1: 403
        mark: <mark 1>
        hint: nobody tries again: remove it by its id or mark
      pending: 3 things wait for removal, the oldest for 20.0 s
      steps
        failed    order once more  10.0 s
        failed    look at the order  0.00 µs
      run <run>
    "#);
}

#[tokio::test(start_paused = true)]
async fn its_json_form_keeps_its_schema_and_comes_back_as_it_was() {
    let schema: Value = serde_json::from_str(JSON_SCHEMA).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let report = everything().await;
    let json = serde_json::to_value(&*report).unwrap();
    let errors: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?} in {json:#}");
    let back: Report = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&back).unwrap(), json);
    let cleanup = &json["cleanup"];
    assert_eq!(cleanup["items"].as_array().unwrap().len(), 5, "{cleanup:#}");
    assert_eq!(cleanup["swept"][0]["result"], "abandoned", "{cleanup:#}");
    assert!(cleanup["pending"].as_u64().unwrap() > 0 && cleanup["oldest_pending_ms"].is_number(), "{cleanup:#}");
    let mut wrong = json.clone();
    wrong["cleanup"]["items"][0]["result"] = json!("lost");
    assert!(!validator.is_valid(&wrong), "a result that is none of them");
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
