//! `json_schema`: a body that fits a JSON Schema.

pub(super) mod violations;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;
use synthetic_core::expect::{JsonPath, Mismatch, check_json, exists};

use self::violations::Violations;
use super::brief::path_of;
use super::{Expectation, Judge};
use crate::response::Response;

/// What a schema's relative references are relative to.
pub(super) const BASE: &str = "document:///";

const REFERS: &str = "it refers to";

/// Expects that the body fits a JSON Schema: `json_schema(json!({"type": "object", "required": ["id"]}))`.
///
/// It is given as a value, as text in JSON, or [read from a file](JsonSchema::read). The draft is what `$schema` says
/// (draft 4, 6, 7, 2019-09, 2020-12), 2020-12 where it says nothing. `format` is checked. What is not a schema, or refers
/// to another document (nothing is ever fetched), is found before anything is sent.
///
/// The failure lists each violation with its path, at most ten.
///
/// # Cost
///
/// A schema is compiled when it is made, so make it once and clone it: a clone is cheap.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_http::{Http, json_schema};
///
/// let order = json_schema(json!({
///     "type": "object",
///     "required": ["id", "total"],
///     "properties": { "id": { "type": "string" }, "total": { "type": "number", "minimum": 0 } },
/// }));
/// let api = Http::at("https://shop.example");
/// let _order = api.get("/orders/7").expect(order.clone());
/// let _orders = api.get("/orders").expect(order.at("$.orders[*]"));
/// ```
pub fn json_schema(schema: impl Into<JsonSchema>) -> JsonSchema {
    schema.into()
}

/// Holds a JSON Schema, compiled: what [`json_schema`] makes. Cheap to clone.
#[derive(Clone)]
#[must_use = "a schema does nothing until it is given to a request"]
pub struct JsonSchema {
    validator: Result<Arc<Validator>, String>,
    /// Which part of the body it is about.
    at: Option<JsonPath>,
}

impl JsonSchema {
    /// Reads a schema from a file of JSON.
    ///
    /// A file that cannot be read is a mistake in the canary, which is found before anything is sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::{Http, JsonSchema};
    /// let _order = Http::at("https://shop.example").get("/orders/7").expect(JsonSchema::read("schemas/order.json"));
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().display();
        let text = std::fs::read_to_string(path.to_string()).map_err(|error| format!("cannot be read: {error}"));
        let validator = text.and_then(|text| Self::compiled_text(&text));
        Self { validator: validator.map_err(|why| format!("the schema {path} {why}")), at: None }
    }

    /// Judges a part of the body: what a JSON path (RFC 9535) selects, each by itself where it selects several.
    ///
    /// A path that selects nothing fails.
    pub fn at(mut self, path: &str) -> Self {
        match JsonPath::parse(path) {
            Ok(path) => self.at = Some(path),
            Err(error) => self.validator = self.validator.and(Err(error.to_string())),
        }
        self
    }

    fn compiled_text(text: &str) -> Result<Arc<Validator>, String> {
        serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}")).and_then(|schema| compiled(&schema))
    }
}

impl From<Value> for JsonSchema {
    fn from(schema: Value) -> Self {
        Self { validator: compiled(&schema).map_err(|why| format!("the schema {why}")), at: None }
    }
}

impl From<&str> for JsonSchema {
    fn from(text: &str) -> Self {
        Self { validator: Self::compiled_text(text).map_err(|why| format!("the schema {why}")), at: None }
    }
}

impl From<String> for JsonSchema {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<JsonSchema> for Expectation {
    fn from(schema: JsonSchema) -> Self {
        let defect = schema.validator.as_ref().err().cloned();
        Self::new(schema, defect)
    }
}

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonSchema({})", self.at.as_ref().map_or("$", JsonPath::as_str))
    }
}

fn compiled(schema: &Value) -> Result<Arc<Validator>, String> {
    let options = jsonschema::options().should_validate_formats(true).with_retriever(NothingIsFetched);
    options.with_base_uri(format!("{BASE}schema")).build(schema).map(Arc::new).map_err(|error| defect(&error))
}

/// Says why a schema cannot be compiled: which part of it is wrong.
pub(super) fn defect(error: &jsonschema::ValidationError<'_>) -> String {
    let at = error.instance_path();
    let at = if at.is_empty() { String::new() } else { format!(" at {at}") };
    format!("is no usable schema{at}: {}", with_causes(error))
}

/// Returns an error with what caused it; only our own words, where it is that nothing is fetched.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.find(REFERS).map(|at| text[at..].to_owned()).unwrap_or(text)
}

/// Refuses to fetch what a schema refers to: a check must not depend on another server, nor ask one that nobody named.
pub(super) struct NothingIsFetched;

impl Retrieve for NothingIsFetched {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let place = uri.as_str().strip_prefix(BASE).unwrap_or(uri.as_str());
        Err(format!("{REFERS} {place}, and nothing is fetched: put what is referred to into the same document").into())
    }
}

impl Judge for JsonSchema {
    fn subject(&self) -> String {
        self.at.as_ref().map_or_else(|| "JSON schema".to_owned(), |at| format!("JSON schema at {at}"))
    }

    fn judge(&self, answer: &Response) -> Result<(), Mismatch> {
        let wanted = |actual: String| Mismatch::new("fits the schema", actual);
        let validator = self.validator.as_ref().map_err(|why| wanted(why.clone()))?;
        let root = answer.value().map_err(|why| wanted(format!("a body that is not JSON: {why}")))?;
        let mut violations = Violations::default();
        match &self.at {
            None => violations.find(validator, root, "$"),
            Some(at) => {
                let pointers = at.pointers(root);
                if pointers.is_empty() {
                    let missing = check_json(root, at, &exists()).err().map(|missing| missing.actual);
                    return Err(wanted(missing.unwrap_or_else(|| format!("nothing at {at}"))));
                }
                for pointer in pointers {
                    if let Some(value) = root.pointer(&pointer) {
                        violations.find(validator, value, &path_of(root, &pointer));
                    }
                }
            }
        }
        violations.told().map_or(Ok(()), |told| Err(wanted(told)))
    }
}
