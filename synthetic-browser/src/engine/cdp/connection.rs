//! JSON messages that end in NUL, over anything that reads and writes: commands with their answers, and events.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, oneshot, watch};

use super::super::{EngineError, PROTOCOL, Result, message};

/// The largest message that is read. A larger one ends the connection: nothing says which command it answers.
const LARGEST_MESSAGE: u64 = 256 << 20;

/// How much is read at a time; a pipe holds 64 KiB.
const READ_AT_ONCE: usize = 256 << 10;

/// What the browser calls a session: one way into a tab, a frame of another process, a worker.
pub(super) type SessionId = Arc<str>;

/// Takes what the browser tells unasked. Called by the one task that reads, so in the order of the browser: it must not
/// wait.
pub(super) trait Listener: Send + Sync + 'static {
    fn event(&self, session: Option<&SessionId>, method: &str, parameters: Value);

    /// Nothing else is going to come.
    fn gone(&self, why: &str);
}

/// Sends commands. Clones send over the same connection.
#[derive(Clone)]
pub(super) struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    last_id: AtomicU64,
    out: mpsc::UnboundedSender<Vec<u8>>,
    table: Mutex<Table>,
    gone: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct Table {
    pending: HashMap<u64, Pending>,
    /// Sessions that answer nothing any more, and why.
    ended: HashMap<SessionId, EngineError>,
    gone: Option<EngineError>,
}

struct Pending {
    session: Option<SessionId>,
    method: String,
    answer: oneshot::Sender<Result<Value>>,
}

impl Connection {
    /// Starts to write. Commands wait for their answers until [`read`](Self::read) reads them.
    pub(super) fn new(writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        let (out, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            last_id: AtomicU64::new(0),
            out,
            table: Mutex::default(),
            gone: watch::Sender::new(None),
        });
        tokio::spawn(write(writer, queue, shared.gone.subscribe()));
        Self { shared }
    }

    /// Reads until there is nothing more to read, or until the task is aborted; everything that waits then fails.
    pub(super) fn read(
        &self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        listener: Arc<dyn Listener>,
    ) -> tokio::task::AbortHandle {
        let end = End { connection: self.clone(), listener, why: "the connection was closed".to_owned() };
        tokio::spawn(async move {
            let why = end.connection.read_all(reader, &*end.listener, LARGEST_MESSAGE).await;
            end.because(why);
        })
        .abort_handle()
    }

    /// Sends a command, and returns at once. The answer may be waited for, or dropped.
    pub(super) fn send(&self, session: Option<&SessionId>, method: &str, parameters: Value) -> Reply {
        let id = self.shared.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, receiver) = oneshot::channel();
        let reply = Reply { id, receiver, shared: Arc::clone(&self.shared) };
        let mut table = self.shared.table();
        let ended = table.gone.clone().or_else(|| session.and_then(|session| table.ended.get(session).cloned()));
        if let Some(error) = ended {
            drop(table);
            // The receiver is in `reply`, and so there.
            let _ = sender.send(Err(error));
            return reply;
        }
        table.pending.insert(id, Pending { session: session.cloned(), method: method.to_owned(), answer: sender });
        // Within the lock, so that commands go out in the order in which they were made.
        let message = Command { id, method, params: parameters, session_id: session.map(|session| &**session) };
        let mut bytes = serde_json::to_vec(&message).expect("JSON values and strings always serialize");
        bytes.push(0);
        tracing::trace!(target: PROTOCOL, method, bytes = bytes.len(), "sent");
        // It fails when the writer is done, and then so is the reader, which fails all that waits.
        let _ = self.shared.out.send(bytes);
        reply
    }

    /// Fails what waits in a session, and every command that is sent in it from now on.
    pub(super) fn end_session(&self, session: &SessionId, error: &EngineError) {
        let mut table = self.shared.table();
        table.ended.insert(Arc::clone(session), error.clone());
        let failed: Vec<Pending> =
            table.pending.extract_if(|_, pending| pending.session.as_ref() == Some(session)).map(|(_, p)| p).collect();
        drop(table);
        for pending in failed {
            let _ = pending.answer.send(Err(error.clone()));
        }
    }

    /// Forgets a session that the browser itself refuses from now on.
    pub(super) fn forget_session(&self, session: &SessionId) {
        self.shared.table().ended.remove(session);
    }

    /// Returns once nothing can be read any more, with why.
    pub(super) async fn gone(&self) -> String {
        let mut gone = self.shared.gone.subscribe();
        let why = gone.wait_for(Option::is_some).await.expect("the sender is in `self`").clone();
        why.unwrap_or_default()
    }

    async fn read_all(&self, reader: impl AsyncRead + Send + Unpin, listener: &dyn Listener, largest: u64) -> String {
        let mut reader = BufReader::with_capacity(READ_AT_ONCE, reader);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            match (&mut reader).take(largest).read_until(0, &mut bytes).await {
                Ok(0) => return "it closed the connection".to_owned(),
                Ok(_) => {}
                Err(error) => return format!("the connection to it broke: {error}"),
            }
            if bytes.pop_if(|last| *last == 0).is_none() {
                return if bytes.len() as u64 == largest {
                    format!("it sent a message of more than {largest} bytes")
                } else {
                    "it closed the connection in the middle of a message".to_owned()
                };
            }
            tracing::trace!(target: PROTOCOL, bytes = bytes.len(), "received");
            match message::read(&bytes) {
                Ok(message) => self.take(message, listener),
                // One value that cannot be read, such as one that is too deep, is no reason to lose the browser.
                Err(error) => match serde_json::from_slice(&bytes) {
                    Ok(envelope) => self.take_unreadable(envelope, &error),
                    Err(_) => return format!("it sent what is not a message of its protocol: {error}"),
                },
            }
            if bytes.capacity() > 8 * READ_AT_ONCE {
                bytes = Vec::new();
            }
        }
    }

    fn take(&self, message: Message, listener: &dyn Listener) {
        if let Some(id) = message.id {
            let pending = self.shared.table().pending.remove(&id);
            // Nobody waits for it any more.
            let Some(pending) = pending else { return };
            let answer = match message.error {
                Some(error) => Err(error.into_error(pending.method)),
                None => Ok(message.result),
            };
            let _ = pending.answer.send(answer);
        } else if let Some(method) = message.method {
            listener.event(message.session_id.as_ref(), &method, message.params);
        }
    }

    fn take_unreadable(&self, envelope: Envelope, error: &serde_json::Error) {
        let Some(pending) = envelope.id.and_then(|id| self.shared.table().pending.remove(&id)) else {
            tracing::warn!(%error, method = envelope.method, "an event of the browser cannot be read: left out");
            return;
        };
        let message = format!("its answer cannot be read: {error}");
        let _ = pending.answer.send(Err(EngineError::Refused { method: pending.method, message }));
    }

    fn end(&self, why: &str) {
        let error = EngineError::Gone(why.to_owned());
        let mut table = self.shared.table();
        table.gone = Some(error.clone());
        let pending = std::mem::take(&mut table.pending);
        drop(table);
        for pending in pending.into_values() {
            let _ = pending.answer.send(Err(error.clone()));
        }
        self.shared.gone.send_replace(Some(why.to_owned()));
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("gone", &*self.shared.gone.borrow()).finish_non_exhaustive()
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a command, once there is one. Nothing is left behind when it is dropped.
#[must_use = "dropping it says that nobody wants to know; write `drop(…)` for that"]
pub(super) struct Reply {
    id: u64,
    receiver: oneshot::Receiver<Result<Value>>,
    shared: Arc<Shared>,
}

impl Future for Reply {
    type Output = Result<Value>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.receiver).poll(cx));
        Poll::Ready(answer.unwrap_or_else(|_| Err(EngineError::Gone("the connection was closed".to_owned()))))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.shared.table().pending.remove(&self.id);
    }
}

/// Says that the connection is gone however the task that reads ends: done, aborted, dropped with its runtime.
struct End {
    connection: Connection,
    listener: Arc<dyn Listener>,
    why: String,
}

impl End {
    fn because(mut self, why: String) {
        self.why = why;
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.connection.end(&self.why);
        self.listener.gone(&self.why);
    }
}

async fn write(
    mut writer: impl AsyncWrite + Send + Unpin,
    mut queue: mpsc::UnboundedReceiver<Vec<u8>>,
    mut gone: watch::Receiver<Option<String>>,
) {
    let mut messages = Vec::new();
    let writes = async {
        // What is sent together is written together: one wake-up of the browser instead of many.
        while queue.recv_many(&mut messages, 64).await > 0 {
            if writer.write_all(&messages.concat()).await.is_err() || writer.flush().await.is_err() {
                return;
            }
            messages.clear();
        }
    };
    // The writing end is closed with the reading one: that is how a browser knows that nobody wants it.
    tokio::select! {
        () = writes => {}
        _ = gone.wait_for(Option::is_some) => {}
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Command<'a> {
    id: u64,
    method: &'a str,
    params: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: Option<u64>,
    session_id: Option<SessionId>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    result: Value,
    error: Option<Refusal>,
}

/// What a message is about, whatever it says.
#[derive(Deserialize)]
struct Envelope {
    id: Option<u64>,
    method: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
    data: Option<Value>,
}

impl Refusal {
    fn into_error(self, method: String) -> EngineError {
        // What Chromium says when what a command is about went away before it came, or while it ran. There is no code.
        const STALE: [&str; 10] = [
            "Execution context was destroyed",
            "Cannot find context with specified id",
            "uniqueContextId not found",
            "Inspected target navigated or closed",
            "Could not find object with given id",
            "Session with given id not found",
            "No frame for given id found",
            "Frame with the given id was not found",
            "Frame with the given frameId is not found",
            "Promise was collected",
        ];
        if STALE.iter().any(|stale| self.message.starts_with(stale)) {
            return EngineError::Stale(self.message);
        }
        let message = match self.data {
            Some(Value::String(data)) => format!("{}: {data}", self.message),
            _ => self.message,
        };
        EngineError::Refused { method, message }
    }
}

#[cfg(test)]
mod tests;
