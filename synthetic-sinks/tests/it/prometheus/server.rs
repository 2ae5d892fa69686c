//! Programs that the tests start, and a client that speaks just enough HTTP to ask them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// Longer than anything takes here; it ends a test that would wait for ever.
const BOUND: Duration = Duration::from_secs(90);

/// Returns whether a program can be started. In CI it has to be; elsewhere the test says that it is skipped.
#[expect(clippy::print_stdout, reason = "who runs the tests should know what they did not do")]
pub(crate) fn has(program: &str) -> bool {
    let there =
        std::process::Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{program} is missing: scripts/test installs it");
    println!("skipped: {program} is not there (scripts/test installs it)");
    false
}

/// An answer: its status line and headers, and its body.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends a request as HTTP/1.0, whose answer ends with the connection.
pub(crate) async fn ask(to: SocketAddr, line: &str, headers: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(format!("{line} HTTP/1.0\r\nhost: {to}\r\n{headers}\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok(Answer { head: head.to_lowercase(), body: body.to_owned() })
}

/// Asks for a page, which has to be there.
pub(crate) async fn get(to: SocketAddr, path: &str, headers: &str) -> Answer {
    ask(to, &format!("GET {path}"), headers).await.unwrap()
}

/// Waits until something is so.
pub(crate) async fn until<F: Future<Output = Option<T>>, T>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + BOUND;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "after {BOUND:?} it is not so yet: {what}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// A port that is free now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a program that serves HTTP where it is told to, and waits until it is ready. A port that was free may be somebody
/// else's when the program comes to it: then it ends, and is started at another one.
pub(crate) async fn start(program: impl Fn(SocketAddr) -> Command) -> (Child, SocketAddr) {
    for _ in 0..5 {
        let at = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut child = program(at).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        if gets_ready(&mut child, at).await {
            return (child, at);
        }
    }
    panic!("the program ended before it was ready, at each of five ports");
}

/// Waits until a program is ready, or has ended.
async fn gets_ready(child: &mut Child, at: SocketAddr) -> bool {
    let deadline = Instant::now() + BOUND;
    loop {
        let is_ready = ask(at, "GET /-/ready", "").await.is_ok_and(|answer| answer.head.contains(" 200 "));
        // Asked afterwards: when it has ended, it was somebody else who answered.
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if is_ready {
            return true;
        }
        assert!(Instant::now() < deadline, "after {BOUND:?} the program is not ready yet");
        sleep(Duration::from_millis(100)).await;
    }
}

/// A Prometheus of its own, with a folder that goes with it.
pub(crate) struct Server {
    address: SocketAddr,
    _child: Child,
    _folder: TempDir,
}

impl Server {
    /// Starts one that scrapes `targets` every second, and evaluates rules as often.
    pub(crate) async fn scraping(target: SocketAddr, rules: &str, scrape: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("rules.yml", rules);
        write(
            "prometheus.yml",
            &format!(
                "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
                 scrape_configs: [{{job_name: canaries, {scrape} static_configs: [{{targets: ['{target}']}}]}}]\n"
            ),
        );
        Self::configured(folder).await
    }

    /// Starts one with the `prometheus.yml` of a folder, which is its own from here on.
    pub(crate) async fn configured(folder: TempDir) -> Self {
        let (child, address) = start(|address| {
            let mut program = Command::new("prometheus");
            program
                .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
                .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--enable-feature=exemplar-storage");
            program
        })
        .await;
        Self { address, _child: child, _folder: folder }
    }

    /// Asks its API, with one parameter.
    pub(crate) async fn api(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let answer = get(self.address, &format!("/api/v1/{path}?{query}"), "").await;
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"].clone()
    }

    /// Returns the value of a query's first result, if it has one.
    pub(crate) async fn number(&self, query: &str) -> Option<f64> {
        let data = self.api("query", &[("query", query)]).await;
        data["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// Returns the state of the alert of this name: `firing`, `pending`, or `inactive`.
    pub(crate) async fn alert(&self, name: &str) -> String {
        let alerts = self.api("alerts", &[]).await;
        let mut alerts = alerts["alerts"].as_array().unwrap().iter();
        let alert = alerts.find(|alert| alert["labels"]["alertname"] == name);
        alert.map_or("inactive", |alert| alert["state"].as_str().unwrap()).to_owned()
    }
}

/// Runs a program in a folder, with a text to read, and returns whether it ended well and all that it said.
pub(crate) async fn run(program: &str, folder: &Path, arguments: &[&str], input: &str) -> (bool, String) {
    let mut program = Command::new(program);
    program.args(arguments).current_dir(folder).kill_on_drop(true);
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}
