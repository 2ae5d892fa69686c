//! What a monitor refuses before anything runs.

use synthetic_core::prelude::*;

use super::{good, monitor};

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

#[test]
fn a_timeout_as_long_as_the_interval_is_fine_and_one_that_is_longer_is_not() {
    let with = |timeout| monitor().0.canary(every(secs(10)), super::of(Spec::new("a").timeout(timeout), ms(0))).build();
    with(secs(10)).unwrap();
    let error = with(ms(10_001)).unwrap_err().to_string();
    assert!(error.contains("its timeout of 10.001s is longer than its interval of 10s"), "{error}");
}

#[test]
fn a_class_for_which_nobody_gives_places_is_refused() {
    let mainframe = || super::of(Spec::new("ledger").timeout(secs(5)).class("mainframe"), ms(0));
    let error = monitor().0.canary(every(mins(1)), mainframe()).build().unwrap_err();
    insta::assert_snapshot!(error, @r#"
    monitor "test" cannot run:
    - canary "ledger": nobody says how many runs of its class "mainframe" go on side by side: add .concurrency("mainframe", 10)
    "#);
    let error = monitor().0.canary(every(mins(1)), mainframe()).queue("mainframe", 5).build().unwrap_err();
    insta::assert_snapshot!(error, @r#"
    monitor "test" cannot run:
    - no run of class "mainframe" could ever start: give it a place with .concurrency("mainframe", 1)
    "#);
    monitor().0.canary(every(mins(1)), mainframe()).concurrency("mainframe", 1).build().unwrap();
}

#[test]
fn numbers_that_would_make_a_monitor_useless_are_refused() {
    let error = monitor()
        .0
        .canary(every(mins(1)), good("a"))
        .concurrency("http", 0)
        .silent_after(0)
        .sweep_every(secs(0))
        .build()
        .unwrap_err();
    insta::assert_snapshot!(error, @r#"
    monitor "test" cannot run:
    - its interval between sweeps is zero: give it one, such as mins(5)
    - no run of class "http" could ever start: give it a place with .concurrency("http", 1)
    - every canary would be silent at once: .silent_after takes at least 1
    "#);
}
