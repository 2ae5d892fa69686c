//! Real processes: shells that play the browser, and real browsers where there are some. The machine's clock runs in these,
//! since other processes do not know of another one.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::find::Places;
use super::flags::{self, Wishes};
use super::folder::{Folder, PREFIX, RunFile};
use super::process::{Plan, Process, ending, is_left};
use super::reap::reap;
use super::{Product, find, table};

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);
/// Says to [`owner`] what it is to start, and where.
const ROLE: &str = "CANARY_TEST_OWNER";
const ROOT: &str = "CANARY_TEST_ROOT";

/// Shells that play a browser.
const WAITS: &str = "exec sleep 1000";
const REFUSES_TO_END: &str = "trap '' TERM INT HUP QUIT; while :; do sleep 1000 & sleep 0.02; done";
/// One of its processes is in a session of its own, as crash handlers are.
const STRAYS: &str = "setsid sleep 1000 & exec sleep 1000";

// ---- our own end ----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn whoever_starts_a_browser_and_is_killed_leaves_no_process_and_no_folder() {
    for browser in [WAITS, REFUSES_TO_END, STRAYS] {
        killed_owner(browser).await;
    }
}

#[tokio::test]
async fn a_killed_owner_of_chromium_leaves_nothing() {
    if there(Product::Chromium).is_some() {
        killed_owner("chromium").await;
    }
}

#[tokio::test]
async fn a_killed_owner_of_firefox_leaves_nothing() {
    if there(Product::Firefox).is_some() {
        killed_owner("firefox").await;
    }
}

#[tokio::test]
async fn where_profiles_are_at_a_long_path_nothing_is_left_in_the_folder_of_the_system() {
    let system = tempfile::tempdir().unwrap();
    let root = system.path().join("long".repeat(25));
    for product in [Product::Chromium, Product::Firefox] {
        if there(product).is_some() {
            let mut command = owner_command(&product.to_string(), &root);
            let mut owner = Owner::of(command.env("TMPDIR", system.path()));
            assert!(owner.folder.starts_with(&root));
            owner.kill();
            until_nothing_is_left(&owner, &root).await;
            let left: Vec<_> = fs::read_dir(system.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert_eq!(left, std::slice::from_ref(&root), "{product}");
        }
    }
}

async fn killed_owner(browser: &str) {
    let root = tempfile::tempdir().unwrap();
    let mut owner = Owner::of(&mut owner_command(browser, root.path()));
    owner.kill();
    until_nothing_is_left(&owner, root.path()).await;
}

#[tokio::test]
async fn a_process_that_is_only_dropped_is_ended_too() {
    let root = tempfile::tempdir().unwrap();
    let process = start(WAITS, root.path()).await;
    let (group, folder) = (process.group(), process.folder().path().to_owned());
    drop(process);
    until(|| is_gone(group, &folder)).await;
}

// ---- reaping --------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn where_the_janitor_was_killed_too_the_next_start_reaps() {
    for browser in [WAITS, REFUSES_TO_END, STRAYS] {
        let root = tempfile::tempdir().unwrap();
        let mut owner = Owner::of(&mut owner_command(browser, root.path()));
        send(owner.janitor, Signal::KILL);
        until(|| table::entry(owner.janitor).is_none_or(|entry| entry.zombie)).await;
        assert_eq!(reap(root.path()), 0, "its owner lives");
        owner.kill();
        assert!(!is_gone(owner.group, &owner.folder), "nobody was there to end it");
        assert_eq!(reap(root.path()), 1);
        until_nothing_is_left(&owner, root.path()).await;
    }
}

#[tokio::test]
async fn what_was_left_is_reaped_where_the_folder_of_profiles_is_named_by_a_link() {
    let real = tempfile::tempdir().unwrap();
    let links = tempfile::tempdir().unwrap();
    let root = links.path().join("profiles");
    std::os::unix::fs::symlink(real.path(), &root).unwrap();
    let mut owner = Owner::of(&mut owner_command(STRAYS, &root));
    send(owner.janitor, Signal::KILL);
    until(|| table::entry(owner.janitor).is_none_or(|entry| entry.zombie)).await;
    owner.kill();
    assert_eq!(reap(&root), 1);
    until_nothing_is_left(&owner, real.path()).await;
}

#[tokio::test]
async fn a_janitor_that_was_killed_is_replaced() {
    let root = tempfile::tempdir().unwrap();
    let mut process = start(WAITS, root.path()).await;
    let first = pid(process.janitor());
    send(first, Signal::KILL);
    until(|| table::entry(first).is_none_or(|entry| entry.zombie)).await;
    process.keep_a_janitor().await.unwrap();
    let second = pid(process.janitor());
    process.keep_a_janitor().await.unwrap();
    assert_ne!(first, second);
    assert_eq!(second, pid(process.janitor()), "one that is there stays");
    let (group, folder) = (process.group(), process.folder().path().to_owned());
    drop(process);
    until(|| is_gone(group, &folder)).await;
}

#[tokio::test]
async fn a_stranger_who_has_the_number_now_is_not_killed() {
    let root = tempfile::tempdir().unwrap();
    let stranger = Stranger::start();
    let began = table::entry(stranger.group()).unwrap().started;
    for (started, boot) in
        [(Some(began + 1), table::boot()), (None, table::boot()), (Some(began), "another".to_owned())]
    {
        let run = RunFile { owner: 1, group: stranger.group(), started, boot };
        left_folder(root.path(), &serde_json::to_vec(&run).unwrap());
        assert_eq!(reap(root.path()), 1);
        assert!(is_left(Pid::from_raw(stranger.group()).unwrap()), "{run:?}");
    }
}

#[test]
fn what_is_damaged_or_not_ours_is_no_reason_to_panic() {
    let root = tempfile::tempdir().unwrap();
    let everybody = RunFile { owner: 1, group: 1, started: None, boot: table::boot() };
    let negative = RunFile { group: -1, ..everybody.clone() };
    let runs = [b"".to_vec(), b"\xff{".to_vec(), b"{}".to_vec(), b"{\"owner\":99999999999}".to_vec()];
    let numbers = [everybody, negative].map(|run| serde_json::to_vec(&run).unwrap());
    for run in runs.iter().chain(&numbers) {
        left_folder(root.path(), run);
    }
    // Without anything in it, a file, a link to somebody's folder, another name.
    fs::create_dir(root.path().join(format!("{PREFIX}empty"))).unwrap();
    fs::write(root.path().join(format!("{PREFIX}file")), "").unwrap();
    let theirs = root.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    std::os::unix::fs::symlink(&theirs, root.path().join(format!("{PREFIX}link"))).unwrap();
    assert_eq!(reap(root.path()), runs.len() + numbers.len() + 1);
    assert!(theirs.is_dir());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 3);
    assert_eq!(reap(&root.path().join("nowhere")), 0);
}

// ---- killing --------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_kill_returns_when_nobody_is_left() {
    for browser in [WAITS, REFUSES_TO_END, STRAYS] {
        let root = tempfile::tempdir().unwrap();
        let process = start(browser, root.path()).await;
        let (group, folder) = (process.group(), process.folder().path().to_owned());
        // It has to have got somewhere, to have something to leave behind.
        until(|| browser != STRAYS || table::marked(&folder).iter().any(|entry| entry.group != group)).await;
        timeout(LONG, process.kill()).await.unwrap();
        assert!(is_gone(group, &folder), "{browser}");
    }
}

#[tokio::test]
async fn a_browser_that_is_stopped_can_be_killed() {
    let root = tempfile::tempdir().unwrap();
    let process = start(REFUSES_TO_END, root.path()).await;
    let (group, folder) = (process.group(), process.folder().path().to_owned());
    kill_process_group(Pid::from_raw(group).unwrap(), Signal::STOP).unwrap();
    timeout(LONG, process.kill()).await.unwrap();
    assert!(is_gone(group, &folder));
}

#[tokio::test]
async fn twenty_starts_leave_processes_descriptors_and_folders_as_they_were() {
    let root = tempfile::tempdir().unwrap();
    // In a process of its own: in this one others open files at the same time.
    let said = owner_command("twenty", root.path()).output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let counts = said.lines().find_map(|line| line.split_once("counts ")).unwrap_or_else(|| panic!("{said}")).1;
    let (before, after) = counts.split_once(' ').unwrap();
    assert_eq!(before, after);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

// ---- starting -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn what_it_said_before_it_ended_is_kept_with_how_it_ended() {
    let root = tempfile::tempdir().unwrap();
    let mut process = start("echo no display >&2; exit 3", root.path()).await;
    let status = timeout(LONG, process.wait()).await.unwrap().unwrap();
    timeout(LONG, process.stderr().ended()).await.unwrap();
    assert_eq!((ending(status).as_str(), process.stderr().text().as_str()), ("ended with status 3", "no display\n"));
    process.kill().await;
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn its_folder_is_for_nobody_else_and_says_whose_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().unwrap();
    let process = start(WAITS, root.path()).await;
    let folder = process.folder();
    for path in [folder.path(), &folder.profile(), &folder.temporary()] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
    }
    let run = folder.run_file().unwrap();
    assert_eq!((run.group, run.started.is_some()), (process.group(), cfg!(target_os = "linux")));
    process.kill().await;
}

#[test]
fn folders_that_are_made_while_others_reap_are_whole() {
    let root = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let makers = [(); 2].map(|()| {
            scope.spawn(|| {
                for _ in 0..200 {
                    let folder = Folder::create(root.path()).unwrap();
                    assert!(folder.profile().is_dir() && folder.temporary().is_dir());
                    folder.remove().unwrap();
                }
            })
        });
        while !makers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            reap(root.path());
        }
    });
    reap(root.path());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

// ---- who starts them ------------------------------------------------------------------------------------------------

/// Not a test of its own: with [`ROLE`] it is the process that the tests start and kill.
#[tokio::test]
async fn owner() {
    let (Ok(role), Some(root)) = (std::env::var(ROLE), std::env::var_os(ROOT)) else { return };
    let root = PathBuf::from(root);
    if role == "twenty" {
        let twenty = async || {
            for _ in 0..20 {
                start(WAITS, &root).await.kill().await;
            }
            let us = i32::try_from(std::process::id()).unwrap();
            let mut children = fs::read_to_string(format!("/proc/{us}/task/{us}/children")).unwrap_or_default();
            children.retain(|character| character == ' ');
            format!("{}-{}", fs::read_dir("/proc/self/fd").unwrap().count(), children.len())
        };
        // The first ones open what the runtime keeps for good.
        let (before, after) = (twenty().await, twenty().await);
        println!("counts {before} {after}");
        return;
    }
    let process = start(&role, &root).await;
    println!("started {} {} {}", process.group(), pid(process.janitor()), process.folder().path().display());
    std::future::pending::<()>().await;
}

/// A process of ours that has a browser.
struct Owner {
    child: Child,
    group: i32,
    janitor: i32,
    folder: PathBuf,
}

impl Owner {
    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.map(Result::unwrap).find(|line| line.contains("started ")).unwrap();
        let mut words = line.split_once("started ").unwrap().1.splitn(3, ' ');
        let (group, janitor) = (words.next().unwrap().parse().unwrap(), words.next().unwrap().parse().unwrap());
        Self { child, group, janitor, folder: words.next().unwrap().into() }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn owner_command(role: &str, root: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "launch::tests::owner", "--nocapture"]).env(ROLE, role).env(ROOT, root);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Starts a browser by its name, or a shell that plays one, and waits until it has said that it is there.
async fn start(browser: &str, root: &Path) -> Process {
    let product = match browser {
        "chromium" => Product::Chromium,
        "firefox" => Product::Firefox,
        script => {
            let arguments = ["-c", script].map(Into::into).into();
            let plan = Plan { program: "/bin/sh".into(), arguments, pipe: true, ..Plan::default() };
            return Process::start(Folder::create(root).unwrap(), &plan).await.unwrap();
        }
    };
    let program = there(product).unwrap();
    let folder = Folder::create(root).unwrap();
    let plan = flags::plan(product, program, &Wishes::default(), &folder).unwrap();
    let process = Process::start(folder, &plan).await.unwrap();
    // Both have all kinds of processes when they have one for pages.
    let complete = || table::members(process.group()).len() > 4;
    until(complete).await;
    process
}

/// Returns the program of a browser. Where there is none, the test is skipped, which in CI is an error.
fn there(product: Product) -> Option<PathBuf> {
    match find::find(product, None, &Places::usual(product)) {
        Ok(program) => Some(program),
        Err(error) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
            println!("skipped: {error}");
            None
        }
    }
}

/// A group that nobody knows.
struct Stranger(Child);

impl Stranger {
    fn start() -> Self {
        use std::os::unix::process::CommandExt as _;
        Self(Command::new("sleep").arg("1000").process_group(0).spawn().unwrap())
    }

    fn group(&self) -> i32 {
        pid(Some(self.0.id()))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn left_folder(root: &Path, run: &[u8]) {
    let folder = TempDir::with_prefix_in(PREFIX, root).unwrap().keep();
    fs::create_dir(folder.join("profile")).unwrap();
    fs::write(folder.join("run"), run).unwrap();
}

async fn until_nothing_is_left(owner: &Owner, root: &Path) {
    until(|| is_gone(owner.group, &owner.folder)).await;
    until(|| table::entry(owner.janitor).is_none_or(|entry| entry.zombie)).await;
    assert_eq!(fs::read_dir(root).unwrap().count(), 0);
}

fn is_gone(group: i32, folder: &Path) -> bool {
    !is_left(Pid::from_raw(group).unwrap()) && table::marked(folder).is_empty() && !folder.exists()
}

async fn until(condition: impl Fn() -> bool + Sync) {
    let held = timeout(LONG, async {
        while !condition() {
            sleep(Duration::from_millis(10)).await;
        }
    });
    held.await.expect("it did not come to pass");
}

fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn pid(id: Option<u32>) -> i32 {
    i32::try_from(id.unwrap()).unwrap()
}
