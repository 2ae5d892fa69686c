//! A real process with a spool, killed at random moments: what it has written down is delivered by the next one, in order.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use synthetic_core::prelude::*;
use synthetic_core::sink::{DeliveryError, Spool};
use synthetic_core::{Report, Sink};

const ROLE: &str = "SYNTHETIC_SPOOL_ROLE";

/// Appends the number of each report's run to a file, unless it is down.
struct Place {
    file: PathBuf,
    is_down: bool,
}

#[async_trait]
impl Sink for Place {
    fn name(&self) -> &'static str {
        "place"
    }
    async fn deliver(&self, reports: &[Arc<Report>]) -> Result<(), DeliveryError> {
        if self.is_down {
            return Err(DeliveryError::Retry("down".into()));
        }
        let lines: String = reports.iter().map(|report| format!("{}\n", report.labels["number"])).collect();
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&self.file).unwrap();
        std::io::Write::write_all(&mut file, lines.as_bytes()).unwrap();
        Ok(())
    }
}

/// A monitor whose runs are numbered from `first` on, one a millisecond.
fn monitor(folder: &Path, first: u64, is_down: bool) -> Monitor {
    let next = Arc::new(std::sync::atomic::AtomicU64::new(first));
    let one = canary(Spec::new("one").timeout(ms(1)), move |run: Run| {
        let number = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            run.label("number", number.to_string());
            run.expect("1", 1, eq(1))
        }
    });
    let place = Place { file: folder.join("delivered.txt"), is_down };
    Monitor::named("shop")
        .canary(every(ms(2)), one)
        .spooled_sink(Spool::new(folder.join("spool")), place)
        .build()
        .unwrap()
}

fn delivered(folder: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(folder.join("delivered.txt")).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// Nothing by itself: what the test below starts.
#[tokio::test]
async fn a_child_process_reports_until_it_is_killed() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (first, folder) = role.split_once(' ').unwrap();
    let monitor = monitor(Path::new(folder), first.parse().unwrap(), true);
    let handle = monitor.handle();
    let watched = async move {
        loop {
            tokio::time::sleep(ms(5)).await;
            // By then they are on the disk, and not before.
            let spooled = handle.sinks().first().map_or(0, |sink| sink.spooled);
            println!("spooled {spooled}");
        }
    };
    tokio::join!(monitor.run(), watched);
}

#[tokio::test]
async fn what_a_killed_process_has_written_down_is_delivered_by_the_next_in_order_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut written = 0;
    for generation in 0..4_u64 {
        let first = generation * 1_000_000;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "spool::a_child_process_reports_until_it_is_killed", "--nocapture"])
            .env(ROLE, format!("{first} {}", folder.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        // It begins with what the earlier ones left, which is more than they were heard to say.
        let mut found = None;
        written = loop {
            let line = said.next().expect("it goes on until it is killed").unwrap();
            let spooled: Option<u64> = line.split_once("spooled ").and_then(|(_, number)| number.trim().parse().ok());
            let Some(spooled) = spooled else { continue };
            if spooled > *found.get_or_insert(spooled) + 5 + 7 * generation {
                break spooled;
            }
        };
        child.kill().unwrap();
        child.wait().unwrap();
    }

    let monitor = monitor(folder.path(), 9_000_000, false);
    let (_, summary) = monitor.once().await;
    let (seen, sink) = (delivered(folder.path()), &summary.sinks[0]);
    assert!(seen.is_sorted_by(|a, b| a < b), "in order and each once: {seen:?}");
    let old = seen.len() as u64 - 1;
    assert!(old >= written, "{old} of the {written} that the processes had written down: {seen:?}");
    for process in 0..4 {
        assert!(seen.iter().any(|number| number / 1_000_000 == process), "none is of process {process}: {seen:?}");
    }
    assert_eq!(seen.last(), Some(&9_000_000), "what is new comes last");
    assert_eq!((sink.spooled, sink.delivered), (0, seen.len() as u64));
    // A kill in the middle of a write may tear one line a process, which is counted.
    assert!(sink.dropped.iter().all(|(reason, lost)| *reason == "damaged" && *lost <= 4), "{sink:?}");
}

#[tokio::test]
async fn a_spool_that_cannot_be_used_is_a_problem_of_the_monitor_before_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let _first = monitor(folder.path(), 0, false);
    let place = Place { file: folder.path().join("other.txt"), is_down: false };
    let error = Monitor::named("shop")
        .canary(every(mins(1)), canary(Spec::new("one"), |run: Run| async move { run.expect("1", 1, eq(1)) }))
        .spooled_sink(folder.path().join("spool"), place)
        .build()
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("- sink place: spool folder ") && text.contains("give each a folder of its own"), "{text}");
}
