//! When starts are due.

use super::*;
use crate::prelude::{mins, ms, secs};

const fn origin(offset: Duration) -> Origin {
    Origin { wall: SystemTime::UNIX_EPOCH, offset, seed: 7 }
}

/// Returns the due start with the starts before it that were passed over, one by one.
fn naive(schedule: &Schedule, origin: &Origin, last: Option<Duration>, now: Duration) -> Option<Due> {
    let next =
        |last: Option<Duration>| schedule.next_open(schedule.more.as_deref().unwrap_or(&More::default()), origin, last);
    let mut due = Due { at: next(last)?, missed: 0 };
    while let Some(later) = next(Some(due.at)).filter(|later| *later <= now) {
        due = Due { at: later, missed: due.missed + 1 };
    }
    Some(due)
}

#[test]
fn starts_are_nominal_whenever_they_are_asked_for() {
    let schedule = Schedule::from(every(secs(10)));
    let origin = origin(secs(3));
    let due = |last: Option<u64>, now: u64| {
        let due = schedule.due(&origin, last.map(secs), secs(now), false).unwrap();
        (due.at.as_secs(), due.missed)
    };
    for (last, now, expected) in [
        (None, 0, (3, 0)),
        (None, 3, (3, 0)),
        (None, 14, (13, 1)),
        (Some(3), 3, (13, 0)),
        (Some(3), 13, (13, 0)),
        (Some(3), 22, (13, 0)),
        (Some(3), 23, (23, 1)),
        (Some(3), 55, (53, 4)),
        (Some(4), 4, (13, 0)),
        (Some(0), 0, (3, 0)),
    ] {
        assert_eq!(due(last, now), expected, "after {last:?} at {now}");
    }
}

#[test]
fn years_later_there_is_no_drift_and_it_takes_no_time() {
    let schedule = Schedule::from(every(secs(7)));
    let year = secs(365 * 24 * 60 * 60);
    let due = schedule.due(&origin(ms(1)), Some(ms(1)), 50 * year, false).unwrap();
    assert_eq!((due.at - ms(1)).as_secs() % 7, 0);
    assert!(50 * year - due.at < secs(7));
    assert_eq!(due.missed, 50 * year.as_secs() / 7 - 1);
}

#[test]
fn a_plain_schedule_is_small() {
    assert!(size_of::<Schedule>() <= 32, "{}", size_of::<Schedule>());
}

#[test]
fn what_is_due_is_what_counting_one_by_one_finds_and_jitter_keeps_the_order() {
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..10_000 {
        let period = ms(rng.u64(1..5_000));
        let jitter = if rng.bool() { rng.f64() } else { 0.0 };
        let schedule = every(period).jitter(jitter);
        let origin = Origin { seed: rng.u64(..), ..origin(ms(rng.u64(..3_000))) };
        let last = rng.bool().then(|| ms(rng.u64(..20_000)));
        let now = last.unwrap_or_default() + ms(rng.u64(..(period.as_millis() as u64 * 20)));
        let due = schedule.due(&origin, last, now, false);
        assert_eq!(due, naive(&schedule, &origin, last, now), "{schedule} {origin:?} {last:?} {now:?}");
        let due = due.unwrap();
        assert!(last.is_none_or(|last| due.at > last));
        // A start is nominal: where it comes from makes no difference.
        let again = schedule.due(&origin, Some(due.at), due.at, false).unwrap();
        let n = (due.at - origin.offset).as_nanos() / period.as_nanos();
        assert!(again.at <= origin.offset + times(period, n as u64 + 2));
    }
}

#[test]
fn jitter_differs_from_start_to_start_and_from_canary_to_canary() {
    let starts = |seed| -> Vec<Duration> {
        let schedule = every(mins(1)).jitter(0.5);
        let starts = schedule.upcoming(SystemTime::UNIX_EPOCH, seed).take(50);
        starts.map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap()).collect()
    };
    let delays: Vec<_> = starts(1).iter().zip(0..).map(|(at, n)| *at - mins(n)).collect();
    assert!(delays.iter().all(|delay| *delay < secs(30)), "{delays:?}");
    assert!(delays.iter().any(|delay| *delay > secs(15)) && delays.iter().any(|delay| *delay < secs(15)));
    assert_eq!(starts(1), starts(1), "pure");
    assert_ne!(starts(1), starts(2));
}

#[test]
fn while_it_fails_it_runs_more_often_and_keeps_its_own_starts() {
    let schedule = every(mins(10)).while_failing(mins(3));
    let origin = origin(secs(0));
    let due = |last, now, failing| {
        schedule.due(&origin, Some(mins(last)), mins(now), failing).map(|due| (due.at.as_secs() / 60, due.missed))
    };
    assert_eq!(due(10, 10, false), Some((20, 0)));
    assert_eq!(due(10, 10, true), Some((13, 0)));
    assert_eq!(due(19, 19, true), Some((20, 0)), "the regular start comes first");
    assert_eq!(due(13, 19, true), Some((19, 1)), "it took long");
    assert_eq!(due(13, 13, false), Some((20, 0)), "and back to the old beat");
}

#[test]
fn once_is_once() {
    let origin = origin(secs(2));
    assert_eq!(Schedule::once().due(&origin, None, secs(0), false), Some(Due { at: secs(2), missed: 0 }));
    assert_eq!(Schedule::once().due(&origin, Some(secs(2)), secs(900), true), None);
}

fn utc(text: &str) -> SystemTime {
    text.parse::<jiff::Timestamp>().unwrap().into()
}

/// Returns the next starts after a moment, in UTC.
fn starts(schedule: &Schedule, from: &str, number: usize) -> Vec<String> {
    let starts = schedule.upcoming(utc(from), 0).take(number);
    starts.map(|at| jiff::Timestamp::try_from(at).unwrap().to_string()).collect()
}

#[test]
fn a_window_over_the_weekend_wraps_the_week_and_both_ends_belong_to_it() {
    let weekend = window("Fri 20:00", "Sun 17:00").zone("America/New_York");
    for (at, inside) in [
        ("2026-11-06T19:59:59-05:00", false),
        ("2026-11-06T20:00:00-05:00", true),
        ("2026-11-07T12:00:00-05:00", true),
        ("2026-11-08T17:00:00-05:00", true),
        ("2026-11-08T17:00:00.000000001-05:00", false),
        ("2026-11-11T12:00:00-05:00", false),
        // The clocks are put back on Sunday, 2026-11-01 at 02:00, and forward on Sunday, 2026-03-08.
        ("2026-10-30T20:00:00-04:00", true),
        ("2026-11-01T16:59:00-05:00", true),
        ("2026-11-01T17:01:00-05:00", false),
        ("2026-03-06T19:59:00-05:00", false),
        ("2026-03-06T20:00:00-05:00", true),
        ("2026-03-08T17:00:00-04:00", true),
        ("2026-03-08T17:01:00-04:00", false),
    ] {
        assert_eq!(weekend.contains(utc(at)), inside, "{at}");
    }
    let over_sunday = window("Sat 22:00", "Mon 06:00");
    assert!(over_sunday.contains(utc("2026-11-09T05:00:00Z")) && !over_sunday.contains(utc("2026-11-09T07:00:00Z")));
}

#[test]
fn outside_of_its_windows_nothing_starts_and_the_beat_stays_as_it_is() {
    let at_work = every(mins(40)).only(window("08:00", "10:00").zone("Europe/London"));
    assert_eq!(
        starts(&at_work, "2026-11-21T07:10:00Z", 5),
        [
            "2026-11-21T08:30:00Z",
            "2026-11-21T09:10:00Z",
            "2026-11-21T09:50:00Z",
            "2026-11-22T08:30:00Z",
            "2026-11-22T09:10:00Z",
        ]
    );
    let maintained = every(mins(30)).only(window("08:00", "10:00")).except(window("09:00", "09:30"));
    assert_eq!(
        starts(&maintained, "2026-11-21T08:00:00Z", 4),
        ["2026-11-21T08:00:00Z", "2026-11-21T08:30:00Z", "2026-11-21T10:00:00Z", "2026-11-22T08:00:00Z"],
        "what is excepted is excepted, whatever else is said"
    );
    let once = every(mins(30)).except(window("2026-11-21T08:30:00Z", "2026-11-21T09:30:00Z"));
    assert_eq!(starts(&once, "2026-11-21T08:00:00Z", 2), ["2026-11-21T08:00:00Z", "2026-11-21T10:00:00Z"]);
    let over = every(mins(1)).only(window("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"));
    assert_eq!(over.upcoming(utc("2026-11-21T08:00:00Z"), 0).next(), None);
    assert_eq!(
        every(mins(1)).except(window("00:00", "23:59:59.999999999")).upcoming(utc("2026-11-21T08:00:00Z"), 0).next(),
        None
    );
}

#[test]
fn a_window_opens_and_ends_by_the_clock_on_the_wall_when_the_clocks_are_changed() {
    let night = every(mins(30)).only(window("01:00", "03:00").zone("Europe/London"));
    // Back on 2026-10-25 at 02:00: the hour from 01:00 is there twice, and all of it is inside.
    assert_eq!(
        starts(&night, "2026-10-25T00:00:00Z", 8),
        [
            "2026-10-25T00:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T02:00:00Z",
            "2026-10-25T02:30:00Z",
            "2026-10-25T03:00:00Z",
            "2026-10-26T01:00:00Z",
        ]
    );
    // Forward on 2026-03-29 at 01:00: it opens when the clock shows 02:00.
    assert_eq!(
        starts(&night, "2026-03-29T00:00:00Z", 4),
        ["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z", "2026-03-30T00:00:00Z"]
    );
}

#[test]
fn with_windows_too_what_is_due_is_what_counting_finds() {
    let mut rng = fastrand::Rng::with_seed(2);
    let wall = utc("2026-10-24T20:00:00Z");
    for _ in 0..500 {
        let schedule = every(mins(rng.u64(5..90)))
            .only(window("Sat 20:00", "Sun 17:00").zone("Europe/London"))
            .except(window("03:00", "04:30").zone("America/New_York"));
        let origin = Origin { wall, offset: secs(rng.u64(..600)), seed: rng.u64(..) };
        let last = rng.bool().then(|| mins(rng.u64(..3_000)));
        let now = last.unwrap_or_default() + mins(rng.u64(..3_000));
        let due = schedule.due(&origin, last, now, false).unwrap();
        assert_eq!(Some(due), naive(&schedule, &origin, last, now));
        let more = schedule.more.as_deref().unwrap();
        assert_eq!(more.closed_until(origin.wall_at(due.at)), None);
    }
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    let problems = |schedule: Schedule| schedule.problems().join(" | ");
    for (schedule, expected) in [
        (every(secs(0)).into(), "its interval is zero: give it one, such as every(mins(1))"),
        (every(secs(1)).jitter(1.5), "its jitter of 1.5 is no share: say 0 to 1, as in .jitter(0.1)"),
        (every(secs(1)).jitter(f64::NAN), "its jitter of NaN is no share: say 0 to 1, as in .jitter(0.1)"),
        (
            every(secs(1)).while_failing(secs(0)),
            "its interval while it fails is zero: give it one, such as .while_failing(secs(20))",
        ),
        (
            every(secs(1)).only(window("22:00", "06:00")),
            "its window from \"22:00\" to \"06:00\" ends before it begins: for one over midnight, give two, to 23:59:59 and \
             from 00:00",
        ),
        (
            every(secs(1)).only(window("Fri 22:00", "06:00")),
            "its window from \"Fri 22:00\" to \"06:00\" has ends of two kinds: say the weekday in both or in none",
        ),
        (
            every(secs(1)).except(window("Fri 22:00", "Someday 06:00")),
            "its window from \"Fri 22:00\" to \"Someday 06:00\" cannot be read at \"Someday 06:00\": write \"Fri 20:00\", \
             \"08:00\" or \"2026-12-01T22:00:00Z\"",
        ),
        (
            every(secs(1)).except(window("06:00", "07:00").zone("Mars/Olympus")),
            "its window is in the time zone \"Mars/Olympus\", which there is not: name one of the IANA database, such as \
             \"Europe/London\"",
        ),
    ] {
        assert_eq!(problems(schedule), expected);
    }
    assert_eq!(problems(every(mins(1)).only(window("08:00", "08:00"))), "");
}

#[cfg(feature = "cron")]
mod crons {
    use super::*;

    #[test]
    fn expressions_of_five_fields_and_those_of_cloudwatch_run_when_they_say() {
        for (text, from, expected) in [
            ("*/20 8-9 * * MON-FRI", "2026-11-20T09:30:00Z", vec!["2026-11-20T09:40:00Z", "2026-11-23T08:00:00Z"]),
            ("0 0 29 2 *", "2026-11-21T00:00:00Z", vec!["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
            ("30 6 1,15 * *", "2026-11-21T00:00:00Z", vec!["2026-12-01T06:30:00Z", "2026-12-15T06:30:00Z"]),
            ("cron(0 10 * * ? *)", "2026-11-21T10:00:00Z", vec!["2026-11-21T10:00:00Z", "2026-11-22T10:00:00Z"]),
            ("cron(15 12 * * ? *)", "2026-11-21T12:15:01Z", vec!["2026-11-22T12:15:00Z"]),
            ("cron(0 18 ? * MON-FRI *)", "2026-11-21T00:00:00Z", vec!["2026-11-23T18:00:00Z", "2026-11-24T18:00:00Z"]),
            ("cron(0 8 1 * ? *)", "2026-11-21T00:00:00Z", vec!["2026-12-01T08:00:00Z", "2027-01-01T08:00:00Z"]),
            ("cron(0/15 * * * ? *)", "2026-11-21T00:07:00Z", vec!["2026-11-21T00:15:00Z", "2026-11-21T00:30:00Z"]),
            (
                "cron(0/5 8-17 ? * MON-FRI *)",
                "2026-11-20T17:52:00Z",
                vec!["2026-11-20T17:55:00Z", "2026-11-23T08:00:00Z"],
            ),
            ("cron(0 9 ? * 2#1 *)", "2026-11-21T00:00:00Z", vec!["2026-12-07T09:00:00Z"]),
            ("cron(0 9 ? * 6L *)", "2026-11-21T00:00:00Z", vec!["2026-11-27T09:00:00Z"]),
            ("cron(0 9 L * ? *)", "2026-11-21T00:00:00Z", vec!["2026-11-30T09:00:00Z", "2026-12-31T09:00:00Z"]),
            ("cron(0 9 3W * ? *)", "2026-12-01T10:00:00Z", vec!["2026-12-03T09:00:00Z", "2027-01-04T09:00:00Z"]),
            ("cron(30 10 ? * 1 2027)", "2026-11-21T00:00:00Z", vec!["2027-01-03T10:30:00Z"]),
            ("rate(5 minutes)", "2026-11-21T00:00:00Z", vec!["2026-11-21T00:00:00Z", "2026-11-21T00:05:00Z"]),
            ("rate(1 hour)", "2026-11-21T00:00:00Z", vec!["2026-11-21T00:00:00Z", "2026-11-21T01:00:00Z"]),
        ] {
            let schedule = cron(text);
            assert_eq!(schedule.problems(), Vec::<String>::new(), "{text}");
            assert_eq!(starts(&schedule, from, expected.len()), expected, "{text}");
        }
        assert_eq!(cron("rate(0 minutes)"), Schedule::once());
    }

    #[test]
    fn when_the_clocks_are_changed_cron_does_as_it_is_documented() {
        // London: forward on 2026-03-29 at 01:00 UTC, back on 2026-10-25 at 01:00 UTC.
        let london = |text: &str| cron(text).zone("Europe/London");
        assert_eq!(
            starts(&london("30 1 * * *"), "2026-03-28T00:00:00Z", 3),
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
            "a time that is not there runs when the clock is past it"
        );
        assert_eq!(
            starts(&london("30 1 * * *"), "2026-10-25T00:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
            "a time that is there twice runs once"
        );
        assert_eq!(
            starts(&london("*/30 * * * *"), "2026-03-29T00:15:00Z", 3),
            ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"],
            "what repeats goes on"
        );
        assert_eq!(
            starts(&london("*/30 * * * *"), "2026-10-25T00:15:00Z", 4),
            ["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:00:00Z"],
            "what repeats runs through both"
        );
        let new_york = cron("30 2 * * *").zone("America/New_York");
        assert_eq!(
            starts(&new_york, "2026-03-07T00:00:00Z", 3),
            ["2026-03-07T07:30:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"]
        );
        assert_eq!(
            starts(&cron("30 1 * * *").zone("America/New_York"), "2026-11-01T00:00:00Z", 2),
            ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]
        );
    }

    #[test]
    fn jitter_and_offset_delay_it_and_once_at_start_adds_one() {
        let hourly = cron("0 * * * *").jitter(0.1).offset(mins(2)).once_at_start();
        let starts: Vec<_> = hourly.upcoming(utc("2026-11-21T08:30:00Z"), 5).take(30).collect();
        assert_eq!(starts[0], utc("2026-11-21T08:32:00Z"));
        for (n, start) in (0..).zip(&starts[1..]) {
            let nominal = utc("2026-11-21T09:02:00Z") + mins(60 * n);
            let delay = start.duration_since(nominal).unwrap();
            assert!(delay < mins(6), "{delay:?}");
        }
        assert!(starts.is_sorted());
        let origin = Origin { wall: utc("2026-11-21T08:30:00Z"), offset: secs(0), seed: 5 };
        for hours in 0..100 {
            let (last, now) = (mins(60 * hours / 7), mins(60 * hours));
            assert_eq!(hourly.due(&origin, Some(last), now, false), naive(&hourly, &origin, Some(last), now));
        }
    }

    #[test]
    fn the_shortest_time_between_two_starts_is_known() {
        assert_eq!(cron("*/5 8-18 * * MON-FRI").shortest_gap(), Some(mins(5)));
        assert_eq!(cron("0,50 * * * *").shortest_gap(), Some(mins(10)));
        assert_eq!(every(mins(3)).while_failing(secs(20)).shortest_gap(), Some(secs(20)));
        assert_eq!(Schedule::once().shortest_gap(), None);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (schedule, part) in [
            (cron("* * *"), "\"* * *\" is no schedule: write 30s"),
            (cron("61 * * * *"), "\"61 * * * *\" is no schedule: "),
            (cron("cron(0 10 * * ?)"), ""),
            (cron("cron(0 10 * * ? *"), "its bracket is not closed"),
            (cron("rate(5 fortnights)"), "write a rate as"),
            (cron("* * * * *").zone("Nowhere"), "its schedule is in the time zone \"Nowhere\", which there is not"),
            (cron("cron(0 10 * * ? 2001)"), "comes true never again"),
        ] {
            let problems = schedule.problems().join(" | ");
            assert!(problems.contains(part), "{problems}");
        }
    }
}
