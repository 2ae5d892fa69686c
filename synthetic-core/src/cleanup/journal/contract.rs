//! The contract of a journal's store, as a function that any store can be put through.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use uuid::Uuid;

use super::{JournalStore, Left};
use crate::cleanup::{Entry, Mark, State};

/// Checks that a store keeps the contract of [`JournalStore`]. Each call of `make` opens one more store at the same place,
/// as one more process would; at first nothing is there.
///
/// A store that is dropped counts as one whose process has died. That a store survives a real `kill -9`, a full disk and a
/// loss of power is more than this can check.
///
/// # Panics
///
/// Panics with the sentence of the contract that does not hold.
///
/// # Examples
///
/// ```
/// use synthetic_core::cleanup::FileJournal;
/// use synthetic_core::testing::check_journal_store_contract;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// check_journal_store_contract(|| async { FileJournal::open(folder.path()).unwrap() }).await;
/// # Ok(()) }
/// ```
pub async fn check_journal_store_contract<S: JournalStore, F: Future<Output = S>>(mut make: impl FnMut() -> F) {
    check_an_empty_place(&mut make).await;
    check_what_a_store_keeps(&mut make).await;
    check_who_takes_over(&mut make).await;
    check_how_it_closes(&mut make).await;
}

async fn check_an_empty_place<S: JournalStore, F: Future<Output = S>>(make: &mut impl FnMut() -> F) {
    let store = make().await;
    assert!(!store.place().trim().is_empty(), "a store says where it is");
    let nothing = BTreeMap::new();
    assert_eq!(look(&store, "an empty place").await, nothing, "where nothing was put, nothing is seen");
    assert_eq!(adopt(&store, "an empty place").await, nothing, "where nothing was put, nothing is taken over");
    put(&store, &[], "a put of nothing").await;
}

async fn check_what_a_store_keeps<S: JournalStore, F: Future<Output = S>>(make: &mut impl FnMut() -> F) {
    let store = make().await;
    let entries: Vec<_> = (1..).zip(any_json()).map(|(n, value)| entry(1, n).created(value)).collect();
    put(&store, &entries, "ids of any JSON").await;
    let replaced = entry(2, 1).with_payload(json!({ "sku": "WIDGET-A", "note": "a \"quoted\"\nline \\ ü" }));
    let mut later = entry(2, 2).with_payload(json!([1, [2, [3, { "deep": null }]]])).in_state(State::Kept);
    later.not_before = Some(SystemTime::UNIX_EPOCH + Duration::from_micros(1_900_000_000_123_456));
    let abandoned = entry(2, 3).in_state(State::Abandoned);
    put(&store, &[replaced.clone(), later.clone(), abandoned.clone()], "several entries at once").await;
    let replaced = replaced.created(json!("A-17"));
    put(&store, std::slice::from_ref(&replaced), "an entry that is there").await;
    put(&store, std::slice::from_ref(&replaced), "the same entry again").await;
    let gone = [entry(2, 4), entry(2, 5), entry(2, 6), entry(2, 4).in_state(State::Refused)];
    put(&store, &gone, "an entry twice at once").await;
    put(&store, &[entry(2, 5).in_state(State::Gone), entry(2, 6).in_state(State::Deleted)], "what is over").await;
    drop(store);

    let kept = entries.into_iter().chain([replaced, later, abandoned]).map(|entry| (entry.mark.to_string(), entry));
    let kept: BTreeMap<_, _> = kept.collect();
    let store = make().await;
    for time in ["looks", "looks again: looking changes nothing"] {
        let seen = look(&store, "what a store left that was dropped").await;
        same(&seen, &kept, &format!("what was put and is not over is seen by a store that {time}"));
    }
    let adopted = adopt(&store, "what a store left that was dropped").await;
    same(&adopted, &kept, "what was put and is not over is taken over as it was put last");
    let left = adopt(&store, "a place whose entries were taken over").await;
    assert_eq!(left, BTreeMap::new(), "what was taken over is given once");
    let over: Vec<_> = adopted.into_values().map(|entry| entry.in_state(State::Deleted)).collect();
    put(&store, &over, "what is over").await;
    drop(store);

    let store = make().await;
    let left = adopt(&store, "a place where everything is over").await;
    assert_eq!(left, BTreeMap::new(), "what is over, and what a store left that had only that, is not taken over");
}

async fn check_who_takes_over<S: JournalStore, F: Future<Output = S>>(make: &mut impl FnMut() -> F) {
    let (first, other) = (make().await, make().await);
    let mine: Vec<_> = (1..=50).map(|n| entry(3, n)).collect();
    put(&first, &mine, "50 entries").await;
    for n in 1..=2 {
        put(&other, &[entry(4, n)], "an entry of another process").await;
        let nothing = BTreeMap::new();
        let seen = look(&other, "a place that a living process uses").await;
        assert_eq!(
            seen, nothing,
            "what a process put belongs to it as long as it lives: another one sees nothing of it"
        );
        let adopted = adopt(&other, "a place that a living process uses").await;
        assert_eq!(adopted, nothing, "what a process put belongs to it as long as it lives: another one takes nothing");
    }
    drop(first);

    let third = make().await;
    let (one, two) = tokio::join!(adopt(&other, "a dead process"), adopt(&third, "a dead process"));
    assert!(one.keys().all(|mark| !two.contains_key(mark)), "what a dead process left is given to one living process");
    let both: BTreeMap<_, _> = one.into_iter().chain(two).collect();
    same(&both, &by_mark(&mine), "of two processes that take over at once, one or the other has each entry");
    drop(other);

    // Whoever of the two took it over, the one that lives has it in the end.
    adopt(&third, "a process that had taken over").await;
    let fourth = make().await;
    let left = adopt(&fourth, "a place that a living process uses").await;
    assert_eq!(left, BTreeMap::new(), "what was taken over belongs to who took it over");
    drop(third);

    let all = by_mark(&[mine, vec![entry(4, 1), entry(4, 2)]].concat());
    let adopted = adopt(&fourth, "a process that had taken over").await;
    same(&adopted, &all, "what a process took over and what it put itself is taken over alike when it has died");
    let over: Vec<_> = all.into_values().map(|entry| entry.in_state(State::Gone)).collect();
    put(&fourth, &over, "what is over").await;
    close(&fourth, "a store whose entries are over").await;
}

async fn check_how_it_closes<S: JournalStore, F: Future<Output = S>>(make: &mut impl FnMut() -> F) {
    let store = make().await;
    put(&store, &[entry(5, 1), entry(5, 2)], "two entries").await;
    put(&store, &[entry(5, 1).in_state(State::Gone)], "what is over").await;
    close(&store, "a store with an entry that is not over").await;
    close(&store, "a store that is closed: a second call does nothing").await;

    let next = make().await;
    let adopted = adopt(&next, "a store that was closed").await;
    same(&adopted, &by_mark(&[entry(5, 2)]), "what is not over when a store is closed, the next process takes over");
    drop(store);
    put(&next, &[entry(5, 2).in_state(State::Deleted)], "what is over").await;
    close(&next, "a store whose entries are over").await;

    let last = make().await;
    let left = look(&last, "a store that was closed when every entry was over").await;
    assert_eq!(left, BTreeMap::new(), "a store that is closed when every entry is over leaves nothing behind");
    close(&last, "a store that was given nothing").await;
}

/// Makes the nth entry of a run.
fn entry(run: u128, n: u32) -> Entry {
    let mark = Mark::new("contract", "check", Uuid::from_u128(0x0193_a6f9_f4d5_7c01_8a3e_0000_0000_0000 + run), n);
    Entry::intent(mark, "contract/thing", SystemTime::UNIX_EPOCH + Duration::from_micros(1_732_000_000_654_321))
}

fn any_json() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.1),
        json!(1e300),
        json!(""),
        json!("A-17"),
        json!("a \"quoted\"\r\nline \\ \u{0}\u{7f}\u{2028} ü \u{1f980}"),
        json!([]),
        json!(["tenant", 7, null]),
        json!({ "tenant": "ü", "order": { "number": 7, "": [null] } }),
    ]
}

fn by_mark(entries: &[Entry]) -> BTreeMap<String, Entry> {
    entries.iter().map(|entry| (entry.mark.to_string(), entry.clone())).collect()
}

async fn put(store: &impl JournalStore, entries: &[Entry], what: &str) {
    let done = store.put(entries).await;
    done.unwrap_or_else(|error| panic!("a store takes {what}, but failed: {error}"));
}

async fn close(store: &impl JournalStore, what: &str) {
    let done = store.close().await;
    done.unwrap_or_else(|error| panic!("{what} can be closed, but failed: {error}"));
}

async fn look(store: &impl JournalStore, what: &str) -> BTreeMap<String, Entry> {
    let left = store.look().await;
    checked(left.unwrap_or_else(|error| panic!("a store looks at {what}, but failed: {error}")), what)
}

async fn adopt(store: &impl JournalStore, what: &str) -> BTreeMap<String, Entry> {
    let left = store.adopt().await;
    checked(left.unwrap_or_else(|error| panic!("a store takes over {what}, but failed: {error}")), what)
}

/// Returns what is left, by mark: each once, with a place, and without a problem.
fn checked(left: Left, what: &str) -> BTreeMap<String, Entry> {
    assert_eq!(left.problems, [""; 0], "in {what}, there is no problem");
    let mut entries = BTreeMap::new();
    for (entry, place) in left.entries {
        let mark = entry.mark.to_string();
        assert!(!place.trim().is_empty(), "an entry says where it was found, but {mark} did not");
        assert!(!entry.state.is_over(), "an entry that is over is not given, but {mark} was");
        assert!(entries.insert(mark.clone(), entry).is_none(), "an entry is given once, but {mark} was given twice");
    }
    entries
}

/// Compares entry by entry: whoever reads the message wants the one that differs.
#[track_caller]
fn same(given: &BTreeMap<String, Entry>, put: &BTreeMap<String, Entry>, sentence: &str) {
    for (mark, entry) in put {
        assert_eq!(given.get(mark), Some(entry), "{sentence}: {mark}");
    }
    let stranger = given.keys().find(|mark| !put.contains_key(*mark));
    assert_eq!(stranger, None, "{sentence}: nothing else was put");
}

#[cfg(test)]
mod tests;
