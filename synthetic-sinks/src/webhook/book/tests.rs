//! What is kept of whom, and for how long.

use synthetic_core::prelude::*;
use synthetic_core::{Runner, report::Report};

use super::*;

const RULE: Rule = Rule { failures: 1, of: 3, passes: 1, remind: None, degraded: false, errors: true };

async fn run(name: &str, total: i32) -> Report {
    let mut report = Runner::new()
        .run(canary(Spec::new("x"), move |run: Run| async move { run.expect("total", total, eq(30)) }))
        .await;
    report.canary = name.into();
    report
}

/// Tells everything that is owed, and returns of whom and what.
fn tell(book: &mut Book) -> Vec<String> {
    let owed = book.owed();
    let said = |key: &Key| {
        let notice = book.send(key).unwrap();
        book.told(key);
        format!("{} {}", notice.event_word(), notice.canary)
    };
    owed.iter().map(said).collect()
}

/// A book with one canary that fires, as another process has left it.
async fn restored() -> Book {
    let mut book = Book::default();
    assert!(book.take_in(&run("checkout", 25).await, &RULE));
    assert_eq!(tell(&mut book), ["trigger checkout"]);
    let text = serde_json::to_string(&book.kept()).unwrap();
    let mut again = Book::default();
    again.restore(serde_json::from_str(&text).unwrap());
    again
}

#[tokio::test]
async fn a_canary_of_an_earlier_process_has_to_be_missing_for_long_to_count_as_removed() {
    let mut book = restored().await;
    book.retire(|_, _| false, false, Moment(1));
    assert_eq!(tell(&mut book), [""; 0]);
    book.retire(|_, _| false, true, Moment(1));
    assert_eq!(tell(&mut book), ["resolve checkout"]);
    book.retire(|_, _| false, true, Moment(1));
    assert!(book.kept().is_empty());
}

#[tokio::test]
async fn a_canary_that_was_there_counts_as_removed_at_once() {
    let mut book = restored().await;
    book.retire(|_, _| true, false, Moment(1));
    book.retire(|_, _| false, false, Moment(1));
    assert_eq!(tell(&mut book), ["resolve checkout"]);
}

#[tokio::test]
async fn a_canary_that_is_removed_before_anybody_was_told_is_forgotten() {
    let mut book = Book::default();
    assert!(book.take_in(&run("checkout", 25).await, &RULE));
    book.retire(|_, _| false, false, Moment(1));
    assert!(book.kept().is_empty());
}

#[tokio::test]
async fn a_resolve_that_nobody_takes_is_given_up_and_nothing_else_is() {
    let mut book = restored().await;
    assert_eq!(book.give_up(Moment(i64::MAX)), 0, "it fires");
    let passed = run("checkout", 30).await;
    assert!(book.take_in(&passed, &RULE));
    let ended = ended_at(&passed);
    assert_eq!(book.give_up(ended), 0);
    assert!(book.take_in(&run("search", 25).await, &RULE));
    book.give_up(Moment(ended.0 + 1));
    assert_eq!(tell(&mut book), ["trigger search"]);
}

#[tokio::test]
async fn a_run_counts_once_however_often_it_is_delivered() {
    let mut book = Book::default();
    let two = Rule { failures: 2, ..RULE };
    let report = run("checkout", 25).await;
    assert!(!book.take_in(&report, &two) && !book.take_in(&report, &two));
    assert!(book.take_in(&run("checkout", 25).await, &two));
}

#[tokio::test]
async fn the_least_tried_message_goes_first() {
    let mut book = Book::default();
    for name in ["a", "b", "c"] {
        assert!(book.take_in(&run(name, 25).await, &RULE));
    }
    let first = book.owed()[0].clone();
    assert!(book.send(&first).is_some());
    assert_eq!(book.owed().last(), Some(&first));
}
