//! JSON lines in a file: whole lines, each once, whatever happens to the file.

mod full;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use synthetic_core::sink::DeliveryError;
use synthetic_core::testing::check_sink_contract;
use synthetic_core::{Report, Sink};
use synthetic_sinks::JsonLines;

use crate::sinks::{Reports, deliver, ran};

pub(crate) async fn files(reports: Reports) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canaries.jsonl");
    deliver(JsonLines::file(&path).rotate_at(64 * 1024).keep(1_000), &reports).await;
    let older = |number: usize| folder.path().join(format!("canaries.jsonl.{number}"));
    let rotated = (1..).map_while(|number| fs::read(older(number)).ok()).collect::<Vec<_>>();
    let mut bytes: Vec<u8> = rotated.into_iter().rev().flatten().collect();
    bytes.extend(fs::read(path).unwrap_or_default());
    bytes
}

/// Runs so many canaries, `run-0` and on.
async fn runs(count: usize) -> Reports {
    let one = ran("run", true).await;
    let nth = |nth: usize| {
        let mut report = Report::clone(&one);
        report.canary = format!("run-{nth}").into();
        report.run_id = format!("{nth:032x}").parse().unwrap();
        Arc::new(report)
    };
    (0..count).map(nth).collect()
}

/// Returns the numbers of the runs in a file, all of whose lines must be whole.
fn read(path: impl AsRef<Path>) -> Vec<usize> {
    let text = fs::read_to_string(path).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn");
    let number = |line: &str| {
        let report: Report = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        report.canary.strip_prefix("run-").unwrap().parse().unwrap()
    };
    text.lines().map(number).collect()
}

fn size_of(report: &Report) -> u64 {
    serde_json::to_vec(report).unwrap().len() as u64 + 1
}

#[tokio::test]
async fn it_keeps_the_sink_contract() {
    let folder = tempfile::tempdir().unwrap();
    check_sink_contract(|| async { JsonLines::file(folder.path().join("canaries.jsonl")) }).await;
}

#[tokio::test]
async fn a_batch_that_is_delivered_again_repeats_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("canaries.jsonl");
    let (sink, reports) = (JsonLines::file(&path), runs(5).await);
    sink.deliver(&reports[..3]).await.unwrap();
    sink.deliver(&reports[..3]).await.unwrap();
    sink.deliver(&reports).await.unwrap();
    sink.flush().await.unwrap();
    assert_eq!(read(&path), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_file_is_rotated_before_it_is_too_large_and_the_oldest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canaries.jsonl");
    let reports = runs(9).await;
    let sink = JsonLines::file(&path).rotate_at(2 * size_of(&reports[0])).keep(2);
    sink.deliver(&reports).await.unwrap();
    assert_eq!((read(&path), read(folder.path().join("canaries.jsonl.1"))), (vec![8], vec![6, 7]));
    assert_eq!(read(folder.path().join("canaries.jsonl.2")), [4, 5]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    // A new process goes on where this one ends.
    sink.close().await.unwrap();
    let mut more = Report::clone(&reports[0]);
    more.run_id = "ffffffffffffffffffffffffffffffff".parse().unwrap();
    let sink = JsonLines::file(&path).rotate_at(2 * size_of(&reports[0])).keep(2);
    sink.deliver(&[Arc::new(more)]).await.unwrap();
    assert_eq!(read(&path), [8, 0]);
}

#[tokio::test]
async fn a_line_longer_than_a_file_has_one_of_its_own_and_without_old_files_the_old_one_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canaries.jsonl");
    let reports = runs(3).await;
    JsonLines::file(&path).rotate_at(10).keep(1).deliver(&reports).await.unwrap();
    assert_eq!((read(&path), read(folder.path().join("canaries.jsonl.1"))), (vec![2], vec![1]));
    JsonLines::file(&path).rotate_at(10).keep(0).deliver(&runs(5).await[3..]).await.unwrap();
    assert_eq!((read(&path), read(folder.path().join("canaries.jsonl.1"))), (vec![4], vec![1]));
}

#[tokio::test]
async fn a_rotation_that_fails_half_way_moves_no_file_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canaries.jsonl");
    let reports = runs(4).await;
    let sink = JsonLines::file(&path).rotate_at(1).keep(3);
    sink.deliver(&reports[..2]).await.unwrap();
    // A folder that is not empty cannot be replaced by a file.
    let second = folder.path().join("canaries.jsonl.2");
    fs::create_dir_all(second.join("x")).unwrap();
    fs::write(folder.path().join("canaries.jsonl.3"), "").unwrap();
    for _ in 0..3 {
        let error = sink.deliver(&reports[2..]).await.unwrap_err();
        assert!(
            matches!(&error, DeliveryError::Retry(why) if why.contains("canaries.jsonl cannot be rotated")),
            "{error}"
        );
    }
    fs::remove_dir_all(&second).unwrap();
    sink.deliver(&reports[2..]).await.unwrap();
    let found = ["", ".1", ".2", ".3"].map(|end| read(folder.path().join(format!("canaries.jsonl{end}"))));
    assert_eq!(found.concat(), [3, 2, 1, 0], "each once, none lost: {found:?}");
}

#[tokio::test]
async fn a_file_that_was_moved_removed_or_emptied_by_somebody_else_is_started_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canaries.jsonl");
    let (sink, reports) = (JsonLines::file(&path), runs(5).await);
    sink.deliver(&reports[..1]).await.unwrap();
    fs::rename(&path, folder.path().join("moved")).unwrap();
    sink.deliver(&reports[1..2]).await.unwrap();
    assert_eq!((read(folder.path().join("moved")), read(&path)), (vec![0], vec![1]));
    fs::remove_file(&path).unwrap();
    sink.deliver(&reports[2..3]).await.unwrap();
    assert_eq!(read(&path), [2]);
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    sink.deliver(&reports[3..4]).await.unwrap();
    assert_eq!(read(&path), [3], "no gap where the old lines were");
    fs::remove_dir_all(folder.path()).unwrap();
    sink.deliver(&reports[4..]).await.unwrap();
    assert_eq!(read(&path), [4]);
}

#[tokio::test]
async fn a_line_that_a_crash_has_torn_is_removed_and_foreign_text_is_left_alone() {
    let whole = serde_json::to_string(&*runs(1).await[0]).unwrap();
    let long = format!("{{\"schema\":\"synthetic-report/1\",\"x\":\"{}", "x".repeat(200_000));
    let cases = [
        (format!("{whole}\n"), format!("{whole}\n")),
        (format!("{whole}\n{{\"sch"), format!("{whole}\n")),
        (format!("{whole}\n{}", &whole[..whole.len() - 9]), format!("{whole}\n")),
        (format!("{whole}\n{long}"), format!("{whole}\n")),
        (long, String::new()),
        ("note to myself".to_owned(), "note to myself\n".to_owned()),
    ];
    for (before, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("canaries.jsonl");
        fs::write(&path, &before).unwrap();
        let reports = runs(2).await;
        JsonLines::file(&path).deliver(&reports[1..]).await.unwrap();
        let line = serde_json::to_string(&*reports[1]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text == format!("{expected}{line}\n"), "{} became {}", before.len(), text.len());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_writer_is_told_so_and_may_go_on_when_the_first_lets_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canaries.jsonl");
    let (first, second, reports) = (JsonLines::file(&path), JsonLines::file(&path), runs(2).await);
    first.deliver(&reports[..1]).await.unwrap();
    let error = second.deliver(&reports[1..]).await.unwrap_err();
    assert!(matches!(&error, DeliveryError::Retry(why) if why.contains("by another process")), "{error}");
    first.close().await.unwrap();
    second.deliver(&reports[1..]).await.unwrap();
    assert_eq!(read(&path), [0, 1]);
}

#[tokio::test]
async fn what_is_no_plain_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path(), Path::new("/dev/full")] {
        let error = JsonLines::file(path).deliver(&runs(1).await).await.unwrap_err();
        let expected = format!("{} is no plain file: name one, or write to standard output", path.display());
        assert_eq!(error, DeliveryError::Fatal(expected));
    }
}

#[tokio::test]
async fn last_words_are_a_line_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canaries.jsonl");
    let (sink, reports) = (JsonLines::file(&path), runs(2).await);
    sink.deliver(&reports[..1]).await.unwrap();
    sink.last_words(&reports[0]);
    sink.last_words(&reports[1]);
    assert_eq!(read(&path), [0, 1]);
}
