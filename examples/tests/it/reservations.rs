//! The example of a service, a monitor and a Prometheus that watch each other, with the files that it comes with.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use synthetic_examples::storefront::{Faults, Storefront, Warehouse};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::prometheus::{Server, has, run, until};
use super::start;

/// The folder of the example.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/reservations");

/// Starts the monitor of the example, and returns where its metrics are.
async fn monitor(target: &str) -> (Child, String) {
    let mut monitor = Command::new(env!("CARGO_BIN_EXE_reservations"))
        .args(["run", "--target", target, "--prometheus", "127.0.0.1:0", "--pause", "250"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(monitor.stderr.take().unwrap()).lines();
    let metrics = loop {
        let line = said.next_line().await.unwrap().expect("it says where its metrics are");
        if let Some((_, at)) = line.split_once("metrics are served at http://") {
            break at.trim_end_matches("/metrics").to_owned();
        }
    };
    (monitor, metrics)
}

/// Starts Prometheus with the files of the example, at other addresses and every second.
async fn prometheus(service: &str, monitor: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let config = std::fs::read_to_string(Path::new(FOLDER).join("prometheus.yml")).unwrap();
    for known in ["_interval: 5s", "127.0.0.1:8080", "127.0.0.1:9464"] {
        assert!(config.contains(known), "{known} is in\n{config}");
    }
    let config = config.replace("_interval: 5s", "_interval: 1s");
    let config =
        config.replace("127.0.0.1:8080", service.trim_start_matches("http://")).replace("127.0.0.1:9464", monitor);
    std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
    std::fs::create_dir(folder.path().join("rules")).unwrap();
    for rules in ["rules/service.yml", "rules/synthetic.yml"] {
        std::fs::copy(Path::new(FOLDER).join(rules), folder.path().join(rules)).unwrap();
    }
    Server::configured(folder).await
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_who_are_refused_are_seen_by_the_canary_and_not_by_the_services_own_errors() {
    if !has("prometheus") {
        return;
    }
    let faults = |warehouse| Faults { warehouse, ..Faults::none() };
    let shop =
        start(Storefront::new().faults(faults(Warehouse::Rejects)).max_reservation_delay(Duration::from_millis(5)));
    let shop = shop.await;
    let (mut monitor, metrics) = monitor(shop.url()).await;
    let prometheus = prometheus(shop.url(), &metrics).await;
    let is = async |alert: &'static str, state: &'static str| {
        until(alert, || async { (prometheus.alert(alert).await == state).then_some(()) }).await;
    };

    // The rules as they are: half a minute of more than ten in a hundred.
    is("ReservationsFail", "firing").await;
    let refused = r#"sum(http_request_duration_count{url="/reservations",code=~"40."})"#;
    assert!(prometheus.number(refused).await.is_some_and(|refused| refused > 10.0), "the service counts them");
    assert_eq!(prometheus.alert("StorefrontAnswers5xx").await, "inactive", "and sees no error of its own");
    assert_eq!(prometheus.number(r#"http_request_duration_count{code=~"5.."}"#).await, None);
    assert_eq!(prometheus.alert("ReservationsAreNotWatched").await, "inactive");
    assert_eq!(prometheus.number(r#"synthetic_up{canary="reservations"}"#).await.map(|up| up <= 1.0), Some(true));

    shop.set_faults(faults(Warehouse::Well));
    is("ReservationsFail", "inactive").await;
    // The alert looks back; whether the canary is up is asked of its last run, and that has to be scraped.
    let up = r#"synthetic_up{canary="reservations"}"#;
    until("it is up", || async { prometheus.number(up).await.filter(|up| *up >= 1.0) }).await;
    monitor.kill().await.unwrap();
}

#[tokio::test]
async fn the_files_of_the_example_are_what_promtool_takes_and_do_what_they_say() {
    if !has("promtool") {
        return;
    }
    for arguments in [&["check", "config", "prometheus.yml"][..], &["test", "rules", "rules_test.yml"]] {
        let (passed, said) = run("promtool", Path::new(FOLDER), arguments, "").await;
        assert!(passed, "promtool {}: {said}", arguments.join(" "));
    }
    let check = Command::new(Path::new(FOLDER).join("start")).arg("--check").output().await.unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}
