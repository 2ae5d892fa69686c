//! Ends that only a real process can have: signals, the second one among them, and `kill -9`.
//!
//! The child is this test binary again, told by its environment what to do. Its target is a folder, so that it outlives it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use synthetic_core::cleanup::{FileJournal, Recovery, Sweeper};
use synthetic_core::failure::Fate;
use synthetic_core::prelude::*;
use synthetic_core::testing::RecordingSink;
use tempfile::TempDir;

/// What tells the child that it is one: its folder.
const FOLDER: &str = "SYNTHETIC_TEST_FOLDER";
/// How many things it makes.
const THINGS: &str = "SYNTHETIC_TEST_THINGS";

/// Orders that are files, each with its mark in it. One that lies beside a file `<id>.stuck` cannot be deleted; beside a
/// file `<id>.slow` its delete never ends.
#[derive(Clone)]
struct Orders(PathBuf);

impl Orders {
    fn of(folder: &Path) -> Self {
        Self(folder.join("orders"))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.join(id)
    }

    fn ids(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut ids: Vec<_> = files.filter(|name| !name.contains('.')).collect();
        ids.sort();
        ids
    }
}

impl Resource for Orders {
    const KIND: &'static str = "shop/order";
    type Made = String;
    type Id = String;

    fn id(&self, made: &String) -> String {
        made.clone()
    }

    async fn delete(&self, id: &String) -> Result<Gone> {
        say(&format!("deleting {id}"));
        if self.path(&format!("{id}.slow")).exists() {
            std::future::pending::<()>().await;
        }
        if self.path(&format!("{id}.stuck")).exists() {
            return Err(Failure::new("status of DELETE /orders").actual("403").with_fate(Fate::Refused));
        }
        Ok(if std::fs::remove_file(self.path(id)).is_ok() { Gone::Deleted } else { Gone::Already })
    }

    async fn find(&self, mark: &Mark) -> Result<Vec<String>> {
        let carries = |id: &String| std::fs::read_to_string(self.path(id)).is_ok_and(|text| text == mark.as_str());
        Ok(self.ids().into_iter().filter(carries).collect())
    }

    fn recovery(&self) -> Recovery {
        Recovery::default()
    }
}

/// Says something to the parent.
#[expect(clippy::print_stdout, reason = "its standard output is what the parent reads")]
fn say(text: &str) {
    println!("{text}");
}

/// The child's whole life, when this is the child.
#[test]
fn the_child_of_the_other_tests_here() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let number: usize = std::env::var(THINGS).unwrap().parse().unwrap();
    let orders = Orders::of(&folder);
    let body = orders.clone();
    let ordering = canary(Spec::new("order"), move |run: Run| {
        let orders = body.clone();
        async move {
            for n in 1..=number {
                let path = orders.path(&n.to_string());
                let create = run.create(&orders, |mark| async move {
                    std::fs::write(&path, mark.as_str()).unwrap();
                    Ok(n.to_string())
                });
                create.await?;
            }
            say("made");
            std::future::pending().await
        }
    });
    let sink = RecordingSink::new();
    let monitor = Monitor::named("shop")
        .journal_store(FileJournal::open(folder.join("journal")).unwrap())
        .resource(orders)
        .canary(every(mins(5)), ordering)
        .sink(sink.clone())
        .grace(ms(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let summary = runtime.block_on(monitor.build().unwrap().run());
    let report = &sink.reports()[0];
    let cancelled = report.reason == Some(synthetic_core::Reason::Cancelled);
    say(&format!("ended {} {} {cancelled}", summary.canaries["order"].left_behind, report.cleanup.items.len()));
}

/// A child that runs.
struct Process {
    child: Child,
    says: BufReader<ChildStdout>,
    folder: TempDir,
    orders: Orders,
}

impl Process {
    /// Starts one that makes so many things; those named have a file beside them.
    fn start(things: usize, beside: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let orders = Orders::of(folder.path());
        std::fs::create_dir(&orders.0).unwrap();
        for name in beside {
            std::fs::write(orders.path(name), "").unwrap();
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "cleanup::signals::the_child_of_the_other_tests_here",
                "--nocapture",
                "--test-threads",
                "1",
            ])
            .env(FOLDER, folder.path())
            .env(THINGS, things.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        let mut process = Self { child, says, folder, orders };
        process.until("made");
        process
    }

    /// Reads what it says until a line has this in it, and returns that line.
    fn until(&mut self, text: &str) -> String {
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let read = self.says.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended without {text:?}: {said}");
            if line.contains(text) {
                return line.trim().to_owned();
            }
            said += &line;
        }
    }

    fn signal(&self, signal: &str) {
        let killed = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Starts what sends a signal as soon as it is given a line, which is sooner than a program can be started.
    fn about_to_signal(&self, signal: &str) -> Child {
        let script = format!("read line && kill {signal} {}", self.child.id());
        Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).spawn().unwrap()
    }

    /// Sweeps once in this process. Returns how many things it dealt with, and how many are pending.
    fn sweep(&self) -> (usize, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let journal = FileJournal::open(self.folder.path().join("journal")).unwrap();
            let sweeper = Sweeper::new("shop", journal).resource(self.orders.clone());
            let report = sweeper.sweep().await;
            assert!(report.problems.is_empty(), "{report}");
            sweeper.close().await.unwrap();
            (report.items.len(), report.pending)
        })
    }

    fn files_of_the_journal(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("journal")).unwrap().count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_signal_ends_runs_and_removes_what_they_made_newest_first() {
    let loads: [(usize, &[&str], &str); 5] = [
        (0, &[], "-TERM"),
        (1, &[], "-TERM"),
        (3, &[], "-TERM"),
        (3, &["2.stuck"], "-TERM"),
        (3, &["2.stuck"], "-INT"),
    ];
    for (things, beside, signal) in loads {
        let mut process = Process::start(things, beside);
        assert_eq!(process.orders.ids().len(), things);
        assert_eq!(process.sweep(), (0, 0), "what a living process made is none of another one's");
        process.signal(signal);
        for id in (1..=things).rev() {
            let said = process.until("deleting");
            assert!(said.ends_with(&format!("deleting {id}")), "{said}");
        }
        let stuck = beside.len();
        let said = process.until("ended");
        assert!(said.ends_with(&format!("ended {stuck} {things} true")), "{said}");
        assert!(process.child.wait().unwrap().success());
        let left: &[&str] = if stuck > 0 { &["2"] } else { &[] };
        assert_eq!(
            (process.orders.ids(), process.files_of_the_journal()),
            (left.iter().map(|id| (*id).into()).collect(), stuck)
        );

        std::fs::remove_file(process.orders.path("2.stuck")).ok();
        assert_eq!(process.sweep(), (stuck, 0));
        assert_eq!((process.orders.ids().len(), process.files_of_the_journal()), (0, 0));
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once_and_the_journal_remains() {
    for things in [1, 3] {
        let slow = format!("{things}.slow");
        let mut process = Process::start(things, &[&slow]);
        let mut second = process.about_to_signal("-TERM");
        process.signal("-TERM");
        process.until("deleting");
        // What is left of the grace period is a second for the delete that never ends, so this one must not take long.
        second.stdin.take().unwrap().write_all(b"now\n").unwrap();
        assert!(second.wait().unwrap().success());
        assert_eq!(process.child.wait().unwrap().code(), Some(130));
        assert_eq!((process.orders.ids().len(), process.files_of_the_journal()), (things, 1));

        std::fs::remove_file(process.orders.path(&slow)).unwrap();
        assert_eq!(process.sweep(), (things, 0));
        assert_eq!((process.orders.ids().len(), process.files_of_the_journal()), (0, 0));
    }
}

#[test]
fn kill_9_leaves_everything_to_the_next_process() {
    for things in [0, 1, 3] {
        let mut process = Process::start(things, &[]);
        process.child.kill().unwrap();
        assert_eq!(process.child.wait().unwrap().code(), None);
        assert_eq!(process.orders.ids().len(), things);
        assert_eq!(process.sweep(), (things, 0));
        assert_eq!((process.orders.ids().len(), process.files_of_the_journal()), (0, 0));
    }
}
