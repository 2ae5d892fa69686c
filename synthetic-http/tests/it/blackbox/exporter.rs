//! A blackbox_exporter of the test's own, and what it says of a target.

use std::collections::HashMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use synthetic_http::Http;

use super::row::Row;
use crate::support::skipped;

/// What Debian calls it, and what its own archive does.
const PROGRAMS: [&str; 3] =
    ["/usr/bin/prometheus-blackbox-exporter", "/usr/bin/blackbox_exporter", "/usr/local/bin/blackbox_exporter"];
/// Longer than it takes anywhere to be ready; it ends a test that would wait for ever.
const BOUND: Duration = Duration::from_secs(60);

/// An exporter that knows the modules of rows, stopped when it is dropped.
pub(super) struct Exporter {
    process: Child,
    api: Http,
}

impl Exporter {
    /// Starts one, or says that there is none.
    pub(super) async fn start(rows: &[Row], folder: &Path) -> Option<Self> {
        let Some(program) = PROGRAMS.into_iter().find(|program| Path::new(program).exists()) else {
            skipped("prometheus-blackbox-exporter");
            return None;
        };
        let file = folder.join("blackbox.yml");
        let modules: Vec<String> =
            rows.iter().enumerate().map(|(at, row)| format!("  {}: {{{}}}\n", module(at), row.module)).collect();
        std::fs::write(&file, format!("modules:\n{}", modules.concat())).unwrap();
        // A port that is free now may be taken when the exporter asks for it; then others are tried.
        for _ in 0..5 {
            if let Some((process, api)) = try_start(program, &file).await {
                return Some(Self { process, api });
            }
        }
        let modules = modules.concat();
        panic!("{program} does not start with these modules:\n{modules}");
    }

    /// Lets it probe the target of a row.
    pub(super) async fn probe(&self, at: usize, row: &Row) -> Probe {
        let request = self.api.get("/probe").query("module", module(at)).query("target", &row.target);
        Probe::parse(&request.query("debug", "true").send().await.unwrap().text())
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn module(at: usize) -> String {
    format!("row_{at}")
}

async fn try_start(program: &str, file: &Path) -> Option<(Child, Http)> {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let mut process = Command::new(program)
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--web.listen-address={at}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let api = Http::at(format!("http://{at}")).timeout(BOUND);
    let began = Instant::now();
    while process.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < BOUND, "{program} does not listen");
        if api.get("/-/healthy").send().await.is_ok() {
            return Some((process, api));
        }
        // It says nothing when it is ready.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

/// What the exporter says of one target.
pub(super) struct Probe {
    /// Its samples, by their names with labels: `probe_http_duration_seconds{phase="tls"}`.
    samples: HashMap<String, f64>,
    /// All of it, with what it logged.
    pub(super) text: String,
}

impl Probe {
    /// Reads the answer of a probe with `debug=true`: what was logged, the samples, the module.
    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| line.starts_with("probe_"));
        let pairs = lines.filter_map(|line| line.rsplit_once(' '));
        let samples = pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect();
        Self { samples, text: text.to_owned() }
    }

    pub(super) fn passed(&self) -> bool {
        self.sample("probe_success") == Some(1.0)
    }

    pub(super) fn sample(&self, name: &str) -> Option<f64> {
        self.samples.get(name).copied()
    }

    /// Returns the seconds of every phase, by its name.
    pub(super) fn phases(&self) -> HashMap<&str, f64> {
        let phases = self.samples.iter().filter_map(|(name, value)| {
            let (metric, labels) = name.split_once("{phase=\"")?;
            metric.ends_with("_duration_seconds").then(|| (labels.trim_end_matches("\"}"), *value))
        });
        phases.collect()
    }
}
