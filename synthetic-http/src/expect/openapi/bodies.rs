//! What the body of an answer may be: media types, and a schema for each.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::{Draft, Registry, Validator};
use serde_json::Value;

use super::super::schema::violations::Violations;
use super::super::schema::{NothingIsFetched, defect};
use super::document::{BASE, members, resolved};
use super::kinds::{Kinds, Parts};
use crate::header::media_type;
use crate::parameters;
use crate::response::Response;

/// Compiles schemas, each once.
pub(super) struct Schemas<'r> {
    registry: &'r Registry<'r>,
    compiled: HashMap<String, Arc<Validator>>,
}

/// A schema, and what it is about.
pub(super) struct Schema {
    validator: Arc<Validator>,
    pub(super) kinds: Kinds,
    pub(super) parts: Parts,
    /// It says no more of a string than that it is one.
    any_string: bool,
}

impl<'r> Schemas<'r> {
    pub(super) fn of(registry: &'r Registry<'r>) -> Self {
        Self { registry, compiled: HashMap::new() }
    }

    pub(super) fn compile(&mut self, document: &Value, schema: &Value) -> Result<Schema, String> {
        let (kinds, parts) = (Kinds::of(document, schema), Parts::of(document, schema));
        // `format: binary` is how 3.0 says that a body is bytes.
        let says_more = |keyword: &String| {
            matches!(
                keyword.as_str(),
                "minLength" | "maxLength" | "pattern" | "enum" | "const" | "allOf" | "anyOf" | "oneOf" | "not"
            )
        };
        let any_string = !resolved(document, schema)?.as_object().is_some_and(|members| members.keys().any(says_more));
        let text = schema.to_string();
        if let Some(known) = self.compiled.get(&text) {
            return Ok(Schema { validator: Arc::clone(known), kinds, parts, any_string });
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
        Ok(Schema { validator, kinds, parts, any_string })
    }
}

impl Schema {
    /// Returns what is wrong with a value.
    pub(super) fn judge(&self, value: &Value) -> Vec<String> {
        let mut violations = Violations::default();
        violations.find(&self.validator, value, "$");
        violations.lines()
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
        match std::str::from_utf8(answer.body()) {
            _ if !schema.kinds.string && !schema.kinds.is_empty() => told.push(format!(
                "body: {kind} cannot be judged by its schema, which is not that of a string: only JSON can"
            )),
            Ok(text) => told.extend(schema.judge(&Value::String(text.to_owned()))),
            Err(_) if is_text(&kind) => told.extend(schema.judge(&Value::String(answer.text().into_owned()))),
            // The bytes of a picture are a string to OpenAPI, and there is nothing to be said of one.
            Err(_) if schema.any_string => {}
            Err(_) => told.push(format!(
                "body: {kind} cannot be judged by its schema, which says more of a text than that it is one: these are bytes"
            )),
        }
    }
}

fn is_text(kind: &str) -> bool {
    let essence = media_type(kind);
    essence.starts_with("text/") || essence == "application/xml" || essence.ends_with("+xml")
}

/// Returns whether a media type, or a range of them, includes the one of an answer; its parameters count only where the
/// document has some.
fn includes(known: &str, kind: &str) -> bool {
    let ((known, mut wanted), (kind, there)) = (parameters::of(known), parameters::of(kind));
    let fits = known == "*/*"
        || known == kind
        || known.strip_suffix('*').is_some_and(|range| range.ends_with('/') && kind.starts_with(range));
    fits && wanted.all(|wanted| there.clone().any(|there| there == wanted))
}

pub(super) fn is_json(kind: &str) -> bool {
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
