//! How a monitor that runs is spoken to: one request and one answer a connection, each a line of JSON, on a Unix socket that only
//! its own user may open.

mod protocol;
#[cfg(unix)]
mod socket;

use std::path::Path;

pub(super) use self::protocol::{Answer, Request};
use super::Refused;
use crate::monitor::Handle;

/// The socket of a monitor that runs. It is removed when this is dropped.
pub(super) struct Listening {
    #[cfg(unix)]
    _socket: socket::Socket,
}

/// Listens for requests about a monitor.
///
/// # Errors
///
/// Says why it cannot.
pub(super) fn listen(path: &Path, handle: Handle) -> Result<Listening, Refused> {
    #[cfg(unix)]
    return socket::Socket::open(path, handle)
        .map(|socket| Listening { _socket: socket })
        .map_err(|why| Refused::usage(format!("--control {}: {why}", path.display())));
    #[cfg(not(unix))]
    {
        let _ = handle;
        Err(Refused::usage(format!("--control {}: there are no Unix sockets on this platform", path.display())))
    }
}

/// Asks a monitor that runs.
///
/// # Errors
///
/// Says why it cannot be asked, or what it said.
pub(super) async fn ask(path: Option<&Path>, request: &Request) -> Result<Answer, Refused> {
    let Some(path) = path else {
        let how = "start the monitor with --control PATH, and say the same here";
        return Err(Refused::usage(format!(
            "it is not said where the monitor listens: {how} (or set SYNTHETIC_CONTROL for both)"
        )));
    };
    #[cfg(unix)]
    let answer =
        socket::ask(path, request).await.map_err(|why| Refused::error(format!("{}: {why}", path.display())))?;
    #[cfg(not(unix))]
    let answer = {
        let _ = request;
        return Err(Refused::usage(format!("{}: there are no Unix sockets on this platform", path.display())));
    };
    match answer {
        Answer::Refused { why } => Err(Refused::usage(why)),
        answer => Ok(answer),
    }
}
