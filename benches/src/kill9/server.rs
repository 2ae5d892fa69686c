//! [`Server`]: the shop on real sockets, with everything that makes cleanup hard.
//!
//! - **Queueing.** Every request waits for up to [`QUEUE`] before it is applied, also when its client is gone by then: what
//!   was received is applied.
//! - **Late application.** A part of the creations waits for up to [`LATE`] more. A deletion or a search that comes in
//!   between finds nothing, and does not stop the creation.
//! - **Lost answers.** After a part of the creations was applied, the connection is closed instead of an answer.
//! - **A limit.** A creation that could not be applied within [`LONGEST`] of its arrival is refused. Without one, no time of
//!   quiescence would be long enough on a machine that is busy with something else.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::shop::{Answer, Ask, Shop, Ticket};

/// The longest time for which a request waits before it is applied.
pub(super) const QUEUE: Duration = Duration::from_millis(20);
/// The longest time for which a late creation waits more.
pub(super) const LATE: Duration = Duration::from_millis(200);
/// After how long a creation is refused that was not applied.
pub(super) const LONGEST: Duration = Duration::from_millis(250);
/// The share of creations that are late.
const LATE_RATE: f64 = 0.2;
/// The share of creations whose answer is lost.
const LOST_RATE: f64 = 0.1;

/// The shop on a socket of its own, until it is dropped.
pub(super) struct Server {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

struct State {
    shop: Mutex<Shop>,
    rng: Mutex<Rng>,
    lost_answers: AtomicU64,
    /// How many connections are open, and how many requests are not applied yet.
    busy: watch::Sender<usize>,
    received: watch::Sender<u64>,
}

impl Server {
    /// Opens the shop. What is random about it derives from `rng`.
    pub(super) async fn start(rng: Rng) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| format!("no port: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("no address: {error}"))?;
        let state = Arc::new(State {
            shop: Mutex::default(),
            rng: Mutex::new(rng),
            lost_answers: AtomicU64::new(0),
            busy: watch::channel(0).0,
            received: watch::channel(0).0,
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { address, state, accepting })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until something has been asked.
    pub(super) async fn first_request(&self) {
        // The sender lives as long as `self`.
        let _ = self.state.received.subscribe().wait_for(|received| *received > 0).await;
    }

    /// Waits until everything that was sent has been received, and everything received has been applied.
    pub(super) async fn quiet(&self) -> Result<(), String> {
        // Connections are accepted in turn, so whoever knocked before this one has been let in when it is answered.
        let knock = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(b"GET / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").await?;
            stream.read_to_end(&mut Vec::new()).await
        };
        knock.await.map_err(|error| format!("the server does not answer: {error}"))?;
        let mut busy = self.state.busy.subscribe();
        let _ = busy.wait_for(|busy| *busy == 0).await;
        Ok(())
    }

    /// Reads the shop.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Shop) -> T) -> T {
        look(&self.state.shop())
    }

    pub(super) fn lost_answers(&self) -> u64 {
        self.state.lost_answers.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    fn shop(&self) -> MutexGuard<'_, Shop> {
        self.shop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws how long a request waits, and whether its answer is lost. Always three draws, so that what is asked for does
    /// not change what becomes of the next one.
    fn draw(&self, creates: bool) -> (Duration, bool) {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let queued = QUEUE.mul_f64(rng.f64());
        let late = rng.f64();
        let lost = rng.f64() < LOST_RATE;
        // Of what is below the rate, the place below it says how late: evenly spread.
        let late = if creates && late < LATE_RATE { LATE.mul_f64(late / LATE_RATE) } else { Duration::ZERO };
        (queued + late, creates && lost)
    }
}

/// Counts as busy until it is dropped.
struct Busy(Arc<State>);

impl Busy {
    fn new(state: &Arc<State>) -> Self {
        state.busy.send_modify(|busy| *busy += 1);
        Self(Arc::clone(state))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.send_modify(|busy| *busy -= 1);
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let open = Busy::new(&state);
                tokio::spawn(converse(stream, open));
            }
            // Out of file descriptors, most likely: it may pass.
            Err(_) => sleep(QUEUE).await,
        }
    }
}

async fn converse(stream: TcpStream, open: Busy) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, Arc::clone(&open.0)));
    // How a conversation ends is the client's matter, or was asked for.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Answers a request; an error ends the connection without a word.
async fn answer(request: Request<Incoming>, state: Arc<State>) -> Result<Response<String>, &'static str> {
    let ask = read(request).await?;
    let (wait, lost) = state.draw(matches!(ask, Ask::Create { .. }));
    let ticket = state.shop().receive(&ask);
    state.received.send_modify(|received| *received += 1);
    let (tell, told) = oneshot::channel();
    // A task of its own: it goes on when the client, and with it this future, is gone.
    tokio::spawn(carry_out(ask, ticket, wait, Busy::new(&state), tell));
    let (status, body) = told.await.map_err(|_| "the shop is closed")?;
    if lost {
        state.lost_answers.fetch_add(1, Ordering::Relaxed);
        return Err("the answer is lost on purpose");
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let response = Response::builder().status(status).header("content-type", "application/json").body(body);
    response.map_err(|_| "a response that is none")
}

/// Applies a request after a while.
async fn carry_out(ask: Ask, ticket: Option<Ticket>, wait: Duration, queued: Busy, tell: oneshot::Sender<Answer>) {
    let received = Instant::now();
    sleep(wait).await;
    let answer = {
        let mut shop = queued.0.shop();
        if ticket.is_some() && received.elapsed() > LONGEST { shop.refuse(ticket) } else { shop.apply(ask, ticket) }
    };
    // Nobody may be there to be told.
    let _ = tell.send(answer);
}

/// Reads what a request asks for.
async fn read(request: Request<Incoming>) -> Result<Ask, &'static str> {
    let (parts, body) = request.into_parts();
    let body = text(body).await?;
    let path = parts.uri.path().to_owned();
    let id = path.strip_prefix("/orders/").map(str::to_owned);
    let key = parts.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let is_list = path == "/orders";
    Ok(match (parts.method, id) {
        (Method::POST, None) if is_list => Ask::Create { id: None, key, reference: reference(&body)?, body },
        (Method::PUT, Some(id)) => Ask::Create { id: Some(id), key, reference: reference(&body)?, body },
        (Method::GET, Some(id)) => Ask::Read { id },
        (Method::GET, None) if is_list => {
            // A mark stands in a URL as it is.
            let reference = parts.uri.query().and_then(|query| query.strip_prefix("reference="));
            Ask::Search { reference: reference.unwrap_or_default().to_owned() }
        }
        (Method::DELETE, Some(id)) => Ask::Delete { id },
        _ => Ask::Unknown,
    })
}

fn reference(body: &str) -> Result<String, &'static str> {
    let body: Value = serde_json::from_str(body).map_err(|_| "a creation without JSON")?;
    body["reference"].as_str().map(str::to_owned).ok_or("a creation without a reference")
}

async fn text(mut body: Incoming) -> Result<String, &'static str> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| "the client is gone")?;
        bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|_| "a body that is no text")
}
