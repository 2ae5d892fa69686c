//! `is_string`, `is_number`, `is_integer`, `is_boolean`, `is_array` and `is_object`: the type of a JSON value.

use std::fmt::{self, Write};

use serde_json::Value;

use super::{Matcher, Sense, number::Num, words::kind};

/// Matches a JSON string.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{check, is_string};
///
/// assert_eq!(check(&json!("7"), &is_string()), Ok(()));
/// assert_eq!(check(&json!(7), &is_string()).unwrap_err().to_string(), "expected is a string, actual 7, which is a number");
/// ```
#[must_use]
pub const fn is_string() -> JsonType {
    JsonType { kind: Kind::String }
}

/// Matches a JSON number.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{check, is_number};
///
/// assert_eq!(check(&json!(7.5), &is_number()), Ok(()));
/// assert_eq!(check(&json!("7"), &is_number()).unwrap_err().to_string(), r#"expected is a number, actual "7", which is a string"#);
/// ```
#[must_use]
pub const fn is_number() -> JsonType {
    JsonType { kind: Kind::Number }
}

/// Matches a JSON number without a fraction; `7.0` is one, as in JSON Schema.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{check, is_integer};
///
/// assert_eq!(check(&json!(7), &is_integer()), Ok(()));
/// assert_eq!(
///     check(&json!(7.5), &is_integer()).unwrap_err().to_string(),
///     "expected is an integer, actual 7.5, which has a fraction",
/// );
/// ```
#[must_use]
pub const fn is_integer() -> JsonType {
    JsonType { kind: Kind::Integer }
}

/// Matches `true` and `false`.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{check, is_boolean};
///
/// assert_eq!(check(&json!(false), &is_boolean()), Ok(()));
/// assert_eq!(check(&json!(0), &is_boolean()).unwrap_err().to_string(), "expected is a boolean, actual 0, which is a number");
/// ```
#[must_use]
pub const fn is_boolean() -> JsonType {
    JsonType { kind: Kind::Boolean }
}

/// Matches a JSON array.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{check, is_array};
///
/// assert_eq!(check(&json!([]), &is_array()), Ok(()));
/// assert_eq!(check(&json!({}), &is_array()).unwrap_err().to_string(), "expected is an array, actual {}, which is an object");
/// ```
#[must_use]
pub const fn is_array() -> JsonType {
    JsonType { kind: Kind::Array }
}

/// Matches a JSON object.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{check, is_object};
///
/// assert_eq!(check(&json!({}), &is_object()), Ok(()));
/// assert_eq!(check(&json!([]), &is_object()).unwrap_err().to_string(), "expected is an object, actual [], which is an array");
/// ```
#[must_use]
pub const fn is_object() -> JsonType {
    JsonType { kind: Kind::Object }
}

/// Matches JSON values of one type; made by [`is_string`], [`is_number`], [`is_integer`], [`is_boolean`], [`is_array`]
/// and [`is_object`].
#[derive(Debug, Clone)]
pub struct JsonType {
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    String,
    Number,
    Integer,
    Boolean,
    Array,
    Object,
}

impl Matcher<Value> for JsonType {
    fn matches(&self, actual: &Value) -> bool {
        match self.kind {
            Kind::String => actual.is_string(),
            Kind::Number => actual.is_number(),
            Kind::Integer => Num::in_json(actual).is_some_and(Num::is_whole),
            Kind::Boolean => actual.is_boolean(),
            Kind::Array => actual.is_array(),
            Kind::Object => actual.is_object(),
        }
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        let kind = match self.kind {
            Kind::String => "a string",
            Kind::Number => "a number",
            Kind::Integer => "an integer",
            Kind::Boolean => "a boolean",
            Kind::Array => "an array",
            Kind::Object => "an object",
        };
        write!(f, "{} {kind}", sense.pick("is", "is not"))
    }

    fn explain(&self, actual: &Value, f: &mut dyn Write) -> fmt::Result {
        match actual {
            Value::Null => Ok(()),
            Value::Number(_) if matches!(self.kind, Kind::Integer) => f.write_str("which has a fraction"),
            other => write!(f, "which is {}", kind(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            not,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn each_type_matches_its_own_values_only() {
        let values = [json!("a"), json!(1.5), json!(true), json!([1]), json!({"a": 1})];
        let types = [is_string(), is_number(), is_boolean(), is_array(), is_object()];
        for (at, value) in values.iter().enumerate() {
            for (of, matcher) in types.iter().enumerate() {
                assert_eq!(matcher.matches(value), at == of, "{value} {matcher:?}");
            }
        }
    }

    #[test]
    fn an_integer_has_no_fraction_in_whatever_form() {
        for value in [json!(1), json!(-1), json!(u64::MAX), json!(1.0), json!(1e300)] {
            passes(value, is_integer());
        }
        passes(json!(1.5), not(is_integer()));
        passes(json!("1"), not(is_integer()));
    }

    #[test]
    fn they_say_what_was_wanted_and_what_was_there() {
        fails(json!(1), is_string(), "expected is a string, actual 1, which is a number");
        fails(json!(true), is_number(), "expected is a number, actual true, which is a boolean");
        fails(json!(1.5), is_integer(), "expected is an integer, actual 1.5, which has a fraction");
        fails(json!("1"), is_integer(), r#"expected is an integer, actual "1", which is a string"#);
        fails(json!([]), is_boolean(), "expected is a boolean, actual [], which is an array");
        fails(json!({}), is_array(), "expected is an array, actual {}, which is an object");
        fails(json!(null), is_object(), "expected is an object, actual null");
        fails(json!("a"), not(is_string()), r#"expected is not a string, actual "a""#);
        fails(json!(1), not(is_integer()), "expected is not an integer, actual 1");
    }
}
