//! [`Traffic`]: what goes over the connection to a browser.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Counts the messages between us and a browser, from the trace events that tell of each.
///
/// # Examples
///
/// ```
/// let traffic = synthetic_benches::flow::traffic::Traffic::default();
/// tracing::subscriber::set_global_default(traffic.clone()).expect("there is none");
/// assert_eq!(traffic.so_far(), Default::default());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Traffic(Arc<[AtomicU64; 4]>);

/// How much went over the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Commands.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Answers and events.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
}

impl Traffic {
    /// Returns what there was so far.
    #[must_use]
    pub fn so_far(&self) -> Amount {
        let [sent, sent_bytes, received, received_bytes] = std::array::from_fn(|n| self.0[n].load(Ordering::Relaxed));
        Amount { sent, sent_bytes, received, received_bytes }
    }
}

impl Subscriber for Traffic {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == Level::TRACE && metadata.target() == "synthetic_browser::protocol"
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        let at = if message.is_command { 0 } else { 2 };
        self.0[at].fetch_add(1, Ordering::Relaxed);
        self.0[at + 1].fetch_add(message.bytes, Ordering::Relaxed);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Message {
    is_command: bool,
    bytes: u64,
}

impl Visit for Message {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "bytes" {
            self.bytes = value;
        }
    }

    fn record_str(&mut self, field: &Field, _: &str) {
        self.is_command |= field.name() == "method";
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
