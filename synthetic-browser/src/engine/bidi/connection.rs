//! One WebSocket with a browser at the other end: commands with numbers go out, their answers and events come in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::engine::{EngineError, PROTOCOL, Result, message};

/// What one message may have, in bytes. The largest are pictures of long pages, in base64.
const LARGEST: usize = 256 << 20;

/// Receives events in the order in which they came. It is called where the socket is read, so it must not wait.
pub(super) trait Events: Send + Sync + 'static {
    fn event(&self, method: &str, parameters: Value);

    /// Nothing comes any more.
    fn gone(&self);
}

/// A connection that ends when it is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    outgoing: mpsc::UnboundedSender<Message>,
    pending: Mutex<HashMap<u64, oneshot::Sender<Result<Value, Refusal>>>>,
    next: AtomicU64,
    gone: watch::Sender<Option<String>>,
}

/// The browser's no to a command: a code from the standard (`no such frame`), and its own text.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

/// Why a command has no result.
#[derive(Debug)]
pub(super) enum Failure {
    Gone(String),
    Refused(Refusal),
}

impl Connection {
    pub(super) async fn open(url: &str, events: Arc<dyn Events>) -> Result<Self> {
        let limits = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let (socket, _) = connect_async_with_config(url, Some(limits), true)
            .await
            .map_err(|error| EngineError::Gone(format!("{url} did not answer: {error}")))?;
        let (outgoing, commands) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            outgoing,
            pending: Mutex::default(),
            next: AtomicU64::new(1),
            gone: watch::Sender::new(None),
        });
        let task = tokio::spawn(run(socket, commands, Arc::clone(&shared), events)).abort_handle();
        Ok(Self { shared, task })
    }

    /// Sends a command, and waits for its result. A dropped future forgets the answer, not the command.
    pub(super) async fn send(&self, method: &str, parameters: Value) -> Result<Value, Failure> {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.shared.pending().insert(id, answer);
        let _forget = Forget { shared: &self.shared, id };
        let text = json!({ "id": id, "method": method, "params": parameters }).to_string();
        tracing::trace!(target: PROTOCOL, method, bytes = text.len(), "sent");
        let sent = self.shared.outgoing.send(Message::text(text));
        // Whoever ends the connection first says so, and then forgets who waits.
        if sent.is_err() || self.shared.gone.borrow().is_some() {
            return Err(Failure::Gone(self.why()));
        }
        match answered.await {
            Ok(answer) => answer.map_err(Failure::Refused),
            Err(_) => Err(Failure::Gone(self.why())),
        }
    }

    /// Returns once the connection has ended, with why.
    pub(super) async fn gone(&self) -> String {
        let mut gone = self.shared.gone.subscribe();
        // The sender is ours, so this ends with a word only.
        let _ = gone.wait_for(Option::is_some).await;
        self.why()
    }

    fn why(&self) -> String {
        self.shared.gone.borrow().clone().unwrap_or_else(|| "its connection was dropped".to_owned())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Result<Value, Refusal>>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a command that nobody waits for any more out of those that are pending.
struct Forget<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.pending().remove(&self.id);
    }
}

async fn run(
    mut socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    mut commands: mpsc::UnboundedReceiver<Message>,
    shared: Arc<Shared>,
    events: Arc<dyn Events>,
) {
    let why = loop {
        acknowledge_at_once(&socket);
        tokio::select! {
            command = commands.recv() => {
                let Some(command) = command else { break "nobody uses it".to_owned() };
                if let Err(error) = socket.send(command).await {
                    break format!("it does not take commands: {error}");
                }
            }
            message = socket.next() => match message {
                None | Some(Ok(Message::Close(_))) => break "it closed the connection".to_owned(),
                Some(Err(error)) => break format!("the connection ended: {error}"),
                Some(Ok(Message::Text(text))) => {
                    tracing::trace!(target: PROTOCOL, bytes = text.len(), "received");
                    match message::read(text.as_bytes()) {
                        Ok(message) => received(message, &shared, &*events),
                        Err(error) => tracing::warn!(%error, "the browser sent what is no JSON"),
                    }
                }
                // The library answers pings by itself.
                Some(Ok(_)) => {}
            },
        }
    };
    shared.gone.send_replace(Some(why));
    shared.pending().clear();
    events.gone();
}

/// Firefox waits with what it writes until what it wrote before is acknowledged, which the system does after 40 ms unless there is
/// something to send: an answer that follows an event or another answer would be late by that. The system forgets what it was
/// told here, so it is told again whenever something has come.
fn acknowledge_at_once(socket: &WebSocketStream<MaybeTlsStream<TcpStream>>) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
        // Without it all is as well, but slower.
        let _ = stream.set_quickack(true);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = socket;
}

fn received(mut message: Value, shared: &Shared, events: &dyn Events) {
    if message["type"] == "event" {
        let parameters = message["params"].take();
        if let Some(method) = message["method"].as_str() {
            events.event(method, parameters);
        }
        return;
    }
    // A command that Firefox could not even read is answered without its number.
    let Some(waiting) = message["id"].as_u64().and_then(|id| shared.pending().remove(&id)) else { return };
    let _ = waiting.send(if message["type"] == "error" {
        Err(Refusal { code: text(&message["error"]), message: text(&message["message"]) })
    } else {
        Ok(message["result"].take())
    });
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
