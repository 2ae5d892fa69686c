//! What the body of an answer may be: media types, and a schema for each.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, Registry, Validator};
use serde_json::Value;

use super::super::schema::violations::Violations;
use super::super::schema::{NothingIsFetched, defect};
use super::document::{BASE, members, resolved};
use crate::header::media_type;
use crate::response::Response;

/// Compiles schemas, each once.
pub(super) struct Schemas<'r> {
    registry: &'r Registry<'r>,
    compiled: HashMap<String, Arc<Validator>>,
}

/// A schema, and what it says of the type of its values.
pub(super) struct Schema {
    validator: Arc<Validator>,
    /// Empty where it says nothing.
    types: Vec<String>,
}

impl<'r> Schemas<'r> {
    pub(super) fn of(registry: &'r Registry<'r>) -> Self {
        Self { registry, compiled: HashMap::new() }
    }

    pub(super) fn compile(&mut self, document: &Value, schema: &Value) -> Result<Schema, String> {
        let types = match resolved(document, schema)?.get("type") {
            Some(Value::String(kind)) => vec![kind.clone()],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let text = schema.to_string();
        if let Some(known) = self.compiled.get(&text) {
            return Ok(Schema { validator: Arc::clone(known), types });
        }
        let options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(self.registry)
            .with_base_uri(format!("{BASE}-schema"))
            .with_retriever(NothingIsFetched)
            .should_validate_formats(true);
        let validator = options.build(schema).map_err(|error| format!("its schema {}", defect(&error)))?;
        let validator = Arc::new(validator);
        self.compiled.insert(text, Arc::clone(&validator));
        Ok(Schema { validator, types })
    }
}

impl Schema {
    /// Returns what is wrong with a value.
    fn judge(&self, value: &Value) -> Vec<String> {
        let mut violations = Violations::default();
        violations.find(&self.validator, value, "$");
        violations.lines()
    }

    /// Returns what is wrong with a text that has no type of its own: a header. It is taken as whatever fits.
    pub(super) fn judge_text(&self, text: &str) -> Vec<String> {
        let read = |text: &str| match serde_json::from_str(text.trim()) {
            Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
            _ => Value::String(text.trim().to_owned()),
        };
        let texts = || text.split(',').map(|part| Value::String(part.trim().to_owned())).collect();
        let readings = [read(text), Value::String(text.to_owned()), texts(), text.split(',').map(read).collect()];
        if readings.iter().any(|reading| self.validator.is_valid(reading)) {
            return Vec::new();
        }
        let is_of_type = |reading: &&Value| {
            !self.validator.iter_errors(reading).any(|error| {
                matches!(error.kind(), ValidationErrorKind::Type { .. }) && error.instance_path().is_empty()
            })
        };
        self.judge(readings.iter().find(is_of_type).unwrap_or(&readings[1]))
    }
}

/// The bodies that an answer may have, the more exact media types first.
pub(super) struct Bodies(Vec<(String, Option<Schema>)>);

impl Bodies {
    pub(super) fn compile(document: &Value, answer: &Value, schemas: &mut Schemas<'_>) -> Result<Self, String> {
        let mut bodies = Vec::new();
        for (kind, media) in members(answer, "content") {
            let schema = media.get("schema").map(|schema| schemas.compile(document, schema)).transpose();
            bodies.push((kind.to_ascii_lowercase(), schema.map_err(|why| format!("its {kind}: {why}"))?));
        }
        // "The most specific key applies": a type with parameters, a type, a range, everything.
        let rank = |kind: &str| (kind.starts_with("*/"), kind.ends_with("/*"), !kind.contains(';'));
        bodies.sort_by_key(|(kind, _): &(String, _)| rank(kind));
        Ok(Self(bodies))
    }

    /// Adds what is wrong with the body of an answer.
    pub(super) fn judge(&self, method: &str, answer: &Response, told: &mut Vec<String>) {
        // Those have no body, whatever is known of one (RFC 9110, section 6.4.1).
        if method == "HEAD" || matches!(answer.status(), 204 | 304) {
            return;
        }
        let known = || self.0.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>().join(", ");
        let kind = answer.header("content-type").map(str::to_ascii_lowercase);
        let (empty, none_known) = (answer.body().is_empty(), self.0.is_empty());
        let kind = match kind {
            _ if empty && none_known => return,
            _ if empty => return told.push(format!("body: expected {}, actual an empty body", known())),
            None if none_known => return told.push("body: expected none, actual one without content-type".to_owned()),
            Some(kind) if none_known => return told.push(format!("body: expected none, actual {kind}")),
            None => return told.push(format!("content-type: expected {}, actual none", known())),
            Some(kind) => kind,
        };
        let Some((_, schema)) = self.0.iter().find(|(known, _)| includes(known, &kind)) else {
            return told.push(format!("content-type: expected {}, actual {kind}", known()));
        };
        let Some(schema) = schema else { return };
        if is_json(&kind) {
            match answer.value() {
                Ok(value) => told.extend(schema.judge(value)),
                Err(why) => {
                    told.push(format!("body: expected JSON, as its content-type is {kind}; actual none: {why}"))
                }
            }
            return;
        }
        let text = || Value::String(answer.text().into_owned());
        match schema.types.iter().any(|kind| kind == "string") {
            // The bytes of a picture are a string to OpenAPI, and there is nothing to be said of one.
            true if !kind.starts_with("text/") => {}
            true => told.extend(schema.judge(&text())),
            false if schema.types.is_empty() && schema.validator.is_valid(&text()) => {}
            false => told.push(format!(
                "body: {kind} cannot be judged by its schema, which is not that of a string: only JSON can"
            )),
        }
    }
}

/// Returns whether a media type, or a range of them, includes the one of an answer; its parameters count only where the
/// document has some.
fn includes(known: &str, kind: &str) -> bool {
    let parts = |text: &str| -> (String, Vec<String>) {
        let mut parts = text.split(';').map(|part| part.trim().replace('"', ""));
        (parts.next().unwrap_or_default(), parts.collect())
    };
    let ((known, wanted), (kind, there)) = (parts(known), parts(kind));
    let fits = known == "*/*"
        || known == kind
        || known.strip_suffix('*').is_some_and(|range| range.ends_with('/') && kind.starts_with(range));
    fits && wanted.iter().all(|parameter| there.contains(parameter))
}

fn is_json(kind: &str) -> bool {
    let essence = media_type(kind);
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_and_ranges_include() {
        for (known, kind, wanted) in [
            ("application/json", "application/json", true),
            ("application/json", "application/json; charset=utf-8", true),
            ("application/json; charset=utf-8", "application/json;charset=\"utf-8\"", true),
            ("application/json; charset=utf-8", "application/json", false),
            ("application/*", "application/problem+json", true),
            ("*/*", "text/html", true),
            ("text/*", "application/json", false),
            ("application/json", "application/problem+json", false),
        ] {
            assert_eq!(includes(known, kind), wanted, "{known} {kind}");
        }
    }

    #[test]
    fn json_is_known_by_its_type() {
        for (kind, wanted) in [
            ("application/json; charset=utf-8", true),
            ("application/problem+json", true),
            ("application/jsonl", false),
            ("text/html", false),
        ] {
            assert_eq!(is_json(kind), wanted, "{kind}");
        }
    }
}
