//! Makes the schemas of an OpenAPI document ones of JSON Schema 2020-12, as an answer has to fit them.

use serde_json::{Map, Value, json};

use super::document::{BASE, resolved};

/// How deep schemas that refer to one another are looked into for properties.
const DEPTH: usize = 32;

/// What is done to the schemas of a document.
pub(super) struct Dialect<'d> {
    /// The document as it was written.
    pub(super) document: &'d Value,
    pub(super) is_3_0: bool,
    pub(super) strict: bool,
}

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It alone judges a part of the body, with all that it is made of.
    Alone,
    /// It is one of several that judge the same part, or is referred to by one that does.
    Beside,
    /// What fits it is not valid, so that making it stricter would make the whole looser.
    Negated,
}

impl Dialect<'_> {
    /// Returns the document with its schemas changed.
    ///
    /// - `required` does not ask an answer for what is `writeOnly` (3.0.3, "Schema Object")
    /// - of 3.0: `nullable` allows null, a Boolean `exclusiveMinimum` and `exclusiveMaximum` is the number they are now, and
    ///   what stands beside a `$ref` does not count
    /// - a reference into the document names the document
    /// - strict: a part whose schema lists properties has no others
    pub(super) fn translated(&self) -> Value {
        let mut document = self.document.clone();
        self.document(&mut document);
        document
    }

    /// Looks for schemas: they are what `schema` holds, and what is in `components.schemas`.
    fn document(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    match (name.as_str(), member) {
                        ("schema", schema) => self.schema(schema, Stands::Alone),
                        ("schemas", Value::Object(schemas)) => {
                            schemas.values_mut().for_each(|schema| self.schema(schema, Stands::Beside));
                        }
                        // What is shown as an example is a body, and what looks like a schema in it is none.
                        ("example" | "examples" | "requestBody" | "requestBodies", _) => {}
                        (_, member) => self.document(member),
                    }
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.document(element)),
            _ => {}
        }
    }

    fn schema(&self, schema: &mut Value, stands: Stands) {
        let closed = self.strict && stands == Stands::Alone && self.is_to_be_closed(schema);
        let Value::Object(keywords) = schema else { return };
        if self.is_3_0 && keywords.contains_key("$ref") {
            keywords.retain(|name, _| name == "$ref");
        }
        // Each schema is compiled by itself, and what it refers to is in the document.
        if let Some(Value::String(reference)) = keywords.get_mut("$ref")
            && reference.starts_with('#')
        {
            reference.insert_str(0, BASE);
        }
        self.forgive_write_only(keywords);
        let inner = if stands == Stands::Negated { Stands::Negated } else { Stands::Alone };
        let beside = if stands == Stands::Negated { Stands::Negated } else { Stands::Beside };
        for (name, keyword) in keywords.iter_mut() {
            match (name.as_str(), keyword) {
                (
                    "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "definitions",
                    Value::Object(schemas),
                ) => {
                    let stand = if name.ends_with("roperties") { inner } else { beside };
                    schemas.values_mut().for_each(|schema| self.schema(schema, stand));
                }
                ("items" | "additionalProperties" | "unevaluatedProperties" | "unevaluatedItems", schema) => {
                    self.schema(schema, inner);
                }
                ("prefixItems", Value::Array(schemas)) => {
                    schemas.iter_mut().for_each(|schema| self.schema(schema, inner));
                }
                ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                    schemas.iter_mut().for_each(|schema| self.schema(schema, beside));
                }
                ("then" | "else", schema) => self.schema(schema, beside),
                ("not" | "if" | "contains" | "propertyNames", schema) => self.schema(schema, Stands::Negated),
                _ => {}
            }
        }
        if self.is_3_0 {
            exclusive(keywords, "exclusiveMinimum", "minimum");
            exclusive(keywords, "exclusiveMaximum", "maximum");
        }
        if closed {
            keywords.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
        }
        if self.is_3_0 && keywords.remove("nullable") == Some(Value::Bool(true)) {
            nullable(schema);
        }
    }

    /// Takes out of `required` what only requests have; strictly, an answer must not have it.
    fn forgive_write_only(&self, keywords: &mut Map<String, Value>) {
        let is_write_only = |schema: &Value| {
            let of = |schema: &Value| schema.get("writeOnly") == Some(&Value::Bool(true));
            of(schema) || resolved(self.document, schema).is_ok_and(of)
        };
        let Some(Value::Object(properties)) = keywords.get_mut("properties") else { return };
        let write_only: Vec<String> =
            properties.iter().filter(|(_, schema)| is_write_only(schema)).map(|(name, _)| name.clone()).collect();
        if self.strict {
            for name in &write_only {
                properties.insert(name.clone(), Value::Bool(false));
            }
        }
        if let Some(Value::Array(required)) = keywords.get_mut("required") {
            required.retain(|name| !write_only.iter().any(|other| name == other));
        }
    }

    /// Returns whether a schema lists properties, itself or through what it is made of, and leaves open whether there may be
    /// others.
    fn is_to_be_closed(&self, schema: &Value) -> bool {
        let says = |name| schema.get(name).is_some();
        !says("additionalProperties") && !says("unevaluatedProperties") && self.lists_properties(schema, DEPTH)
    }

    fn lists_properties(&self, schema: &Value, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let members = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|name| schema.get(name)?.as_array()).flatten();
        schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
            || members.into_iter().any(|member| self.lists_properties(member, depth))
            || (schema.get("$ref").is_some()
                && resolved(self.document, schema).is_ok_and(|schema| self.lists_properties(schema, depth)))
    }
}

/// Makes of `{"minimum": 3, "exclusiveMinimum": true}` what 2020-12 has for it.
fn exclusive(keywords: &mut Map<String, Value>, exclusive: &str, limit: &str) {
    let Some(Value::Bool(is_exclusive)) = keywords.get(exclusive) else { return };
    if !is_exclusive {
        keywords.remove(exclusive);
    } else if let Some(limit) = keywords.remove(limit) {
        keywords.insert(exclusive.to_owned(), limit);
    } else {
        keywords.remove(exclusive);
    }
}

/// Allows null besides: also where an `enum` does not list it, or a part of an `allOf` excludes it. Documents are written
/// that way, whatever the letter of 3.0.3 says.
fn nullable(schema: &mut Value) {
    let plain = schema.as_object_mut().filter(|keywords| {
        keywords.contains_key("type") && !["allOf", "anyOf", "oneOf", "not"].iter().any(|name| keywords.contains_key(*name))
    });
    let Some(keywords) = plain else {
        *schema = json!({ "anyOf": [schema.take(), { "type": "null" }] });
        return;
    };
    if let Some(kind) = keywords.get_mut("type").filter(|kind| kind.is_string()) {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(Value::Array(options)) = keywords.get_mut("enum")
        && !options.contains(&Value::Null)
    {
        options.push(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is_3_0: bool, strict: bool, schema: Value, wanted: Value) {
        let with = |schema| {
            json!({ "components": { "schemas": { "Pet": { "properties": { "name": {} } }, "Free": { "type": "object" } } },
                    "schema": schema })
        };
        let document = with(schema);
        let translated = Dialect { document: &document, is_3_0, strict }.translated();
        assert_eq!(translated["schema"], wanted);
    }

    #[test]
    fn nullable_of_3_0_allows_null() {
        check(true, false, json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]}));
        check(true, false, json!({"type": "string", "nullable": false}), json!({"type": "string"}));
        check(
            true,
            false,
            json!({"properties": {"a": {"type": "string", "enum": ["x"], "nullable": true}}}),
            json!({"properties": {"a": {"type": ["string", "null"], "enum": ["x", null]}}}),
        );
        check(
            true,
            false,
            json!({"allOf": [{"type": "object"}], "nullable": true}),
            json!({"anyOf": [{"allOf": [{"type": "object"}]}, {"type": "null"}]}),
        );
    }

    #[test]
    fn nullable_means_nothing_in_3_1() {
        check(false, false, json!({"type": "string", "nullable": true}), json!({"type": "string", "nullable": true}));
    }

    #[test]
    fn exclusive_limits_of_3_0_become_numbers() {
        check(
            true,
            false,
            json!({"minimum": 1, "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false}),
            json!({"exclusiveMinimum": 1, "maximum": 9}),
        );
    }

    #[test]
    fn what_stands_beside_a_reference_counts_only_in_3_1() {
        let schema = json!({"$ref": "#/components/schemas/Pet", "minProperties": 1});
        check(true, false, schema.clone(), json!({"$ref": "urn:openapi#/components/schemas/Pet"}));
        check(false, false, schema, json!({"$ref": "urn:openapi#/components/schemas/Pet", "minProperties": 1}));
    }

    #[test]
    fn what_is_write_only_is_not_required() {
        let schema = json!({"properties": {"a": {"writeOnly": true}, "b": {}}, "required": ["a", "b"]});
        check(
            false,
            false,
            schema,
            json!({"properties": {"a": {"writeOnly": true}, "b": {}}, "required": ["b"]}),
        );
    }

    #[test]
    fn strict_closes_each_part_as_a_whole() {
        let schema = json!({
            "allOf": [{"$ref": "#/components/schemas/Pet"}, {"properties": {"tag": {"properties": {"x": {}}}}}],
        });
        let closed = json!({
            "allOf": [
                {"$ref": "urn:openapi#/components/schemas/Pet"},
                {"properties": {"tag": {"properties": {"x": {}}, "unevaluatedProperties": false}}},
            ],
            "unevaluatedProperties": false,
        });
        check(true, true, schema, closed);
    }

    #[test]
    fn strict_leaves_open_what_is_meant_to_be() {
        for open in [
            json!({"type": "object"}),
            json!({"properties": {"a": {}}, "additionalProperties": true}),
            json!({"not": {"properties": {"a": {}}}}),
        ] {
            check(true, true, open.clone(), open);
        }
        let free = |base| json!({ "$ref": format!("{base}#/components/schemas/Free") });
        check(true, true, free(""), free(BASE));
    }
}
