//! `openapi`: answers that are what an OpenAPI document says of them.

mod answers;
mod bodies;
mod contract;
mod dialect;
mod document;
mod headers;
mod kinds;
mod paths;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;
use synthetic_core::expect::Mismatch;

use self::contract::Contract;
use super::{Expectation, Judge};
use crate::response::Response;

/// Expects that each answer is what an OpenAPI document (3.0 or 3.1, JSON or YAML) says of it:
/// `Http::at("https://shop.example").expect(openapi("openapi.yaml"))`.
///
/// Of the operation that fits the method and the path, the document must know the status, the content type and every
/// required header; headers and the body must fit their schemas. An operation, a status or a content type that it does not
/// know is a failure that names what it knows. Properties and headers that it does not mention are allowed, unless it
/// forbids them or the contract is [strict](OpenApi::strict).
///
/// JSON is judged as it is, texts as strings, and headers as what the schema is about, in the style `simple` or by their
/// `content`. What cannot be judged by its schema is a failure that says so, never a pass: XML by the schema of an object, bytes by
/// more than their type.
///
/// The status must be 2xx all the same, unless something is demanded of it: that a 500 is documented makes it no success.
///
/// A file that cannot be read, that is no such document, or whose schemas are none, is found before anything is sent.
/// Nothing is ever fetched: a document in several files is [bundled](OpenApi::read) first.
///
/// # Cost
///
/// The document is read and compiled when it is given to an [`Http`](crate::Http), so make that once, not in every run.
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, openapi, status};
///
/// let api = Http::at("https://shop.example/v1").expect(openapi("openapi.yaml"));
/// let _order = api.get("/orders/7");
/// let _none = api.get("/orders/none").expect(status(404));
/// ```
pub fn openapi(path: impl AsRef<Path>) -> OpenApi {
    OpenApi::read(path)
}

/// Holds an OpenAPI document as a contract: what [`openapi`] makes. Cheap to clone.
#[derive(Clone)]
#[must_use = "a contract does nothing until it is given to an `Http` or to a request"]
pub struct OpenApi {
    /// What failures call it.
    name: String,
    document: Result<Arc<Value>, String>,
    base_path: Option<String>,
    strict: bool,
}

impl OpenApi {
    /// Reads a document from a file, JSON or YAML.
    ///
    /// What it refers to must be in the same file; a bundler such as `redocly bundle` puts it there.
    pub fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into());
        let text = std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()));
        let document = text.and_then(|text| document::parse(&text).map_err(|why| format!("{} {why}", path.display())));
        Self { name, document: document.map(Arc::new), base_path: None, strict: false }
    }

    /// Takes a document that is a value already.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde_json::json;
    /// use synthetic_http::{Http, OpenApi};
    ///
    /// let contract = OpenApi::parse(json!({
    ///     "openapi": "3.1.0",
    ///     "info": { "title": "Shop", "version": "1" },
    ///     "paths": { "/health": { "get": { "responses": { "204": { "description": "up" } } } } },
    /// }));
    /// let _api = Http::at("https://shop.example").expect(contract);
    /// ```
    pub fn parse(document: Value) -> Self {
        let name = document::title(&document).unwrap_or("the document").to_owned();
        Self { name, document: Ok(Arc::new(document)), base_path: None, strict: false }
    }

    /// Takes a document as text, JSON or YAML, such as what `include_str!` gives.
    pub fn parse_text(text: &str) -> Self {
        match document::parse(text) {
            Ok(document) => Self::parse(document),
            Err(why) => {
                let document = Err(format!("the document {why}"));
                Self { name: "the document".to_owned(), document, base_path: None, strict: false }
            }
        }
    }

    /// Fails also on what the document does not mention: properties of a body whose schema lists properties and does not say
    /// `additionalProperties`, and headers that are not those of HTTP itself. Properties that are `writeOnly` fail too.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Sets the path that all operations are under, in place of those of the document's `servers`: for a system that is
    /// tested behind another prefix.
    ///
    /// # Default
    ///
    /// The paths of the document's `servers`, any of them; their hosts do not count, so that one document judges production
    /// and staging.
    pub fn base_path(mut self, path: impl Into<String>) -> Self {
        self.base_path = Some(path.into());
        self
    }
}

impl From<OpenApi> for Expectation {
    fn from(openapi: OpenApi) -> Self {
        let OpenApi { name, document, base_path, strict } = openapi;
        let contract = document.and_then(|document| Contract::compile(&name, &document, base_path.as_deref(), strict));
        let defect = contract.as_ref().err().cloned();
        Self::new(Checked { name, contract }, defect)
    }
}

impl fmt::Debug for OpenApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenApi").field("name", &self.name).field("strict", &self.strict).finish_non_exhaustive()
    }
}

/// A contract that is ready to judge, or why there is none.
struct Checked {
    name: String,
    contract: Result<Contract, String>,
}

impl Judge for Checked {
    fn subject(&self) -> String {
        format!("contract {}", self.name)
    }

    fn judge(&self, answer: &Response) -> Result<(), Mismatch> {
        match &self.contract {
            Ok(contract) => contract.judge(&answering_method(answer), answer),
            Err(why) => Err(Mismatch::new("can be judged", why.clone())),
        }
    }
}

/// Returns the method of the request that was answered at last: redirects may have made a GET of it (RFC 9110, section
/// 15.4).
fn answering_method(answer: &Response) -> String {
    let mut method = answer.name.split(' ').next().unwrap_or_default();
    for hop in &answer.exchange.hops {
        let becomes_get = match hop.status.as_u16() {
            303 => method != Method::HEAD.as_str(),
            301 | 302 => method == Method::POST.as_str(),
            _ => false,
        };
        if becomes_get {
            method = Method::GET.as_str();
        }
    }
    method.to_owned()
}
