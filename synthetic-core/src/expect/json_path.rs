//! JSONPath (RFC 9535): where in a JSON value to look, and the judgement of what is there.

mod error;
mod guard;
mod missing;
#[cfg(test)]
mod rfc;
mod singular;

use std::{
    fmt::{self, Debug},
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

use serde_json::Value;

use self::singular::Segment;
use super::{Matcher, Mismatch, Sense, check, described};

pub use error::JsonPathError;
pub use singular::push_name;

/// A JSONPath query (RFC 9535), parsed: `$.orders[*].id`.
///
/// A clone is cheap and shares the query. A path that can find one node only, such as `$.orders[0]['unit price']`, is
/// called singular.
///
/// # Bounds
///
/// At most 4 KiB, brackets and parentheses nested at most 64 deep, filters nested at most 4 deep.
///
/// # Limits
///
/// Filters compare numbers as `f64`, as the RFC lets them. Where it leaves values without an order, they differ from
/// it: of two different booleans, arrays or objects each is `>` and `>=` the other, and two absent values are not `<=`.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{Found, JsonPath};
///
/// let value = json!({"orders": [{"id": "a"}, {"id": "b"}]});
/// assert_eq!(JsonPath::parse("$.orders[1].id")?.find(&value), Found::One(&json!("b")));
/// assert_eq!(JsonPath::parse("$.orders[2].id")?.find(&value), Found::Missing);
/// assert_eq!(JsonPath::parse("$.orders[*].id")?.find(&value), Found::Many(vec![&json!("a"), &json!("b")]));
///
/// let error = JsonPath::parse("orders").unwrap_err();
/// assert_eq!(error.to_string(), r#"JSON path "orders" is invalid at character 1: a path begins with $"#);
/// # Ok::<(), synthetic_core::expect::JsonPathError>(())
/// ```
#[derive(Clone)]
pub struct JsonPath(Arc<Parsed>);

struct Parsed {
    text: String,
    query: Query,
}

enum Query {
    /// Names and indexes only. Most paths are, and need no parser but our own; and only here is it known where the
    /// path leaves the value.
    Singular(Vec<Segment>),
    Any(serde_json_path::JsonPath),
}

/// What a [`JsonPath`] finds in a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<'v> {
    /// The one node that a singular path can find.
    One(&'v Value),
    /// A singular path finds nothing.
    Missing,
    /// All nodes that a path finds that can find several, in document order; none, perhaps.
    Many(Vec<&'v Value>),
}

impl JsonPath {
    /// Parses a path.
    ///
    /// # Errors
    ///
    /// Fails when `path` is not a JSONPath query or exceeds the bounds; the error says where and why.
    pub fn parse(path: &str) -> Result<Self, JsonPathError> {
        guard::admit(path)?;
        let query = match singular::parse(path) {
            Some(segments) => Query::Singular(segments),
            None => {
                Query::Any(serde_json_path::JsonPath::parse(path).map_err(|error| JsonPathError::of(path, &error))?)
            }
        };
        Ok(Self(Arc::new(Parsed { text: path.to_owned(), query })))
    }

    /// Returns the path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Returns whether the path can find one node only.
    #[must_use]
    pub fn is_singular(&self) -> bool {
        matches!(self.0.query, Query::Singular(_))
    }

    /// Returns what the path finds in `root`.
    #[must_use]
    pub fn find<'v>(&self, root: &'v Value) -> Found<'v> {
        match &self.0.query {
            Query::Singular(segments) => {
                segments.iter().try_fold(root, |value, segment| segment.of(value)).map_or(Found::Missing, Found::One)
            }
            Query::Any(query) => Found::Many(query.query(root).all()),
        }
    }

    /// Returns where the path finds what it finds, as JSON pointers (RFC 6901) in document order: `/orders/0/id`.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde_json::json;
    /// use synthetic_core::expect::JsonPath;
    ///
    /// let mut value = json!({"orders": [{"id": "a"}, {"id": "b"}]});
    /// let pointers = JsonPath::parse("$.orders[*].id")?.pointers(&value);
    /// assert_eq!(pointers, ["/orders/0/id", "/orders/1/id"]);
    /// for pointer in pointers {
    ///     *value.pointer_mut(&pointer).unwrap() = json!("…");
    /// }
    /// assert_eq!(JsonPath::parse("$.orders[-1].id")?.pointers(&value), ["/orders/1/id"]);
    /// # Ok::<(), synthetic_core::expect::JsonPathError>(())
    /// ```
    #[must_use]
    pub fn pointers(&self, root: &Value) -> Vec<String> {
        match &self.0.query {
            Query::Singular(segments) => singular::pointer(segments, root).into_iter().collect(),
            Query::Any(query) => query.query_located(root).locations().map(|at| at.to_json_pointer()).collect(),
        }
    }

    /// Says that the path finds nothing, and what is there instead.
    fn missing(&self, root: &Value) -> String {
        match &self.0.query {
            Query::Singular(segments) => missing::describe(self.as_str(), segments, root),
            Query::Any(_) => format!("nothing at {self}"),
        }
    }
}

impl<'v> Found<'v> {
    /// Returns the nodes, in document order.
    #[must_use]
    pub fn nodes(&self) -> &[&'v Value] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Missing => &[],
            Self::Many(values) => values,
        }
    }

    /// Returns a copy of what was found as one value: the node of a singular path, if there is one, or an array of the
    /// nodes.
    #[must_use]
    pub fn to_value(&self) -> Option<Value> {
        match self {
            Self::One(value) => Some((*value).clone()),
            Self::Missing => None,
            Self::Many(values) => Some(values.iter().copied().cloned().collect()),
        }
    }
}

/// Judges by `matcher` what is at `path` in `root`.
///
/// A singular path: the value there; where there is none, the matcher's [`matches_missing`](Matcher::matches_missing).
/// Any other path: the array of all values found, so that `every(…)`, `some(…)`, `len(…)` and `is_empty()` apply; where
/// it finds none, `matches_missing` first and then the empty array.
///
/// # Errors
///
/// Returns a [`Mismatch`] when the value is not as it should be, or is not there. It then says what *is* there.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{JsonPath, check_json, every};
///
/// let answer = json!({"status": "ok", "checks": [{"up": true}, {"up": false}]});
/// let check = |path, matcher| {
///     check_json(&answer, &JsonPath::parse(path).unwrap(), matcher).map_err(|mismatch| mismatch.to_string())
/// };
/// assert_eq!(check("$.status", &"ok"), Ok(()));
/// assert_eq!(
///     check("$.db", &"up").unwrap_err(),
///     r#"expected is equal to "up", actual nothing at $.db; $ has the keys "checks", "status""#,
/// );
/// assert_eq!(
///     check_json(&answer, &JsonPath::parse("$.checks[*].up")?, &every(true)).unwrap_err().to_string(),
///     "expected is a list whose every element is equal to true, actual [true, false], \
///      of which 1 of 2 fails, the first at [1]: false",
/// );
/// # Ok::<(), synthetic_core::expect::JsonPathError>(())
/// ```
pub fn check_json(root: &Value, path: &JsonPath, matcher: &(impl Matcher<Value> + ?Sized)) -> Result<(), Mismatch> {
    let found = path.find(root);
    if let Found::One(value) = found {
        return check(value, matcher);
    }
    let defect = matcher.defect();
    let missing = || {
        let but = defect.as_ref().map(|defect| format!(", but {defect}")).unwrap_or_default();
        Mismatch { expected: described(matcher, Sense::Is), actual: path.missing(root) + &but }
    };
    match (found.to_value(), found.nodes().is_empty().then(|| matcher.matches_missing()).flatten()) {
        (_, Some(true)) if defect.is_none() => Ok(()),
        (None, _) | (_, Some(_)) => Err(missing()),
        (Some(nodes), None) if found.nodes().is_empty() => check(&nodes, matcher).map_err(|_| missing()),
        (Some(nodes), None) => check(&nodes, matcher),
    }
}

impl FromStr for JsonPath {
    type Err = JsonPathError;

    fn from_str(path: &str) -> Result<Self, JsonPathError> {
        Self::parse(path)
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Debug for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonPath").field(&self.as_str()).finish()
    }
}

/// Two paths are equal when they are written the same.
impl PartialEq for JsonPath {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for JsonPath {}

impl Hash for JsonPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{every, exists, is_empty, is_null, len, matches, not, some},
        *,
    };

    fn answer() -> Value {
        json!({
            "status": "ok",
            "error": null,
            "items": [{"id": 1}, {"id": 2}],
            "none": [],
        })
    }

    #[track_caller]
    fn passes(path: &str, matcher: impl Matcher<Value>) {
        assert_eq!(check_json(&answer(), &JsonPath::parse(path).unwrap(), &matcher), Ok(()));
    }

    #[track_caller]
    fn fails(path: &str, matcher: impl Matcher<Value>, text: &str) {
        let mismatch = check_json(&answer(), &JsonPath::parse(path).unwrap(), &matcher).unwrap_err();
        assert_eq!(mismatch.to_string(), text);
    }

    #[test]
    fn the_value_of_a_singular_path_is_judged() {
        passes("$.status", "ok");
        passes("$.error", is_null());
        passes("$['items'][-1].id", 2);
        passes("$", len(4));
        fails("$.status", "down", r#"expected is equal to "down", actual "ok""#);
    }

    #[test]
    fn what_is_missing_fails_whatever_is_wanted_of_it() {
        let actual = r#"nothing at $.db; $ has the keys "error", "items", "none", "status""#;
        fails("$.db", "up", &format!(r#"expected is equal to "up", actual {actual}"#));
        fails("$.db", not("up"), &format!(r#"expected is not equal to "up", actual {actual}"#));
        fails("$.db", is_null(), &format!("expected is null, actual {actual}"));
        fails("$.db", exists(), &format!("expected exists, actual {actual}"));
        passes("$.db", not(exists()));
    }

    #[test]
    fn the_values_of_any_other_path_are_judged_as_an_array() {
        passes("$.items[*].id", json!([1, 2]));
        passes("$.items[*].id", every(super::super::gt(0)));
        passes("$..id", some(2));
        passes("$.items[?@.id > 1]", len(1));
        passes("$.none[*]", is_empty());
        fails(
            "$.none[*]",
            every(1),
            "expected is a list whose every element is equal to 1, actual nothing at $.none[*]",
        );
        fails("$.none[*]", some(1), "expected has an element that is equal to 1, actual nothing at $.none[*]");
    }

    #[test]
    fn no_nodes_at_all_do_not_exist() {
        fails("$..error_code", exists(), "expected exists, actual nothing at $..error_code");
        passes("$..error_code", not(exists()));
        passes("$..id", exists());
        fails("$..id", not(exists()), "expected does not exist, actual [1, 2]");
    }

    #[test]
    fn a_defect_fails_whether_or_not_there_is_something() {
        let clause = r#"but the pattern "(" is invalid: unclosed group"#;
        let describe = r#"expected does not match the pattern "(","#;
        fails("$.status", not(matches("(")), &format!(r#"{describe} actual "ok", {clause}"#));
        fails(
            "$.status.a",
            not(matches("(")),
            &format!("{describe} actual nothing at $.status.a; $.status is a string, {clause}"),
        );
        fails("$.none[*]", not(matches("(")), &format!("{describe} actual nothing at $.none[*], {clause}"));
    }

    #[test]
    fn what_is_found_can_be_taken_out() {
        let answer = answer();
        let found = |path: &str| JsonPath::parse(path).unwrap().find(&answer).to_value();
        assert_eq!(found("$.status"), Some(json!("ok")));
        assert_eq!(found("$.items[*].id"), Some(json!([1, 2])));
        assert_eq!(found("$.db"), None);
        assert_eq!(JsonPath::parse("$..id").unwrap().find(&answer).nodes(), [&json!(1), &json!(2)]);
    }

    #[test]
    fn a_path_is_shown_as_it_was_written() {
        let path: JsonPath = "$ ['a']".parse().unwrap();
        assert_eq!(path.to_string(), "$ ['a']");
        assert_eq!(format!("{path:?}"), r#"JsonPath("$ ['a']")"#);
        assert_eq!(path, path.clone());
        assert!(path.is_singular());
        assert!(!JsonPath::parse("$.*").unwrap().is_singular());
    }
}
