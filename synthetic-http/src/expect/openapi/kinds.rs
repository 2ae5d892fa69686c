//! Which kinds of values a schema says something about: what is no JSON is read as one of them, or cannot be judged.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::resolved;

/// Kinds of JSON values; an integer is a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) string: bool,
    pub(super) number: bool,
    pub(super) boolean: bool,
    pub(super) array: bool,
    pub(super) object: bool,
    pub(super) null: bool,
}

impl Kinds {
    /// Returns the kinds that a schema names as its `type`, or where it does not, those that its keywords are about: `minimum` is
    /// about numbers, and every text fits it. None where it says nothing of any kind, as `{}`.
    pub(super) fn of(document: &Value, schema: &Value) -> Self {
        let mut kinds = Self::default();
        kinds.add_those_of(document, schema);
        kinds
    }

    fn add_those_of(&mut self, document: &Value, schema: &Value) {
        self.look_into(document, schema, &mut Vec::new());
    }

    /// Returns whether the schema says nothing that depends on the kind of a value.
    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Returns whether it says something about values such as this one.
    pub(super) fn include(self, value: &Value) -> bool {
        match value {
            Value::Null => self.null,
            Value::Bool(_) => self.boolean,
            Value::Number(_) => self.number,
            Value::String(_) => self.string,
            Value::Array(_) => self.array,
            Value::Object(_) => self.object,
        }
    }

    /// Looks into a schema, and into those that it refers to.
    fn look_into<'d>(&mut self, document: &'d Value, schema: &'d Value, seen: &mut Vec<&'d str>) {
        let Some(members) = schema.as_object() else { return };
        if let Some(meant) = referred(document, schema, seen) {
            self.look_into(document, meant, seen);
        }
        match members.get("type") {
            Some(Value::String(kind)) => return self.add(kind),
            Some(Value::Array(kinds)) => {
                return kinds.iter().filter_map(Value::as_str).for_each(|kind| self.add(kind));
            }
            _ => {}
        }
        for (keyword, said) in members {
            match keyword.as_str() {
                "allOf" | "anyOf" | "oneOf" => {
                    for part in said.as_array().into_iter().flatten() {
                        self.look_into(document, part, seen);
                    }
                }
                "if" | "then" | "else" | "not" => self.look_into(document, said, seen),
                "enum" => said.as_array().into_iter().flatten().for_each(|value| self.add_kind_of(value)),
                "const" => self.add_kind_of(said),
                "minLength" | "maxLength" | "pattern" | "format" => self.string = true,
                "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => self.number = true,
                "items" | "prefixItems" | "contains" | "minItems" | "maxItems" | "uniqueItems" | "minContains"
                | "maxContains" | "unevaluatedItems" => self.array = true,
                "properties"
                | "patternProperties"
                | "additionalProperties"
                | "propertyNames"
                | "required"
                | "minProperties"
                | "maxProperties"
                | "dependentRequired"
                | "dependentSchemas"
                | "unevaluatedProperties" => self.object = true,
                _ => {}
            }
        }
    }

    fn add(&mut self, kind: &str) {
        match kind {
            "string" => self.string = true,
            "number" | "integer" => self.number = true,
            "boolean" => self.boolean = true,
            "array" => self.array = true,
            "object" => self.object = true,
            "null" => self.null = true,
            _ => {}
        }
    }

    fn add_kind_of(&mut self, value: &Value) {
        self.add(match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        });
    }
}

/// What a schema says of the parts of a list or an object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    /// Of the elements of a list.
    pub(super) elements: Kinds,
    properties: BTreeMap<String, Kinds>,
    /// Of properties that have no name of their own.
    others: Kinds,
}

impl Parts {
    pub(super) fn of(document: &Value, schema: &Value) -> Self {
        let mut parts = Self::default();
        parts.look_into(document, schema, &mut Vec::new());
        parts
    }

    pub(super) fn property(&self, name: &str) -> Kinds {
        self.properties.get(name).copied().unwrap_or(self.others)
    }

    /// Looks into a schema, and into those that it refers to.
    fn look_into<'d>(&mut self, document: &'d Value, schema: &'d Value, seen: &mut Vec<&'d str>) {
        let Some(members) = schema.as_object() else { return };
        if let Some(meant) = referred(document, schema, seen) {
            self.look_into(document, meant, seen);
        }
        for (keyword, said) in members {
            match keyword.as_str() {
                "allOf" | "anyOf" | "oneOf" => {
                    for part in said.as_array().into_iter().flatten() {
                        self.look_into(document, part, seen);
                    }
                }
                "items" | "contains" => self.elements.add_those_of(document, said),
                "prefixItems" => {
                    for part in said.as_array().into_iter().flatten() {
                        self.elements.add_those_of(document, part);
                    }
                }
                "properties" => {
                    for (name, part) in said.as_object().into_iter().flatten() {
                        self.properties.entry(name.clone()).or_default().add_those_of(document, part);
                    }
                }
                "patternProperties" => {
                    for part in said.as_object().into_iter().flatten().map(|(_, part)| part) {
                        self.others.add_those_of(document, part);
                    }
                }
                "additionalProperties" => self.others.add_those_of(document, said),
                _ => {}
            }
        }
    }
}

/// Returns the schema that one refers to, once each, however often: they may refer to one another. What a reference leads to that
/// cannot be followed is for the validator to tell.
fn referred<'d>(document: &'d Value, schema: &'d Value, seen: &mut Vec<&'d str>) -> Option<&'d Value> {
    let reference = schema.get("$ref").and_then(Value::as_str).filter(|one| !seen.contains(one))?;
    seen.push(reference);
    resolved(document, schema).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keywords_tell_the_kind_where_no_type_does() {
        // Each way through it would be looked into 2⁴⁰ times.
        let many = json!({"minItems": 1, "anyOf": vec![json!({"$ref": "#/components/schemas/Many"}); 40]});
        let document = json!({"components": {"schemas": {"Total": {"minimum": 0}, "Loop": {"$ref": "#/components/schemas/Loop"}, "Many": many}}});
        let none = Kinds::default();
        for (schema, wanted) in [
            (json!({}), none),
            (json!(true), none),
            (json!({"description": "anything"}), none),
            (json!({"type": "integer", "maxLength": 3}), Kinds { number: true, ..none }),
            (json!({"type": ["string", "null"]}), Kinds { string: true, null: true, ..none }),
            (json!({"minimum": 1}), Kinds { number: true, ..none }),
            (json!({"pattern": "^a"}), Kinds { string: true, ..none }),
            (json!({"enum": ["a", 1]}), Kinds { string: true, number: true, ..none }),
            (json!({"required": ["id"]}), Kinds { object: true, ..none }),
            (json!({"allOf": [{"items": {}}, {"not": {"const": true}}]}), Kinds { array: true, boolean: true, ..none }),
            (json!({"$ref": "#/components/schemas/Total"}), Kinds { number: true, ..none }),
            (json!({"$ref": "#/components/schemas/Loop"}), none),
            (json!({"$ref": "#/components/schemas/Many", "pattern": "a"}), Kinds { string: true, array: true, ..none }),
            (json!({"$ref": "#an-anchor"}), none),
        ] {
            assert_eq!(Kinds::of(&document, &schema), wanted, "{schema}");
        }
    }
}
