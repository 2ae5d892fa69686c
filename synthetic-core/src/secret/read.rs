//! How a secret is read from a file.
//!
//! By plain, synchronous reads. What is read is at most 64 KiB, and where secrets are mounted it comes from memory: a
//! hop to a thread pool costs more than the read. It would also make a secret wait behind other blocking work, and a
//! test with a paused clock would no longer be deterministic. The price: keep secrets off file systems that hang.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::{MAX_SECRET_BYTES, SecretError};

/// Why a file gives no secret.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    NotAFile,
    TooLarge,
    NotText,
}

/// Reads the text of a regular file, without the one newline that editors and `echo` put at its end.
pub(super) fn read_text(path: &Path) -> Result<String, Fault> {
    // Asked before opening: opening a pipe that nobody writes to blocks for ever.
    if !fs::metadata(path).map_err(Fault::Io)?.is_file() {
        return Err(Fault::NotAFile);
    }
    let mut bytes = Vec::new();
    let limit = MAX_SECRET_BYTES as u64 + 3;
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(Fault::Io)?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    if bytes.len() > MAX_SECRET_BYTES {
        return Err(Fault::TooLarge);
    }
    // The error is dropped on purpose: it carries the bytes.
    String::from_utf8(bytes).map_err(|_| Fault::NotText)
}

impl Fault {
    /// Returns whether there is nothing at that path.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Io(error) if is_absent(error))
    }

    /// Says it of the secret `name` and the file at `path`.
    pub(super) fn of(self, name: &str, path: &Path) -> SecretError {
        let (name, place) = (name.to_owned(), format!("file {}", path.display()));
        match self {
            Self::Io(source) => SecretError::Unreadable { name, place, source: Arc::new(source) },
            Self::NotAFile => SecretError::NotAFile { name, place },
            Self::TooLarge => SecretError::TooLarge { name, place },
            Self::NotText => SecretError::NotText { name, place },
        }
    }
}

/// Returns whether the error says that there is nothing at that path.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, Fault> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, bytes).unwrap();
        read_text(&path)
    }

    #[test]
    fn one_newline_at_the_end_is_trimmed_and_nothing_else() {
        for (bytes, text) in [
            (&b"value"[..], "value"),
            (b"value\n", "value"),
            (b"value\r\n", "value"),
            (b"value\n\n", "value\n"),
            (b" value \n", " value "),
            (b"value\r", "value\r"),
            (b"", ""),
        ] {
            assert_eq!(read(bytes).unwrap(), text, "{bytes:?}");
        }
    }

    #[test]
    fn the_limit_is_inclusive_and_does_not_count_the_newline() {
        let full = vec![b'x'; MAX_SECRET_BYTES];
        assert_eq!(read(&full).unwrap().len(), MAX_SECRET_BYTES);
        assert_eq!(read(&[&full[..], b"\r\n"].concat()).unwrap().len(), MAX_SECRET_BYTES);
        assert!(matches!(read(&[&full[..], b"x"].concat()), Err(Fault::TooLarge)));
        assert!(matches!(read(&full.repeat(3)), Err(Fault::TooLarge)));
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_without_showing_them() {
        let error = read(b"hunter2\xff").unwrap_err().of("web/password", Path::new("/run/secrets/p"));
        assert_eq!(
            format!("{error} {error:?}"),
            "secret \"web/password\" in file /run/secrets/p is not UTF-8 text: store binary values in base64 \
             NotText { name: \"web/password\", place: \"file /run/secrets/p\" }"
        );
    }

    #[test]
    fn a_folder_is_not_a_file_and_nothing_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_text(folder.path()), Err(Fault::NotAFile)));
        assert!(read_text(&folder.path().join("none")).unwrap_err().is_absent());
    }
}
