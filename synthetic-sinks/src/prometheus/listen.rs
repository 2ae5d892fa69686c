//! The listener of its own.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Shared;
use super::answer::{STAY, Text, answer, plain};

/// Where the metrics are.
pub(super) const PATH: &str = "/metrics";
/// How many connections there may be at a time.
const CONNECTIONS: usize = 64;
/// How long a client may take to ask.
const ASK: Duration = Duration::from_secs(10);
/// How long nobody is accepted after that failed: the system may be out of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Why nobody can be listened to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[error("cannot listen on {address:?} for Prometheus")]
pub struct ListenError {
    /// The address, as it was given.
    pub address: String,
    /// What the system said.
    pub source: io::Error,
}

/// A socket that clients can connect to, and the task that answers them once there is a runtime.
#[derive(Debug, Default)]
pub(super) struct Listening {
    socket: Option<TcpListener>,
    // Dropping it ends the task and its connections.
    task: JoinSet<()>,
}

impl Listening {
    /// Listens, without answering yet. An address without a host is that of the loopback interface.
    pub(super) fn on(address: &str) -> Result<Self, ListenError> {
        let port = address.strip_prefix(':').unwrap_or(address);
        let bound = match port.parse::<u16>() {
            Ok(port) => bind(("127.0.0.1", port)),
            Err(_) => bind(address),
        };
        let socket = bound.map_err(|source| ListenError { address: address.to_owned(), source })?;
        Ok(Self { socket: Some(socket), task: JoinSet::new() })
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.socket.as_ref()?.local_addr().ok()
    }

    /// Begins to answer, unless it does already. `shared` is let go of between answers: who holds it decides how long it listens.
    pub(super) fn serve(&mut self, shared: &Arc<Shared>) {
        while self.task.try_join_next().is_some() {} // One whose runtime has ended.
        let Some(socket) = self.socket.as_ref().filter(|_| self.task.is_empty()) else { return };
        match socket.try_clone().and_then(tokio::net::TcpListener::from_std) {
            Ok(socket) => {
                self.task.spawn(accept(socket, Arc::downgrade(shared)));
            }
            Err(error) => tracing::error!(target: "synthetic", %error, "metrics cannot be served"),
        }
    }
}

fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let socket = TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

async fn accept(socket: tokio::net::TcpListener, shared: Weak<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS {
            connections.join_next().await;
        }
        match socket.accept().await {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, Weak::clone(&shared)));
            }
            Err(error) => {
                tracing::warn!(target: "synthetic", %error, "a scraper could not connect");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Answers one request; then the connection ends, so that none is held for nothing.
async fn connection(stream: TcpStream, shared: Weak<Shared>) {
    let service = service_fn(|request| respond(request, Weak::clone(&shared)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(ASK).keep_alive(false);
    // A client that is gone, or talks nonsense, is no business of ours.
    let _ = timeout(STAY, http.serve_connection(TokioIo::new(stream), service)).await;
}

async fn respond(request: Request<Incoming>, shared: Weak<Shared>) -> Result<Response<Text>, std::convert::Infallible> {
    if request.uri().path() != PATH {
        return Ok(plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n"));
    }
    match shared.upgrade() {
        Some(shared) => Ok(answer(shared, request.method(), request.headers()).await),
        None => Ok(plain(StatusCode::SERVICE_UNAVAILABLE, "the monitor has ended\n")),
    }
}
