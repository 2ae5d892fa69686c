//! The file journal: what it keeps, what it reads of what others left, and what it says when it cannot.

mod damage;
mod processes;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use synthetic_core::cleanup::journal::Left;
use synthetic_core::cleanup::{Durability, Entry, FileJournal, JournalStore, State};
use synthetic_core::testing::check_journal_store_contract;
use tempfile::TempDir;

/// Makes the nth entry.
fn entry(n: usize) -> Entry {
    let mark = format!("syn1-shop-order-lifecycle-01JD3QKX7V0000000000000000-{n}").parse().unwrap();
    Entry::intent(mark, "shop/order", SystemTime::UNIX_EPOCH + Duration::from_secs(1_732_000_000))
}

fn created(n: usize) -> Entry {
    entry(n).created(json!(format!("A-{n}")))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(folder: &TempDir) -> FileJournal {
    FileJournal::open(folder.path()).unwrap()
}

async fn adopt(folder: &TempDir) -> (Vec<Entry>, Vec<String>) {
    let Left { entries, problems, .. } = open(folder).adopt().await.unwrap();
    (entries.into_iter().map(|(entry, _)| entry).collect(), problems)
}

/// Returns the names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Leaves what a process leaves that put these, one after the other, and died; returns where.
async fn leave(folder: &TempDir, entries: &[Entry]) -> PathBuf {
    let journal = open(folder);
    for entry in entries {
        journal.put(std::slice::from_ref(entry)).await.unwrap();
    }
    journal.path()
}

#[tokio::test]
async fn keeps_the_contract() {
    let folder = folder();
    check_journal_store_contract(|| async { open(&folder) }).await;
    assert_eq!(names(folder.path()), [""; 0], "no file is left");
}

#[tokio::test]
async fn keeps_the_contract_when_it_survives_a_loss_of_power() {
    let folder = folder();
    check_journal_store_contract(|| async { open(&folder).durability(Durability::Power) }).await;
    assert_eq!(names(folder.path()), [""; 0], "no file is left");
}

#[tokio::test]
async fn under_power_many_tasks_write_at_once_and_a_task_that_is_dropped_loses_nothing() {
    let folder = folder();
    let journal = std::sync::Arc::new(open(&folder).durability(Durability::Power));
    let tasks: Vec<_> = (1..=20)
        .map(|n| {
            let journal = std::sync::Arc::clone(&journal);
            tokio::spawn(async move { journal.put(&[created(n)]).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    drop(journal);
    let next = open(&folder).durability(Durability::Power);
    // Dropped when it has begun, the adoption goes on, and what it took over is given to who asks next.
    let mut begun = Box::pin(next.adopt());
    std::future::poll_fn(|cx| {
        let _ = begun.as_mut().poll(cx);
        std::task::Poll::Ready(())
    })
    .await;
    drop(begun);
    let mut entries = next.adopt().await.unwrap().entries;
    while entries.len() < 20 {
        tokio::task::yield_now().await;
        entries.extend(next.adopt().await.unwrap().entries);
    }
    assert_eq!(entries.len(), 20);
}

#[tokio::test]
async fn a_journal_in_which_everything_is_over_leaves_no_file_and_one_with_more_to_do_does() {
    let folder = folder();
    let journal = open(&folder);
    assert_eq!(names(folder.path()).len(), 1);
    journal.put(&[entry(1)]).await.unwrap();
    journal.put(&[entry(1).in_state(State::Refused)]).await.unwrap();
    journal.close().await.unwrap();
    assert_eq!(names(folder.path()), [""; 0]);
    let error = journal.put(&[entry(2)]).await.unwrap_err().to_string();
    assert_eq!(error, format!("journal {} is closed: open another one", journal.path().display()));
    assert!(journal.adopt().await.is_err());

    drop(open(&folder));
    assert_eq!(names(folder.path()), [""; 0], "one that was never used leaves none either");

    let journal = open(&folder);
    journal.put(&[created(1).in_state(State::Abandoned)]).await.unwrap();
    journal.close().await.unwrap();
    assert!(journal.path().is_file(), "what was given up is still to be told");
}

#[tokio::test]
async fn an_entry_says_in_which_file_it_was() {
    let folder = folder();
    let path = leave(&folder, &[entry(1), created(1)]).await;
    let journal = open(&folder);
    for left in [journal.look().await.unwrap(), journal.adopt().await.unwrap()] {
        assert_eq!(left.entries, [(created(1), path.display().to_string())]);
    }
    assert_eq!(names(folder.path()), [journal.path().file_name().unwrap().to_str().unwrap()]);
}

#[tokio::test]
async fn looking_changes_nothing() {
    let folder = folder();
    let path = leave(&folder, &[entry(1), created(2)]).await;
    let damaged = folder.path().join("00000000000000000000000000.jsonl");
    fs::write(&damaged, [&fs::read(&path).unwrap()[..], b"junk\n"].concat()).unwrap();
    let torn = folder.path().join("00000000000000000000000001.jsonl");
    fs::write(&torn, "0123").unwrap();
    let everything =
        || names(folder.path()).into_iter().map(|name| (fs::read(folder.path().join(&name)).unwrap(), name)).collect();
    let journal = open(&folder);
    let before: Vec<_> = everything();
    let looked = journal.look().await.unwrap();
    assert_eq!(everything(), before);
    assert_eq!(journal.adopt().await.unwrap(), looked, "it returns what is taken over afterwards");
    assert_eq!((looked.entries.len(), looked.problems.len()), (2, 1));
}

#[tokio::test]
async fn a_crash_while_one_file_was_written_into_another_gives_each_entry_once_and_as_far_as_it_is() {
    for (first, second) in [(0, 1), (1, 0)] {
        let folder = folder();
        let mut files = Vec::new();
        for states in [
            [entry(1), entry(2), created(3), created(4), created(5).in_state(State::Abandoned)],
            [created(1), entry(2), created(3).in_state(State::Deleted), created(4), created(5)],
        ] {
            let path = leave(&folder, &[&[created(3)], &states[..]].concat()).await;
            files.push(fs::read(&path).unwrap());
            fs::remove_file(path).unwrap();
        }
        fs::write(folder.path().join("0A.jsonl"), &files[first]).unwrap();
        fs::write(folder.path().join("0B.jsonl"), &files[second]).unwrap();
        let all = [created(1), entry(2), created(4), created(5).in_state(State::Abandoned)];
        let looked = open(&folder).look().await.unwrap().entries.into_iter().map(|(entry, _)| entry);
        assert_eq!(looked.collect::<Vec<_>>(), all);
        for _ in 0..2 {
            assert_eq!(adopt(&folder).await, (all.to_vec(), vec![]));
        }
    }
}

#[tokio::test]
async fn a_large_file_of_little_that_is_not_over_is_replaced_and_nothing_is_lost() {
    let folder = folder();
    let journal = open(&folder);
    let first = journal.path();
    let (mut paths, mut largest) = (vec![first.clone()], 0);
    let payload = json!("x".repeat(20_000));
    for n in 1..=400 {
        journal.put(&[entry(n).with_payload(payload.clone())]).await.unwrap();
        if n % 50 != 0 {
            journal.put(&[created(n), created(n).in_state(State::Deleted)]).await.unwrap();
        }
        let path = journal.path();
        assert_eq!(names(folder.path()), [path.file_name().unwrap().to_str().unwrap()], "there is one file at a time");
        largest = largest.max(fs::metadata(&path).unwrap().len());
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    assert!(paths.len() > 4 && !first.exists(), "{paths:?}");
    assert!(largest < 1024 * 1024 + 64 * 1024, "{largest}");
    drop(journal);
    let kept: Vec<_> = (1..=8).map(|n| entry(n * 50).with_payload(payload.clone())).collect();
    let mut adopted = adopt(&folder).await;
    adopted.0.sort_by_key(|entry| entry.mark.number());
    assert_eq!(adopted, (kept, vec![]));
}

#[tokio::test]
async fn a_file_that_is_removed_under_its_process_is_written_anew() {
    let folder = folder();
    let journal = open(&folder);
    journal.put(&[created(1), created(2)]).await.unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    journal.put(&[created(2).in_state(State::Gone), created(3)]).await.unwrap();
    drop(journal);
    assert_eq!(adopt(&folder).await, (vec![created(1), created(3)], vec![]));
}

#[tokio::test]
async fn what_could_not_be_read_back_is_refused_and_the_entry_is_as_it_was() {
    let folder = folder();
    let journal = open(&folder);
    journal.put(&[entry(1)]).await.unwrap();
    let large = entry(1).with_payload(json!("x".repeat(64 * 1024)));
    let error = journal.put(&[entry(2), large]).await.unwrap_err().to_string();
    let name = "shop/order with mark syn1-shop-order-lifecycle-01JD3QKX7V0000000000000000-1";
    assert!(
        error.starts_with(&format!("{name} cannot be written to journal {}: ", journal.path().display())),
        "{error}"
    );
    assert!(error.ends_with("which is more than 65536: keep the payload small"), "{error}");
    drop(journal);
    assert_eq!(adopt(&folder).await, (vec![entry(1)], vec![]));
}

#[tokio::test]
async fn numbers_in_a_payload_are_read_back_to_the_last_bit() {
    let folder = folder();
    let mut random = fastrand::Rng::with_seed(3);
    let numbers = (0..500).map(|_| f64::from_bits(random.u64(..))).filter(|number| number.is_finite());
    let entry = entry(1).with_payload(Value::from(numbers.collect::<Vec<_>>()));
    leave(&folder, std::slice::from_ref(&entry)).await;
    assert_eq!(adopt(&folder).await, (vec![entry], vec![]));
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error_that_says_which_why_and_what_would_be_right() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = |path: &Path| FileJournal::open(path).unwrap_err().to_string();
    assert_eq!(error(&file), format!("journal folder {} is a file: name a folder", file.display()));
    assert_eq!(
        error(&file.join("below")),
        format!(
            "journal folder {} cannot be made (Not a directory (os error 20)): see to the disk, or name another folder",
            file.join("below").display()
        )
    );
}

/// Not even root makes files under `/sys`.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_is_read_only_is_an_error_that_says_so() {
    for (path, what) in [
        ("/sys/kernel", "journal folder /sys/kernel cannot be written to ("),
        ("/sys/kernel/journal", "journal folder /sys/kernel/journal cannot be made ("),
    ] {
        let error = FileJournal::open(path).unwrap_err().to_string();
        assert!(error.starts_with(what), "{error}");
        assert!(error.ends_with("): name a folder that this process may read and write"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn folder_and_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = folder();
    let journal = FileJournal::open(folder.path().join("a/b")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("a/b")), 0o700);
    assert_eq!(mode(&journal.path()), 0o600);
}

#[test]
fn what_a_process_left_that_died_while_it_started_is_removed_after_an_hour() {
    let folder = folder();
    let hours_ago = synthetic_core::Clock::system().now() - Duration::from_secs(2 * 60 * 60);
    let file = |name: &str| File::create_new(folder.path().join(name)).unwrap();
    let (old, held, _young) = (file("old.new"), file("held.new"), file("young.new"));
    old.set_modified(hours_ago).unwrap();
    held.set_modified(hours_ago).unwrap();
    held.lock().unwrap();
    drop(open(&folder));
    assert_eq!(names(folder.path()), ["held.new", "young.new"]);
}

#[tokio::test]
async fn what_is_no_journal_is_left_alone() {
    let folder = folder();
    fs::create_dir(folder.path().join("folder.jsonl")).unwrap();
    for name in ["notes.txt", "kept.jsonl.damaged", "noextension"] {
        fs::write(folder.path().join(name), "notes").unwrap();
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("link.jsonl")).unwrap();
    let before = names(folder.path());
    assert_eq!(adopt(&folder).await, (vec![], vec![]));
    assert_eq!(names(folder.path()), before);
}
