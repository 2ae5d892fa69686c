//! A disk that is full, for real: each test starts itself again where there is little room.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use synthetic_core::Sink;
use synthetic_core::sink::DeliveryError;
use synthetic_sinks::JsonLines;

use super::{read, runs};

/// Set in the process that has little room: the folder in which to write.
const FOLDER: &str = "SYNTHETIC_TEST_LITTLE_ROOM";

/// Delivers more than there is room for, makes room by `make_room`, and delivers all of it again.
async fn deliver_too_much(folder: &Path, make_room: impl FnOnce(&Path)) {
    let path = folder.join("canaries.jsonl");
    let (sink, reports) = (JsonLines::file(&path), runs(400).await);
    let (mut delivered, mut refused) = (0, None);
    for batch in reports.chunks(7) {
        match sink.deliver(batch).await {
            Ok(()) => delivered += batch.len(),
            Err(error) => {
                refused = Some((batch, error));
                break;
            }
        }
    }
    let (batch, error) = refused.expect("there is not room for all");
    let DeliveryError::Retry(why) = &error else { panic!("it is to be tried again: {error}") };
    assert!(why.contains("canaries.jsonl cannot be written to (") && why.ends_with(": make room for it"), "{why}");
    assert!(delivered > 0);
    let expected: Vec<_> = (0..delivered).collect();
    assert_eq!(read(&path), expected, "no line of the batch is left, nor a part of one");
    assert_eq!(sink.deliver(batch).await.unwrap_err(), error, "nor when it is tried again");
    assert_eq!(read(&path), expected);

    make_room(&path);
    let kept = read(&path).len();
    sink.deliver(&reports[delivered..delivered + 14]).await.unwrap();
    let now = read(&path);
    assert_eq!(now[kept..], (delivered..delivered + 14).collect::<Vec<_>>(), "each line once");
}

/// Starts this test again by a shell, to which `script` says how: `$0` is its folder, `"$@"` the test.
fn again(test: &str, folder: &Path, around: &[&str], script: &str) -> Output {
    let mut words = around.iter().copied().chain(["sh", "-c", script]);
    Command::new(words.next().unwrap())
        .args(words)
        .arg(folder)
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .output()
        .unwrap()
}

fn passed(output: &Output) {
    let text = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_not_grow_holds_whole_lines_and_goes_on_when_there_is_room() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return deliver_too_much(&PathBuf::from(folder), |path| fs::remove_file(path).unwrap()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = "json_lines::full::a_file_that_may_not_grow_holds_whole_lines_and_goes_on_when_there_is_room";
    // At most 16 KiB; a write beyond is an error, not the end of the process.
    passed(&again(name, folder.path(), &[], "trap '' XFSZ; ulimit -f 32; exec \"$@\""));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_leaves_whole_lines_and_is_tried_again() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let folder = PathBuf::from(folder);
        fs::write(folder.join("filler"), vec![0; 40 * 1024]).unwrap();
        return deliver_too_much(&folder, |path| fs::remove_file(path.with_file_name("filler")).unwrap()).await;
    }
    let around = ["unshare", "--user", "--map-root-user", "--mount"];
    // A disk of 64 KiB in a file system of the process alone, so that nothing is left mounted.
    let mount = "mount -t tmpfs -o size=64k tmpfs \"$0\"";
    let folder = tempfile::tempdir().unwrap();
    let may_mount = Command::new(around[0]).args(&around[1..]).args(["sh", "-c", mount]).arg(folder.path()).output();
    if !may_mount.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: a disk cannot be mounted here ({may_mount:?})");
        return;
    }
    let name = "json_lines::full::a_full_disk_leaves_whole_lines_and_is_tried_again";
    passed(&again(name, folder.path(), &around, &format!("{mount} && exec \"$@\"")));
}
