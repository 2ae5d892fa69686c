//! A server between a sink and what it speaks to, which answers in its place when it is told to.

use std::collections::VecDeque;
use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use axum::{Router, serve};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// What it does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Asks the server behind it.
    Pass,
    /// Answers with this status and these headers, and says in CBOR, as AWS does, which error it is.
    Error(u16, &'static str, &'static [(&'static str, &'static str)]),
    /// Never answers.
    Hang,
}

/// A request that it got.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What decides, given the requests before and the one to answer.
type Decide = dyn Fn(usize, &Seen) -> Answer + Send + Sync;

struct Shared {
    behind: Option<String>,
    client: Client<HttpConnector, Body>,
    decide: Box<Decide>,
    seen: Mutex<Vec<Seen>>,
    hanging: Semaphore,
}

/// A running proxy; it ends with its owner.
pub(crate) struct Proxy {
    endpoint: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Starts one that does this with its requests, one after the other, and passes all further ones on.
    pub(crate) async fn with_script(behind: Option<String>, script: impl IntoIterator<Item = Answer>) -> Self {
        let script = Mutex::new(script.into_iter().collect::<VecDeque<_>>());
        Self::start(behind, move |_, _| script.lock().unwrap().pop_front().unwrap_or(Answer::Pass)).await
    }

    /// Starts one in front of a server, or of none.
    pub(crate) async fn start(
        behind: Option<String>,
        decide: impl Fn(usize, &Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            behind,
            client: Client::builder(TokioExecutor::new()).build_http(),
            decide: Box::new(decide),
            seen: Mutex::default(),
            hanging: Semaphore::new(0),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { serve(listener, router).await.unwrap() });
        Self { endpoint, shared, server }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Returns what it got so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Waits for a request that it does not answer; each is waited for once.
    pub(crate) async fn hangs(&self) {
        self.shared.hanging.acquire().await.unwrap().forget();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let seen = Seen { headers: parts.headers.clone(), body: to_bytes(body, usize::MAX).await.unwrap() };
    let before = {
        let mut all = shared.seen.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    match (shared.decide)(before, &seen) {
        Answer::Hang => {
            shared.hanging.add_permits(1);
            pending().await
        }
        Answer::Error(status, code, headers) => error(status, code, headers),
        Answer::Pass => {
            let Some(behind) = &shared.behind else { return Response::new(Body::empty()) };
            parts.uri = format!("{behind}{}", parts.uri).parse::<Uri>().unwrap();
            parts.headers.remove(header::HOST);
            let answer = shared.client.request(Request::from_parts(parts, Body::from(seen.body))).await.unwrap();
            answer.map(Body::new)
        }
    }
}

fn error(status: u16, code: &str, headers: &[(&'static str, &str)]) -> Response {
    // A map of two texts, https://www.rfc-editor.org/rfc/rfc8949#name-major-types.
    let mut body = vec![0xa2];
    for text in ["__type", code, "message", "as the test wants it"] {
        body.extend([0x78, u8::try_from(text.len()).unwrap()]);
        body.extend(text.bytes());
    }
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/cbor")
        .header("smithy-protocol", "rpc-v2-cbor");
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(Body::from(body)).unwrap()
}
