//! A real Alertmanager.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use synthetic_core::Sink;
use synthetic_core::prelude::*;
use synthetic_core::{Clock, Runner};
use synthetic_sinks::Webhook;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::eager;

const PROGRAMS: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];

/// An Alertmanager of its own, ended when it is dropped.
struct Alertmanager {
    process: Child,
    address: String,
    _folder: TempDir,
}

impl Alertmanager {
    /// Returns none where there is no such program, which in CI is an error.
    async fn start() -> Option<Self> {
        let is_there = |program: &&&str| {
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        let Some(program) = PROGRAMS.iter().find(is_there) else {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "there is no Alertmanager: scripts/test installs it"
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("alertmanager.yml");
        std::fs::write(&config, "route: { receiver: none }\nreceivers: [{ name: none }]\n").unwrap();
        // It takes no port 0, so a port that was free a moment ago; where another program was quicker, the next one.
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
            let mut process = Command::new(program)
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.path={}", folder.path().join("data").display()))
                .arg(format!("--web.listen-address={free}"))
                .arg("--cluster.listen-address=")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let address = free.to_string();
            while process.try_wait().unwrap().is_none() {
                if get(&address, "/-/ready").await.is_some_and(|answer| answer.starts_with("HTTP/1.0 200")) {
                    return Some(Self { process, address, _folder: folder });
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("{program} does not start");
    }

    async fn alerts(&self) -> Vec<Value> {
        let answer = get(&self.address, "/api/v2/alerts").await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// Returns the alerts when there are so many.
    async fn has(&self, number: usize) -> Vec<Value> {
        loop {
            let alerts = self.alerts().await;
            if alerts.len() == number {
                return alerts;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In HTTP 1.0, so that the answer ends with the connection.
async fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nhost: {address}\r\n\r\n").as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

const HOSTILE: &str = "checkout \"1\" \\ {{ .Labels }}\n<script>alert(1)</script> ]]> ü";

/// A run at this time, since an Alertmanager looks at its own clock.
async fn run(canary_name: &str, total: i32) -> Arc<Report> {
    let canary = canary(Spec::new("checkout"), move |run: Run| async move { run.expect("total <b>", total, eq(30)) });
    let mut report = Runner::new().clock(Clock::system()).run(canary).await;
    report.canary = canary_name.into();
    report.location = Some("eu-west-1".into());
    report.into()
}

#[tokio::test]
async fn an_alert_is_read_back_stays_while_it_fires_and_resolves() {
    let Some(server) = Alertmanager::start().await else {
        println!("skipped: there is no Alertmanager (Debian's package prometheus-alertmanager)");
        return;
    };
    let url = format!("http://{}", server.address);
    let sink = eager(Webhook::alertmanager(&url).unwrap()).label("team", "shop").unwrap();
    // An alert would end by itself after 2 s; it is sent again long before.
    let sink = sink.resend_every(Duration::from_millis(500));
    let failed = run(HOSTILE, 25).await;
    sink.deliver(&[Arc::clone(&failed), run("search", 25).await]).await.unwrap();

    let alerts = server.has(2).await;
    let alert = alerts.iter().find(|alert| alert["labels"]["canary"] == HOSTILE).unwrap();
    let labels = serde_json::json!({
        "alertname": "CanaryFailing", "canary": HOSTILE, "location": "eu-west-1", "severity": "critical", "team": "shop",
    });
    assert_eq!(alert["labels"], labels);
    assert_eq!(alert["status"]["state"], "active");
    assert_eq!(alert["annotations"]["run_id"], failed.run_id.to_string());
    let summary = alert["annotations"]["summary"].as_str().unwrap();
    assert!(summary.ends_with("(eu-west-1): total <b>: expected is equal to 30, actual 25"), "{summary}");

    // It has been told again: the end has moved on.
    let end = |alerts: &[Value]| {
        let alert = alerts.iter().find(|alert| alert["labels"]["canary"] == HOSTILE).unwrap();
        alert["endsAt"].as_str().unwrap().to_owned()
    };
    let first = end(&alerts);
    while end(&server.has(2).await) <= first {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    sink.deliver(&[run(HOSTILE, 30).await]).await.unwrap();
    let left = server.has(1).await;
    assert_eq!(left[0]["labels"]["canary"], "search");
    sink.deliver(&[run("search", 30).await]).await.unwrap();
    server.has(0).await;
    sink.close().await.unwrap();
}
