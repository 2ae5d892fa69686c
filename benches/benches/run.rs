//! What a run costs: nothing in it, then steps, then an HTTP check beside bare reqwest, in one process and one session.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use synthetic_core::prelude::*;
use synthetic_core::{AnyCanary, Runner};
use synthetic_http::Http;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 77\r\n\r\n\
    {\"status\":\"ok\",\"version\":\"1.4.2\",\"checks\":{\"db\":\"up\",\"cache\":\"up\"},\"x\":\"yz1\"}";

fn steps(count: usize) -> AnyCanary {
    AnyCanary::new(canary(Spec::new("steps"), move |run: Run| async move {
        run.count_check();
        for _ in 0..count {
            run.step("a step", async { Ok(()) }).await?;
        }
        Ok(())
    }))
}

fn runs(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let runner = Runner::new();
    let mut group = c.benchmark_group("run");
    for count in [0, 1, 10, 100] {
        let canary = steps(count);
        group.bench_function(format!("{count} steps"), |b| {
            b.iter(|| black_box(runtime.block_on(runner.run(canary.clone()))));
        });
    }
    group.finish();
}

/// A server that answers every request alike, so that what is measured is the client.
fn server(runtime: &Runtime) -> String {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 2048];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    if stream.write_all(ANSWER).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("http://{address}/health")
}

fn checks(c: &mut Criterion) {
    let others = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let url = server(&others);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for reuse in [true, false] {
        let mut group = c.benchmark_group(if reuse { "check, connections reused" } else { "check, connections fresh" });
        let bare = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(if reuse { 32 } else { 0 });
        // Another crate of this program turned TLS on in reqwest, which then wants a provider even for plain HTTP.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let bare = bare.build().expect("a client");
        group.bench_function("bare reqwest", |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let answer = bare.get(&url).send().await.expect("an answer");
                    assert_eq!(answer.status(), 200);
                    let body: serde_json::Value = answer.json().await.expect("JSON");
                    assert_eq!(body["status"], "ok");
                });
            });
        });
        let http = if reuse { Http::anywhere().reuse_connections() } else { Http::anywhere() };
        let canary = AnyCanary::new(synthetic_benches::one_check(Spec::new("check-cost"), http, &url));
        let runner = Runner::new();
        group.bench_function("one canary", |b| {
            b.iter(|| runtime.block_on(runner.run(canary.clone())).assert_passed());
        });
        group.finish();
    }
}

criterion_group!(benches, runs, checks);
criterion_main!(benches);
