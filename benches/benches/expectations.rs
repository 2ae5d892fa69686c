//! What it costs to judge an answer: one expectation and ten of them, on a body of 10 KiB that is parsed once.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json as value;
use synthetic_core::prelude::*;
use synthetic_http::{Expectation, Http, Response, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;

/// A list of orders, of about 10 KiB.
fn body() -> String {
    let order = |at: usize| {
        value!({
            "id": format!("o-{at:05}"), "status": "pending", "total": 12.5, "currency": "EUR",
            "customer": { "id": format!("c-{at:05}"), "city": "Berlin" }, "created_at": "2027-01-01T00:00:00Z",
        })
    };
    let orders: Vec<_> = (0..70).map(order).collect();
    value!({ "db": "up", "count": orders.len(), "page": { "size": 100, "next": null }, "orders": orders }).to_string()
}

/// Gets an answer with a body from a real server.
fn answer(body: &str) -> Response {
    let runtime = Runtime::new().expect("a runtime");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a free port");
    let url = format!("http://{}/orders", listener.local_addr().expect("an address"));
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let answer = head + body;
    runtime.spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = [0; 2048];
        let _ = stream.read(&mut request).await;
        stream.write_all(answer.as_bytes()).await.expect("somebody reads");
    });
    runtime.block_on(Http::anywhere().get(url).send()).expect("an answer")
}

fn ten() -> [Expectation; 10] {
    [
        json("$.db", "up"),
        json("$.count", ge(1)),
        json("$.page.size", 100),
        json("$.page.next", is_null()),
        json("$.orders", len(70)),
        json("$.orders[0].id", "o-00000"),
        json("$.orders[-1].id", starts_with("o-")),
        json("$.orders[30].customer.city", "Berlin"),
        json("$.orders[69].total", between(1, 100)),
        json("$.error", not(exists())),
    ]
}

fn judging(c: &mut Criterion) {
    let body = body();
    assert!((10_000..10_500).contains(&body.len()), "{} bytes", body.len());
    let (answer, ten) = (answer(&body), ten());
    let all_hold = |expectations: &[Expectation]| {
        expectations.iter().all(|expectation| expectation.judge(black_box(&answer)).is_ok())
    };
    assert!(all_hold(&ten));
    let mut group = c.benchmark_group("judging 10 KiB of JSON");
    group.bench_function("parsing it", |b| {
        b.iter(|| serde_json::from_str::<serde_json::Value>(black_box(&body)).expect("JSON"));
    });
    for count in [1, 10] {
        group.bench_function(format!("{count} expectations"), |b| b.iter(|| all_hold(black_box(&ten[..count]))));
    }
    let every = json("$.orders[*].status", every("pending"));
    group.bench_function("1 expectation of a list", |b| b.iter(|| all_hold(std::slice::from_ref(&every))));
    group.finish();
}

criterion_group!(benches, judging);
criterion_main!(benches);
