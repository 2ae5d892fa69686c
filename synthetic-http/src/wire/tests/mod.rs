//! The wire against real sockets: servers of a few lines that answer, stall, lie and leave.

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::Instant,
};
use url::Url;

use super::{Client, ClientSettings, Exchange, Failed, Kind, Lookup, Phase, Request};

mod addresses;
mod bodies;
mod errors;
mod foreign;
mod phases;
mod redirects;
mod requests;
mod reuse;
mod tls;

/// A server on 127.0.0.1, stopped with the test's runtime.
struct Server {
    addr: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    /// Runs `handle` for every connection.
    async fn start<F, T>(handle: F) -> Self
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
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(handle(stream));
            }
        });
        Self { addr, accepted }
    }

    /// Answers every request of every connection with `answer`, byte by byte as it is, and then closes the connection.
    async fn closing(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream| {
            let answer = answer.clone();
            async move {
                read_request(&mut stream).await?;
                stream.write_all(&answer).await
            }
        })
        .await
    }

    /// Answers every request with what `answer` makes of it, and keeps connections open.
    async fn answering(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::start(move |mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                loop {
                    let request = read_request(&mut stream).await?;
                    stream.write_all(&answer(&request)).await?;
                }
            }
        })
        .await
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.addr).parse().unwrap()
    }

    fn url_as(&self, scheme: &str, host: &str) -> Url {
        format!("{scheme}://{host}:{}/", self.addr.port()).parse().unwrap()
    }
}

/// Reads one request, body included, as text.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
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

/// Returns the value of a header in a request, or in an answer.
fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let lines = message.split("\r\n\r\n").next()?.lines().skip(1);
    lines
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// Writes an answer with a body.
fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn client() -> Client {
    Client::new(&ClientSettings::default()).unwrap()
}

fn get(url: Url) -> Request {
    Request::new(Method::GET, url)
}

fn within(url: Url, time: Duration) -> Request {
    Request { deadline: Some(Instant::now() + time), ..get(url) }
}

/// How long something may take that is to run out: a real second of a busy machine is nothing beside it.
const LONG: Duration = Duration::from_secs(10);

/// Sends a request whose time, [`LONG`], is to run out: as soon as the server says that it does no more, and what it sent is
/// there, the clock goes on by itself whenever nobody does anything.
async fn run_out(client: Client, request: Request, stalled: Arc<Semaphore>) -> Box<Failed> {
    let mut sending = tokio::spawn(async move { client.send(request).await });
    tokio::select! {
        early = &mut sending => panic!("it did not come to its stall: {early:?}"),
        reached = stalled.acquire() => reached.unwrap().forget(),
    }
    settled().await;
    tokio::time::pause();
    sending.await.unwrap().unwrap_err()
}

/// Waits until everything that was sent on this machine so far has come: it goes in turns, and what is sent last comes last.
async fn settled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap());
    let (near, far) = tokio::join!(near, listener.accept());
    let (mut near, (mut far, _)) = (near.unwrap(), far.unwrap());
    for _ in 0..3 {
        near.write_all(b"x").await.unwrap();
        far.read_exact(&mut [0]).await.unwrap();
        tokio::task::yield_now().await;
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sends a request that must be answered.
async fn answer(client: &Client, request: Request) -> Exchange {
    match client.send(request).await {
        Ok(exchange) => exchange,
        Err(failed) => panic!("no answer: {}", failed.error),
    }
}

/// Sends a request that must fail, with `phase`, `kind` and `message`, in which `{peer}` stands for the URL's host and port.
#[track_caller]
fn check(result: Result<Exchange, Box<Failed>>, phase: Phase, kind: Kind, message: &str) -> Box<Failed> {
    let failed = match result {
        Ok(exchange) => panic!("an answer came, with status {}", exchange.status),
        Err(failed) => failed,
    };
    let port = failed.trail.url.port_or_known_default().unwrap();
    let expected = message.replace("{peer}", &format!("{}:{port}", failed.trail.url.host_str().unwrap()));
    assert_eq!(failed.error.to_string(), expected);
    assert_eq!((failed.error.phase(), failed.error.kind()), (phase, kind));
    failed
}

/// Names that mean 127.0.0.1, each found after a time of its own.
#[derive(Debug, Default)]
struct Names(HashMap<&'static str, Duration>);

impl Lookup for Names {
    fn lookup(&self, host: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
        let delay = self.0.get(host).copied();
        Box::pin(async move {
            let Some(delay) = delay else {
                return Err(io::Error::other("failed to lookup address information: Name or service not known"));
            };
            tokio::time::sleep(delay).await;
            Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
        })
    }
}

fn names<const N: usize>(names: [(&'static str, u64); N]) -> Option<Arc<dyn Lookup>> {
    Some(Arc::new(Names(names.into_iter().map(|(name, delay)| (name, ms(delay))).collect())))
}

/// Returns an address on which nobody listens, nor will anybody: its socket stays for as long as the process.
fn closed_port() -> SocketAddr {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = socket.local_addr().unwrap();
    std::mem::forget(socket);
    addr
}
