//! The command line of a monitor, as a team has it: real processes against a shop of this test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use regex::Regex;
use synthetic_examples::storefront::{Faults, Running, Storefront};
use tempfile::TempDir;

use super::start;

/// How a command ended: its code, what it printed, and what it said beside that.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

pub(super) fn command(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storefront-monitor"));
    command.args(arguments.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(super) fn ended(mut command: Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Ended { code: status.code(), out: String::from_utf8(stdout).unwrap(), err: String::from_utf8(stderr).unwrap() }
}

fn run(arguments: &str) -> Ended {
    ended(command(arguments))
}

/// A shop whose orders are never confirmed: who orders something there waits for five seconds, with an order in it.
async fn slow_shop() -> Running {
    start(Storefront::new().confirm_after(Duration::from_secs(3600))).await
}

/// Runs a command that needs the shop, which is in this process.
async fn against(shop: &Running, arguments: &str) -> Ended {
    let command = command(&format!("{arguments} --target {}", shop.plain_url()));
    tokio::task::spawn_blocking(|| ended(command)).await.unwrap()
}

/// The run is cancelled in its half of this, and so before the five seconds for which it waits in a slow shop are over; and
/// its order is deleted in the other half, which is much more than that takes.
#[cfg(unix)]
const GRACE: &str = "--grace 5s";

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(tokio::time::Instant::now() < patience, "waited for this for 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A monitor that runs, which ends with the test.
#[cfg(unix)]
struct Monitor(Child);

#[cfg(unix)]
impl Monitor {
    fn start(shop: &Running, arguments: &str) -> Self {
        let mut child = command(&format!("{arguments} --target {}", shop.plain_url())).spawn().unwrap();
        // It has begun when it says so.
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("storefront runs"), "{line}");
        Self(child)
    }

    fn signal(&self, signal: &str) {
        let killed = Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap();
        assert!(killed.success());
    }

    /// Signals it until it has ended: a second signal that comes before it has seen the first one is none.
    async fn ends_by(mut self, signal: &str) -> Option<i32> {
        loop {
            self.signal(signal);
            tokio::time::sleep(Duration::from_millis(100)).await;
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
        }
    }

    async fn ends(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || self.0.wait().unwrap().code()).await.unwrap()
    }
}

#[cfg(unix)]
impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_has_its_code() {
    let shop = start(Storefront::new()).await;
    let good = against(&shop, "once --tag api --tag checkout").await;
    assert_eq!(good.code, Some(0), "{}{}", good.out, good.err);
    assert!(good.err.contains("[2/2]"), "one line for each that is done: {}", good.err);

    shop.set_faults(Faults { unhealthy: true, ..Faults::none() });
    assert_eq!(against(&shop, "once").await.code, Some(1));
    assert_eq!(against(&shop, "once order-workflow").await.code, Some(0), "the others are not asked");

    let nothing = against(&shop, "once --grep ^nothing$").await;
    assert_eq!(nothing.code, Some(4));
    assert_eq!(
        nothing.err,
        "error: nothing is selected, so nothing ran: there are api-health, order-workflow, order-price\n"
    );
    let unknown = against(&shop, "once api-health ghost").await;
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(4), ""), "nothing runs when a name is wrong");
    assert!(unknown.err.contains("there is no canary \"ghost\""), "{}", unknown.err);
}

/// Hides what differs from run to run: times, ids, ports, lines of the source.
fn masked(text: &str) -> String {
    [
        (r"\d+(\.\d+)? (µs|ms|s)\b", "TIME"),
        (r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\.rs:\d+", ".rs:LINE"),
        (r"line=\d+", "line=LINE"),
        (r"times +.*", "times TIMES"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (pattern, hidden)| {
        Regex::new(pattern).unwrap().replace_all(&text, *hidden).into_owned()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_once_writes_is_what_those_who_read_it_expect() {
    let shop = start(Storefront::new()).await;
    shop.set_faults(Faults { unhealthy: true, ..Faults::none() });
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.xml");
    let once = "once --tag api --grep .";
    let journal = folder.path().join("journal");
    let journal = journal.display();

    let junit = against(&shop, &format!("{once} --format junit --output {} --journal {journal}", file.display())).await;
    assert_eq!(junit.code, Some(1));
    assert!(junit.out.contains("status of GET /health"), "a person reads it beside the file: {}", junit.out);
    let read = quick_junit::Report::deserialize_from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((read.tests, read.failures, read.errors), (1, 1, 0));
    assert_eq!(read.test_suites[0].test_cases[0].name.as_str(), "api-health");
    assert_eq!(entries(folder.path()), 2, "the file and the journal's folder, and nothing half-written");

    let json = against(&shop, &format!("{once} --format json --journal {journal}")).await;
    let results: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&results["summary"]["exit"]["code"], results["reports"].as_array().unwrap().len()), (&1.into(), 1));

    let github = against(&shop, &format!("{once} --format github --journal {journal}")).await;
    insta::assert_snapshot!("github", masked(&github.out));
    let markdown = against(&shop, &format!("{once} --format markdown --journal {journal}")).await;
    insta::assert_snapshot!("markdown", masked(&markdown.out));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_tried_again_when_once_is_told_so() {
    let shop = start(Storefront::new().seed(1)).await;
    shop.set_faults(Faults { unhealthy: true, ..Faults::none() });
    let ended = against(&shop, "once api-health --retries 2 --format json").await;
    let results: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, results["reports"][0]["attempts"].as_array().unwrap().len()), (Some(1), 2));
}

#[test]
fn what_is_wrong_is_said_with_its_source_and_nothing_runs() {
    let said = |arguments: &str, environment: &[(&str, &str)]| {
        let mut command = command(arguments);
        command.envs(environment.iter().copied());
        let Ended { code, out, err } = ended(command);
        assert_eq!((code, out.as_str()), (Some(64), ""), "{arguments}: {err}");
        err
    };
    for (arguments, environment, expected) in [
        ("once --nonsense", &[][..], "unexpected argument '--nonsense'"),
        ("once --grep (", &[], "invalid value '(' for '--grep <RE>'"),
        ("once --format pdf", &[], "[possible values: pretty, json, junit, github, markdown]"),
        ("once --output /nowhere/report.xml", &[], "there is no folder /nowhere"),
        ("list", &[("SYNTHETIC_GRACE", "5")], "It is set by SYNTHETIC_GRACE in the environment."),
        (
            "list",
            &[("SYNTHETIC_GRASE", "5s")],
            "SYNTHETIC_GRASE in the environment is no setting: there are SYNTHETIC_",
        ),
        ("list --concurrency http=1,http=2", &[], "--concurrency says both http=1 and http=2: say one"),
        ("list --concurrency http=0", &[], "no run of class \"http\" could ever start"),
        ("list --shard 5/4", &[], "--shard"),
        ("sweep", &[], "there is no journal to sweep: say --journal DIR"),
        ("sweep --journal /dev/null/x", &[], "its journal cannot be used"),
        ("sweep --dry-run --within 1s --journal /tmp", &[], "cannot be used with"),
        ("status", &[], "start the monitor with --control PATH"),
    ] {
        let err = said(arguments, environment);
        assert!(err.contains(expected), "{arguments}: {err}");
    }
    assert_eq!(run("").code, Some(64));
    let help = run("--help");
    assert_eq!(help.code, Some(0));
    assert!(help.out.contains("Exit codes:") && help.out.contains("--target <URL>"), "{}", help.out);
}

#[test]
fn validate_says_what_would_run_and_who_set_what() {
    let mut command = command("validate --target http://127.0.0.1:1 --grace 5s --shard 1/1");
    command.env("SYNTHETIC_LOCATION", "eu-west-1").env("SYNTHETIC_GRACE", "9s");
    let Ended { code, out, err } = ended(command);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let row =
        |name: &str| out.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row("location")[1..], ["eu-west-1", "SYNTHETIC_LOCATION", "in", "the", "environment"]);
    assert_eq!(row("grace")[1..], ["5s", "--grace"], "the command line stands before the environment");
    assert_eq!(row("close-within")[1..], ["10s", "default"]);
    assert_eq!(row("api-health")[1..3], ["every", "1m"]);
    assert!(out.ends_with("sinks: stdout\n"), "{out}");
}

#[test]
fn what_would_run_and_the_schema_of_reports_are_json() {
    let listed: serde_json::Value = serde_json::from_str(&run("list --json --tag critical").out).unwrap();
    assert_eq!(listed[0]["name"], "order-workflow");
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let schema: serde_json::Value = serde_json::from_str(&run("schema").out).unwrap();
    assert!(schema["$schema"].is_string());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_runs_is_spoken_to() {
    let shop = start(Storefront::new()).await;
    let folder = TempDir::new().unwrap();
    let control = folder.path().join("control.sock");
    let control = control.display();
    let monitor = Monitor::start(&shop, &format!("run --json --control {control}"));
    let ask = async |arguments: &str| {
        let command = command(&format!("{arguments} --control {control}"));
        tokio::task::spawn_blocking(|| ended(command)).await.unwrap()
    };
    let answers = async |arguments: &str| {
        let ended = ask(arguments).await;
        assert_eq!(ended.code, Some(0), "{arguments}: {}", ended.err);
        ended.out
    };

    let runs = async |name: &str| {
        let listed: serde_json::Value = serde_json::from_str(&answers("status --json").await).unwrap();
        let canary = listed.as_array().unwrap().iter().find(|canary| canary["name"] == name).cloned().unwrap();
        // A run that was slower than it prefers counts too: how fast the first request is depends on the machine.
        let done = ["passed", "degraded"].map(|of| canary["summary"]["outcomes"][of].as_u64().unwrap_or(0));
        (done.iter().sum::<u64>(), canary["paused"].as_bool().unwrap(), canary)
    };
    let patience = tokio::time::Instant::now() + Duration::from_secs(30);
    while runs("api-health").await.0 == 0 {
        assert!(tokio::time::Instant::now() < patience);
    }
    answers("pause api-health order-price").await;
    assert!(runs("api-health").await.1);
    let before = runs("api-health").await.0;
    answers("trigger api-health").await;
    while runs("api-health").await.0 == before {
        assert!(tokio::time::Instant::now() < patience);
    }
    assert!(runs("api-health").await.1, "it is still paused");
    answers("resume api-health").await;
    answers("reschedule api-health 30s").await;
    assert_eq!(runs("api-health").await.2["schedule"], "every 30s");
    assert!(answers("runs api-health").await.contains("api-health"));
    assert_eq!(answers("health").await, "healthy\n");

    let ghost = ask("pause api-health ghost").await;
    assert_eq!(ghost.code, Some(64));
    assert!(ghost.err.contains("there is no canary \"ghost\": there are api-health"), "{}", ghost.err);
    assert!(!runs("api-health").await.1, "all are done, or none");
    assert_eq!(ask("reschedule api-health sometimes").await.code, Some(64));
    let second = against(&shop, &format!("run --control {control}")).await;
    assert_eq!(second.code, Some(64));
    assert!(second.err.contains("another monitor listens there"), "{}", second.err);

    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(folder.path().join("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its own user may open it");

    monitor.signal("-TERM");
    assert_eq!(monitor.ends().await, Some(0));
    let gone = ask("status").await;
    assert_eq!(gone.code, Some(2));
    assert!(gone.err.contains("no monitor listens there"), "{}", gone.err);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_in_time_and_nothing_stays_in_the_shop() {
    let shop = slow_shop().await;
    let folder = TempDir::new().unwrap();
    let journal = folder.path().display();
    let monitor = Monitor::start(&shop, &format!("run order-workflow {GRACE} --journal {journal}"));
    until("an order is in the shop", || !shop.state().orders.is_empty()).await;
    monitor.signal("-INT");
    assert_eq!(monitor.ends().await, Some(2), "a run was cancelled: nothing can be said of the target");
    assert_eq!((shop.state().orders.len(), entries(folder.path())), (0, 0));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn once_that_is_told_to_stop_is_no_success() {
    let shop = slow_shop().await;
    let arguments = format!("once order-workflow {GRACE} --target {}", shop.plain_url());
    let once = Monitor(command(&arguments).spawn().unwrap());
    until("an order is in the shop", || !shop.state().orders.is_empty()).await;
    once.signal("-TERM");
    assert_eq!(once.ends().await, Some(2));
    assert_eq!(shop.state().orders.len(), 0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_monitor_made_is_shown_by_sweep_and_removed_by_it() {
    let shop = slow_shop().await;
    let folder = TempDir::new().unwrap();
    let journal = folder.path().display();
    for (signal, code) in [("-KILL", None), ("-TERM", Some(130))] {
        let monitor = Monitor::start(&shop, &format!("run order-workflow --journal {journal}"));
        until("an order is in the shop", || !shop.state().orders.is_empty()).await;
        assert_eq!(monitor.ends_by(signal).await, code);
        assert_eq!((shop.state().orders.len(), entries(folder.path())), (1, 1));

        let planned = against(&shop, &format!("sweep --dry-run --journal {journal}")).await;
        assert_eq!(planned.code, Some(0), "{}", planned.err);
        assert!(planned.out.ends_with("1 things would be dealt with; nothing was changed\n"), "{}", planned.out);
        assert_eq!((shop.state().orders.len(), entries(folder.path())), (1, 1), "nothing was changed");

        let swept = against(&shop, &format!("sweep --journal {journal}")).await;
        assert_eq!(swept.code, Some(0), "{}{}", swept.out, swept.err);
        assert!(swept.out.contains("removed"), "{}", swept.out);
        assert_eq!((shop.state().orders.len(), entries(folder.path())), (0, 0));
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_leaves_something_behind_says_so() {
    let shop = slow_shop().await;
    let folder = TempDir::new().unwrap();
    let journal = folder.path().display();
    let monitor = Monitor::start(&shop, &format!("run order-workflow --journal {journal}"));
    until("an order is in the shop", || !shop.state().orders.is_empty()).await;
    monitor.signal("-KILL");
    monitor.ends().await;
    shop.set_faults(Faults { errors: 1.0, ..Faults::none() });
    let swept = against(&shop, &format!("sweep --within 1s --journal {journal}")).await;
    assert_eq!(swept.code, Some(3), "{}{}", swept.out, swept.err);
    assert_eq!((shop.state().orders.len(), entries(folder.path())), (1, 1), "it is not forgotten");
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}
