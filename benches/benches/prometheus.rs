//! What Prometheus costs: recording one report, and a scrape of 10,000 canaries with 5 steps each, alone and while reports
//! go on being recorded.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use synthetic_core::monitor::Stats;
use synthetic_core::prelude::*;
use synthetic_core::report::RequestReport;
use synthetic_core::sink::{MonitorView, SinkStats};
use synthetic_core::{Outcome, Report, Runner, Sink};
use synthetic_sinks::Prometheus;
use tokio::runtime::Runtime;

const CANARIES: usize = 10_000;
const STEPS: usize = 5;
const LOCATION: &str = "eu-west-1";
const OPEN_METRICS: &str = "application/openmetrics-text";
const PLAIN: &str = "text/plain";

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Returns `count` reports of different runs, of so many canaries in turn: each of 5 steps with a request in it.
fn reports(runtime: &Runtime, count: usize, canaries: usize) -> Vec<Arc<Report>> {
    let checkout = canary(Spec::new("checkout"), |run: Run| async move {
        for step in ["open shop", "create cart", "add item", "pay", "cancel order"] {
            run.step(step, async { run.expect("it works", true, eq(true)) }).await?;
        }
        Ok(())
    });
    let mut report = runtime.block_on(Runner::new().location(LOCATION).run(checkout));
    assert_eq!((report.outcome, report.steps.len()), (Outcome::Passed, STEPS));
    report.duration = Duration::from_millis(240);
    for step in &mut report.steps {
        step.duration = Duration::from_millis(48);
    }
    for path in ["", "carts", "carts/{id}/items", "payments", "orders/{id}"] {
        let request = RequestReport::new("POST", format!("https://shop.example/{path}")).status(200);
        report.requests.push(request.duration(Duration::from_millis(47)));
    }
    (0..count)
        .map(|at| {
            let mut report = report.clone();
            report.canary = name(at % canaries).into();
            report.run_id = uuid::Uuid::from_u128(at as u128);
            Arc::new(report)
        })
        .collect()
}

fn record(c: &mut Criterion) {
    let runtime = runtime();
    // More than the sink remembers, lest a run is known when its turn comes again.
    let reports = reports(&runtime, 4096, 100);
    let sink = Prometheus::new();
    let mut turn = reports.iter().cycle();
    c.bench_function("prometheus, record one report", |b| {
        b.iter(|| {
            let report = turn.next().expect("a cycle has no end");
            runtime.block_on(sink.deliver(std::slice::from_ref(report))).expect("it counts");
        });
    });
}

fn scrape(c: &mut Criterion) {
    let runtime = runtime();
    let sink = Prometheus::new().listen("127.0.0.1:0").expect("a free port");
    let reports = reports(&runtime, CANARIES, CANARIES);
    runtime.block_on(sink.deliver(&reports)).expect("it counts");
    drop(reports);
    let mut group = c.benchmark_group(format!("prometheus, scrape of {CANARIES} canaries with {STEPS} steps"));
    group.sample_size(10).measurement_time(Duration::from_secs(4));
    for accept in [OPEN_METRICS, PLAIN] {
        let text = sink.encode(accept).1;
        let size = format!("{accept}, {} lines, {} MB", text.lines().count(), text.len() / 1_000_000);
        drop(text);
        group.bench_function(size, |b| b.iter(|| black_box(sink.encode(accept))));
    }
    let server = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let guard = server.enter();
    sink.begin(&(Arc::new(Inventory) as Arc<dyn MonitorView>));
    drop(guard);
    let address = sink.address().expect("it listens");
    for accept in [OPEN_METRICS, PLAIN] {
        group.bench_function(format!("{accept}, from its listener"), |b| b.iter(|| black_box(fetch(address, accept))));
    }
    group.finish();
    beside(&runtime, &sink);
}

/// Reads the text as a scraper does, and returns how long it is.
fn fetch(address: SocketAddr, accept: &str) -> usize {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET /metrics HTTP/1.0\r\naccept: {accept}\r\n\r\n").expect("it reads");
    let (mut part, mut length) = (vec![0; 256 * 1024], 0);
    loop {
        match stream.read(&mut part).expect("it answers") {
            0 => break,
            read => length += read,
        }
    }
    assert!(length > 100_000_000, "{length}");
    length
}

/// A monitor that has the canaries, and nothing else.
struct Inventory;

impl MonitorView for Inventory {
    fn name(&self) -> &'static str {
        "shop"
    }
    fn location(&self) -> Option<&str> {
        Some(LOCATION)
    }
    fn has_canary(&self, name: &str) -> bool {
        name.starts_with("checkout-")
    }
    fn canaries(&self) -> Vec<Arc<str>> {
        (0..CANARIES).map(|at| name(at).into()).collect()
    }
    fn stats(&self) -> Stats {
        Stats::default()
    }
    fn sinks(&self) -> Vec<SinkStats> {
        Vec::new()
    }
}

fn name(at: usize) -> String {
    format!("checkout-{at:05}")
}

/// Records while a scrape goes on, and says how long the slowest took: a scrape that kept a lock would show.
#[expect(clippy::print_stdout, reason = "a bench prints what it measured")]
fn beside(runtime: &Runtime, sink: &Prometheus) {
    let reports = reports(runtime, 4096, CANARIES);
    let done = AtomicBool::new(false);
    let mut took = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                black_box(sink.encode(OPEN_METRICS));
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut turn = reports.iter().cycle();
        while !done.load(Ordering::Relaxed) {
            let report = turn.next().expect("a cycle has no end");
            let began = Instant::now();
            runtime.block_on(sink.deliver(std::slice::from_ref(report))).expect("it counts");
            took.push(began.elapsed());
        }
    });
    took.sort_unstable();
    let (median, slow, slowest) = (took[took.len() / 2], took[took.len() * 999 / 1000], took[took.len() - 1]);
    println!(
        "recording beside 20 scrapes: {} reports, median {median:?}, 99.9 % {slow:?}, slowest {slowest:?}",
        took.len()
    );
}

criterion_group!(benches, record, scrape);
criterion_main!(benches);
