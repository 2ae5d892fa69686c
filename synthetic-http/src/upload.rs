//! [`Upload`]: a body that is put together when it is sent.

use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::multipart::Multipart;
use crate::wire::span;

/// The most bytes that are read from files unless the request says otherwise.
pub(crate) const MAX_UPLOAD: u64 = 32 << 20;

/// What a body is put together from.
#[derive(Clone)]
pub(crate) enum Upload {
    File(PathBuf),
    Multipart(Multipart),
}

impl Upload {
    /// Reads the body, at most `most` bytes of it, until `deadline`.
    ///
    /// # Errors
    ///
    /// Says which file could not be read, and why.
    pub(crate) async fn read(&self, most: u64, deadline: Instant) -> Result<Bytes, String> {
        let upload = self.clone();
        let began = Instant::now();
        // Files may be on a disk that is far away, so they are read where waiting is allowed.
        let read = tokio::task::spawn_blocking(move || match upload {
            Self::File(path) => read(&path, 0, most).map(Bytes::from),
            Self::Multipart(form) => form.encode(most).map(Bytes::from),
        });
        match timeout_at(deadline, read).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => Err("its body could not be read: the runtime is stopping".to_owned()),
            Err(_) => Err(format!("its body could not be read from files within {}", span(began.elapsed()))),
        }
    }
}

/// Reads a file into a body that has `before` bytes and may have `most`.
///
/// # Errors
///
/// Says what is wrong with the file.
pub(crate) fn read(path: &Path, before: u64, most: u64) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let refused = |why: &dyn Display| format!("the file {shown} cannot be read: {why}");
    let mut file = {
        // Asked first: to open a pipe waits until somebody writes.
        let kind = std::fs::metadata(path).map_err(|error| refused(&error))?;
        if !kind.is_file() {
            return Err(refused(&"it is no file"));
        }
        File::open(path).map_err(|error| refused(&error))?
    };
    let mut read = Vec::new();
    let left = most.saturating_sub(before);
    file.by_ref().take(left.saturating_add(1)).read_to_end(&mut read).map_err(|error| refused(&error))?;
    if read.len() as u64 > left {
        return Err(too_large(&format!("with the file {shown} the body"), most));
    }
    Ok(read)
}

/// Says that a body is larger than is allowed.
pub(crate) fn too_large(what: &str, most: u64) -> String {
    format!("{what} is larger than the limit of {most} bytes: if it is meant to be, raise `max_upload`")
}
