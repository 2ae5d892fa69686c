//! The gate before every run: our own network.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use synthetic_core::Reason;
use synthetic_core::monitor::{Connectivity, Exit};
use synthetic_core::prelude::*;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::{Live, good, monitor, slow, starts};

/// A network that is up or down, and how often somebody asked.
#[derive(Clone)]
struct Network {
    up: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Network {
    fn up(up: bool) -> Self {
        Self { up: Arc::new(AtomicBool::new(up)), asked: Arc::default() }
    }

    fn check(&self) -> Connectivity {
        let network = self.clone();
        Connectivity::check(move || {
            network.asked.fetch_add(1, Ordering::SeqCst);
            let up = network.up.load(Ordering::SeqCst);
            async move {
                sleep(ms(100)).await;
                if up { Ok(()) } else { Err("no route".to_owned()) }
            }
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn while_our_own_network_is_down_runs_are_skipped_with_a_report_and_nothing_is_asked_of_the_target() {
    let network = Network::up(false);
    let (builder, sink) = monitor();
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ran);
    let counting = canary(Spec::new("counting").timeout(secs(5)), move |run: Run| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move { run.expect("x", 1, eq(1)) }
    });
    let live = Live::start(builder.connectivity(network.check()).canary(every(secs(10)), counting)).await;
    sleep(secs(25)).await;
    let stats = live.handle.stats();
    assert_eq!((ran.load(Ordering::SeqCst), stats.no_connectivity, stats.started, stats.in_flight), (0, 3, 0, 0));
    network.up.store(true, Ordering::SeqCst);
    sleep(secs(10)).await;
    let stats = live.handle.stats();
    assert_eq!((ran.load(Ordering::SeqCst), stats.no_connectivity, stats.started), (1, 3, 1));
    let summary = live.stop().await;
    assert_eq!(summary.canaries["counting"].outcomes, [(Outcome::Skipped, 3), (Outcome::Passed, 1)].into());
    let reports = sink.reports();
    let skipped = &reports[0];
    assert_eq!((skipped.outcome, skipped.reason, skipped.checks), (Outcome::Skipped, Some(Reason::Skipped), 0));
    insta::assert_snapshot!(skipped.failures[0].subject(), @"the monitor's own network is down: no route");
    insta::assert_snapshot!(skipped.failures[0].advice().unwrap(), @"nothing was asked of the target, and nothing is said of it: see to this machine's network");
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_once_however_many_runs_want_to_know() {
    for fresh in [secs(5), secs(0)] {
        let network = Network::up(true);
        let (builder, sink) = monitor();
        let builder = (0..8).fold(builder, |builder, n| builder.canary(every(mins(1)), good(format!("c{n}"))));
        let start = Instant::now();
        builder.connectivity(network.check().fresh_for(fresh)).build().unwrap().once().await;
        assert_eq!((network.asked(), sink.reports().len()), (1, 8), "fresh for {fresh:?}");
        assert!(start.elapsed() < ms(150), "nobody waits for another one's answer: {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_found_holds_for_as_long_as_it_is_said_to() {
    for (fresh, asked) in [(secs(5), 6), (secs(25), 2), (secs(0), 6)] {
        let network = Network::up(true);
        let (builder, _sink) = monitor();
        let builder = builder.connectivity(network.check().fresh_for(fresh)).canary(every(secs(10)), good("a"));
        builder.build().unwrap().run_until(sleep(secs(59))).await;
        assert_eq!(network.asked(), asked, "fresh for {fresh:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_counts_as_down_and_holds_runs_up_for_its_timeout_only() {
    let (builder, sink) = monitor();
    let hangs = Connectivity::check(std::future::pending);
    let builder = (0..4).fold(builder, |builder, n| builder.canary(every(mins(1)), good(format!("c{n}"))));
    let start = Instant::now();
    let (reports, summary) = builder.connectivity(hangs.timeout(secs(2))).build().unwrap().once().await;
    assert!(start.elapsed() < ms(2_100), "{:?}", start.elapsed());
    assert_eq!((reports.len(), sink.reports().len(), summary.exit()), (4, 4, Exit::NothingSelected));
    insta::assert_snapshot!(reports[0].failures[0].subject(), @"the monitor's own network is down: the check of the network took longer than 2s");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_panics_is_no_proof_that_the_network_is_down() {
    let panics_at_once =
        Connectivity::check(|| -> std::future::Ready<Result<(), String>> { panic!("no check at all") });
    let panics_later = Connectivity::check(|| async {
        sleep(ms(1)).await;
        panic!("a check that ends badly")
    });
    for check in [panics_at_once, panics_later] {
        let (builder, _sink) = monitor();
        let (reports, _) = builder.connectivity(check).canary(every(mins(1)), good("a")).build().unwrap().once().await;
        assert_eq!((reports.len(), reports[0].outcome), (1, Outcome::Passed));
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_at_the_gate_is_no_part_of_a_run() {
    let (builder, _sink) = monitor();
    let thinks = Connectivity::check(|| async {
        sleep(secs(2)).await;
        Ok(())
    });
    let builder = builder.connectivity(thinks).canary(every(mins(1)), slow("a", secs(1)));
    let (reports, _) = builder.build().unwrap().once().await;
    let report = &reports[0];
    assert_eq!((report.duration, report.queue_wait), (secs(1), ms(0)));
    assert_eq!(report.started_at.duration_since(report.scheduled_at).unwrap().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_takes_for_ever_does_not_keep_the_monitor_from_ending() {
    let (builder, sink) = monitor();
    let hangs = Connectivity::check(std::future::pending).timeout(mins(60));
    let builder = builder.connectivity(hangs).canary(every(mins(1)), good("a")).grace(secs(4));
    let start = Instant::now();
    let summary = builder.build().unwrap().run_until(sleep(secs(10))).await;
    assert!(start.elapsed() < secs(15), "{:?}", start.elapsed());
    assert_eq!((summary.runs(), sink.reports()[0].reason), (1, Some(Reason::Cancelled)), "it did not start");
}

#[tokio::test]
async fn a_connection_to_one_of_the_addresses_is_enough() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap().to_string();
    let closed = closed_port();
    let (builder, _sink) = monitor();
    let builder = builder.connectivity(Connectivity::tcp([closed, open])).canary(every(mins(1)), good("a"));
    let (reports, _) = builder.build().unwrap().once().await;
    assert_eq!(reports[0].outcome, Outcome::Passed);
}

#[tokio::test]
async fn when_nobody_takes_a_connection_every_address_is_named_with_its_problem() {
    let (one, two) = (closed_port(), closed_port());
    let (builder, _sink) = monitor();
    let check = Connectivity::tcp([one.clone(), two.clone()]);
    let (reports, _) = builder.connectivity(check).canary(every(mins(1)), good("a")).build().unwrap().once().await;
    assert_eq!(reports[0].outcome, Outcome::Skipped);
    let why = reports[0].failures[0].subject();
    assert!(why.contains(&one) && why.contains(&two) && why.contains("refused"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_check_of_no_address_says_so() {
    let (builder, sink) = monitor();
    let check = Connectivity::tcp::<String>([]);
    builder.connectivity(check).canary(every(mins(1)), good("a")).build().unwrap().once().await;
    assert!(sink.reports()[0].failures[0].subject().ends_with("no address was given"));
    assert_eq!(starts(&sink, "a").len(), 1);
}

/// Returns an address on which nobody listens, nor will anybody: its socket stays for as long as the process.
fn closed_port() -> String {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = socket.local_addr().unwrap();
    std::mem::forget(socket);
    addr.to_string()
}
