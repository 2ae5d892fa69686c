//! Reading what the browser sends without insisting on it: a field that a newer browser leaves out is empty, not an error.

use serde_json::Value;

pub(super) trait Fields {
    /// The text of a field, or an empty one.
    fn text(&self, name: &str) -> &str;

    /// The number of a field, or 0.
    fn number(&self, name: &str) -> f64;

    /// The whole number of a field that holds one from 0 on, or 0.
    fn count(&self, name: &str) -> u64;

    /// Whether a field is `true`.
    fn holds(&self, name: &str) -> bool;

    /// The items of a field that is a list, or none.
    fn items(&self, name: &str) -> &[Value];
}

impl Fields for Value {
    fn text(&self, name: &str) -> &str {
        self[name].as_str().unwrap_or_default()
    }

    fn number(&self, name: &str) -> f64 {
        self[name].as_f64().unwrap_or_default()
    }

    fn count(&self, name: &str) -> u64 {
        let field = &self[name];
        // Browsers write whole numbers as they like: 17 or 17.0.
        field.as_u64().unwrap_or_else(|| field.as_f64().unwrap_or_default() as u64)
    }

    fn holds(&self, name: &str) -> bool {
        self[name].as_bool().unwrap_or_default()
    }

    fn items(&self, name: &str) -> &[Value] {
        self[name].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}
