//! Browsers as runs have them: real ones where there are some, and shells that do not manage to be one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::lease::Lease;
use super::{Browser, Seats};
use crate::engine::{ContextOptions, EngineError, NewTab, World};
use crate::launch::error::LaunchError;
use crate::launch::find::{Places, find};
use crate::launch::{Product, table};

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(100);

/// A browser whose profiles are in a folder that is ours.
struct Ours {
    browser: Browser,
    root: TempDir,
}

impl Ours {
    fn all() -> Vec<Self> {
        [(Product::Chromium, Browser::chromium()), (Product::Firefox, Browser::firefox())]
            .into_iter()
            .filter(|(product, _)| is_there(*product))
            .map(|(_, browser)| Self::of(browser))
            .collect()
    }

    fn of(browser: Browser) -> Self {
        let root = tempfile::tempdir().unwrap();
        // A busy machine may take its time.
        Self { browser: browser.profiles(root.path()).launch_timeout(LONG), root }
    }

    fn set(self, change: impl FnOnce(Browser) -> Browser) -> Self {
        Self { browser: change(self.browser), root: self.root }
    }

    async fn lease(&self) -> Lease {
        self.lease_for(&Seats::default()).await
    }

    /// Opens a page for a run that has these seats.
    async fn lease_for(&self, run: &Seats) -> Lease {
        let leased = timeout(LONG, self.browser.lease(&ContextOptions::default(), run)).await;
        leased.expect("there is a page in time").unwrap_or_else(|error| panic!("{error}"))
    }

    /// The groups of the browsers that run now, by their run files.
    fn groups(&self) -> Vec<i32> {
        let folders = fs::read_dir(self.root.path()).unwrap();
        let runs = folders.filter_map(|folder| fs::read(folder.ok()?.path().join("run")).ok());
        let mut groups: Vec<i32> = runs
            .map(|run| serde_json::from_slice::<Value>(&run).unwrap()["group"].as_i64().unwrap())
            .map(|group| i32::try_from(group).unwrap())
            .collect();
        groups.sort_unstable();
        groups
    }

    fn group(&self) -> i32 {
        let groups = self.groups();
        assert_eq!(groups.len(), 1, "{groups:?}");
        groups[0]
    }

    /// Everything that ran is gone, in time.
    async fn ends(self, groups: &[i32]) {
        drop(self.browser);
        until(|| groups.iter().all(|group| table::members(*group).is_empty())).await;
        until(|| fs::read_dir(self.root.path()).unwrap().count() == 0).await;
    }
}

// ---- a run's page ---------------------------------------------------------------------------------------------------

#[tokio::test]
async fn runs_share_a_browser_and_nothing_else() {
    for ours in Ours::all() {
        let (one, two) = tokio::join!(ours.lease(), ours.lease());
        let group = ours.group();
        for mut lease in [one, two] {
            assert!(answers(&mut lease).await);
            lease.close().await;
        }
        assert_eq!(ours.group(), group, "it is warm");
        ours.ends(&[group]).await;
    }
}

#[tokio::test]
async fn a_page_is_made_ready_for_the_next_run_and_replaced_when_it_is_dead() {
    for ours in Ours::all() {
        for _ in 0..3 {
            let mut lease = ours.lease().await;
            assert!(answers(&mut lease).await);
            lease.close().await;
        }
        let group = ours.group();
        // What renders the spare page, and everything else that renders.
        let renderers = || {
            let members = table::members(group).into_iter().filter(|entry| entry.pid != group);
            members.filter(|entry| {
                let line = fs::read_to_string(format!("/proc/{}/cmdline", entry.pid)).unwrap_or_default();
                line.contains("--type=renderer") || line.contains("-isForBrowser")
            })
        };
        sleep(Duration::from_millis(300)).await;
        renderers().for_each(|entry| send(entry.pid));
        let mut lease = ours.lease().await;
        assert!(answers(&mut lease).await);
        lease.close().await;
        ours.browser.close().await;
        ours.ends(&[group]).await;
    }
}

#[tokio::test]
async fn a_run_that_is_one_too_many_waits_until_a_page_was_given_back_or_dropped() {
    for ours in Ours::all() {
        let ours = ours.set(|browser| browser.max_pages(1));
        let one = ours.lease().await;
        let (plain, another) = (ContextOptions::default(), Seats::default());
        let waits = timeout(Duration::from_millis(100), ours.browser.lease(&plain, &another));
        assert!(waits.await.is_err());
        one.close().await;
        let two = ours.lease().await;
        let panics = tokio::spawn(async move {
            let _held = two;
            panic!("as a body may");
        });
        assert!(panics.await.is_err());
        ours.lease().await.close().await;
        let group = ours.group();
        ours.ends(&[group]).await;
    }
}

#[tokio::test]
async fn the_pages_of_a_run_share_its_place_until_the_last_of_them_is_closed() {
    for ours in Ours::all() {
        let ours = ours.set(|browser| browser.max_pages(1));
        let (run, another) = (Seats::default(), Seats::default());
        let (one, mut two) = tokio::join!(ours.lease_for(&run), ours.lease_for(&run));
        one.close().await;
        assert!(answers(&mut two).await);
        let plain = ContextOptions::default();
        let waits = timeout(Duration::from_millis(100), ours.browser.lease(&plain, &another));
        assert!(waits.await.is_err(), "the run still has a page");
        drop(two);
        ours.lease_for(&another).await.close().await;
        // The same run may come again.
        ours.lease_for(&run).await.close().await;
        let group = ours.group();
        ours.ends(&[group]).await;
    }
}

#[tokio::test]
async fn a_page_has_the_same_viewport_in_each_browser_and_in_each_run() {
    for ours in Ours::all() {
        // The second run may have the page that was made ready.
        for _ in 0..2 {
            let mut lease = ours.lease().await;
            assert_eq!(viewport(&mut lease).await, json!([1280, 720, 1]));
            lease.close().await;
        }
        let group = ours.group();
        ours.ends(&[group]).await;
    }
}

#[tokio::test]
async fn the_size_that_a_flag_gives_to_windows_is_left_to_them() {
    if !is_there(Product::Chromium) {
        return;
    }
    let ours = Ours::of(Browser::chromium().flag("--window-size=1000,700"));
    let mut lease = ours.lease().await;
    assert_eq!(viewport(&mut lease).await[0], 1000);
    lease.close().await;
    let group = ours.group();
    ours.ends(&[group]).await;
}

// ---- the browser's end ----------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_run_that_is_hit_by_a_killed_browser_is_told_and_the_next_one_has_another() {
    for ours in Ours::all() {
        let mut lease = ours.lease().await;
        let killed = ours.group();
        let tab = lease.take_tab().unwrap();
        kill_process_group(Pid::from_raw(killed).unwrap(), Signal::KILL).unwrap();
        let error = timeout(LONG, tab.tab.call(&tab.tab.main_frame(), World::Page, "() => 1", &[])).await.unwrap();
        assert!(matches!(error, Err(EngineError::Gone(_))), "{error:?}");
        let failure = lease.health().why_gone("").await.into_failure();
        assert!(failure.is_error());
        assert!(failure.subject().ends_with(" was killed by signal 9 while it was in use"), "{failure:?}");
        drop(lease);
        let mut next = ours.lease().await;
        assert!(answers(&mut next).await);
        until(|| ours.groups().len() == 1).await;
        let another = ours.group();
        assert_ne!(another, killed);
        next.close().await;
        ours.ends(&[killed, another]).await;
    }
}

#[tokio::test]
async fn a_browser_that_does_not_answer_is_killed_and_replaced() {
    for ours in Ours::all() {
        ours.lease().await.close().await;
        let stopped = ours.group();
        kill_process_group(Pid::from_raw(stopped).unwrap(), Signal::STOP).unwrap();
        let hung = ours.browser.pool.instance().await.unwrap();
        let lease = tokio::spawn({
            let browser = ours.browser.clone();
            async move { browser.lease(&ContextOptions::default(), &Seats::default()).await.unwrap() }
        });
        sleep(Duration::from_millis(50)).await;
        // As the run does when its time is up, of which there is plenty here.
        hung.kill(LaunchError::new("chromium did not open a page"));
        drop(hung);
        let mut lease = timeout(LONG, lease).await.unwrap().unwrap();
        assert!(answers(&mut lease).await);
        lease.close().await;
        ours.ends(&[stopped]).await;
    }
}

#[tokio::test]
async fn after_its_number_of_runs_it_is_replaced_and_ends_with_the_last_one_that_has_it() {
    for ours in Ours::all() {
        let ours = ours.set(|browser| browser.restart_after(2).max_pages(3));
        let one = ours.lease().await;
        let first = ours.group();
        let mut two = ours.lease().await;
        let three = ours.lease().await;
        assert_eq!(ours.groups().len(), 2);
        one.close().await;
        assert!(answers(&mut two).await, "the first one still has a run");
        two.close().await;
        until(|| table::members(first).is_empty()).await;
        three.close().await;
        let groups = ours.groups();
        ours.ends(&groups).await;
    }
}

#[tokio::test]
async fn it_can_be_closed_while_a_run_has_it_and_used_again() {
    for ours in Ours::all() {
        let lease = ours.lease().await;
        let first = ours.group();
        timeout(LONG, ours.browser.close()).await.unwrap();
        assert!(table::members(first).is_empty());
        assert!(ours.groups().is_empty());
        drop(lease);
        let version = ours.browser.launch().await.unwrap();
        assert!(version.starts_with("Chromium ") || version.starts_with("Firefox "), "{version}");
        let groups = ours.groups();
        ours.ends(&groups).await;
    }
}

#[tokio::test]
async fn one_that_takes_too_much_is_killed_with_the_reason() {
    if !is_there(Product::Chromium) {
        return;
    }
    let ours = Ours::of(Browser::chromium().memory_limit(1024 * 1024));
    // It may be killed before the run has its page, or after.
    let (plain, run) = (ContextOptions::default(), Seats::default());
    let (failure, groups) = match timeout(LONG, ours.browser.lease(&plain, &run)).await.unwrap() {
        Ok(lease) => {
            let groups = ours.groups();
            until(|| groups.iter().all(|group| table::members(*group).is_empty())).await;
            (lease.health().why_gone("").await.into_failure(), groups)
        }
        Err(error) => (error.into_failure(), Vec::new()),
    };
    let subject = failure.subject();
    assert!(subject.starts_with("chromium was killed: its ") && subject.contains("may have 1 MiB"), "{subject}");
    ours.ends(&groups).await;
}

#[tokio::test]
async fn a_launch_is_shared_and_outlives_the_run_that_began_it() {
    if !is_there(Product::Chromium) {
        return;
    }
    let ours = Ours::of(Browser::chromium().max_pages(8));
    let impatient = timeout(Duration::from_millis(20), ours.browser.launch()).await;
    assert!(impatient.is_err());
    let leases = (ours.lease().await, ours.lease().await, ours.lease().await);
    let group = ours.group();
    drop(leases);
    ours.ends(&[group]).await;
}

/// Runs itself in a process of its own: in this one other tests open files at the same time.
#[tokio::test]
async fn what_was_launched_and_closed_leaves_no_process_descriptor_or_folder() {
    const ALONE: &str = "CANARY_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let test = "browser::tests::what_was_launched_and_closed_leaves_no_process_descriptor_or_folder";
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let said = alone.args(["--exact", test, "--nocapture"]).env(ALONE, "1").output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        return;
    }
    // What differs in Firefox is not here, and it takes its time to be launched.
    for ours in Ours::all().into_iter().take(1) {
        let mut counts = Vec::new();
        for _ in 0..3 {
            for mut lease in [ours.lease().await, ours.lease().await] {
                assert!(answers(&mut lease).await);
            }
            let groups = ours.groups();
            ours.browser.close().await;
            assert!(groups.iter().all(|group| table::members(*group).is_empty()));
            assert_eq!(fs::read_dir(ours.root.path()).unwrap().count(), 0);
            let us = std::process::id();
            let children = fs::read_to_string(format!("/proc/{us}/task/{us}/children")).unwrap_or_default();
            counts.push((fs::read_dir("/proc/self/fd").unwrap().count(), children.split_whitespace().count()));
        }
        // The first time opens what the runtime keeps.
        assert_eq!(counts[1], counts[2]);
        ours.ends(&[]).await;
    }
}

// ---- what is no browser ---------------------------------------------------------------------------------------------

/// Makes a program of a shell script.
fn program(folder: &TempDir, script: &str) -> PathBuf {
    let path = folder.path().join("browser");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

async fn check_launch(script: &str, patience: Duration, expected: &str, last_words: &str) {
    for browser in [Browser::chromium(), Browser::firefox()] {
        let folder = tempfile::tempdir().unwrap();
        let ours = Ours::of(browser.executable(program(&folder, script)));
        let ours = ours.set(|browser| browser.launch_timeout(patience));
        let failure = timeout(LONG, ours.browser.launch()).await.unwrap().unwrap_err();
        let subject = failure.subject().replace("firefox", "chromium");
        assert_eq!((subject.as_str(), failure.is_error()), (expected, true), "{failure:?}");
        let evidence = failure.pieces_of_evidence();
        assert!(evidence.iter().any(|piece| piece.text == last_words), "{failure:?}");
        ours.ends(&[]).await;
    }
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_an_error_of_the_monitor_with_its_last_words() {
    check_launch(
        "echo 'cannot open display' >&2; exit 3",
        LONG,
        "chromium ended with status 3 before it could be spoken to",
        "cannot open display",
    )
    .await;
}

#[tokio::test]
async fn a_program_that_stalls_is_an_error_of_the_monitor_with_its_last_words() {
    check_launch(
        "echo 'waiting for the bus' >&2; exec sleep 1000",
        // Its words must be there by then.
        Duration::from_secs(4),
        "chromium did not answer within 4 s of being started",
        "waiting for the bus",
    )
    .await;
}

#[tokio::test]
async fn what_is_not_there_and_what_may_not_be_said_are_errors_of_the_monitor() {
    for browser in [Browser::chromium().executable("/nowhere/chromium"), Browser::firefox().executable("/")] {
        let failure = browser.launch().await.unwrap_err();
        assert!(failure.is_error() && failure.subject().contains(" is not there: "), "{failure:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let ours = Ours::of(Browser::chromium().executable(program(&folder, "exit")).flag("--no-sandbox"));
    let failure = ours.browser.launch().await.unwrap_err();
    assert_eq!(failure.subject(), "flag --no-sandbox cannot be given to chromium");
    let ours = ours.set(|browser| browser.memory_needed(u64::MAX));
    let failure = ours.browser.launch().await.unwrap_err();
    assert!(failure.subject().starts_with("chromium was not started: "), "{failure:?}");
    ours.ends(&[]).await;
}

// ---- helpers --------------------------------------------------------------------------------------------------------

async fn answers(lease: &mut Lease) -> bool {
    let Some(NewTab { tab, events: _events }) = lease.take_tab() else { return false };
    let sum = timeout(LONG, tab.call(&tab.main_frame(), World::Page, "(a, b) => a + b", &[1.into(), 2.into()])).await;
    sum.unwrap().unwrap() == 3
}

async fn viewport(lease: &mut Lease) -> Value {
    let NewTab { tab, events: _events } = lease.take_tab().unwrap();
    let frame = tab.main_frame();
    tab.call(&frame, World::Page, "() => [innerWidth, innerHeight, devicePixelRatio]", &[]).await.unwrap()
}

fn is_there(product: Product) -> bool {
    match find(product, None, &Places::usual(product)) {
        Ok(_) => true,
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
            println!("skipped: {error}");
            false
        }
    }
}

async fn until(condition: impl Fn() -> bool + Sync) {
    let held = timeout(LONG, async {
        while !condition() {
            sleep(Duration::from_millis(10)).await;
        }
    });
    held.await.expect("it did not come to pass");
}

fn send(pid: i32) {
    let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
}
