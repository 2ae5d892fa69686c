//! The socket itself.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::protocol::{Answer, Request, answer};
use crate::monitor::Handle;

/// How long a request may be.
const LONGEST_REQUEST: u64 = 64 * 1024;
/// How long an answer may be.
const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;
/// How long one side waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// A socket that answers, until it is dropped.
pub(super) struct Socket {
    path: PathBuf,
    _answering: AbortOnDropHandle<()>,
}

impl Socket {
    pub(super) fn open(path: &Path, handle: Handle) -> Result<Self, String> {
        make_way(path)?;
        // Nobody else may open it, at no moment: it gets its name when its permissions are right.
        let mut name = path.file_name().ok_or("it names no file")?.to_owned();
        name.push(format!(".{}", std::process::id()));
        let unnamed = path.with_file_name(name);
        let listener = UnixListener::bind(&unnamed).map_err(|error| error.to_string())?;
        let named =
            fs::set_permissions(&unnamed, Permissions::from_mode(0o600)).and_then(|()| fs::rename(&unnamed, path));
        if let Err(error) = named {
            let _ = fs::remove_file(&unnamed);
            return Err(error.to_string());
        }
        let answering = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => drop(tokio::spawn(timeout(PATIENCE, serve(stream, handle.clone())))),
                    Err(error) => {
                        tracing::warn!(target: "synthetic", %error, "the control socket cannot be read");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        });
        Ok(Self { path: path.to_owned(), _answering: AbortOnDropHandle::new(answering) })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes the socket of a process that is dead.
fn make_way(path: &Path) -> Result<(), String> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
        Ok(there) if !there.file_type().is_socket() => return Err("a file is there that is no socket".to_owned()),
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err("another monitor listens there: each needs a socket of its own".to_owned()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| error.to_string())
        }
        Err(error) => Err(error.to_string()),
    }
}

async fn serve(stream: UnixStream, handle: Handle) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reading.take(LONGEST_REQUEST)).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Request>(&line) {
        Ok(request) => answer(&handle, request),
        Err(error) => Answer::Refused { why: format!("the request is not understood: {error}") },
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    writing.write_all(&line).await
}

pub(super) async fn ask(path: &Path, request: &Request) -> Result<Answer, String> {
    let asked = async {
        let stream = UnixStream::connect(path).await?;
        let (reading, mut writing) = stream.into_split();
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        writing.write_all(&line).await?;
        let mut answer = Vec::new();
        BufReader::new(reading).take(LONGEST_ANSWER).read_until(b'\n', &mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Err("no monitor listens there: it does not run, or was started with another --control".to_owned());
        }
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err(format!("the monitor did not answer within {PATIENCE:?}: it may be stuck")),
    };
    serde_json::from_slice(&answer).map_err(|error| format!("its answer is not understood: {error}"))
}
