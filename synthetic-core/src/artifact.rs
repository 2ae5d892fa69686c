//! Evidence that a run attaches: bounded bytes with a name and a media type; and [`ArtifactStore`], where it is kept.

mod contract;
pub mod har;
mod keep;
mod key;
mod layout;
mod local;
mod retention;
mod store;

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use self::contract::check_artifact_store_contract;
pub use self::keep::Keep;
pub use self::key::{InvalidKey, Key};
pub use self::layout::RunFolder;
pub use self::local::LocalFolder;
pub use self::retention::{Retained, Retention};
pub use self::store::{ArtifactStore, StoreError, Stored};
use crate::failure::{Text, cut};
use crate::secret::Redactor;

/// The most bytes that one artifact keeps.
pub(crate) const LARGEST: usize = 4 * 1024 * 1024;
/// The most bytes that all artifacts of a run keep.
pub(crate) const LARGEST_OF_A_RUN: usize = 32 * 1024 * 1024;

/// What is kept free to say that text was cut.
const ROOM_TO_SAY: usize = 64;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 256;

/// A piece of evidence that a run attached: at most 4 MiB, what was cut is said.
///
/// The JSON form of a report names it and leaves its bytes out.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Artifact {
    /// Its name: `cart.json`.
    pub name: String,
    /// Its media type: `application/json`.
    pub media_type: Text,
    /// How many bytes are kept.
    pub size: usize,
    /// How many bytes there were, when some were cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_from: Option<usize>,
    /// The bytes.
    #[serde(skip)]
    pub bytes: Bytes,
}

impl Artifact {
    pub(crate) fn new(name: impl Into<String>, media_type: impl Into<Text>, bytes: impl Into<Bytes>) -> Self {
        let (bytes, media_type) = (bytes.into(), media_type.into());
        let name = cut(name.into(), LONGEST_NAME);
        let mut artifact = Self { name, media_type, size: bytes.len(), cut_from: None, bytes };
        if artifact.size > LARGEST {
            artifact.cut();
        }
        artifact
    }

    /// Copies what is kept, so that the rest is freed. Text says that it was cut, as redaction needs: the beginning of a
    /// secret is then found too.
    fn cut(&mut self) {
        let said = format!(" … ({} bytes left out)", self.size - (LARGEST - ROOM_TO_SAY));
        let mut kept = Vec::with_capacity(LARGEST);
        if self.is_text() {
            kept.extend_from_slice(&self.bytes[..LARGEST - ROOM_TO_SAY]);
            kept.extend_from_slice(said.as_bytes());
        } else {
            kept.extend_from_slice(&self.bytes[..LARGEST]);
        }
        self.cut_from = Some(self.size);
        self.size = kept.len();
        self.bytes = kept.into();
    }

    /// Returns whether its bytes are text: `text/*`, JSON, XML, JavaScript or a form.
    #[must_use]
    pub fn is_text(&self) -> bool {
        let kind = self.media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind.starts_with("text/")
            || ["json", "xml", "javascript", "x-www-form-urlencoded"].iter().any(|end| kind.ends_with(end))
    }

    pub(crate) fn redact(&mut self, redactor: &Redactor) {
        if let Cow::Owned(clean) = redactor.redact(&self.name) {
            self.name = clean;
        }
        // What is text is scrubbed whatever it is called.
        if !self.is_text() && std::str::from_utf8(&self.bytes).is_err() {
            return;
        }
        if let Cow::Owned(clean) = redactor.redact_bytes(&self.bytes) {
            self.bytes = Bytes::from(clean);
            self.size = self.bytes.len();
        }
    }
}
