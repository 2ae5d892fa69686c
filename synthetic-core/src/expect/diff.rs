//! Where two JSON values differ.

use std::fmt::Write;

use serde_json::Value;

use super::{
    Show,
    json_path::push_name,
    show::shorten,
    words::{counted, kind},
};

/// How many differences are shown.
const SHOWN: usize = 5;

/// The longest text of a value in a difference, in characters.
const LONGEST: usize = 100;

/// Returns a clause on how `actual` differs from `expected`, if there is more to say than showing both.
///
/// Two objects or two arrays are compared part by part, where `same` decides; values of different kinds are named.
pub(super) fn clause(expected: &Value, actual: &Value, same: fn(&Value, &Value) -> bool) -> Option<String> {
    let containers = (expected.is_object() && actual.is_object()) || (expected.is_array() && actual.is_array());
    if !containers {
        return (kind(expected) != kind(actual) && !actual.is_null()).then(|| format!("which is {}", kind(actual)));
    }
    let mut diff = Diff { same, count: 0, text: String::new() };
    diff.compare(&mut "$".to_owned(), expected, actual);
    if diff.count == 0 {
        return None;
    }
    let mut text = format!("which differs in {}: {}", counted(diff.count, "place"), diff.text);
    if diff.count > SHOWN {
        let _ = write!(text, "; and {} more", diff.count - SHOWN);
    }
    Some(text)
}

struct Diff {
    same: fn(&Value, &Value) -> bool,
    count: usize,
    text: String,
}

impl Diff {
    fn compare(&mut self, path: &mut String, expected: &Value, actual: &Value) {
        match (expected, actual) {
            (Value::Object(expected), Value::Object(actual)) => {
                for (key, value) in expected {
                    within(path, |path| push_name(path, key), |path| self.part(path, Some(value), actual.get(key)));
                }
                for (key, value) in actual.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                    within(path, |path| push_name(path, key), |path| self.part(path, None, Some(value)));
                }
            }
            (Value::Array(expected), Value::Array(actual)) => {
                for at in 0..expected.len().max(actual.len()) {
                    let index = |path: &mut String| {
                        let _ = write!(path, "[{at}]");
                    };
                    within(path, index, |path| self.part(path, expected.get(at), actual.get(at)));
                }
            }
            _ if (self.same)(expected, actual) => {}
            _ => self.add(path, Some(expected), Some(actual)),
        }
    }

    fn part(&mut self, path: &mut String, expected: Option<&Value>, actual: Option<&Value>) {
        match (expected, actual) {
            (Some(expected), Some(actual)) => self.compare(path, expected, actual),
            _ => self.add(path, expected, actual),
        }
    }

    fn add(&mut self, path: &str, expected: Option<&Value>, actual: Option<&Value>) {
        self.count += 1;
        if self.count > SHOWN {
            return;
        }
        let shown = |value: &Value| shorten(&Show(value).to_string(), LONGEST);
        let _ = write!(
            self.text,
            "{}{path}: expected {}, actual {}",
            if self.count == 1 { "" } else { "; " },
            expected.map_or_else(|| "nothing".to_owned(), shown),
            actual.map_or_else(|| "missing".to_owned(), shown),
        );
    }
}

/// Calls `look` with the path extended by `push`, and shortens the path again.
fn within(path: &mut String, push: impl FnOnce(&mut String), look: impl FnOnce(&mut String)) {
    let length = path.len();
    push(path);
    look(path);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::number, *};

    fn check(expected: Value, actual: Value, text: &str) {
        assert_eq!(clause(&expected, &actual, number::same).unwrap_or_default(), text);
    }

    #[test]
    fn what_is_equal_has_no_differences() {
        check(json!({"a": [1]}), json!({"a": [1.0]}), "");
    }

    #[test]
    fn a_changed_part_is_named_by_its_path() {
        check(
            json!({"a": {"b": 1, "c d": [1, 2]}}),
            json!({"a": {"b": 2, "c d": [1, 3]}}),
            "which differs in 2 places: $.a.b: expected 1, actual 2; $.a['c d'][1]: expected 2, actual 3",
        );
    }

    #[test]
    fn missing_and_extra_parts_are_named() {
        check(
            json!({"a": 1, "l": [1]}),
            json!({"b": 2, "l": [1, 2]}),
            "which differs in 3 places: $.a: expected 1, actual missing; $.l[1]: expected nothing, actual 2; \
             $.b: expected nothing, actual 2",
        );
    }

    #[test]
    fn a_part_of_another_kind_is_one_difference() {
        check(
            json!([[1, 2]]),
            json!([{"a": 1}]),
            r#"which differs in 1 place: $[0]: expected [1, 2], actual {"a": 1}"#,
        );
    }

    #[test]
    fn many_differences_are_counted() {
        check(
            json!([1, 1, 1, 1, 1, 1, 1]),
            json!([]),
            "which differs in 7 places: $[0]: expected 1, actual missing; $[1]: expected 1, actual missing; \
             $[2]: expected 1, actual missing; $[3]: expected 1, actual missing; $[4]: expected 1, actual missing; \
             and 2 more",
        );
    }

    #[test]
    fn another_kind_is_named() {
        check(json!(1), json!("1"), "which is a string");
        check(json!({}), json!([]), "which is an array");
        check(json!(1), json!(null), "");
        check(json!(1), json!(2), "");
    }
}
