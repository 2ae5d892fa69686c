//! An OpenAPI document as a value: reading it, and following its references.

use serde_json::Value;

/// What the document is called where its schemas refer to it.
pub(super) const BASE: &str = "document:///openapi";

/// How many references may lead to one another.
const REFERENCES: usize = 32;

/// Reads a document, JSON or YAML.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"));
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let error = error.to_string();
        let line = error.lines().next().unwrap_or_default();
        format!("is no YAML: {}", line.strip_prefix("error: ").unwrap_or(line))
    })
}

/// Returns what the API is called.
pub(super) fn title(document: &Value) -> Option<&str> {
    document.pointer("/info/title")?.as_str()
}

/// Returns whether a document is of OpenAPI 3.0, whose schemas are a dialect of their own.
pub(super) fn is_3_0(document: &Value) -> Result<bool, String> {
    let version = document.get("openapi").and_then(Value::as_str);
    match version {
        Some(version) if version == "3.0" || version.starts_with("3.0.") => Ok(true),
        Some(version) if version == "3.1" || version.starts_with("3.1.") => Ok(false),
        Some(other) => Err(format!("is OpenAPI {other}, and 3.0 and 3.1 are understood")),
        None if document.get("swagger").is_some() => {
            Err("is Swagger 2, and OpenAPI 3.0 and 3.1 are understood: convert it".to_owned())
        }
        None => Err("has no field `openapi`: is it an OpenAPI document?".to_owned()),
    }
}

/// Returns what a value refers to with `$ref`, or the value itself.
pub(super) fn resolved<'d>(document: &'d Value, value: &'d Value) -> Result<&'d Value, String> {
    let mut value = value;
    for _ in 0..REFERENCES {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok(value) };
        let Some(pointer) = reference.strip_prefix(BASE).unwrap_or(reference).strip_prefix('#') else {
            return Err(format!("it refers to {reference}, and nothing is fetched: bundle the document into one file"));
        };
        let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
        value = document.pointer(&pointer).ok_or_else(|| format!("it refers to #{pointer}, which is not there"))?;
    }
    Err(format!("more than {REFERENCES} references lead to one another"))
}

/// Returns the members of an object, none where there is none.
pub(super) fn members<'d>(value: &'d Value, name: &str) -> impl Iterator<Item = (&'d String, &'d Value)> + use<'d> {
    value.get(name).and_then(Value::as_object).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_and_json_are_the_same_document() {
        let yaml = "openapi: 3.0.3\npaths:\n  /a:\n    get:\n      responses:\n        200:\n          description: \"no\"\n        default: {}\n";
        let json = r#"{"openapi": "3.0.3", "paths": {"/a": {"get": {"responses": {"200": {"description": "no"}, "default": {}}}}}}"#;
        assert_eq!(parse(yaml), parse(json));
        assert!(parse(yaml).is_ok());
    }

    #[test]
    fn what_is_no_document_says_why() {
        assert!(parse("{").unwrap_err().starts_with("is no JSON: EOF"));
        assert!(parse("a: [1").unwrap_err().starts_with("is no YAML: "));
        assert_eq!(is_3_0(&json!({"openapi": "4.0"})).unwrap_err(), "is OpenAPI 4.0, and 3.0 and 3.1 are understood");
        assert!(is_3_0(&json!({"swagger": "2.0"})).unwrap_err().starts_with("is Swagger 2"));
        assert!(is_3_0(&json!("a text")).unwrap_err().starts_with("has no field"));
    }

    #[test]
    fn references_are_followed_within_the_document() {
        let document = json!({"a/b": {"$ref": "#/c%20d"}, "c d": {"$ref": "#/e"}, "e": 1, "loop": {"$ref": "#/loop"}});
        let of = |reference: &str| {
            let start = json!({ "$ref": reference });
            resolved(&document, &start).cloned()
        };
        assert_eq!(of("#/a~1b"), Ok(json!(1)));
        assert_eq!(of("#/x").unwrap_err(), "it refers to #/x, which is not there");
        assert!(of("#/loop").unwrap_err().contains("lead to one another"));
        assert!(of("other.yaml#/a").unwrap_err().contains("bundle the document"));
    }
}
