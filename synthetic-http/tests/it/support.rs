//! Servers of a few lines, runs of one request, and failures as a snapshot shows them.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use regex::Regex;
use synthetic_core::prelude::*;
use synthetic_http::Request;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server on 127.0.0.1, stopped with the test's runtime.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    accepted: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Runs `handle` for every connection.
    pub(crate) async fn raw<F, T>(handle: F) -> Self
    where
        F: Fn(TcpStream) -> T + Send + Sync + 'static,
        T: Future<Output = io::Result<()>> + Send + 'static,
    {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), handle)
    }

    fn on<F, T>(listener: TcpListener, handle: F) -> Self
    where
        F: Fn(TcpStream) -> T + Send + Sync + 'static,
        T: Future<Output = io::Result<()>> + Send + 'static,
    {
        let addr = listener.local_addr().unwrap();
        let (accepted, seen) = (Arc::new(AtomicUsize::new(0)), Arc::default());
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(handle(stream));
            }
        });
        Self { addr, accepted, seen }
    }

    /// Answers every request with what `answer` makes of it, keeps connections open, and remembers what was asked.
    pub(crate) async fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::answering_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answer)
    }

    pub(crate) fn answering_on(
        listener: TcpListener,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let (answer, seen) = (Arc::new(answer), Arc::<Mutex<Vec<String>>>::default());
        let kept = Arc::clone(&seen);
        let server = Self::on(listener, move |mut stream| {
            let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
            async move {
                loop {
                    let request = read_request(&mut stream).await?;
                    let answer = answer(&request);
                    kept.lock().unwrap().push(request);
                    stream.write_all(&answer).await?;
                }
            }
        });
        Self { seen, ..server }
    }

    /// Writes `answer` to whoever asks, and closes the connection.
    pub(crate) async fn closing(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::raw(move |mut stream| {
            let answer = answer.clone();
            async move {
                read_request(&mut stream).await?;
                stream.write_all(&answer).await
            }
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Returns how many connections were accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Takes the requests that came so far, head and body, in order.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Reads one request, body included, as text.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if read.len() >= end + 4 + length {
                return Ok(String::from_utf8_lossy(&read).into_owned());
            }
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Returns the values of a header in a request.
pub(crate) fn sent<'a>(request: &'a str, name: &str) -> Vec<&'a str> {
    let head = request.split("\r\n\r\n").next().unwrap_or_default();
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

/// Returns the target of a request: its path and query.
pub(crate) fn target(request: &str) -> &str {
    request.split(' ').nth(1).unwrap_or_default()
}

/// Writes an answer with a body.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Writes an answer with a body of a type.
pub(crate) fn typed(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// Writes an answer with more headers and no body.
pub(crate) fn bare(status: &str, headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\n\r\n").into_bytes()
}

/// Sends a request in a run of its own.
pub(crate) async fn run_of(request: Request) -> Report {
    run_in(Spec::new("test"), request).await
}

pub(crate) async fn run_in(spec: Spec, request: Request) -> Report {
    once(canary(spec, move |_| {
        let request = request.clone();
        async move { request.send().await.map(drop) }
    }))
    .await
}

/// Makes a check in a run of its own.
pub(crate) async fn run_check<F, T>(check: F) -> Report
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = Result> + Send + 'static,
{
    once(canary(Spec::new("test"), move |_| check())).await
}

/// Says that a test is skipped, since something is not there; in CI, that is a failure.
#[expect(clippy::print_stdout, reason = "who runs the tests should know what they did not do")]
pub(crate) fn skipped(missing: &str) {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing} is missing: scripts/test installs it");
    println!("skipped: {missing} is not there (scripts/test installs it)");
}

/// Collects what failures say, case by case, for one snapshot.
#[derive(Default)]
pub(crate) struct Told {
    text: String,
    with_commands: bool,
}

impl Told {
    /// Shows failures whole, with the commands that repeat their requests; elsewhere they are only known to be there.
    pub(crate) fn with_commands() -> Self {
        Self { with_commands: true, ..Self::default() }
    }

    /// Adds what a run of one request says.
    pub(crate) async fn add(&mut self, case: &str, request: Request) -> Report {
        let report = run_of(request).await;
        self.add_report(case, &report);
        report
    }

    /// Adds what the failures and unmet preferences of a run say.
    pub(crate) fn add_report(&mut self, case: &str, report: &Report) {
        let failures: Vec<_> = report.failures.iter().chain(&report.unmet).collect();
        assert!(!failures.is_empty(), "{case}: nothing failed");
        for failure in failures {
            self.add_failure(case, failure);
        }
    }

    pub(crate) fn add_failure(&mut self, case: &str, failure: &Failure) {
        static COMMAND: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"(?m)\n {2}curl {6}.*(\n {12}.*)*").expect("a pattern"));
        let has = |label: &str| failure.pieces_of_evidence().iter().any(|piece| piece.label == label);
        if has("request") && !failure.is_error() && failure.reason() != synthetic_core::Reason::Preference {
            assert!(has("curl"), "{case} has no command: {failure:?}");
            assert!(has("times") || !has("answer"), "{case} has no phases: {failure:?}");
        }
        let mut text = masked(&format!("{failure:?}"));
        if !self.with_commands {
            text = COMMAND.replace(&text, "").into_owned();
        }
        self.text.push_str(&format!("── {case} ({})\n{text}\n\n", failure.reason()));
    }

    pub(crate) fn text(self) -> String {
        self.text
    }
}

/// Masks what differs from run to run: ports, times, lines.
pub(crate) fn masked(text: &str) -> String {
    static MASKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"(127\.0\.0\.1|localhost|\[::1\]|shop\.test):\d+", "$1:PORT"),
            (r"[\w/-]*tests/it/([\w/]+)\.rs:\d+", "tests/it/$1.rs:LINE"),
            (r"\d+\.\d+(ns|µs|ms|s)\b", "TIME"),
            (r"\d+\.\d ms\b", "TIME"),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "RUN"),
            (r"synthetic-[0-9a-f]{32}", "BOUNDARY"),
            (r"sec-websocket-key: [\w+/=]+", "sec-websocket-key: KEY"),
            (r"within \d+(\.\d+)? m?s\b", "within TIME"),
            // How much of a long body has come by then is the machine's affair.
            (r"\d{4,} bytes came", "BYTES bytes came"),
            (r"\d+ (days|hours) ago", "N days ago"),
            (r"valid only in \d+ days", "valid only in N days"),
        ]
        .map(|(pattern, mask)| (Regex::new(pattern).unwrap(), mask))
        .into()
    });
    MASKS.iter().fold(text.to_owned(), |text, (mask, with)| mask.replace_all(&text, *with).into_owned())
}

/// Returns an address on which nobody listens, nor will anybody: its socket stays for as long as the process.
pub(crate) fn closed_port() -> std::net::SocketAddr {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = socket.local_addr().unwrap();
    std::mem::forget(socket);
    addr
}
