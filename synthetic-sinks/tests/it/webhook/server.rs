//! A server that records what it is sent and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What is answered to a message.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status(u16),
    /// With a header.
    With(u16, &'static str, String),
    /// With a body.
    Says(u16, String),
    /// Never.
    Hang,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Message {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

#[derive(Default)]
struct Shared {
    messages: Mutex<Vec<Message>>,
    /// For the next messages, in turn; the last one stays.
    answers: Mutex<Vec<Answer>>,
    arrived: Notify,
}

/// Serves until it is dropped, together with the runtime.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// Answers 200.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { answers: Mutex::new(vec![Answer::Status(200)]), ..Shared::default() });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, shared }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        *self.shared.answers.lock().unwrap() = answers.into_iter().collect();
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.shared.messages.lock().unwrap().clone()
    }

    /// Returns the `event` of each message of a generic webhook.
    pub(crate) fn events(&self) -> Vec<String> {
        self.messages().iter().map(|message| message.json()["event"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns when so many messages have arrived.
    pub(crate) async fn has(&self, messages: usize) -> Vec<Message> {
        loop {
            let arrived = self.shared.arrived.notified();
            let all = self.messages();
            if all.len() >= messages {
                return all;
            }
            arrived.await;
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let message = Message { path: uri.to_string(), headers, body: String::from_utf8(body.to_vec()).unwrap() };
    shared.messages.lock().unwrap().push(message);
    shared.arrived.notify_waiters();
    shared.arrived.notify_one();
    let answer = {
        let mut answers = shared.answers.lock().unwrap();
        if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
    };
    let response = |status: u16| Response::builder().status(status);
    match answer {
        Answer::Status(status) => response(status).body(Body::empty()),
        Answer::With(status, name, value) => response(status).header(name, value).body(Body::empty()),
        Answer::Says(status, text) => response(status).body(Body::from(text)),
        Answer::Hang => std::future::pending().await,
    }
    .unwrap()
}
