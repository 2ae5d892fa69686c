//! What cleanup costs: a run that makes one thing beside one that makes none, and the sweep of what a dead process left.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use synthetic_benches::cleanup::{Carts, die_with, monitor, sweep};

/// How many runs are measured together: a monitor runs every canary once.
const RUNS: usize = 100;
/// How many things a dead process has left.
const LEFT: usize = 10_000;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn runs(c: &mut Criterion) {
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let carts = Carts::default();
    let mut group = c.benchmark_group("runs, with a journal");
    group.throughput(Throughput::Elements(RUNS as u64));
    for things in [0, 1, 3] {
        group.bench_function(format!("that make {things}"), |b| {
            b.iter_batched(
                || runtime.block_on(async { monitor(folder.path(), &carts, RUNS, things) }),
                |monitor| black_box(runtime.block_on(monitor.once())),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
    assert_eq!(carts.count(), 0, "what was made is removed");
}

fn sweeps(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("sweep at start");
    group.sample_size(10).throughput(Throughput::Elements(LEFT as u64));
    group.bench_function("10,000 things of a dead process", |b| {
        b.iter_batched(
            || {
                let (folder, carts) = (tempfile::tempdir().expect("a folder"), Carts::default());
                runtime.block_on(die_with(folder.path(), &carts, LEFT));
                (folder, carts)
            },
            |(folder, carts)| {
                let report = runtime.block_on(sweep(folder.path(), &carts));
                assert_eq!((report.items.len(), report.pending, carts.count()), (LEFT, 0, 0));
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, runs, sweeps);
criterion_main!(benches);
