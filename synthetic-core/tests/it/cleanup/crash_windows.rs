//! Every window in which a process may be killed, with every moment at which the target may carry out what was in flight:
//! after a restart and a sweep, nothing is left, in the target and in the journal.
//!
//! The rows are those of the table in the design of cleanup. Where something is in flight, it may be carried out never,
//! before the crash, before the restart's first sweep, or after that sweep but before quiescence is over. That makes 18
//! windows for the rows 0 to 7. The same 18 are shown to the usual ways of cleaning up, which leave things behind in 9, 7
//! and 2 of them. Row 8 kills the sweep as well, at every point that it reaches. Rows 9 to 12 have tests of their own.

use super::life::{Kill, Life, Point};
use super::target::{Plan, Way, When};
use super::world::{Moment, World};

/// A window of the rows 0 to 7.
#[derive(Debug, Clone, Copy)]
struct Window {
    row: u8,
    at: Point,
    /// The client's time for the answer was up before the crash.
    timed_out: bool,
    moment: Moment,
}

fn windows() -> Vec<Window> {
    use Moment::{AfterTheSweep, BeforeTheCrash, BeforeTheSweep, Never};
    let window = |row, at, moment| Window { row, at, timed_out: false, moment };
    let timed_out = |row, moment| Window { row, at: Point::Journey, timed_out: true, moment };
    vec![
        window(0, Point::IntentUnwritten, Never),
        window(0, Point::IntentTorn, Never),
        window(1, Point::IntentWritten, Never),
        window(2, Point::CreateInFlight, Never),
        window(2, Point::CreateInFlight, BeforeTheSweep),
        window(2, Point::CreateInFlight, AfterTheSweep),
        window(3, Point::CreateUnanswered, BeforeTheCrash),
        timed_out(3, Never),
        timed_out(3, BeforeTheCrash),
        timed_out(3, BeforeTheSweep),
        timed_out(3, AfterTheSweep),
        window(4, Point::CreatedUnwritten, BeforeTheCrash),
        window(5, Point::Journey, BeforeTheCrash),
        window(6, Point::DeleteInFlight, Never),
        window(6, Point::DeleteInFlight, BeforeTheCrash),
        window(6, Point::DeleteInFlight, BeforeTheSweep),
        window(6, Point::DeleteInFlight, AfterTheSweep),
        window(7, Point::OverUnwritten, BeforeTheCrash),
    ]
}

const WAYS: [Way; 3] = [Way::ClientId, Way::Replay, Way::Search];

/// What the journal is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Journal {
    Memory,
    Files,
}

impl Journal {
    const ALL: [Self; 2] = [Self::Memory, Self::Files];

    fn world(self, way: Way, moment: Moment) -> World {
        let world = World::at(way, moment);
        if self == Self::Files { world.with_files() } else { world }
    }
}

/// Lives the first life of a window, to its crash.
fn crash(way: Way, window: Window, journal: Journal) -> World {
    let mut world = journal.world(way, window.moment);
    if window.timed_out {
        world.target.plan(Plan::lost(world.in_flight));
    }
    let life = Life::until(Kill::At(window.at));
    assert!(!world.run(&life, 1), "{window:?} was never reached: {:?}", life.reached());
    world
}

#[test]
fn a_crash_at_any_point_of_a_run_leaves_nothing_behind_after_a_restart() {
    let mut rows: Vec<u8> = windows().iter().map(|window| window.row).collect();
    rows.dedup();
    assert_eq!(rows, [0, 1, 2, 3, 4, 5, 6, 7]);
    for journal in Journal::ALL {
        let mut cases = 0;
        for way in WAYS {
            for window in windows() {
                let mut world = crash(way, window, journal);
                let report = world.sweep(&Life::default()).expect("nobody kills it");
                world.check(&report, &format!("{journal:?}, {way:?}, {window:?}"));
                cases += 1;
            }
        }
        assert_eq!(cases, 18 * 3);
    }
}

/// Kills the sweep of a window at the nth point that it reaches, and restarts again. Returns whether it reached so many.
fn crash_again(way: Way, window: Window, journal: Journal, nth: usize) -> bool {
    let mut world = crash(way, window, journal);
    let life = Life::until(Kill::Nth(nth));
    let swept = world.sweep(&life);
    let was_killed = swept.is_none();
    let report = swept.unwrap_or_else(|| world.sweep(&Life::default()).expect("nobody kills it"));
    world.check(&report, &format!("{journal:?}, {way:?}, {window:?}, then killed at {:?}", life.reached()));
    was_killed
}

#[test]
fn a_second_crash_at_any_point_of_the_sweep_leaves_nothing_behind_either() {
    for journal in Journal::ALL {
        let cases = WAYS.map(|way| {
            let points = |window| (0..).take_while(|nth| crash_again(way, window, journal, *nth)).count();
            windows().into_iter().map(points).sum::<usize>()
        });
        // Every point of every sweep of every window: none is skipped in silence.
        assert_eq!(cases, [153, 170, 144], "{journal:?}");
    }
}

/// Kills a run that makes three things at the nth point that it reaches, and restarts. Returns whether it reached so many.
fn crash_among_three(way: Way, moment: Moment, journal: Journal, nth: usize) -> bool {
    let mut world = journal.world(way, moment);
    let life = Life::until(Kill::Nth(nth));
    if world.run(&life, 3) {
        return false;
    }
    let report = world.sweep(&Life::default()).expect("nobody kills it");
    world.check(&report, &format!("{journal:?}, {way:?}, {moment:?}, killed at {:?}", life.reached()));
    true
}

#[test]
fn a_crash_at_any_point_of_a_run_that_makes_three_things_leaves_nothing_behind() {
    for journal in Journal::ALL {
        let cases = WAYS.map(|way| {
            let moments = [Moment::Never, Moment::BeforeTheCrash, Moment::BeforeTheSweep, Moment::AfterTheSweep];
            moments.map(|moment| (0..).take_while(|nth| crash_among_three(way, moment, journal, *nth)).count())
        });
        // The search is tried once, which is one point more.
        assert_eq!(cases, [[37; 4], [37; 4], [38; 4]], "{journal:?}");
    }
}

/// The usual ways of cleaning up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usual {
    /// `finally { delete }`.
    TryFinally,
    /// What was made is written down, and deleted at the next start.
    Ids,
    /// What is about to be made is written down first, and searched for once at the next start.
    OneSearch,
}

/// Acts a window with one of the usual ways, and returns whether something is left behind.
fn leaves_behind(usual: Usual, window: Window) -> bool {
    let World { target, in_flight, .. } = World::at(Way::Search, window.moment);
    let mark = "syn1-shop-order-01JD3QKX7V0000000000000000-1";
    let points = [
        Point::IntentUnwritten,
        Point::IntentTorn,
        Point::IntentWritten,
        Point::CreateInFlight,
        Point::CreateUnanswered,
        Point::CreatedUnwritten,
        Point::CreatedWritten,
        Point::Journey,
        Point::DeleteInFlight,
        Point::DeleteUnanswered,
        Point::OverUnwritten,
    ];
    let reached = |point: Point| {
        let at = |point| points.iter().position(|it| *it == point).unwrap();
        // Whose answer did not come goes from there to the journey, and has no id.
        let crash = if window.timed_out { Point::CreateInFlight } else { window.at };
        at(crash) >= at(point)
    };
    let made = reached(Point::CreateInFlight);
    if made {
        let when = if window.at == Point::CreateInFlight || window.timed_out { in_flight } else { When::Now };
        drop(target.receive(mark, Way::Search, when));
    }
    let id = reached(Point::CreatedWritten).then_some("1");
    if reached(Point::DeleteInFlight) {
        target.receive_delete("1", if window.at == Point::DeleteInFlight { in_flight } else { When::Now });
    }
    // Here is the crash.
    if window.moment == Moment::BeforeTheSweep {
        target.carry_out();
    }
    let delete = |id: &str| {
        target.take(id);
    };
    match (usual, id) {
        (Usual::TryFinally, _) => {}
        (Usual::Ids | Usual::OneSearch, Some(id)) => delete(id),
        (Usual::OneSearch, None) if reached(Point::IntentWritten) => {
            target.carrying(mark).iter().for_each(|id| delete(id));
        }
        (Usual::Ids | Usual::OneSearch, None) => {}
    }
    target.carry_out();
    !target.ids().is_empty()
}

#[test]
fn the_usual_ways_of_cleaning_up_leave_things_behind_in_nine_seven_and_two_of_eighteen_windows() {
    let left = [Usual::TryFinally, Usual::Ids, Usual::OneSearch]
        .map(|usual| windows().into_iter().filter(|window| leaves_behind(usual, *window)).count());
    assert_eq!((windows().len(), left), (18, [9, 7, 2]));
}
