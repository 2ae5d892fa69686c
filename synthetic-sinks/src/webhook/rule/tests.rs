//! The tables of the conformance cases 61 and 62, and what they leave open.

use super::*;

/// F of the last T, then S passes.
fn rule(failures: u32, of: u32, passes: u32) -> Rule {
    Rule { failures, of, passes, remind: None, degraded: false, errors: true }
}

/// Plays runs, one a second from the first second on: `F` failed, `S` passed, `-` was skipped. What is owed is sent at once, and
/// the provider answers as `provider` says for each run in turn: `.` takes it, `x` fails; the last answer stays.
/// Returns what arrived, with the second in which it did and, of a trigger, since when it fires.
fn play(rule: &Rule, runs: &str, provider: &str) -> (Track, Vec<String>) {
    let mut track = Track::default();
    let mut arrived = Vec::new();
    let answers = provider.chars().chain(std::iter::repeat(provider.chars().last().unwrap()));
    for ((second, run), answer) in (1_i64..).zip(runs.chars()).zip(answers) {
        let at = Moment(second * 1_000);
        let verdict = match run {
            'F' => Verdict::Failed,
            'S' => Verdict::Passed,
            _ => Verdict::Silent,
        };
        track.observe(rule, verdict, at);
        let Some(event) = track.owed().map(|owed| owed.event) else { continue };
        track.trying();
        if answer == '.' {
            let since = track.firing_since().map_or(String::new(), |since| format!(" since {}", since.0 / 1_000));
            arrived.push(format!("{event:?} at {second}{since}"));
            track.told(at);
        }
    }
    (track, arrived)
}

fn check(rule: &Rule, runs: &str, provider: &str, fires: bool, arrived: &[&str]) {
    let (track, got) = play(rule, runs, provider);
    assert_eq!(got, arrived, "{rule:?} {runs} {provider}");
    assert_eq!(track.firing_since().is_some(), fires, "{rule:?} {runs} {provider}");
}

/// Case 61: the sequences of the source, a run for each of its counts.
#[test]
fn so_many_failures_of_the_last_runs_fire_and_so_many_passes_resolve() {
    let (one, three) = (rule(1, 1, 1), rule(3, 5, 2));
    check(&one, "SS", ".", false, &[]);
    check(&one, "SSF", ".", true, &["Trigger at 3 since 3"]);
    check(&one, "S", ".", false, &[]);
    check(&one, "SSSFSS", ".", false, &["Trigger at 4 since 4", "Resolve at 5"]);
    check(&three, "SFSSFF", ".", true, &["Trigger at 6 since 5"]);
    check(&three, "SFSSFFSS", ".", false, &["Trigger at 6 since 5", "Resolve at 8"]);
    let again = ["Trigger at 6 since 5", "Resolve at 8", "Trigger at 9 since 9"];
    check(&three, "SFSSFFSSFF", ".", true, &again);
}

#[test]
fn each_canary_is_judged_by_itself() {
    check(&rule(2, 2, 1), "SFS", ".", false, &[]);
    check(&rule(2, 2, 1), "SFF", ".", true, &["Trigger at 3 since 2"]);
}

#[test]
fn a_window_that_is_not_full_yet_can_fire() {
    check(&rule(2, 10, 1), "FF", ".", true, &["Trigger at 2 since 1"]);
}

#[test]
fn failures_further_back_than_the_window_do_not_count() {
    check(&rule(2, 3, 1), "FSSFSSF", ".", false, &[]);
    check(&rule(2, 3, 1), "FSSFSF", ".", true, &["Trigger at 6 since 6"]);
}

/// Case 62: thresholds.
#[test]
fn an_alert_stays_through_further_failures_and_too_few_passes() {
    let (two, expected) = (rule(2, 2, 3), ["Trigger at 2 since 1", "Resolve at 7"]);
    check(&two, "FFFFSS", ".", true, &expected[..1]);
    check(&two, "FFFFSSSS", ".", false, &expected);
    check(&two, "FFFFSSFSS", ".", true, &expected[..1]);
}

/// Case 62: a provider that fails.
#[test]
fn a_trigger_that_did_not_arrive_is_tried_with_the_next_run() {
    let two = rule(2, 2, 2);
    check(&two, "FFFFF", "xxxx.", true, &["Trigger at 5 since 1"]);
    // Nobody heard of it, but a lost answer is not a lost message: it is taken back.
    check(&two, "FFSSS", "xxxx.", false, &["Resolve at 5"]);
}

#[test]
fn an_alert_whose_resolve_did_not_arrive_is_resolved_all_the_same() {
    let (two, one) = (rule(2, 2, 2), rule(1, 1, 1));
    check(&two, "FFSS", "...x", false, &["Trigger at 2 since 1"]);
    check(&two, "FFSSS", "...x.", false, &["Trigger at 2 since 1", "Resolve at 5"]);
    check(
        &two,
        "FFSSFFSS",
        "...x.",
        false,
        &["Trigger at 2 since 1", "Resolve at 5", "Trigger at 6 since 5", "Resolve at 8"],
    );
    // What comes next takes its place.
    check(&one, "FSFSF", ".x.x.", true, &["Trigger at 1 since 1", "Trigger at 3 since 3", "Trigger at 5 since 5"]);
}

#[test]
fn a_trigger_that_was_never_tried_is_not_taken_back_but_an_earlier_one_is() {
    let one = rule(1, 1, 1);
    let mut track = Track::default();
    track.observe(&one, Verdict::Failed, Moment(1));
    track.observe(&one, Verdict::Passed, Moment(2));
    assert_eq!(track.owed(), None);
    // It fires and people know; its end does not arrive, and it fires and ends again before anything could be sent.
    track.observe(&one, Verdict::Failed, Moment(3));
    track.trying();
    track.told(Moment(3));
    for (at, verdict) in [(4, Verdict::Passed), (5, Verdict::Failed), (6, Verdict::Passed)] {
        track.observe(&one, verdict, Moment(at));
    }
    assert_eq!(track.owed().map(|owed| owed.event), Some(Event::Resolve));
}

/// Case 62: reminders.
#[test]
fn trigger_and_reminders_share_a_clock_and_only_a_failing_run_reminds() {
    let every = Rule { remind: Some(Duration::from_secs(3)), ..rule(1, 1, 3) };
    let all = ["Trigger at 1 since 1", "Reminder at 4 since 1", "Reminder at 7 since 1"];
    check(&every, "FFFFFFFF", ".", true, &all);
    // The trigger starts the clock when it arrives.
    check(&every, "FFFFFF", "xx.", true, &["Trigger at 3 since 1", "Reminder at 6 since 1"]);
    // A pass, or a run that was skipped, is no news to be reminded of.
    check(&every, "FFFSSF", ".", true, &["Trigger at 1 since 1", "Reminder at 6 since 1"]);
    check(&every, "FF----F", ".", true, &["Trigger at 1 since 1", "Reminder at 7 since 1"]);
    // One that did not arrive is tried with the next run that fails, and no other is added to it.
    check(&every, "FFFFFFF", "...xx.", true, &["Trigger at 1 since 1", "Reminder at 6 since 1"]);
    check(&every, "FFFFSFF", "...x.", true, &["Trigger at 1 since 1", "Reminder at 6 since 1"]);
    let never = Rule { remind: None, ..every };
    check(&never, "FFFFFFFF", ".", true, &all[..1]);
}

#[test]
fn skipped_runs_say_nothing() {
    let two = rule(2, 2, 2);
    check(&two, "------", ".", false, &[]);
    check(&two, "F--F", ".", true, &["Trigger at 4 since 1"]);
    check(&two, "FFS--S", ".", false, &["Trigger at 2 since 1", "Resolve at 6"]);
}

#[test]
fn which_outcomes_count_is_a_setting() {
    let plain = rule(1, 1, 1);
    let all = |rule: &Rule| Outcome::ALL.map(|outcome| rule.verdict(outcome));
    use Verdict::{Failed, Passed, Silent};
    assert_eq!(all(&plain), [Passed, Silent, Passed, Failed, Failed]);
    assert_eq!(all(&Rule { degraded: true, ..plain.clone() }), [Passed, Silent, Failed, Failed, Failed]);
    assert_eq!(all(&Rule { errors: false, ..plain }), [Passed, Silent, Passed, Silent, Failed]);
}

#[test]
fn what_was_refused_waits_for_the_next_run() {
    let one = rule(1, 1, 1);
    let mut track = Track::default();
    track.observe(&one, Verdict::Failed, Moment(1));
    track.trying();
    track.refused();
    assert!(track.owed().unwrap().held);
    track.observe(&one, Verdict::Silent, Moment(2));
    assert!(track.owed().unwrap().held);
    track.observe(&one, Verdict::Failed, Moment(3));
    assert!(!track.owed().unwrap().held);
}

#[test]
fn nothing_is_kept_of_a_canary_that_is_well() {
    let (track, _) = play(&rule(3, 5, 2), "SSSSSSS", ".");
    assert!(track.is_quiet());
    let (track, _) = play(&rule(3, 5, 2), "SFS", ".");
    assert!(!track.is_quiet());
    let (track, _) = play(&rule(3, 5, 2), "FFFSSSSS", ".");
    assert!(track.is_quiet());
}
