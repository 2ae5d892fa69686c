//! A header of an answer, by its schema or by its `content`.

use serde_json::{Map, Value};

use super::super::cookies::sets_cookies;
use super::bodies::{Schema, Schemas, is_json};
use super::document::{members, resolved};
use super::kinds::{Kinds, Parts};
use crate::response::Response;

/// What a document says of one header.
pub(super) struct Header {
    pub(super) name: String,
    required: bool,
    written: Written,
}

/// How its value is to be read.
enum Written {
    Anyhow,
    /// In the style `simple` (3.0.3 and 3.1.0, "Header Object" and "Style Values").
    Simply {
        schema: Schema,
        /// An object is `a=1,b=2` instead of `a,1,b,2`.
        explode: bool,
    },
    /// As a body of a type.
    As(String, Option<Schema>),
}

impl Header {
    pub(super) fn compile(
        document: &Value,
        name: &str,
        header: &Value,
        schemas: &mut Schemas<'_>,
    ) -> Result<Self, String> {
        let header = resolved(document, header)?;
        let is = |flag: &str| header.get(flag) == Some(&Value::Bool(true));
        let content = members(header, "content").next();
        let written = match (header.get("schema"), content) {
            (Some(schema), _) => Written::Simply { schema: schemas.compile(document, schema)?, explode: is("explode") },
            (None, Some((kind, media))) => {
                let schema = media.get("schema").map(|schema| schemas.compile(document, schema)).transpose()?;
                Written::As(kind.to_ascii_lowercase(), schema)
            }
            (None, None) => Written::Anyhow,
        };
        Ok(Self { name: name.to_owned(), required: is("required"), written })
    }

    /// Adds what is wrong with it.
    pub(super) fn judge(&self, answer: &Response, told: &mut Vec<String>) {
        let name = &self.name;
        let values: Vec<&str> = answer.header_all(name).collect();
        if values.is_empty() {
            if self.required {
                told.push(format!("header {name}: expected there, as it is required; actual missing"));
            }
            return;
        }
        let lines = self.written.judge(&values.join(", "));
        if !lines.is_empty() && sets_cookies(name) {
            told.push(format!("header {name}: it is not as its schema says, and its values are not shown"));
            return;
        }
        told.extend(lines.into_iter().map(|line| format!("header {name}: {}", line.trim_start_matches("$: "))));
    }
}

impl Written {
    fn judge(&self, text: &str) -> Vec<String> {
        match self {
            Self::Anyhow | Self::As(_, None) => Vec::new(),
            Self::Simply { schema, explode } => judge_simple(schema, text.trim(), *explode),
            Self::As(kind, Some(schema)) if is_json(kind) => match serde_json::from_str(text) {
                Ok(value) => schema.judge(&value),
                Err(why) => vec![format!("expected JSON, as its content is {kind}; actual none: {why}")],
            },
            Self::As(_, Some(schema)) if schema.kinds.string || schema.kinds.is_empty() => {
                schema.judge(&Value::String(text.to_owned()))
            }
            Self::As(kind, Some(_)) => {
                vec![format!("{kind} cannot be judged by its schema, which is not that of a string: only JSON can")]
            }
        }
    }
}

/// Says what is wrong with a text that is one of the kinds which the schema is about; where it is about none, it is a string.
fn judge_simple(schema: &Schema, text: &str, explode: bool) -> Vec<String> {
    let as_text = Value::String(text.to_owned());
    if schema.kinds.is_empty() {
        return schema.judge(&as_text);
    }
    let elements = |read: fn(Kinds, &str) -> Value| {
        text.split(',').map(|part| read(schema.parts.elements, part.trim())).collect::<Value>()
    };
    let readings = [
        Some(scalar(text)),
        Some(as_text.clone()),
        Some(elements(fitting)),
        // What may be both is tried as both.
        Some(schema.parts.elements)
            .filter(|kinds| kinds.string)
            .map(|_| elements(|_, part| Value::String(part.to_owned()))),
        object(text, explode, &schema.parts),
    ];
    let readings = readings.into_iter().flatten().filter(|reading| schema.kinds.include(reading));
    let mut judged = readings.map(|reading| schema.judge(&reading));
    let Some(mut best) = judged.next() else {
        let lines = schema.judge(&as_text);
        // A schema that names no type has nothing against what it is not about.
        let unjudged = || vec![format!("{text:?} cannot be judged by its schema, which is not about such values")];
        return if lines.is_empty() { unjudged() } else { lines };
    };
    for other in judged {
        if other.is_empty() {
            return other;
        }
        // Of what fits none, the reading that is the nearest says why.
        if other.len() < best.len() {
            best = other;
        }
    }
    best
}

/// Reads a number, a truth value or nothing at all as such, and everything else as a text.
fn scalar(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => value,
        _ => Value::String(text.to_owned()),
    }
}

/// Reads what a schema is about: a number where it is about numbers, and otherwise a text.
fn fitting(kinds: Kinds, text: &str) -> Value {
    Some(scalar(text)).filter(|scalar| kinds.include(scalar)).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Reads an object, if it is one.
fn object(text: &str, explode: bool, properties: &Parts) -> Option<Value> {
    let mut parts = text.split(',').map(str::trim);
    let mut object = Map::new();
    while let Some(part) = parts.next() {
        let (name, value) = if explode { part.split_once('=')? } else { (part, parts.next()?) };
        let name = name.trim();
        object.insert(name.to_owned(), fitting(properties.property(name), value.trim()));
    }
    Some(Value::Object(object))
}
