//! What is said on a WebSocket.

use std::fmt;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::account::Account;

/// Holds a message of a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// A text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

impl Message {
    /// Returns the text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// Returns the bytes; those of a text are UTF-8.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Returns the message as a failure shows it.
    pub(super) fn shown(&self, account: &Account) -> String {
        match self {
            Self::Text(text) => account.shown(text),
            Self::Binary(bytes) => {
                let head: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
                let more = if bytes.len() > 16 { " …" } else { "" };
                format!("{} bytes: {head}{more}", bytes.len())
            }
        }
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

/// Says how a WebSocket was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Close {
    /// The status code of RFC 6455, section 7.4: 1000 is the normal end; 1005 stands for none.
    pub code: u16,
    /// Why, in the words of who closed it; often empty.
    pub reason: String,
}

/// `code 1011 "out of memory"`.
impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, &*self.reason) {
            (1005, _) => f.write_str("no code"),
            (code, "") => write!(f, "code {code}"),
            (code, reason) => write!(f, "code {code} {reason:?}"),
        }
    }
}

/// Returns the message that a frame is, unless it is one of control.
pub(super) fn of(frame: Frame) -> Option<Message> {
    match frame {
        Frame::Text(text) => Some(Message::Text(text.as_str().to_owned())),
        Frame::Binary(bytes) => Some(Message::Binary(bytes)),
        Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) | Frame::Frame(_) => None,
    }
}

pub(super) fn close(frame: Option<CloseFrame>) -> Close {
    match frame {
        Some(frame) => Close { code: frame.code.into(), reason: frame.reason.as_str().to_owned() },
        None => Close { code: 1005, reason: String::new() },
    }
}
