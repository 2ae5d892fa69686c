//! The sinks that speak to something else, as rows of the table of all of them: what is sent, to the last byte.

use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_cloudwatch::config::Credentials;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use synthetic_core::artifact::LocalFolder;
use synthetic_core::sink::{Sink, SinkExt};
use synthetic_sinks::{Artifacts, CloudWatch, Emf, Keep, Prometheus, Webhook};

use crate::sinks::{Buffer, Kind, Reports, Said, deliver};
use crate::webhook::server::Server;

pub(crate) fn all() -> [Kind; 6] {
    [
        Kind::new("EMF", emf, is_emf),
        Kind::new("EMF, in layers", layered, is_emf),
        Kind::new("Prometheus", prometheus, is_exposition),
        Kind::new("artifacts", artifacts, are_kept),
        Kind::new("notifications", webhooks, are_messages),
        Kind::new("CloudWatch", cloudwatch, has_the_tame_run),
    ]
}

async fn emf(reports: Reports) -> Vec<u8> {
    let buffer = Buffer::default();
    deliver(Emf::stdout().to(buffer.clone()), &reports).await;
    buffer.bytes()
}

/// Every line is an object that says of itself what CloudWatch is to read.
fn is_emf(said: &Said<'_>) {
    for line in said.text().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["_aws"]["CloudWatchMetrics"].is_array(), "{line}");
    }
    assert!(said.text().contains("\"tame\""), "the report beside it is there");
}

async fn prometheus(reports: Reports) -> Vec<u8> {
    let metrics = Prometheus::new().blackbox_compatible();
    deliver(metrics.clone(), &reports).await;
    format!("{}{}", metrics.encode("text/plain").1, metrics.encode("application/openmetrics-text").1).into_bytes()
}

/// Every line is a comment or a sample, and there are as many as for tame texts.
fn is_exposition(said: &Said<'_>) {
    let tame = std::str::from_utf8(said.tame).unwrap();
    assert_eq!(said.text().matches('\n').count(), tame.matches('\n').count(), "{}", said.text());
    for line in said.text().split('\n').filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let sample = line.split_once(" # ").map_or(line, |(sample, _)| sample);
        assert!(line.starts_with("synthetic_") || line.starts_with("probe_"), "{line}");
        let value = if line.contains(" # ") { sample } else { line }.rsplit(' ').next().unwrap();
        assert!(value.parse::<f64>().is_ok() || line.contains(" # "), "{line}");
    }
}

async fn artifacts(reports: Reports) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    deliver(Artifacts::new(LocalFolder::at(folder.path())).keep(Keep::Always), &reports).await;
    let (mut all, mut todo) = (Vec::new(), vec![folder.path().to_owned()]);
    while let Some(next) = todo.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            all.extend_from_slice(format!("{}\n", path.strip_prefix(folder.path()).unwrap().display()).as_bytes());
            if path.is_dir() {
                todo.push(path);
            } else {
                all.extend(std::fs::read(path).unwrap());
                all.push(b'\n');
            }
        }
    }
    all
}

/// As many reports were kept as there were.
fn are_kept(said: &Said<'_>) {
    let text = String::from_utf8_lossy(said.bytes);
    let reports = text.lines().filter_map(|line| serde_json::from_str::<synthetic_core::Report>(line).ok());
    assert_eq!(reports.count(), said.reports.len(), "{text}");
}

/// All kinds of notification, to a server that takes everything.
async fn webhooks(reports: Reports) -> Vec<u8> {
    let server = Server::start().await;
    let template = r#"{"message": "{{title}} {{text}} {{canary}} {{location}} {{key}}"}"#;
    let all = [
        Webhook::generic(&server.url("/generic")),
        Webhook::templated(&server.url("/templated"), template),
        Webhook::slack(&server.url("/services/T0/B0/token")),
        Webhook::pagerduty_at(&server.url("/v2/enqueue"), "R0UT1NG-KEY"),
        Webhook::alertmanager(&server.url("/am/")),
    ];
    for webhook in all {
        deliver(webhook.unwrap().fires_after(1, 1).unwrap(), &reports).await;
    }
    server
        .messages()
        .iter()
        .map(|message| format!("{}\n", message.body.replace('\n', " ")))
        .collect::<String>()
        .into_bytes()
}

/// Each message is JSON, and each kind told of the run that failed.
fn are_messages(said: &Said<'_>) {
    let messages: Vec<serde_json::Value> = said
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert_eq!(messages.len(), 5, "{messages:#?}");
}

/// Everything that is sent to CloudWatch, before it is compressed.
async fn cloudwatch(reports: Reports) -> Vec<u8> {
    type Calls = Arc<Mutex<Vec<u8>>>;
    async fn take(State(calls): State<Calls>, body: Bytes) -> ([(header::HeaderName, &'static str); 2], &'static [u8]) {
        calls.lock().unwrap().extend_from_slice(&body);
        let protocol = header::HeaderName::from_static("smithy-protocol");
        // An empty map.
        ([(protocol, "rpc-v2-cbor"), (header::CONTENT_TYPE, "application/cbor")], &[0xa0])
    }
    let calls = Calls::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(take).with_state(Arc::clone(&calls));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .disable_request_compression(true)
        .load()
        .await;
    deliver(CloudWatch::with_config(&config), &reports).await;
    server.abort();
    std::mem::take(&mut *calls.lock().unwrap())
}

/// The run beside it arrived.
fn has_the_tame_run(said: &Said<'_>) {
    assert!(said.bytes.windows(4).any(|window| window == b"tame"));
}

/// What has layers around it.
async fn layered(reports: Reports) -> Vec<u8> {
    let buffer = Buffer::default();
    let sink = Emf::stdout().to(buffer.clone()).limit_label_values(1).relabel(|_| {}).filter(|_| true);
    assert!(!sink.is_console());
    deliver(sink, &reports).await;
    buffer.bytes()
}
