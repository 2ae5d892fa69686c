//! Annotations of GitHub Actions, for a program that runs once.

use synthetic_core::Sink;
use synthetic_core::prelude::*;
use synthetic_core::testing::check_sink_contract;
use synthetic_sinks::GithubAnnotations;

use crate::sinks::{Buffer, Reports, Said, deliver, ran};

pub(crate) async fn text(reports: Reports) -> Vec<u8> {
    let buffer = Buffer::default();
    deliver(GithubAnnotations::stdout().to(buffer.clone()), &reports).await;
    buffer.bytes()
}

/// The names of what GitHub's runner takes for a command: `::name …::` at a line's start, `##[name …]` anywhere in it.
fn commands(text: &str) -> Vec<String> {
    let v2 = |line: &str| {
        let (info, _) = line.trim_start().strip_prefix("::")?.split_once("::")?;
        Some(info.split(' ').next()?.to_lowercase())
    };
    let v1 = |line: &str| Some(line.split_once("##[")?.1.split([']', ' ']).next()?.to_lowercase());
    text.split(['\r', '\n']).filter_map(|line| v2(line).or_else(|| v1(line))).collect()
}

/// It gives the commands that it gives with tame texts.
pub(crate) fn gives_no_command(said: &Said<'_>) {
    assert_eq!(commands(said.text()), commands(std::str::from_utf8(said.tame).unwrap()));
}

#[tokio::test]
async fn it_keeps_the_sink_contract() {
    check_sink_contract(|| async { GithubAnnotations::stdout().to(Vec::new()) }).await;
}

#[tokio::test]
async fn all_is_written_at_the_end_and_once() {
    let buffer = Buffer::default();
    let sink = GithubAnnotations::stdout().to(buffer.clone());
    let reports = [ran("up", true).await, ran("down", false).await];
    sink.deliver(&reports).await.unwrap();
    assert!(buffer.bytes().is_empty());
    sink.deliver(&reports).await.unwrap();
    sink.close().await.unwrap();
    sink.close().await.unwrap();
    let text = String::from_utf8(buffer.bytes()).unwrap();
    assert_eq!(commands(&text), ["group", "endgroup", "error"], "{text}");
    assert!(text.ends_with("\nfailed: 2 canaries: 1 failed, 1 passed\n"), "{text}");
}

#[tokio::test]
async fn nothing_ran_is_an_error() {
    let buffer = Buffer::default();
    GithubAnnotations::stdout().to(buffer.clone()).close().await.unwrap();
    let text = String::from_utf8(buffer.bytes()).unwrap();
    assert_eq!(text, "::error title=nothing ran::no canary was selected\nnothing ran: 0 canaries\n");
}

#[tokio::test]
async fn a_monitor_names_the_canaries_that_did_not_run() {
    let buffer = Buffer::default();
    let health = canary(Spec::new("health"), |run: Run| async move { run.expect("1", 1, eq(1)) });
    let monitor = Monitor::named("shop").canary(every(mins(1)), health);
    let monitor = monitor.sink(GithubAnnotations::stdout().to(buffer.clone())).build().unwrap();
    monitor.once_until(std::future::ready(())).await;
    let text = String::from_utf8(buffer.bytes()).unwrap();
    assert!(text.contains("::warning title=health::it did not run\n"), "{text}");
}

#[tokio::test]
async fn last_words_are_written_at_once_and_not_again() {
    let buffer = Buffer::default();
    let sink = GithubAnnotations::stdout().to(buffer.clone());
    sink.deliver(&[ran("up", true).await]).await.unwrap();
    sink.last_words(&*ran("down", false).await);
    let text = String::from_utf8(buffer.bytes()).unwrap();
    assert!(text.ends_with("failed: 2 canaries: 1 failed, 1 passed\n"), "{text}");
    sink.close().await.unwrap();
    assert_eq!(buffer.bytes().len(), text.len());
}
