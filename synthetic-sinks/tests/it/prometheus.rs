//! Prometheus for real: one that the test starts scrapes a monitor whose canaries ask a server with faults.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod rules;
mod server;
mod serving;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use synthetic_core::monitor::{Handle, Stats};
use synthetic_core::prelude::*;
use synthetic_core::sink::{MonitorView, SinkStats};
use synthetic_core::{AnyCanary, Report, Runner, Sink};
use synthetic_http::{Http, status};
use synthetic_sinks::Prometheus;

use self::server::{Server, has, until};

/// A step's name with everything that a text format could trip over.
const HOSTILE: &str = "\\ \" \n, } # EOF \u{1F980} <script>";

/// Starts a service that takes reservations, and refuses them while the switch is on.
async fn reservations() -> (SocketAddr, Arc<AtomicBool>) {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let answer = move || {
        let broken = broken.load(Ordering::Relaxed);
        async move { if broken { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CREATED } }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/reservations", post(answer))).await });
    (address, switch)
}

/// Reserves ten times, and stops at the first refusal.
fn reserves(at: SocketAddr) -> AnyCanary {
    let http = Http::at(format!("http://{at}")).reuse_connections();
    AnyCanary::new(canary(Spec::new("reservations").timeout(secs(30)), move |run: Run| {
        let http = http.clone();
        async move {
            for _ in 0..10 {
                let reserve = http.post("/reservations").expect(status(201)).send();
                run.step(HOSTILE, async { reserve.await.map(drop) }).await?;
            }
            Ok(())
        }
    }))
}

/// Lets a canary run a second after its last run, or as soon as that is over. A schedule would allow a run no more time than
/// it has between two starts.
fn again_and_again(handle: Handle, canary: &'static str) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            // It runs, or it was removed.
            let _ = handle.trigger(canary);
            tokio::time::sleep(secs(1)).await;
        }
    })
}

fn idle() -> AnyCanary {
    AnyCanary::new(canary(
        Spec::new("idle").timeout(secs(1)),
        |run: Run| async move { run.expect("up", true, eq(true)) },
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_sees_failures_and_their_end_and_what_is_removed() {
    if !has("prometheus") {
        return;
    }
    let (service, broken) = reservations().await;
    let metrics = Prometheus::new().listen("127.0.0.1:0").unwrap().blackbox_compatible();
    let monitor = Monitor::named("shop").canary(every(mins(1)), reserves(service)).canary(every(secs(1)), idle());
    // The run that an exemplar leads to is remembered, however long the test takes.
    let monitor = monitor.history(1000).sink(metrics.clone()).build().unwrap();
    let handle = monitor.handle();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(monitor.run_until(async {
        let _ = stopped.await;
    }));
    let reserving = again_and_again(handle.clone(), "reservations");
    let rules = rules::rule("2s");
    let prometheus = Server::scraping(metrics.address().unwrap(), &rules, "honor_labels: true,").await;
    let prometheus = &prometheus;

    let counted = |least: f64, query: &'static str| async move {
        until(query, || async { prometheus.number(query).await.filter(|number| *number >= least) }).await
    };
    counted(20.0, "synthetic_request_duration_count{result='success'}").await;
    assert_eq!(prometheus.number("up").await, Some(1.0), "every line of OpenMetrics was read");
    assert_eq!(prometheus.number("synthetic_runs_total{canary='reservations',reason='timeout'}").await, Some(0.0));
    counted(1.0, "probe_success{instance='reservations',job='shop'}").await;
    assert_eq!(prometheus.alert("SyntheticFailures").await, "inactive");

    broken.store(true, Ordering::Relaxed);
    until("the rule fires", || async { (prometheus.alert("SyntheticFailures").await == "firing").then_some(()) }).await;
    assert_eq!(prometheus.number("synthetic_up{canary='reservations'}").await, Some(0.0));
    assert_eq!(prometheus.number("synthetic_up{canary='idle'}").await, Some(1.0));
    counted(
        1.0,
        "rate(synthetic_runs_total{canary='reservations',outcome='failed',reason='expectation'}[1m]) > bool 0",
    )
    .await;

    broken.store(false, Ordering::Relaxed);
    until("the rule resolves", || async { (prometheus.alert("SyntheticFailures").await == "inactive").then_some(()) })
        .await;

    // A label's value comes back as it was, and an exemplar leads to a run.
    let labels = prometheus.api("label/step/values", &[]).await;
    assert_eq!(labels, serde_json::json!([HOSTILE]));
    let parameters = [("query", "synthetic_run_duration_seconds_bucket"), ("start", "0"), ("end", "9999999999")];
    let exemplars = prometheus.api("query_exemplars", &parameters).await;
    let trace = exemplars[0]["exemplars"][0]["labels"]["trace_id"].as_str().unwrap().to_owned();
    let known = handle.list().iter().any(|canary| {
        let runs: Vec<Arc<Report>> = handle.runs(&canary.name).unwrap();
        runs.iter().any(|run| run.run_id.simple().to_string() == trace)
    });
    assert!(known, "{trace} is a run's id");

    // What is removed is stale at the next scrape; what stays goes on counting, and was never reset.
    let before = prometheus.number("synthetic_runs_total{canary='idle',outcome='passed'}").await.unwrap();
    handle.remove("reservations").unwrap();
    until("the series of what was removed are gone", || async {
        prometheus.number("count({canary='reservations'})").await.is_none().then_some(())
    })
    .await;
    until("the other one goes on", || async {
        let now = prometheus.number("synthetic_runs_total{canary='idle',outcome='passed'}").await?;
        (now > before).then_some(())
    })
    .await;
    assert_eq!(prometheus.number("sum(resets({__name__=~'synthetic_.*_total'}[10m]))").await, Some(0.0));
    reserving.abort();
    let _ = stop.send(());
    running.await.unwrap();
}

/// Returns reports of so many canaries, all alike: a text that is longer than what sockets hold of it.
async fn long(canaries: usize) -> Vec<Arc<Report>> {
    let checkout = canary(Spec::new("checkout"), |run: Run| async move {
        for step in ["open shop", "create cart", "add item", "pay", "cancel order"] {
            run.step(step, async { run.expect("it works", true, eq(true)) }).await?;
        }
        Ok(())
    });
    let report = Runner::new().run(checkout).await;
    let of = |at: usize| {
        let mut report = report.clone();
        report.canary = format!("checkout-{at}").into();
        report.run_id = uuid::Uuid::from_u128(at as u128);
        Arc::new(report)
    };
    (0..canaries).map(of).collect()
}

/// Returns a sink that serves, and has much to say.
async fn serving_much() -> Prometheus {
    let metrics = Prometheus::new().listen("127.0.0.1:0").unwrap();
    let reports = long(2_000).await;
    let inventory: Arc<dyn MonitorView> =
        Arc::new(Inventory(reports.iter().map(|of| Arc::clone(&of.canary)).collect()));
    metrics.begin(&inventory);
    metrics.deliver(&reports).await.unwrap();
    metrics
}

/// A monitor that has canaries, and nothing else.
struct Inventory(Vec<Arc<str>>);

impl MonitorView for Inventory {
    fn name(&self) -> &'static str {
        "inventory"
    }
    fn has_canary(&self, name: &str) -> bool {
        self.0.iter().any(|known| **known == *name)
    }
    fn canaries(&self) -> Vec<Arc<str>> {
        self.0.clone()
    }
    fn stats(&self) -> Stats {
        Stats::default()
    }
    fn sinks(&self) -> Vec<SinkStats> {
        Vec::new()
    }
}
