//! Targets that take their time, so that what is between the phases can be told from what is in them.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use synthetic_core::report::RequestReport;
use synthetic_http::Http;
use synthetic_http::net::{Dns, Record, response_code};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio_rustls::TlsAcceptor;

use super::exporter::{Exporter, Probe};
use super::row::Row;
use crate::authority::{Authority, at, config};
use crate::support::{Server, read_request};

/// How long each part takes: so long that a twentieth of it is more than the work of a machine that is not stuck.
const PART: Duration = Duration::from_millis(200);
/// How often a machine may be stuck while it measures.
const TRIES: usize = 10;
/// How far the phases may be from the whole.
const SHARE: f64 = 0.05;

/// Waits before the first byte, and before the last.
async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let request = read_request(stream).await?;
    tokio::time::sleep(PART).await;
    if request.starts_with("GET /old ") {
        return stream
            .write_all(b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .await;
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nall is ").await?;
    stream.flush().await?;
    tokio::time::sleep(PART).await;
    stream.write_all(b"well").await?;
    stream.flush().await
}

async fn rows(folder: &std::path::Path) -> Vec<(Row, &'static [&'static str])> {
    let shop = Server::raw(|mut stream| async move { answer(&mut stream).await }).await;
    let authority = Authority::new();
    let ca = folder.join("slow-ca.pem");
    std::fs::write(&ca, authority.0.pem()).unwrap();
    let (key, certificate) = authority.issue("127.0.0.1", |_| {});
    let acceptor = TlsAcceptor::from(Arc::new(config(vec![certificate], &key)));
    let secure = Server::raw(move |stream| {
        let acceptor = acceptor.clone();
        async move { answer(&mut acceptor.accept(stream).await?).await }
    })
    .await;
    let names = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let resolver = names.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((count, from)) = names.recv_from(&mut buffer).await {
            tokio::time::sleep(PART).await;
            (buffer[2], buffer[3]) = (0x80, 5);
            let _ = names.send_to(&buffer[..count], from).await;
        }
    });
    let module = format!("prober: http, http: {{tls_config: {{ca_file: '{}'}}}}", ca.display());
    let https = secure.url().replace("http:", "https:");
    let trusting = at(&secure).trust_only_pem(authority.0.pem());
    let refused = Dns::resolver(&resolver).lookup("shop.test", Record::A).expect(response_code("REFUSED"));
    let both: &[&str] = &["processing", "transfer"];
    vec![
        (Row::passes("HTTP", shop.url(), "prober: http", Http::at(shop.url()).get("/")), both),
        (Row::passes("HTTPS", https, module, trusting.get("/")), both),
        (
            Row::passes("a redirect", format!("{}/old", shop.url()), "prober: http", Http::at(shop.url()).get("/old")),
            both,
        ),
        (
            Row::passes(
                "DNS",
                resolver,
                "prober: dns, dns: {query_name: shop.test, query_type: A, valid_rcodes: [REFUSED]}",
                refused,
            ),
            &["processing"],
        ),
    ]
}

/// Says what is wrong with phases, if anything: a share of the whole that is in none of them, or one that was shorter than
/// the part that it is of. More than the whole they never are.
fn wrong(phases: &HashMap<&str, f64>, whole: f64, slow: &[&str]) -> Option<String> {
    let sum: f64 = phases.values().sum();
    assert!(sum <= whole * (1.0 + SHARE), "{sum} s of {whole} s are in {phases:?}");
    // A client that was stuck when the first byte came sees less of what follows.
    let is_short = slow.iter().any(|name| phases[name] < PART.as_secs_f64() * (1.0 - SHARE));
    (is_short || sum < whole * (1.0 - SHARE)).then(|| format!("{sum} s of {whole} s are in {phases:?}"))
}

fn ours(request: &RequestReport) -> (HashMap<&str, f64>, f64) {
    let phases = request.phases.named().into_iter();
    let phases = phases.filter_map(|(name, took)| Some((name, took?.as_secs_f64()))).collect();
    (phases, request.duration.as_secs_f64())
}

fn theirs(probe: &Probe) -> (HashMap<&str, f64>, f64) {
    let mut phases = probe.phases();
    // What DNS has in place of it.
    if let Some(request) = phases.remove("request") {
        phases.insert("processing", request);
    }
    (phases, probe.sample("probe_duration_seconds").unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phases_sum_to_the_whole_here_and_in_blackbox_exporter() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, slow): (Vec<Row>, Vec<_>) = rows(folder.path()).await.into_iter().unzip();
    let exporter = Exporter::start(&rows, folder.path()).await;
    for (at, (row, slow)) in rows.iter().zip(slow).enumerate() {
        // A machine that is busy lets time pass between any two phases; a part that no phase counts is there every time.
        let mut here = Some("not measured".to_owned());
        let mut there = here.clone().filter(|_| exporter.is_some());
        for _ in 0..TRIES {
            if here.is_some() {
                let report = row.ours.run().await;
                report.assert_passed();
                let (phases, whole) = ours(&report.requests[0]);
                here = wrong(&phases, whole, slow);
            }
            if let Some(exporter) = exporter.as_ref().filter(|_| there.is_some()) {
                let probe = exporter.probe(at, row).await;
                assert!(probe.passed(), "{}: {}", row.name, probe.text);
                let (phases, whole) = theirs(&probe);
                there = wrong(&phases, whole, slow);
            }
        }
        assert_eq!((here, there), (None, None), "{}: here, and there", row.name);
    }
}
