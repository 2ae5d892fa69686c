//! Restarts: case 63.

use std::fs;
use std::path::Path;

use synthetic_core::Sink;
use synthetic_core::prelude::*;
use synthetic_sinks::Webhook;
use tempfile::TempDir;

use super::server::{Answer, Server};
use super::{Runs, generic};

fn with_file(server: &Server, file: &Path) -> Webhook {
    generic(server).state_file(file)
}

fn file() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state").join("webhook.json");
    (folder, file)
}

#[tokio::test]
async fn a_restart_neither_tells_again_what_fires_nor_forgets_that_it_is_over() {
    let (server, (_folder, file), mut runs) = (Server::start().await, file(), Runs::of("checkout \"1\"\n"));
    for (now, before) in [("F", 1), ("FF", 1), ("F", 1), ("S", 2), ("S", 2), ("FS", 4)] {
        let sink = with_file(&server, &file);
        runs.play(&sink, now).await;
        sink.close().await.unwrap();
        assert_eq!(server.messages().len(), before, "{:?}", server.events());
    }
    assert_eq!(server.events(), ["trigger", "resolve", "trigger", "resolve"]);
    assert_eq!(server.messages()[1].json()["since"], "2027-01-15T08:01:00Z");
}

#[tokio::test]
async fn a_process_that_is_killed_has_written_what_it_told() {
    let (server, (_folder, file), mut runs) = (Server::start().await, file(), Runs::of("checkout"));
    runs.play(&with_file(&server, &file), "F").await;
    runs.play(&with_file(&server, &file), "FS").await;
    assert_eq!(server.events(), ["trigger", "resolve"]);
}

#[tokio::test]
async fn runs_before_a_restart_count_and_none_counts_twice() {
    let (server, (_folder, file), mut runs) = (Server::start().await, file(), Runs::of("checkout"));
    let sink = || with_file(&server, &file).fires_after(3, 5).unwrap();
    let first = runs.failed().await;
    sink().deliver(std::slice::from_ref(&first)).await.unwrap();
    // As a queue on disk does that does not know what arrived.
    for _ in 0..3 {
        sink().deliver(std::slice::from_ref(&first)).await.unwrap();
    }
    runs.play(&sink(), "SF").await;
    assert_eq!(server.events(), [""; 0]);
    runs.play(&sink(), "F").await;
    assert_eq!(server.events(), ["trigger"]);
}

#[tokio::test]
async fn what_could_not_be_told_is_told_after_a_restart() {
    let (server, (_folder, file), mut runs) = (Server::start().await, file(), Runs::of("checkout"));
    let sink = with_file(&server, &file);
    runs.play(&sink, "F").await;
    server.answers([Answer::Status(500)]);
    assert!(sink.deliver(&[runs.passed().await]).await.is_err());
    assert!(sink.close().await.is_err());
    server.answers([Answer::Status(200)]);
    let sink = with_file(&server, &file);
    assert_eq!(sink.flush().await, Ok(()));
    assert_eq!(server.events(), ["trigger", "resolve", "resolve", "resolve"]);
    assert_eq!(sink.flush().await, Ok(()));
    assert_eq!(server.messages().len(), 4);
}

#[tokio::test]
async fn a_selection_of_canaries_that_runs_once_resolves_no_other() {
    let (server, (_folder, file)) = (Server::start().await, file());
    let mut runs = Runs::of("checkout");
    runs.play(&with_file(&server, &file), "F").await;
    let other = canary(Spec::new("search"), |run: Run| async move { run.expect("hits", 3, eq(3)) });
    let monitor = Monitor::named("shop").canary(every(mins(1)), other).sink(with_file(&server, &file)).build().unwrap();
    monitor.once().await;
    assert_eq!(server.events(), ["trigger"]);
    runs.play(&with_file(&server, &file), "S").await;
    assert_eq!(server.events(), ["trigger", "resolve"]);
}

#[tokio::test]
async fn a_file_that_is_none_of_ours_is_moved_aside_and_stops_nothing() {
    for content in ["", "{", "[1, 2]", r#"{"form": "synthetic notifications 99", "canaries": []}"#, "\u{0}\u{1}"] {
        let (server, (folder, _)) = (Server::start().await, file());
        let file = folder.path().join("webhook.json");
        fs::write(&file, content).unwrap();
        Runs::of("checkout").play(&with_file(&server, &file), "F").await;
        assert_eq!(server.events(), ["trigger"]);
        assert_eq!(fs::read_to_string(folder.path().join("webhook.json.unreadable")).unwrap(), content);
        assert!(fs::read_to_string(&file).unwrap().contains("checkout"));
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_keeps_no_message_back() {
    let (server, folder) = (Server::start().await, tempfile::tempdir().unwrap());
    let not_a_folder = folder.path().join("file");
    fs::write(&not_a_folder, "").unwrap();
    Runs::of("checkout").play(&with_file(&server, &not_a_folder.join("webhook.json")), "FS").await;
    assert_eq!(server.events(), ["trigger", "resolve"]);
}

#[tokio::test]
async fn no_secret_stands_in_the_file_and_nothing_of_a_canary_that_is_well() {
    let (server, (_folder, file), mut runs) = (Server::start().await, file(), Runs::of("checkout"));
    let sink = with_file(&server, &file).header("authorization", "Bearer b3arer-t0ken").unwrap();
    runs.play(&sink, "F").await;
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("b3arer-t0ken") && !text.contains("/hook") && text.contains("checkout"), "{text}");
    runs.play(&sink, "SS").await;
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, r#"{"form":"synthetic notifications 1","canaries":[]}"#);
}
