//! The rows 9 to 12 of the table of crash windows: the disk is lost, a key has expired, another process is at work, the
//! target refuses for days.

use std::time::Duration;

use synthetic_core::cleanup::{Recovery, State, SweepReport, Sweeper};
use synthetic_core::failure::Fate;
use synthetic_core::prelude::*;
use synthetic_core::report::CleanupResult;
use synthetic_core::testing::RecordingSink;
use tokio::time::sleep;

use super::life::{Kill, Life, Point};
use super::shelf::Shelf;
use super::target::{Delete, Plan, Target, Things, Way, When};
use super::world::{Moment, World, sweeper};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn names(report: &SweepReport) -> Vec<(&str, CleanupResult)> {
    report.items.iter().map(|item| (item.name.as_str(), item.result)).collect()
}

/// Row 9: a world whose journal is gone, with three orders that are two hours old.
fn without_its_disk() -> World {
    let mut world = World::new(Way::Search);
    let life = Life::until(Kill::At(Point::OverUnwritten));
    for id in ["1", "2", "3"] {
        world.target.on_delete(id, [Delete::Forbidden]);
    }
    assert!(world.run(&life, 3));
    world.target.mend();
    world.shelf = Shelf::default();
    world.now += 2 * HOUR;
    world
}

#[test]
fn when_the_disk_is_lost_orphans_are_found_by_their_mark_so_many_a_pass_and_nothing_else_is_touched() {
    let mut world = without_its_disk();
    world.recovery = Recovery::default().sweep_orphans(HOUR, 2);
    let mark = world.target.text("1");
    let ulid = mark.rsplit('-').nth(1).unwrap();
    // What must never match: customers, other monitors, marks that are none, and what is too young.
    let foreign = [
        ("a", "order of Alice".to_owned()),
        ("b", "syn1-".to_owned()),
        ("c", "syn1-shop-order".to_owned()),
        ("d", format!("syn1-shop_eu-order-{ulid}-1")),
        ("e", format!("syn1-other-order-{ulid}-1")),
        ("f", format!("SYN1-SHOP-ORDER-{ulid}-1")),
        ("g", format!("syn1-shop-order-{ulid}-0")),
        ("h", "syn1-shop-order-7ZZZZZZZZZ0000000000000000-1".to_owned()),
    ];
    for (id, text) in &foreign {
        world.target.put(id, text);
    }
    let life = Life::default();
    let (things, store) = (world.things(&life), world.store(&life));
    let passes = world.live(&life, |clock| async move {
        let sweeper = sweeper(clock, store, things);
        let mut passes = Vec::new();
        for _ in 0..4 {
            passes.push(sweeper.sweep().await);
        }
        passes
    });
    let removed: Vec<_> = passes.unwrap().iter().map(|pass| (pass.items.len(), pass.left_alone)).collect();
    assert_eq!(removed, [(2, 9), (1, 8), (0, 8), (0, 8)]);
    assert_eq!(world.target.ids(), foreign.map(|(id, _)| id));
}

#[test]
fn orphans_are_left_alone_unless_a_resource_asks_for_it_and_while_a_journal_knows_them() {
    let mut world = without_its_disk();
    let report = world.sweep(&Life::default()).unwrap();
    assert_eq!((report.items.len(), report.left_alone, world.target.ids().len()), (0, 0, 3), "{report}");

    // Two that cannot be deleted are in the journal, and are no orphans, however old they get.
    let mut world = World::new(Way::Search);
    world.recovery = Recovery::default().sweep_orphans(HOUR, 10).give_up_after(3 * HOUR);
    world.target.on_delete("1", [Delete::Forbidden]);
    world.target.on_delete("2", [Delete::Forbidden]);
    assert!(world.run(&Life::default(), 2));
    for _ in 0..3 {
        world.now += 2 * HOUR;
        let life = Life::default();
        let (things, store) = (world.things(&life), world.store(&life));
        let report = world.live(&life, |clock| async move { sweeper(clock, store, things).sweep().await }).unwrap();
        assert!(report.items.iter().all(|item| !item.name.contains("orphan")), "{report}");
    }
    assert_eq!(world.shelf.states(), ["abandoned 1", "abandoned 2"]);
}

#[test]
fn orphans_that_cannot_be_deleted_keep_no_pass_from_the_others() {
    let mut world = without_its_disk();
    world.recovery = Recovery::default().sweep_orphans(HOUR, 1);
    world.target.on_delete("1", [Delete::Forbidden]);
    let life = Life::default();
    let (things, store) = (world.things(&life), world.store(&life));
    world.live(&life, |clock| async move {
        let sweeper = sweeper(clock, store, things);
        for _ in 0..200 {
            sweeper.sweep().await;
        }
    });
    assert_eq!(world.target.ids(), ["1"]);
}

#[test]
fn a_list_that_fails_is_a_problem_and_the_journal_is_swept_all_the_same() {
    let mut world = World::new(Way::Search);
    assert!(!world.run(&Life::until(Kill::At(Point::Journey)), 1));
    world.recovery = Recovery::default().sweep_orphans(HOUR, 10);
    world.target.refuse_to_list();
    let report = world.sweep(&Life::default()).unwrap();
    assert_eq!(report.problems, ["orphans of kind \"shop/order\" cannot be listed: status of GET /orders: 403"]);
    assert_eq!((world.target.ids().len(), report.pending), (0, 0), "{report}");
}

/// Row 10: a world in which an answer was lost, with keys of one hour.
fn with_a_key(recovery: Recovery, moment: Moment) -> World {
    let mut world = World::at(Way::Replay, moment);
    world.recovery = recovery;
    assert!(!world.run(&Life::until(Kill::At(Point::CreateInFlight)), 1));
    world.target.carry_out();
    world
}

#[test]
fn when_its_key_has_expired_nothing_is_replayed_and_the_search_takes_over() {
    for moment in [Moment::Never, Moment::BeforeTheCrash, Moment::BeforeTheSweep] {
        // Also when it expires while the replay would be on its way.
        for down in [HOUR * 2, HOUR, HOUR - Duration::from_secs(5)] {
            let mut world = with_a_key(Recovery::default().replay(HOUR), moment);
            world.now += down;
            world.target.forget_keys();
            let report = world.sweep(&Life::default()).unwrap();
            let made = usize::from(moment != Moment::Never);
            assert_eq!(world.target.all("made").len(), made, "{moment:?}, {down:?}: {:?}", world.target.happened());
            world.check(&report, &format!("{moment:?}, {down:?}"));
        }
    }
}

#[test]
fn when_its_key_has_expired_and_there_is_no_search_it_is_abandoned_with_its_mark() {
    let mut world = with_a_key(Recovery::default().replay(HOUR).without_search(), Moment::BeforeTheCrash);
    world.now += 2 * HOUR;
    world.target.forget_keys();
    let report = world.sweep(&Life::default()).unwrap();
    assert_eq!((report.abandoned, report.pending, world.target.all("made").len()), (1, 0, 1), "{report}");
    let entry = &world.shelf.entries()[0];
    assert_eq!((entry.state, world.target.carrying(entry.mark.as_str())), (State::Abandoned, vec!["1".to_owned()]));
}

#[test]
fn a_replay_whose_answer_is_lost_is_waited_for_like_any_other_creation() {
    // The first creation never arrives. The replay does, after its client has given up, and long after the intent.
    let recovery = Recovery::default().replay(24 * HOUR).create_timeout(secs(5));
    let mut world = with_a_key(recovery, Moment::Never);
    world.in_flight = When::Now;
    world.now += Duration::from_secs(600);
    world.target.plan(Plan::lost(When::After(secs(40))));
    // From then on, it is down for replays: only the search can settle it.
    for _ in 0..100 {
        let down = Failure::new("status of POST /orders").actual("503").with_fate(Fate::Transient);
        world.target.plan(Plan::fails(When::Never, down));
    }
    let life = Life::default();
    let (things, store) = (world.things(&life), world.store(&life));
    let target = world.target.clone();
    world.live(&life, |clock| async move {
        let sweeper = sweeper(clock, store, things);
        let first = sweeper.sweep().await;
        assert_eq!((first.pending, target.ids().len()), (1, 0), "it may still be carried out: {first}");
        sleep(mins(1)).await;
        assert_eq!(target.ids().len(), 1, "it was");
        sweeper.settle(mins(10)).await
    });
    assert_eq!(world.target.ids(), Vec::<String>::new(), "{:?}", world.target.happened());
}

#[test]
fn a_replay_that_is_refused_makes_nothing_and_the_search_settles_it_in_its_time() {
    let mut world = with_a_key(Recovery::default().replay(24 * HOUR), Moment::BeforeTheCrash);
    world.now += Duration::from_secs(600);
    world
        .target
        .plan(Plan::fails(When::Never, Failure::new("status of POST /orders").actual("422").with_fate(Fate::Refused)));
    let life = Life::default();
    let (things, store) = (world.things(&life), world.store(&life));
    let report = world.live(&life, |clock| async move { sweeper(clock, store, things).sweep().await }).unwrap();
    assert_eq!(report.pending, 0, "{report}");
    world.check(&report, "refused");
}

/// Row 11.
#[tokio::test(start_paused = true)]
async fn what_a_living_process_made_is_touched_by_no_other_and_by_no_sweep_of_its_own() {
    let (target, shelf, sink) = (Target::default(), Shelf::default(), RecordingSink::new());
    let things = Things::new(&target, Way::Search);
    let (body, seen) = (things.clone(), target.clone());
    let slow = canary(Spec::new("order").timeout(mins(4)), move |run: Run| {
        let (things, target) = (body.clone(), seen.clone());
        async move {
            target.plan(Plan::slow(secs(8)));
            things.make(&run).await?;
            things.make(&run).await?;
            sleep(mins(3)).await;
            run.expect("orders", target.ids().len(), eq(2))
        }
    });
    let monitor = Monitor::named("shop").journal_store(shelf.open()).resource(things.clone()).sink(sink.clone());
    let monitor = monitor.canary(every(mins(5)), slow).sweep_every(secs(1)).build().unwrap();
    let other = Sweeper::new("shop", shelf.open()).resource(things);
    let stop = async {
        for _ in 0..150 {
            sleep(secs(1)).await;
            let report = other.sweep().await;
            assert_eq!((report.items.len(), report.pending), (0, 0), "{report}");
        }
        sleep(mins(1)).await;
    };
    monitor.run_until(stop).await;
    sink.reports()[0].assert_passed();
    assert_eq!((target.ids().len(), shelf.entries().len()), (0, 0));
}

/// Row 12. That a delete is forbidden for good is tested with other removals.
#[test]
fn what_the_target_is_down_for_is_tried_for_days_and_then_removed_or_abandoned_with_its_mark() {
    for (days, recovers) in [(6, true), (9, false)] {
        let mut world = World::at(Way::Search, Moment::BeforeTheCrash);
        world.recovery = Recovery::default();
        assert!(!world.run(&Life::until(Kill::At(Point::CreateInFlight)), 1));
        world.target.on_delete("1", [Delete::Fails(Fate::Transient)]);
        for _ in 0..days {
            let life = Life::default();
            let (things, store) = (world.things(&life), world.store(&life));
            let report = world.live(&life, |clock| async move { sweeper(clock, store, things).sweep().await }).unwrap();
            assert_eq!(report.pending + report.abandoned, 1, "{report}");
            world.now += 24 * HOUR;
        }
        world.target.mend();
        let report = world.sweep(&Life::default()).unwrap();
        if recovers {
            world.check(&report, "it is up again");
        } else {
            assert_eq!((report.abandoned, report.items.len(), names(&report).len()), (1, 0, 0), "{report}");
            assert_eq!(
                (world.shelf.states(), world.target.ids()),
                (vec!["abandoned".to_owned()], vec!["1".to_owned()])
            );
        }
    }
}
