//! The JUnit file of a program that runs once.

use std::fs;

use quick_junit::{Report as Junit, TestCaseStatus};
use synthetic_core::Sink;
use synthetic_core::prelude::*;
use synthetic_core::sink::DeliveryError;
use synthetic_core::testing::check_sink_contract;
use synthetic_sinks::JunitFile;

use crate::sinks::{Reports, Said, deliver, ran};

pub(crate) async fn file(reports: Reports) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("junit.xml");
    deliver(JunitFile::new(&path), &reports).await;
    fs::read(path).unwrap()
}

/// It is XML that holds the same cases as with tame texts, with the same ends.
pub(crate) fn is_junit(said: &Said<'_>) {
    let shape = |xml: &str| {
        let junit = Junit::deserialize_from_str(xml).unwrap();
        let cases = junit.test_suites.iter().flat_map(|suite| &suite.test_cases);
        let ends: Vec<_> = cases.map(|case| std::mem::discriminant(&case.status)).collect();
        (junit.tests, junit.failures, junit.errors, ends)
    };
    let illegal = |c: &char| !matches!(c, '\n' | '\t' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert_eq!(said.text().chars().find(illegal), None, "it is in no XML 1.0");
    assert_eq!(shape(said.text()), shape(std::str::from_utf8(said.tame).unwrap()));
}

fn read(path: &std::path::Path) -> Junit {
    Junit::deserialize_from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn it_keeps_the_sink_contract() {
    let folder = tempfile::tempdir().unwrap();
    check_sink_contract(|| async { JunitFile::new(folder.path().join("junit.xml")) }).await;
}

#[tokio::test]
async fn what_is_delivered_twice_is_one_case() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("junit.xml");
    let sink = JunitFile::new(&path);
    let reports = [ran("up", true).await, ran("down", false).await];
    sink.deliver(&reports).await.unwrap();
    assert!(!path.exists(), "it is written whole, and at the end");
    sink.deliver(&reports).await.unwrap();
    sink.close().await.unwrap();
    let junit = read(&path);
    assert_eq!((junit.tests, junit.failures, junit.errors), (2, 1, 0));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[tokio::test]
async fn nothing_ran_is_an_error_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("junit.xml");
    JunitFile::new(&path).close().await.unwrap();
    assert_eq!(read(&path).errors, 1);
}

#[tokio::test]
async fn a_monitor_that_is_over_leaves_no_result_of_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("junit.xml");
    fs::write(&path, "green").unwrap();
    let seen = path.clone();
    let health = canary(Spec::new("health"), move |run: Run| {
        let seen = seen.clone();
        async move { run.expect("the old file is there", seen.exists(), eq(false)) }
    });
    let (_, summary) =
        Monitor::named("shop").canary(every(mins(1)), health).sink(JunitFile::new(&path)).build().unwrap().once().await;
    assert_eq!(summary.sinks[0].last_error, None);
    let junit = read(&path);
    let suite = &junit.test_suites[0];
    assert_eq!((suite.name.to_string(), suite.tests, junit.failures, junit.errors), ("shop".to_owned(), 1, 0, 0));
}

#[tokio::test]
async fn a_link_leads_to_the_new_file_and_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("junit.xml"), folder.path().join("latest.xml"));
    fs::write(&path, "old").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    deliver(JunitFile::new(&link), &[ran("up", true).await]).await;
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(read(&path).tests, 1);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_said_and_closing_again_tries_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results").join("junit.xml");
    let sink = JunitFile::new(&path);
    sink.deliver(&[ran("down", false).await]).await.unwrap();
    let error = sink.close().await.unwrap_err();
    assert!(matches!(&error, DeliveryError::Retry(why) if why.contains("results/junit.xml")), "{error}");
    fs::create_dir(folder.path().join("results")).unwrap();
    sink.close().await.unwrap();
    assert!(matches!(read(&path).test_suites[0].test_cases[0].status, TestCaseStatus::NonSuccess { .. }));
}

#[tokio::test]
async fn what_did_not_pass_is_kept_when_there_is_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("junit.xml");
    let sink = JunitFile::new(&path);
    let (up, down) = (ran("up", true).await, ran("down", false).await);
    let nth = |report: &Report, nth: u128| {
        let mut report = report.clone();
        report.run_id = format!("{nth:032x}").parse().unwrap();
        std::sync::Arc::new(report)
    };
    let passed: Vec<_> = (0..10_001).map(|number| nth(&up, number)).collect();
    sink.deliver(&passed).await.unwrap();
    sink.deliver(&[nth(&down, 20_000)]).await.unwrap();
    sink.close().await.unwrap();
    let junit = read(&path);
    assert_eq!((junit.tests, junit.failures, junit.errors), (10_000, 1, 0));
    let said = junit.test_suites[0].system_out.as_ref().unwrap();
    assert!(said.contains("up: runs without a report here: 2 passed") && said.contains("10002 runs"), "{said:?}");
}

#[tokio::test]
async fn last_words_are_in_the_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("junit.xml");
    let sink = JunitFile::new(&path);
    sink.deliver(&[ran("up", true).await]).await.unwrap();
    sink.last_words(&*ran("down", false).await);
    assert_eq!((read(&path).tests, read(&path).failures), (2, 1));
}
