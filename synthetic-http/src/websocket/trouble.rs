//! Finds the words for what breaks a WebSocket off.

use std::io;

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};

use crate::wire::{Kind, Phase, WireError};

pub(super) fn of(error: &Error, limit: usize) -> WireError {
    let (kind, what) = match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            return gone();
        }
        Error::Capacity(CapacityError::MessageTooLong { .. }) => return too_large(limit),
        Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                (Kind::Reset, "the connection was reset".to_owned())
            }
            io::ErrorKind::UnexpectedEof => return gone(),
            _ => (Kind::Protocol, format!("the connection broke: {error}")),
        },
        Error::Protocol(error) => (Kind::Protocol, format!("the server does not keep to RFC 6455: {error}")),
        Error::Utf8(_) => (Kind::Protocol, "the server sent a text that is not UTF-8".to_owned()),
        other => (Kind::Protocol, other.to_string()),
    };
    WireError::new(Phase::Transfer, kind, format!("transfer: {what}"))
}

/// Says that the connection ended without a close.
pub(super) fn gone() -> WireError {
    let message = "transfer: the server closed the connection without closing the WebSocket";
    WireError::new(Phase::Transfer, Kind::ClosedEarly, message)
}

pub(super) fn too_large(limit: usize) -> WireError {
    let message = format!("transfer: a message is larger than the limit of {limit} bytes");
    WireError::new(Phase::Transfer, Kind::BodyTooLarge { limit }, message)
}
