//! Where two JSON values differ, path by path, where the order of some arrays does not count.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write;

use serde_json::{Number, Value};
use synthetic_core::expect::{JsonPath, push_name};

use super::super::brief::{brief, listed, push_index};

/// How many differences are shown.
const SHOWN: usize = 20;

/// Collects differences.
pub(super) struct Differences {
    /// The arrays, in either value, whose order does not count, by their address in it.
    any_order: HashSet<*const Value>,
    lines: Vec<String>,
    count: usize,
}

impl Differences {
    /// Returns how a value differs from the one that is expected, if it does.
    pub(super) fn between(expected: &Value, actual: &Value, any_order: &[JsonPath]) -> Option<String> {
        let of = |root| any_order.iter().flat_map(move |path| path.find(root).nodes().to_vec()).map(std::ptr::from_ref);
        let mut found = Self { any_order: of(expected).chain(of(actual)).collect(), lines: Vec::new(), count: 0 };
        found.compare(&mut "$".to_owned(), expected, actual);
        (found.count > 0).then(|| listed(&found.lines, SHOWN, found.count, "difference"))
    }

    fn compare(&mut self, path: &mut String, expected: &Value, actual: &Value) {
        match (expected, actual) {
            (Value::Object(wanted), Value::Object(there)) => {
                for (name, value) in wanted {
                    self.within(path, |path| push_name(path, name), Some(value), there.get(name));
                }
                for (name, value) in there.iter().filter(|(name, _)| !wanted.contains_key(*name)) {
                    self.within(path, |path| push_name(path, name), None, Some(value));
                }
            }
            (Value::Array(wanted), Value::Array(there)) if self.is_unordered(expected) || self.is_unordered(actual) => {
                self.compare_unordered(path, wanted, there);
            }
            (Value::Array(wanted), Value::Array(there)) => {
                for at in 0..wanted.len().max(there.len()) {
                    self.within(path, |path| push_index(path, at), wanted.get(at), there.get(at));
                }
            }
            (Value::Number(wanted), Value::Number(there)) if canonical_number(wanted) == canonical_number(there) => {}
            _ if expected == actual => {}
            _ => self.add(format!("{path}: expected {}, actual {}", brief(expected), brief(actual))),
        }
    }

    /// Compares two arrays as bags; the one that is missing and the one that is too much are one that changed.
    fn compare_unordered(&mut self, path: &mut String, wanted: &[Value], there: &[Value]) {
        let mut left: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (at, value) in there.iter().enumerate() {
            left.entry(self.key(value)).or_default().push_back(at);
        }
        let missing: Vec<&Value> = wanted
            .iter()
            .filter(|value| left.get_mut(&self.key(value)).and_then(VecDeque::pop_front).is_none())
            .collect();
        let mut extra: Vec<usize> = left.into_values().flatten().collect();
        extra.sort_unstable();
        if let ([expected], [at]) = (missing.as_slice(), extra.as_slice()) {
            return self.within(path, |path| push_index(path, *at), Some(expected), Some(&there[*at]));
        }
        for value in missing {
            self.add(format!("{path}: expected an element {}, actual no such one", brief(value)));
        }
        for at in extra {
            self.add(format!("{path}[{at}]: expected no such element, actual {}", brief(&there[at])));
        }
    }

    fn within(
        &mut self,
        path: &mut String,
        push: impl FnOnce(&mut String),
        expected: Option<&Value>,
        actual: Option<&Value>,
    ) {
        let length = path.len();
        push(path);
        match (expected, actual) {
            (Some(expected), Some(actual)) => self.compare(path, expected, actual),
            (Some(expected), None) => self.add(format!("{path}: expected {}, actual missing", brief(expected))),
            (None, Some(actual)) => self.add(format!("{path}: expected nothing, actual {}", brief(actual))),
            (None, None) => {}
        }
        path.truncate(length);
    }

    fn add(&mut self, line: String) {
        self.count += 1;
        if self.lines.len() < SHOWN {
            self.lines.push(line);
        }
    }

    fn is_unordered(&self, array: &Value) -> bool {
        self.any_order.contains(&std::ptr::from_ref(array))
    }

    /// Returns a text that two values share when they are equal, the order of some arrays left aside.
    fn key(&self, value: &Value) -> String {
        match value {
            Value::Array(array) => {
                let mut keys: Vec<String> = array.iter().map(|value| self.key(value)).collect();
                if self.is_unordered(value) {
                    keys.sort_unstable();
                }
                format!("[{}]", keys.join(","))
            }
            Value::Object(object) => {
                let mut names: Vec<&String> = object.keys().collect();
                names.sort_unstable();
                let mut key = String::from("{");
                for name in names {
                    let _ = write!(key, "{name:?}:{},", self.key(&object[name]));
                }
                key + "}"
            }
            Value::Number(number) => canonical_number(number),
            other => other.to_string(),
        }
    }
}

/// Returns how a number is written by its value: `200` for `200.0`, too.
fn canonical_number(number: &Number) -> String {
    // Added to zero, the negative one is zero too. Beyond 2^53 not every whole number is a float, and what is said to be one may be another.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() < EXACT => format!("{:.0}", value + 0.0),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(expected: Value, actual: Value, any_order: &[&str], told: &str) {
        let any_order: Vec<JsonPath> = any_order.iter().map(|path| JsonPath::parse(path).unwrap()).collect();
        assert_eq!(Differences::between(&expected, &actual, &any_order).unwrap_or_default(), told);
    }

    #[test]
    fn equal_values_have_no_difference() {
        check(json!({"a": [1, {"b": null}]}), json!({"a": [1.0, {"b": null}]}), &[], "");
    }

    #[test]
    fn each_difference_is_named_by_its_path() {
        check(
            json!({"a": {"b c": [1, 2]}, "gone": true}),
            json!({"a": {"b c": [1, "2", 3]}, "new": {}}),
            &[],
            "4 differences\n$.a['b c'][1]: expected 2, actual \"2\"\n$.a['b c'][2]: expected nothing, actual 3\n\
             $.gone: expected true, actual missing\n$.new: expected nothing, actual {}",
        );
    }

    #[test]
    fn the_order_counts_unless_it_is_said_not_to() {
        let (one, other) = (json!({"l": [1, 2]}), json!({"l": [2, 1]}));
        check(one.clone(), other.clone(), &["$.l"], "");
        check(one, other, &[], "2 differences\n$.l[0]: expected 1, actual 2\n$.l[1]: expected 2, actual 1");
    }

    #[test]
    fn orders_within_orders_are_left_aside_too() {
        check(json!([{"t": [1, 2]}, {"t": [3]}]), json!([{"t": [3]}, {"t": [2, 1.0]}]), &["$", "$[*].t"], "");
    }

    #[test]
    fn one_changed_element_of_a_bag_is_compared_in_depth() {
        check(
            json!([{"id": 1, "a": 1}, {"id": 2, "a": 2}]),
            json!([{"id": 2, "a": 3}, {"id": 1, "a": 1}]),
            &["$"],
            "1 difference\n$[0].a: expected 2, actual 3",
        );
    }

    #[test]
    fn elements_of_a_bag_are_counted() {
        check(
            json!([1, 1, 2]),
            json!([1, 3, 4]),
            &["$"],
            "4 differences\n$: expected an element 1, actual no such one\n$: expected an element 2, actual no \
             such one\n$[1]: expected no such element, actual 3\n$[2]: expected no such element, actual 4",
        );
    }

    #[test]
    fn large_whole_numbers_are_not_taken_for_one_another() {
        check(
            json!(9_007_199_254_740_993_u64),
            json!(9_007_199_254_740_992.0),
            &[],
            "1 difference\n$: expected 9007199254740993, actual 9007199254740992.0",
        );
    }
}
