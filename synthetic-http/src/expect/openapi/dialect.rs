//! Makes the schemas of an OpenAPI document ones of JSON Schema 2020-12, as an answer has to fit them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::document::{BASE, members, resolved};

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
        let closed = if self.strict && stands == Stands::Alone { self.all_it_may_have(schema) } else { None };
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
        if let Some(names) = closed {
            // Not `unevaluatedProperties`: of an `allOf` with something wrong in it, that says that all of it is too much.
            keywords.entry("propertyNames").or_insert_with(|| json!({ "enum": names }));
        }
        if self.is_3_0 && keywords.remove("nullable") == Some(Value::Bool(true)) {
            nullable(schema);
        }
    }

    /// Takes out of `required` what only requests have.
    fn forgive_write_only(&self, keywords: &mut Map<String, Value>) {
        let Some(Value::Object(properties)) = keywords.get("properties") else { return };
        let is_asked_for = |name: &Value| {
            let property = name.as_str().and_then(|name| properties.get(name));
            !property.is_some_and(|schema| self.is_write_only(schema))
        };
        let Some(Value::Array(required)) = keywords.get("required") else { return };
        let required = required.iter().filter(|name| is_asked_for(name)).cloned().collect();
        keywords.insert("required".to_owned(), required);
    }

    fn is_write_only(&self, schema: &Value) -> bool {
        let of = |schema: &Value| schema.get("writeOnly") == Some(&Value::Bool(true));
        of(schema) || resolved(self.document, schema).is_ok_and(of)
    }

    /// Returns the properties that a schema lists for answers, itself and through what it is made of; `None` where it lists
    /// none, or leaves open whether there may be others.
    fn all_it_may_have(&self, schema: &Value) -> Option<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        let closed = self.collect(schema, &mut names, DEPTH);
        (closed && !names.is_empty()).then_some(names)
    }

    /// Adds the names of properties, and returns whether there are no others.
    fn collect(&self, schema: &Value, names: &mut BTreeSet<String>, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let is_open = |name| schema.get(name).is_some_and(|schema| schema != false);
        if ["additionalProperties", "unevaluatedProperties", "patternProperties"].into_iter().any(is_open) {
            return false;
        }
        let properties = members(schema, "properties").filter(|(_, schema)| !self.is_write_only(schema));
        names.extend(properties.map(|(name, _)| name.clone()));
        let parts = ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|name| schema.get(name)?.as_array()).flatten();
        let mut parts = parts.chain(["then", "else"].into_iter().filter_map(|name| schema.get(name)));
        let all_are_closed = parts.all(|part| self.collect(part, names, depth));
        let referred = schema.get("$ref").map(|_| resolved(self.document, schema));
        all_are_closed && referred.is_none_or(|schema| schema.is_ok_and(|schema| self.collect(schema, names, depth)))
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
        keywords.contains_key("type")
            && !["allOf", "anyOf", "oneOf", "not"].iter().any(|name| keywords.contains_key(*name))
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
        check(true, false, schema.clone(), json!({"$ref": "document:///openapi#/components/schemas/Pet"}));
        check(false, false, schema, json!({"$ref": "document:///openapi#/components/schemas/Pet", "minProperties": 1}));
    }

    #[test]
    fn what_is_write_only_is_not_required() {
        let schema = json!({"properties": {"a": {"writeOnly": true}, "b": {}}, "required": ["a", "b"]});
        check(false, false, schema, json!({"properties": {"a": {"writeOnly": true}, "b": {}}, "required": ["b"]}));
    }

    #[test]
    fn strict_closes_each_part_as_a_whole() {
        let schema = json!({
            "allOf": [{"$ref": "#/components/schemas/Pet"}, {"properties": {"tag": {"properties": {"x": {}}}}}],
        });
        let closed = json!({
            "allOf": [
                {"$ref": "document:///openapi#/components/schemas/Pet"},
                {"properties": {"tag": {"properties": {"x": {}}, "propertyNames": {"enum": ["x"]}}}},
            ],
            "propertyNames": {"enum": ["name", "tag"]},
        });
        check(true, true, schema, closed);
    }

    #[test]
    fn strict_leaves_open_what_is_meant_to_be() {
        for open in [
            json!({"type": "object"}),
            json!({"properties": {"a": {}}, "additionalProperties": true}),
            json!({"properties": {"a": {}}, "allOf": [{"patternProperties": {"^x-": {}}}]}),
            json!({"not": {"properties": {"a": {}}}}),
        ] {
            check(true, true, open.clone(), open);
        }
        let free = |base| json!({ "$ref": format!("{base}#/components/schemas/Free") });
        check(true, true, free(""), free(BASE));
    }
}
