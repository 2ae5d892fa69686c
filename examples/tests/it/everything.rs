//! The storefront's monitor with every sink at once: what it serves, publishes and stores of the same runs.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use synthetic_examples::storefront::{Faults, Storefront};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::aws::Emulator;
use super::prometheus::until;
use super::{client, start};

/// Returns every file in a folder, whatever it is in.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Asks CloudWatch what it has of a metric of a canary.
async fn samples(emulator: &Emulator, metric: &str, canary: &str) -> f64 {
    let signature = "AWS4-HMAC-SHA256 Credential=test/20270101/eu-central-1/monitoring/aws4_request, SignedHeaders=host, Signature=x";
    let query = format!(
        "Action=GetMetricStatistics&Version=2010-08-01&Namespace=CloudWatchSynthetics&MetricName={metric}\
         &Dimensions.member.1.Name=CanaryName&Dimensions.member.1.Value={canary}&Period=86400\
         &StartTime=2020-01-01T00:00:00Z&EndTime=2100-01-01T00:00:00Z&Statistics.member.1=SampleCount"
    );
    let request = client().get(format!("{}/?{query}", emulator.endpoint())).header("authorization", signature);
    let answer = request.send().await.unwrap().text().await.unwrap();
    let counts = answer.split("<SampleCount>").skip(1).filter_map(|part| part.split('<').next()?.parse::<f64>().ok());
    counts.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_monitor_serves_publishes_and_stores_the_same_runs() {
    let Some(emulator) = Emulator::start().await else { return };
    let shop = start(Storefront::new().faults(Faults { unhealthy: true, ..Faults::none() })).await;
    let folder = tempfile::tempdir().unwrap();
    let (journal, artifacts, spool) =
        (folder.path().join("journal"), folder.path().join("artifacts"), folder.path().join("spool"));
    let mut monitor = Command::new(env!("CARGO_BIN_EXE_storefront-monitor"))
        .args(["run", "--cloudwatch", "--prometheus", "127.0.0.1:0", "--target", shop.plain_url(), "--json"])
        // What an emulator takes in that time depends on the machine; what it does not take waits in the spool.
        .args(["--close-within", "1m"])
        .arg("--journal")
        .arg(&journal)
        .arg("--artifacts")
        .arg(&artifacts)
        .arg("--spool")
        .arg(&spool)
        .envs([("AWS_ENDPOINT_URL", &*emulator.endpoint()), ("AWS_REGION", "eu-central-1")])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(monitor.stderr.take().unwrap()).lines();
    let metrics = loop {
        let line = said.next_line().await.unwrap().expect("it says where its metrics are");
        if let Some((_, at)) = line.split_once("metrics are served at ") {
            break at.to_owned();
        }
    };
    // First starts are spread over a minute; the one that fails is what is kept.
    let mut lines = BufReader::new(monitor.stdout.take().unwrap()).lines();
    let (mut runs, mut api_health) = (0, 0);
    while api_health == 0 {
        let line = lines.next_line().await.unwrap().expect("it reports");
        let report: serde_json::Value = serde_json::from_str(&line).unwrap();
        runs += 1;
        api_health += i32::from(report["canary"] == "api-health" && report["outcome"] == "failed");
    }

    // Each sink is given it by itself, so this one may have it a little later than standard output.
    let failed = "synthetic_runs_total{canary=\"api-health\",outcome=\"failed\",reason=\"expectation\"} 1\n";
    let served = until("the run that failed is served", || async {
        let served = client().get(&metrics).send().await.unwrap().text().await.unwrap();
        served.contains(failed).then_some(served)
    })
    .await;
    assert!(served.contains("synthetic_runs_total{canary=\"order-workflow\""), "those that did not run yet are there");

    // Who looks at it meanwhile leaves its spool to it.
    for command in ["validate", "list", "sweep --dry-run"] {
        let beside = Command::new(env!("CARGO_BIN_EXE_storefront-monitor"))
            .args(command.split(' '))
            .args(["--cloudwatch", "--target", shop.plain_url(), "--journal"])
            .arg(&journal)
            .arg("--spool")
            .arg(&spool)
            .env("AWS_REGION", "eu-central-1")
            .output();
        let beside = beside.await.unwrap();
        assert!(beside.status.success(), "{command}: {}", String::from_utf8_lossy(&beside.stderr));
    }

    let pid = monitor.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    while let Some(line) = lines.next_line().await.unwrap() {
        runs += i32::from(line.starts_with('{'));
    }
    let status = monitor.wait().await.unwrap();
    assert_eq!(status.code(), Some(1), "a run failed, and no sink lost anything");

    let percent = samples(&emulator, "SuccessPercent", "api-health").await;
    let orders = samples(&emulator, "SuccessPercent", "order-workflow").await;
    let prices = samples(&emulator, "SuccessPercent", "order-price").await;
    assert_eq!((percent, percent + orders + prices), (f64::from(api_health), f64::from(runs)), "each run once");
    assert_eq!(samples(&emulator, "Failed", "api-health").await, 1.0);

    let kept = files(&artifacts);
    let report = kept.iter().find(|path| path.ends_with("report.json")).expect("the report of the run that failed");
    let place = report.strip_prefix(&artifacts).unwrap().to_str().unwrap();
    assert!(place.starts_with("canary/_/api-health/20"), "{place}");
    let report: synthetic_core::Report = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(&*report.canary, "api-health");
    assert!(files(&spool).iter().all(|path| path.extension().is_none_or(|end| end != "jsonl")), "nothing waits");
    assert!(journal.is_dir() && shop.state().orders.is_empty());
}
