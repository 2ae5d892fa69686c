use std::fs;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::*;
use crate::artifact::{RunFolder, check_artifact_store_contract};

fn folder() -> (tempfile::TempDir, LocalFolder) {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalFolder::at(folder.path().join("artifacts"));
    (folder, store)
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

async fn put(store: &LocalFolder, text: &str, bytes: &'static str) -> Result<(), StoreError> {
    store.put(&key(text), "text/plain", bytes.into()).await
}

/// Returns every path below a folder, whatever it is, but for the place of partial files.
fn paths(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(root).unwrap().display().to_string());
            if path.is_dir() {
                walk(&path, root, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.retain(|path| path != ".partial");
    found.sort();
    found
}

#[tokio::test]
async fn it_keeps_the_contract_and_leaves_nothing() {
    let (_folder, store) = folder();
    check_artifact_store_contract(&store).await;
    check_artifact_store_contract(&store).await;
    // One that was dropped half-way may still be stored.
    let left: Vec<_> = store.list(None).await.unwrap();
    assert!(left.iter().all(|stored| stored.key.as_str().ends_with("/dropped.bin")), "{left:?}");
}

#[tokio::test]
async fn no_name_leads_out_of_the_folder() {
    let (outside, store) = folder();
    for name in ["../../out", "/etc/passwd", "..", "a\0b", "a\\..\\b", ".ssh", "\u{2025}/x"] {
        let run = RunFolder::new(Some(name), name, SystemTime::UNIX_EPOCH, Uuid::nil(), name);
        for key in [run.file(name), run.attachment(1, name)] {
            store.put(&key, "text/plain", "evil".into()).await.unwrap();
            assert_eq!(store.get(&key).await.unwrap().as_deref(), Some(&b"evil"[..]));
        }
    }
    let all = paths(outside.path());
    assert!(all.iter().all(|path| path.starts_with("artifacts")), "{all:?}");
    assert_eq!(store.list(None).await.unwrap().len(), 14);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, store) = folder();
    put(&store, "canary/eu/report.json", "{}").await.unwrap();
    let mode = |path: &str| fs::metadata(store.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(["", ".partial", "canary", "canary/eu"].map(mode), [0o700; 4]);
    assert_eq!(mode("canary/eu/report.json"), 0o600);
}

#[tokio::test]
async fn what_a_killed_process_left_half_written_is_removed_after_an_hour() {
    let (_folder, store) = folder();
    put(&store, "a/1.txt", "1").await.unwrap();
    let partial = store.path().join(".partial");
    let (old, new) = (partial.join("1-a"), partial.join("1-b"));
    fs::write(&new, "half").unwrap();
    let file = fs::File::create(&old).unwrap();
    file.set_modified(file.metadata().unwrap().modified().unwrap() - Duration::from_secs(3700)).unwrap();

    let store = LocalFolder::at(store.path());
    put(&store, "a/2.txt", "2").await.unwrap();
    assert!(!old.exists() && new.exists());
    let listed: Vec<_> = store.list(None).await.unwrap().into_iter().map(|stored| stored.key.to_string()).collect();
    assert_eq!(listed, ["a/1.txt", "a/2.txt"], "what is half written is not listed");
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_listed_and_deleting_one_leaves_what_it_leads_to() {
    let (outside, store) = folder();
    put(&store, "a/1.txt", "1").await.unwrap();
    fs::write(outside.path().join("mine.txt"), "mine").unwrap();
    for (to, link) in [("mine.txt", "a/file.txt"), (".", "a/loop")] {
        std::os::unix::fs::symlink(outside.path().join(to), store.path().join(link)).unwrap();
    }
    assert_eq!(store.list(None).await.unwrap(), [Stored::new(key("a/1.txt"), 1)]);
    store.delete(&key("a/file.txt")).await.unwrap();
    assert_eq!(fs::read_to_string(outside.path().join("mine.txt")).unwrap(), "mine");
}

#[tokio::test]
async fn a_file_in_the_way_is_refused_and_named() {
    let (_folder, store) = folder();
    put(&store, "a/b", "1").await.unwrap();
    let error = put(&store, "a/b/c.txt", "2").await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StoreError::Refused(_)), "{text}");
    assert!(text.starts_with(&format!("folder {}: cannot store a/b/c.txt: ", store.path().display())), "{text}");
    let error = put(&store, "a", "2").await.unwrap_err();
    assert!(matches!(error, StoreError::Refused(_)), "{error}");
    assert_eq!(paths(store.path()), ["a", "a/b"], "nothing half written is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_that_vanish_while_others_are_stored_lose_nothing() {
    let (_folder, store) = folder();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            for round in 0..25 {
                let key = key(&format!("a/b/{task}-{round}.txt"));
                store.put(&key, "text/plain", "1".into()).await.unwrap();
                store.delete(&key).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(paths(store.path()), [""; 0]);
}

/// A disk of its own, which only root can have.
#[cfg(target_os = "linux")]
mod disk {
    use std::process::Command;

    use super::*;

    struct Disk(tempfile::TempDir);

    impl Disk {
        /// Mounts 256 KiB of memory; returns nothing where the machine does not allow that, and says so.
        fn mount() -> Option<Self> {
            let folder = tempfile::tempdir().unwrap();
            let mounted = Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs"])
                .arg(folder.path())
                .output();
            match mounted {
                Ok(output) if output.status.success() => Some(Self(folder)),
                other => {
                    let why = format!("skipped: this test needs a disk of its own, and mount says {other:?}");
                    println!("{why}");
                    None
                }
            }
        }

        fn remount(&self, options: &str) {
            let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(self.0.path()).status();
            assert!(done.unwrap().success());
        }
    }

    impl Drop for Disk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(self.0.path()).status();
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_tried_again_and_leaves_nothing_half_written() {
        let Some(disk) = Disk::mount() else { return };
        let store = LocalFolder::at(disk.0.path());
        let (first, second) = (key("canary/1.bin"), key("canary/2.bin"));
        let bytes = Bytes::from(vec![7; 160 * 1024]);
        store.put(&first, "x/y", bytes.clone()).await.unwrap();
        let error = store.put(&second, "x/y", bytes.clone()).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unavailable(why) if why.contains("No space left")), "{error}");
        assert_eq!(paths(disk.0.path()), ["canary", "canary/1.bin"]);
        let old = store.put(&first, "x/y", bytes.clone()).await.unwrap_err();
        assert!(matches!(old, StoreError::Unavailable(_)), "{old}");
        assert_eq!(store.get(&first).await.unwrap(), Some(bytes.clone()), "what was there is still whole");
        store.delete(&first).await.unwrap();
        store.put(&second, "x/y", bytes).await.unwrap();
    }

    #[tokio::test]
    async fn a_disk_that_cannot_be_written_to_is_refused() {
        let Some(disk) = Disk::mount() else { return };
        let store = LocalFolder::at(disk.0.path());
        put(&store, "canary/1.txt", "1").await.unwrap();
        disk.remount("ro");
        let stored = put(&store, "canary/2.txt", "2").await.unwrap_err();
        let deleted = store.delete(&key("canary/1.txt")).await.unwrap_err();
        for error in [stored, deleted] {
            assert!(matches!(&error, StoreError::Refused(why) if why.contains("Read-only file system")), "{error}");
        }
        assert_eq!(store.get(&key("canary/1.txt")).await.unwrap().as_deref(), Some(&b"1"[..]));
        disk.remount("rw");
    }
}
