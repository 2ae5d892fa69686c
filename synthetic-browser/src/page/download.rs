//! Files that the page gives to download.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::Location;
use std::path::Path;

use bytes::Bytes;
use synthetic_core::{Failure, Reason, Result};
use tokio::io::AsyncReadExt;

use crate::page::Page;
use crate::page::during::Awaited;
use crate::page::url::shown;
use crate::page::watch::{DownloadEntry, Tally};

/// The largest file that is taken: 64 MiB.
const LARGEST: u64 = 64 * 1024 * 1024;

/// A file that a page gave to download.
#[derive(Clone)]
#[non_exhaustive]
pub struct Download {
    /// The name that the page suggests.
    pub name: String,
    /// Where it came from.
    pub url: String,
    /// What is in it, at most 64 MiB.
    pub bytes: Bytes,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Download({:?}, {} bytes)", self.name, self.bytes.len())
    }
}

/// # Downloads
impl Page {
    /// Does something during which a download is expected to begin, and returns the file when it is there:
    /// `page.download(page.link("Invoice").click())`. The page must be opened with
    /// [`downloads`](crate::Opening::downloads).
    ///
    /// # Errors
    ///
    /// What the future fails with; when no download began in the page's patience; and when it did not end well in the time of a
    /// navigation, or is larger than 64 MiB.
    #[track_caller]
    pub fn download<T, F>(&self, doing: F) -> impl Future<Output = Result<Download>> + Send + use<T, F>
    where
        F: IntoFuture<Output = Result<T>>,
        F::IntoFuture: Send,
        T: Send,
    {
        let (page, place, doing) = (self.clone(), Location::caller(), doing.into_future());
        async move {
            let raise = |failure: Failure| page.raise(failure, place);
            if !page.inner.downloads {
                return Err(raise(Failure::setup(
                    "a download is refused: open the page with `.downloads()` to take it",
                )));
            }
            page.watch().change(|tally| tally.downloads.clear());
            let (what, expected) = ("download of the page", "is given whole");
            let first = |tally: &mut Tally| {
                let DownloadEntry { id, url, name, .. } = tally.downloads.front()?;
                Some((id.clone(), url.clone(), name.clone()))
            };
            let awaited = Awaited { what, expected, missing: "no download began" };
            let (id, url, name) = page.during(awaited, doing, first, place).await?;
            let missing = format!("{name:?} from {} has begun and is not done", shown(&url));
            let awaited = Awaited { what, expected, missing: &missing };
            let ended = |tally: &mut Tally| tally.downloads.iter().find(|one| one.id == id)?.end.clone();
            let path = page.happens(awaited, page.navigation_patience, ended, place).await?;
            let Some(path) = path else {
                let broken = Failure::with_reason(Reason::Protocol, "download of the page");
                let actual = format!("{name:?} from {} was broken off", shown(&url));
                return Err(raise(broken.expected("is given whole").actual(actual)));
            };
            let bytes = take(&path).await.map_err(|problem| {
                raise(Failure::setup(format!("download {name:?} from {}: {problem}", shown(&url))))
            })?;
            Ok(Download { name, url, bytes })
        }
    }
}

/// Reads a file and removes it.
async fn take(path: &Path) -> Result<Bytes, String> {
    let read = async {
        let file = tokio::fs::File::open(path).await?;
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes).await?;
        tokio::fs::remove_file(path).await?;
        std::io::Result::Ok(bytes)
    };
    match read.await {
        Ok(bytes) if bytes.len() as u64 > LARGEST => Err("it is larger than 64 MiB, the most that is taken".to_owned()),
        Ok(bytes) => Ok(bytes.into()),
        Err(error) => Err(error.to_string()),
    }
}
