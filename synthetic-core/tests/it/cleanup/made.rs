//! Every way in which a run can end, with nothing made, one thing, three, and three of which one cannot be deleted: what
//! is removed, in which order, what is said of it, and what the journal holds afterwards.

use std::sync::{Arc, Mutex};

use synthetic_core::Reason;
use synthetic_core::canary::OnLeak;
use synthetic_core::prelude::*;
use synthetic_core::testing::RecordingSink;
use tokio::time::sleep;

use super::shelf::Shelf;
use super::target::{Delete, Target, Things, Way};

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Passes,
    Expectation,
    ForeignError,
    Panics,
    StepTimeout,
    RunTimeout,
    Cancelled,
    Blocks,
}

impl End {
    /// Those that need no thread of their own. Signals have tests of their own, with real processes.
    const ALL: [Self; 7] = [
        Self::Passes,
        Self::Expectation,
        Self::ForeignError,
        Self::Panics,
        Self::StepTimeout,
        Self::RunTimeout,
        Self::Cancelled,
    ];

    fn verdict(self) -> (Outcome, Option<Reason>) {
        match self {
            Self::Passes => (Outcome::Passed, None),
            Self::Expectation => (Outcome::Failed, Some(Reason::Expectation)),
            Self::ForeignError => (Outcome::Failed, Some(Reason::Unexpected)),
            Self::Panics => (Outcome::Error, Some(Reason::Panic)),
            Self::StepTimeout | Self::RunTimeout => (Outcome::Failed, Some(Reason::Timeout)),
            Self::Cancelled => (Outcome::Error, Some(Reason::Cancelled)),
            Self::Blocks => (Outcome::Error, Some(Reason::Blocked)),
        }
    }

    async fn come(self, run: Run, gate: Gate) -> Result {
        run.expect("x", 1, eq(1))?;
        match self {
            Self::Passes => Ok(()),
            Self::Expectation => run.expect("status", 500, eq(200)),
            Self::ForeignError => Ok("seven".parse::<u32>().map(drop)?),
            Self::Panics => panic!("boom"),
            Self::StepTimeout => run.step("pay", std::future::pending()).timeout(secs(2)).await,
            Self::RunTimeout | Self::Cancelled => std::future::pending().await,
            Self::Blocks => {
                let gate = gate.0.lock().unwrap().take();
                let _ = gate.map(|gate| gate.recv());
                Ok(())
            }
        }
    }
}

/// Where a body blocks its thread, until the other side is dropped.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<Option<std::sync::mpsc::Receiver<()>>>>);

/// How much a run has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Load {
    things: usize,
    /// The second cannot be deleted.
    stuck: bool,
}

const LOADS: [Load; 4] = [
    Load { things: 0, stuck: false },
    Load { things: 1, stuck: false },
    Load { things: 3, stuck: false },
    Load { things: 3, stuck: true },
];

/// What one run leaves to be looked at.
struct Seen {
    end: End,
    load: Load,
    report: Arc<Report>,
    target: Target,
    shelf: Shelf,
}

fn body(spec: Spec, end: End, load: Load, things: Things, gate: Gate) -> impl Canary {
    canary(spec, move |run: Run| {
        let (things, gate) = (things.clone(), gate.clone());
        async move {
            for _ in 0..load.things {
                things.make(&run).await?;
            }
            end.come(run, gate).await
        }
    })
}

async fn run(end: End, load: Load, on_leak: OnLeak, gate: Gate) -> Seen {
    let (target, shelf, sink) = (Target::default(), Shelf::default(), RecordingSink::new());
    if load.stuck {
        target.on_delete("2", [Delete::Forbidden]);
    }
    let things = Things::new(&target, Way::Search);
    // In real time, of which a busy machine needs some until everything is made.
    let time = if end == End::Blocks { secs(2) } else { secs(20) };
    let spec = Spec::new("order").timeout(time).on_leak(on_leak);
    let monitor = Monitor::named("shop")
        .journal_store(shelf.open())
        .resource(things.clone())
        .canary(every(mins(5)), body(spec, end, load, things, gate))
        .sink(sink.clone())
        .grace(secs(if end == End::Cancelled { 2 } else { 20 }));
    let monitor = monitor.build().unwrap();
    if end == End::Blocks {
        monitor.once().await;
    } else {
        monitor.run_until(sleep(secs(if end == End::Cancelled { 5 } else { 60 }))).await;
    }
    let reports = sink.reports();
    assert_eq!(reports.len(), 1, "{end:?}");
    Seen { end, load, report: Arc::clone(&reports[0]), target, shelf }
}

fn check(seen: &Seen) {
    let Seen { end, load, report, target, shelf } = seen;
    let case = format!("{end:?} with {load:?}: {report}");

    let newest_first: Vec<_> = (1..=load.things).rev().map(|n| n.to_string()).collect();
    assert_eq!(target.all("made").len(), load.things, "{case}");
    assert_eq!(target.all("asked to delete"), newest_first, "in this order, and each once: {case}");
    let left: &[&str] = if load.stuck { &["2"] } else { &[] };
    assert_eq!(target.ids(), left, "{case}");

    let items: Vec<_> = report.cleanup.items.iter().map(ToString::to_string).collect();
    let said = |id: &String| {
        if load.stuck && id == "2" {
            "shop/order 2: failed: status of DELETE /orders/2: 403".to_owned()
        } else {
            format!("shop/order {id}: removed")
        }
    };
    assert_eq!(items, newest_first.iter().map(said).collect::<Vec<_>>(), "{case}");
    for (item, id) in report.cleanup.items.iter().zip(&newest_first) {
        let mark: Mark = item.mark.as_deref().unwrap().parse().unwrap();
        assert_eq!((mark.monitor(), mark.canary(), mark.run_id()), ("shop", "order", report.run_id), "{case}");
        assert_eq!((mark.number().to_string(), item.id.as_ref()), (id.clone(), Some(id)), "{case}");
        assert_eq!(item.kind.as_deref(), Some("shop/order"));
    }

    let (outcome, reason) = end.verdict();
    let verdict = match (outcome, load.stuck) {
        (Outcome::Passed, true) => (Outcome::Degraded, Some(Reason::Leftover)),
        _ => (outcome, reason),
    };
    assert_eq!((report.outcome, report.reason), verdict, "{case}");
    assert_eq!(report.failures.len(), usize::from(reason.is_some()), "cleanup hides in no failure: {case}");
    let left_behind = usize::from(load.stuck);
    assert_eq!(report.cleanup.left_behind(), left_behind, "{case}");
    assert_eq!(report.cleanup.pending, left_behind as u64, "{case}");
    assert_eq!(report.cleanup.oldest_pending.is_some(), load.stuck, "{case}");
    assert!(report.warnings.is_empty(), "{case}");
    let in_the_journal: &[&str] = if load.stuck { &["created 2"] } else { &[] };
    assert_eq!(shelf.states(), in_the_journal, "{case}");
}

#[tokio::test(start_paused = true)]
async fn however_a_run_ends_what_it_made_is_removed_newest_first_and_what_is_not_is_said_and_remembered() {
    let mut cases = 0;
    for end in End::ALL {
        for load in LOADS {
            check(&run(end, load, OnLeak::Degrade, Gate::default()).await);
            cases += 1;
        }
    }
    assert_eq!(cases, 28);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn also_when_the_body_never_gives_its_thread_back() {
    let mut releases = Vec::new();
    let mut runs = Vec::new();
    for load in LOADS {
        let (release, gate) = std::sync::mpsc::channel();
        releases.push(release);
        let gate = Gate(Arc::new(Mutex::new(Some(gate))));
        runs.push(tokio::spawn(run(End::Blocks, load, OnLeak::Degrade, gate)));
    }
    for run in runs {
        check(&run.await.unwrap());
    }
    drop(releases);
}

#[tokio::test(start_paused = true)]
async fn what_a_leak_makes_of_a_run_is_the_canary_s_choice() {
    let stuck = LOADS[3];
    let mut verdicts = Vec::new();
    for end in [End::Passes, End::Expectation, End::Cancelled] {
        for on_leak in [OnLeak::Warn, OnLeak::Degrade, OnLeak::Fail] {
            let Seen { report, .. } = run(end, stuck, on_leak, Gate::default()).await;
            assert_eq!(report.cleanup.left_behind(), 1, "it is told in any case: {report}");
            let said = (report.failures.len(), report.warnings.len());
            verdicts.push((end, on_leak, report.outcome, report.reason.unwrap_or(Reason::Skipped), said));
        }
    }
    assert_eq!(
        verdicts,
        [
            // `Skipped` stands for no reason at all.
            (End::Passes, OnLeak::Warn, Outcome::Passed, Reason::Skipped, (0, 1)),
            (End::Passes, OnLeak::Degrade, Outcome::Degraded, Reason::Leftover, (0, 0)),
            (End::Passes, OnLeak::Fail, Outcome::Failed, Reason::Leftover, (1, 0)),
            (End::Expectation, OnLeak::Warn, Outcome::Failed, Reason::Expectation, (1, 1)),
            (End::Expectation, OnLeak::Degrade, Outcome::Failed, Reason::Expectation, (1, 0)),
            (End::Expectation, OnLeak::Fail, Outcome::Failed, Reason::Expectation, (2, 0)),
            (End::Cancelled, OnLeak::Warn, Outcome::Error, Reason::Cancelled, (1, 1)),
            (End::Cancelled, OnLeak::Degrade, Outcome::Error, Reason::Cancelled, (1, 0)),
            (End::Cancelled, OnLeak::Fail, Outcome::Failed, Reason::Leftover, (2, 0)),
        ]
    );
}
