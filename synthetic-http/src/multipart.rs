//! [`Multipart`]: a form of parts, as browsers send one with files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::HeaderValue;
use serde::Serialize;

use crate::upload::{read, too_large};

/// Holds a form of parts, each a text, bytes or a file: the body of [`Request::multipart`](crate::Request::multipart). A value,
/// cheap to clone.
///
/// It is encoded as browsers do: names and file names in UTF-8, with `"` and line breaks escaped as `%22`, `%0D` and `%0A`.
///
/// Source: RFC 7578; WHATWG HTML, section 4.10.21.8 (multipart form data).
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, Multipart};
///
/// let form = Multipart::new()
///     .text("title", "Invoice 7")
///     .json("tags", &["paid", "2026"])
///     .bytes("note", "note.txt", "text/plain", "as agreed")
///     .file("scan", "application/pdf", "fixtures/invoice.pdf");
/// let _upload = Http::at("https://shop.example").post("/documents").multipart(form);
/// ```
#[derive(Clone)]
#[must_use = "a form does nothing until it is given to a request"]
pub struct Multipart {
    boundary: String,
    parts: Vec<Part>,
    defect: Option<String>,
}

#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) media_type: Option<String>,
    pub(crate) content: Content,
}

#[derive(Clone)]
pub(crate) enum Content {
    Bytes(Bytes),
    File(Arc<Path>),
}

impl Multipart {
    /// Makes a form without parts.
    pub fn new() -> Self {
        // Nobody has seen it before, so no content has it in it but by an accident of one in 2^128.
        let boundary = format!("synthetic-{:032x}", fastrand::u128(..));
        Self { boundary, parts: Vec::new(), defect: None }
    }

    /// Adds a text.
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(name.into(), None, None, Content::Bytes(value.into().into()))
    }

    /// Adds a value as JSON, of the type `application/json`.
    pub fn json<T: Serialize + ?Sized>(mut self, name: impl Into<String>, value: &T) -> Self {
        let name = name.into();
        match serde_json::to_vec(value) {
            Ok(bytes) => self.with(name, None, Some("application/json".to_owned()), Content::Bytes(bytes.into())),
            Err(error) => {
                self.has_defect(format!("the part {name:?} cannot be written as JSON: {error}"));
                self
            }
        }
    }

    /// Adds bytes as a file of this name and media type.
    pub fn bytes(
        self,
        name: impl Into<String>,
        filename: impl Into<String>,
        media_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        self.with(name.into(), Some(filename.into()), Some(media_type.into()), Content::Bytes(bytes.into()))
    }

    /// Adds a file under the last part of its path. It is read whenever the request is sent.
    pub fn file(self, name: impl Into<String>, media_type: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let filename = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.with(name.into(), Some(filename), Some(media_type.into()), Content::File(path.into()))
    }

    pub(crate) fn media_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns what is wrong with a part.
    pub(crate) fn defect(&self) -> Option<String> {
        self.defect.clone()
    }

    /// Writes the form, with what its files have now.
    ///
    /// # Errors
    ///
    /// Says which file cannot be read, or that the form is larger than `most` bytes.
    pub(crate) fn encode(&self, most: u64) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        for part in &self.parts {
            body.extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
            body.extend_from_slice(part.head().as_bytes());
            match &part.content {
                Content::Bytes(bytes) => body.extend_from_slice(bytes),
                Content::File(path) => {
                    body.append(
                        &mut read(path, body.len() as u64, most)
                            .map_err(|why| format!("part {:?} of the form: {why}", part.name))?,
                    );
                }
            }
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        if body.len() as u64 > most { Err(too_large("the form", most)) } else { Ok(body) }
    }

    fn with(mut self, name: String, filename: Option<String>, media_type: Option<String>, content: Content) -> Self {
        if let Some(bad) = media_type.as_ref().filter(|media_type| HeaderValue::try_from(*media_type).is_err()) {
            self.has_defect(format!("{bad:?} of the part {name:?} is no media type: write it as text/plain"));
        }
        self.parts.push(Part { name, filename, media_type, content });
        self
    }

    fn has_defect(&mut self, defect: String) {
        self.defect.get_or_insert(defect);
    }
}

impl Default for Multipart {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Multipart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names only: a value may be a secret.
        f.debug_list().entries(self.parts.iter().map(|part| &part.name)).finish()
    }
}

impl Part {
    fn head(&self) -> String {
        let mut head = format!("Content-Disposition: form-data; name=\"{}\"", escaped(&self.name));
        if let Some(filename) = &self.filename {
            head.push_str(&format!("; filename=\"{}\"", escaped(filename)));
        }
        if let Some(media_type) = &self.media_type {
            head.push_str(&format!("\r\nContent-Type: {media_type}"));
        }
        head + "\r\n\r\n"
    }
}

fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_browsers_write_it() {
        let mut form = Multipart::new().text("titlé", "a\r\nb").json("tags", &["x"]).bytes(
            "no\"te",
            "a\n\"b\".txt",
            "text/plain",
            "hi",
        );
        form.boundary = "B".to_owned();
        let written = String::from_utf8(form.encode(1_000).unwrap()).unwrap();
        assert_eq!(
            written,
            "--B\r\nContent-Disposition: form-data; name=\"titlé\"\r\n\r\na\r\nb\r\n\
             --B\r\nContent-Disposition: form-data; name=\"tags\"\r\nContent-Type: application/json\r\n\r\n[\"x\"]\r\n\
             --B\r\nContent-Disposition: form-data; name=\"no%22te\"; filename=\"a%0A%22b%22.txt\"\r\n\
             Content-Type: text/plain\r\n\r\nhi\r\n--B--\r\n"
        );
        assert_eq!(form.defect(), None);
        assert_eq!(format!("{form:?}"), "[\"titlé\", \"tags\", \"no\\\"te\"]");
    }

    #[test]
    fn every_form_has_a_boundary_of_its_own() {
        assert_ne!(Multipart::new().boundary, Multipart::new().boundary);
        assert!(Multipart::new().media_type().len() <= "multipart/form-data; boundary=".len() + 70);
    }
}
