//! Evidence that a run attaches: bounded bytes with a name and a media type.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::failure::Text;
use crate::secret::Redactor;

/// The most bytes that one artifact keeps.
pub(crate) const LARGEST: usize = 4 * 1024 * 1024;
/// The most bytes that all artifacts of a run keep.
pub(crate) const LARGEST_OF_A_RUN: usize = 32 * 1024 * 1024;

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
        let mut bytes = bytes.into();
        let size = bytes.len();
        let cut_from = (size > LARGEST).then(|| {
            bytes.truncate(LARGEST);
            size
        });
        Self { name: name.into(), media_type: media_type.into(), size: bytes.len(), cut_from, bytes }
    }

    /// Returns whether its bytes are text: `text/*`, JSON, XML, JavaScript or a form.
    #[must_use]
    pub fn is_text(&self) -> bool {
        let kind = self.media_type.split(';').next().unwrap_or_default().trim();
        kind.starts_with("text/")
            || ["json", "xml", "javascript", "x-www-form-urlencoded"].iter().any(|end| kind.ends_with(end))
    }

    pub(crate) fn redact(&mut self, redactor: &Redactor) {
        if let Cow::Owned(clean) = redactor.redact(&self.name) {
            self.name = clean;
        }
        if !self.is_text() {
            return;
        }
        let text = String::from_utf8_lossy(&self.bytes);
        if let Cow::Owned(clean) = redactor.redact(&text) {
            self.bytes = Bytes::from(clean);
            self.size = self.bytes.len();
        }
    }
}
