//! The ways in which the text is had: by a listener, a router, a gateway.

use std::net::SocketAddr;

use synthetic_core::Secret;
use synthetic_core::prelude::*;
use synthetic_sinks::Prometheus;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::server::{ask, get};
use super::{idle, serving_much};

const OPEN_METRICS: &str = "accept: application/openmetrics-text; version=1.0.0\r\n";

/// Starts a monitor that is never done, and returns where its metrics are.
fn begin(metrics: &Prometheus) -> (SocketAddr, tokio::task::JoinHandle<synthetic_core::monitor::Summary>) {
    let monitor = Monitor::named("shop").canary(every(secs(1)), idle()).sink(metrics.clone()).build().unwrap();
    (metrics.address().unwrap(), tokio::spawn(monitor.run_until(std::future::pending())))
}

#[tokio::test]
async fn the_listener_speaks_the_format_that_it_is_asked_for() {
    let metrics = Prometheus::new().listen("127.0.0.1:0").unwrap();
    let (at, running) = begin(&metrics);
    let plain = get(at, "/metrics", "").await;
    assert!(
        plain.head.starts_with("http/1.0 200 ok") && plain.head.contains("text/plain; version=0.0.4"),
        "{}",
        plain.head
    );
    let open = get(at, "/metrics?name=x", OPEN_METRICS).await;
    assert!(open.head.contains("application/openmetrics-text; version=1.0.0") && open.body.ends_with("# EOF\n"));
    let elsewhere = get(at, "/", "").await;
    assert!(elsewhere.head.contains(" 404 ") && elsewhere.body == "metrics are at /metrics\n");
    let changed = ask(at, "POST /metrics", "content-length: 0\r\n").await.unwrap();
    assert!(changed.head.contains(" 405 ") && changed.head.contains("allow: get, head"), "{}", changed.head);
    let head = ask(at, "HEAD /metrics", "").await.unwrap();
    assert!(head.head.contains(" 200 ") && head.body.is_empty());
    running.abort();
}

#[tokio::test]
async fn without_the_token_nothing_is_shown() {
    let token = Secret::new("metrics/token", "correct horse");
    let metrics = Prometheus::new().bearer(token).listen("127.0.0.1:0").unwrap();
    let (at, running) = begin(&metrics);
    for wrong in
        ["", "authorization: Bearer correct\r\n", "authorization: Basic correct horse\r\n", "authorization: x\r\n"]
    {
        let refused = get(at, "/metrics", wrong).await;
        assert!(
            refused.head.contains(" 401 ") && refused.head.contains("www-authenticate: bearer"),
            "{}",
            refused.head
        );
        assert!(!refused.body.contains("synthetic_"));
    }
    let shown = get(at, "/metrics", "authorization: bearer correct horse\r\n").await;
    assert!(shown.head.contains(" 200 ") && shown.body.contains("synthetic_runs_total"));
    running.abort();
}

#[tokio::test]
async fn it_listens_for_as_long_as_someone_holds_it() {
    let metrics = Prometheus::new().listen("127.0.0.1:0").unwrap();
    let monitor = Monitor::named("shop").canary(every(mins(1)), idle()).sink(metrics.clone()).build().unwrap();
    monitor.once().await;
    let at = metrics.address().unwrap();
    assert!(get(at, "/metrics", "").await.body.contains("synthetic_up{canary=\"idle\"} 1\n"), "the monitor has ended");
    drop(metrics);
    super::until("nobody listens", || async { TcpStream::connect(at).await.is_err().then_some(()) }).await;
}

#[tokio::test]
async fn a_scraper_that_does_not_read_holds_up_neither_runs_nor_other_scrapers() {
    let metrics = serving_much().await;
    let sink = synthetic_core::testing::RecordingSink::new();
    let monitor = Monitor::named("shop").canary(every(secs(1)), idle()).sink(sink.clone()).sink(metrics.clone());
    let running = tokio::spawn(monitor.build().unwrap().run_until(std::future::pending()));
    let mut blocked = TcpStream::connect(metrics.address().unwrap()).await.unwrap();
    blocked.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 16];
    blocked.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"), "the answer is on its way, and nobody takes it");

    let runs = sink.reports().len();
    let text = get(metrics.address().unwrap(), "/metrics", "").await.body;
    assert!(text.len() > 8_000_000 && text.contains("checkout-1999"), "{}", text.len());
    super::until("runs go on", || async { (sink.reports().len() >= runs + 2).then_some(()) }).await;
    drop(blocked);
    running.abort();
}

#[cfg(feature = "prometheus-axum")]
#[tokio::test]
async fn a_router_shows_it_in_the_server_of_the_app() {
    let metrics = Prometheus::new().bearer(Secret::new("metrics/token", "correct horse"));
    let monitor = Monitor::named("shop").canary(every(mins(1)), idle()).sink(metrics.clone()).build().unwrap();
    monitor.once().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let app = axum::Router::new().route("/", axum::routing::get(|| async { "a shop" })).merge(metrics.router());
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    assert_eq!(get(at, "/", "").await.body, "a shop");
    assert!(get(at, "/metrics", "").await.head.contains(" 401 "));
    let shown = get(at, "/metrics", &format!("{OPEN_METRICS}authorization: Bearer correct horse\r\n")).await;
    assert!(shown.body.contains("synthetic_up{canary=\"idle\"} 1\n") && shown.body.ends_with("# EOF\n"));
    serving.abort();
}

#[cfg(feature = "pushgateway")]
mod pushgateway {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use synthetic_core::Sink;
    use synthetic_core::sink::DeliveryError;

    use super::*;
    use crate::prometheus::server::{has, start};

    #[tokio::test]
    async fn what_a_one_shot_run_pushes_is_what_the_gateway_shows() {
        if !has("prometheus-pushgateway") {
            return;
        }
        let (_gateway, at) = start(gateway).await;
        for passed in 1..=2 {
            let metrics = Prometheus::new().pushgateway(format!("http://{at}")).unwrap();
            let mut monitor = Monitor::named("shop/front").location("eu").sink(metrics);
            for canary in (0..passed).map(|number| format!("idle-{number}")) {
                let idle = canary_of(&canary);
                monitor = monitor.canary(every(mins(1)), idle);
            }
            let (_, summary) = monitor.build().unwrap().once().await;
            assert_eq!(summary.sinks[0].last_error, None);
            let shown = get(at, "/metrics", "").await.body;
            let up = shown.lines().filter(|line| line.starts_with("synthetic_up{"));
            assert_eq!(up.clone().count(), passed, "{shown}");
            assert!(up.clone().all(|line| line.contains("job=\"shop/front\",location=\"eu\"} 1")), "{shown}");
        }
    }

    #[tokio::test]
    async fn a_program_that_comes_to_a_port_which_is_taken_is_started_at_another() {
        if !has("prometheus-pushgateway") {
            return;
        }
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (taken, tries) = (other.local_addr().unwrap(), AtomicUsize::new(0));
        let (_gateway, at) = start(|at| {
            let at = if tries.fetch_add(1, Ordering::Relaxed) == 0 { taken } else { at };
            gateway(at)
        })
        .await;
        assert_eq!(tries.into_inner(), 2);
        assert!(get(at, "/metrics", "").await.head.contains(" 200 "));
    }

    fn gateway(at: SocketAddr) -> tokio::process::Command {
        let mut program = tokio::process::Command::new("prometheus-pushgateway");
        program.arg(format!("--web.listen-address={at}"));
        program
    }

    fn canary_of(name: &str) -> impl synthetic_core::Canary {
        canary(Spec::new(name), |run: Run| async move { run.expect("up", true, eq(true)) })
    }

    #[tokio::test]
    async fn what_the_gateway_answers_decides_what_becomes_of_a_push() {
        let run = canary_of("idle");
        let report = Arc::new(synthetic_core::Runner::new().run(run).await);
        for (answer, error) in [
            ("HTTP/1.1 202 Accepted", Ok(())),
            ("HTTP/1.1 400 Bad Request", Err("fatal")),
            ("HTTP/1.1 404 Not Found", Err("fatal")),
            ("HTTP/1.1 408 Request Timeout", Err("retry")),
            ("HTTP/1.1 429 Too Many Requests\r\nretry-after: 7", Err("later")),
            ("HTTP/1.1 500 Internal Server Error", Err("retry")),
            ("", Err("retry")),
        ] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let at = listener.local_addr().unwrap();
            let answering = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"synthetic_steps\"} 0\n") {
                    let mut part = [0; 4096];
                    let read = stream.read(&mut part).await.unwrap();
                    request.extend_from_slice(&part[..read]);
                }
                let body = "it says why";
                let answer = format!("{answer}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                if !answer.starts_with('\r') {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
                String::from_utf8(request).unwrap()
            });
            let sink = Prometheus::new().pushgateway(format!("http://user:hunter2@{at}")).unwrap();
            sink.deliver(&[Arc::clone(&report)]).await.unwrap();
            let pushed = sink.flush().await;
            let request = answering.await.unwrap();
            assert!(request.starts_with("PUT /metrics/job/synthetic HTTP/1.1\r\n") && !request.contains("trace_id"));
            match (&pushed, error) {
                (Ok(()), Ok(())) => assert_eq!(sink.close().await, Ok(()), "there is nothing new to push"),
                (Err(DeliveryError::Fatal(why)), Err("fatal")) => {
                    assert!(
                        why.starts_with(&format!("the Pushgateway at {at} answered 40"))
                            && why.ends_with(": it says why")
                    );
                }
                (Err(DeliveryError::Retry(why)), Err("retry")) => assert!(!why.contains("hunter2"), "{why}"),
                (Err(DeliveryError::RateLimited { after, .. }), Err("later")) => assert_eq!(*after, secs(7)),
                _ => panic!("{answer}: {pushed:?}"),
            }
        }
    }
}
