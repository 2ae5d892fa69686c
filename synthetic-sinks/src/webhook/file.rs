//! The file that lets a restart go on where it was.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::book::Entry;

const FORM: &str = "synthetic notifications 1";
/// The largest file that is read: what is larger is none of ours.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The file, and what stands in it.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    written: Vec<u8>,
}

#[derive(Serialize)]
struct Written<'a> {
    form: &'a str,
    canaries: &'a [&'a Entry],
}

#[derive(Deserialize)]
struct Read {
    form: String,
    canaries: Vec<Entry>,
}

impl StateFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, written: Vec::new() }
    }

    /// Reads the file. One that cannot be understood is moved aside, so that it is neither obeyed nor lost, and is an error
    /// once; without a file there is nothing to read.
    pub(super) async fn read(&self) -> Result<Vec<Entry>, String> {
        let path = self.path.clone();
        blocking(move || {
            let about =
                |error: &dyn std::fmt::Display| format!("the state of notifications in {}: {error}", path.display());
            let text = match read(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(about(&format!("{error}; {}", set_aside(&path)))),
            };
            match serde_json::from_slice::<Read>(&text) {
                Ok(read) if read.form == FORM => Ok(read.canaries),
                not_ours => {
                    let why =
                        not_ours.map_or_else(|error| error.to_string(), |read| format!("it is a {:?}", read.form));
                    Err(about(&format!("{why}; {}", set_aside(&path))))
                }
            }
        })
        .await
    }

    /// Writes the file, whole or not at all, unless that stands in it already.
    pub(super) async fn write(&mut self, canaries: &[&Entry]) -> Result<(), String> {
        let about = |error: &dyn std::fmt::Display| format!("cannot write the state of notifications: {error}");
        let text = serde_json::to_vec(&Written { form: FORM, canaries }).map_err(|error| about(&error))?;
        if text == self.written {
            return Ok(());
        }
        let (path, bytes) = (self.path.clone(), text.clone());
        blocking(move || write(&path, &bytes).map_err(|error| format!("{}: {error}", path.display())))
            .await
            .map_err(|error| about(&error))?;
        self.written = text;
        Ok(())
    }
}

/// Moves a file that is not ours out of the way, before ours takes its name; and says where it is.
fn set_aside(path: &Path) -> String {
    let aside = beside(path, ".unreadable");
    fs::rename(path, &aside).map_or_else(
        |error| format!("and it could not be moved aside: {error}"),
        |()| format!("it was moved to {}", aside.display()),
    )
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > LARGEST {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has {size} bytes, at most {LARGEST} are read"),
        ));
    }
    fs::read(path)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;

    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = beside(path, ".new");
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err("the runtime was shut down".to_owned()))
}
