//! Plain values as matchers: `json("$.db", "up")`, `len(3)`, `every(1)`.

use std::{
    cmp::Ordering,
    fmt::{self, Write},
};

use serde_json::Value;

use super::{Matcher, Sense, Text, diff, eq, number, number::Num, text, words::kind};

/// A text matches a text or a JSON string that equals it.
impl<T: Text + ?Sized> Matcher<T> for str {
    fn matches(&self, actual: &T) -> bool {
        actual.text() == Ok(self)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        eq::describe(self, sense, f)
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        match actual.text() {
            Ok(actual) => f.write_str(&text::difference(self, actual).unwrap_or_default()),
            Err("null") => Ok(()),
            Err(kind) => write!(f, "which is {kind}"),
        }
    }

    fn as_text(&self) -> Option<&str> {
        Some(self)
    }
}

/// A text matches a text or a JSON string that equals it.
impl<T: Text + ?Sized> Matcher<T> for String {
    fn matches(&self, actual: &T) -> bool {
        Matcher::matches(self.as_str(), actual)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        Matcher::<T>::describe(self.as_str(), sense, f)
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        self.as_str().explain(actual, f)
    }

    fn as_text(&self) -> Option<&str> {
        Some(self)
    }
}

/// A JSON value matches one that equals it, where numbers compare by value: `1` equals `1.0`.
impl Matcher<Self> for Value {
    fn matches(&self, actual: &Self) -> bool {
        number::same(self, actual)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        eq::describe(self, sense, f)
    }

    fn explain(&self, actual: &Self, f: &mut dyn Write) -> fmt::Result {
        let clause = match (self, actual) {
            (Self::String(expected), Self::String(actual)) => text::difference(expected, actual),
            _ => diff::clause(self, actual, number::same),
        };
        f.write_str(&clause.unwrap_or_default())
    }

    fn as_text(&self) -> Option<&str> {
        self.as_str()
    }
}

/// A boolean matches a JSON boolean that equals it.
impl Matcher<Value> for bool {
    fn matches(&self, actual: &Value) -> bool {
        actual.as_bool() == Some(*self)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        eq::describe(self, sense, f)
    }

    fn explain(&self, actual: &Value, f: &mut dyn Write) -> fmt::Result {
        match actual {
            Value::Null | Value::Bool(_) => Ok(()),
            other => write!(f, "which is {}", kind(other)),
        }
    }
}

macro_rules! json_numbers {
    ($($number:ty)*) => {$(
        /// A number matches a JSON number of the same value: `200` matches `200.0`.
        impl Matcher<Value> for $number {
            fn matches(&self, actual: &Value) -> bool {
                Num::in_json(actual).is_some_and(|actual| actual.compare(Num::from(*self)) == Some(Ordering::Equal))
            }

            fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
                eq::describe(self, sense, f)
            }

            fn explain(&self, actual: &Value, f: &mut dyn Write) -> fmt::Result {
                match actual {
                    Value::Null | Value::Number(_) => Ok(()),
                    other => write!(f, "which is {}", kind(other)),
                }
            }
        }
    )*};
}

json_numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f64);

macro_rules! own_type {
    ($($plain:ty)*) => {$(
        /// A plain value matches what equals it.
        impl Matcher<$plain> for $plain {
            fn matches(&self, actual: &$plain) -> bool {
                self == actual
            }

            fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
                eq::describe(self, sense, f)
            }
        }
    )*};
}

own_type!(bool char i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{
        not,
        testing::{fails, passes},
    };

    #[test]
    fn plain_values_match_json() {
        passes(json!("up"), "up");
        passes(json!("up"), "up".to_owned());
        let owned = "up".to_owned();
        passes(json!("up"), &owned);
        passes(json!(true), true);
        passes(json!(200), 200);
        passes(json!(200), 200_i64);
        passes(json!(200), 200_u32);
        passes(json!(u64::MAX), u64::MAX);
        passes(json!(200), 200_usize);
        passes(json!(1.5), 1.5);
        passes(json!({"a": [1]}), json!({"a": [1.0]}));
        passes(json!("down"), not("up"));
    }

    #[test]
    fn numbers_compare_by_value() {
        passes(json!(200.0), 200);
        passes(json!(200), 200.0);
        passes(json!(9_007_199_254_740_993_u64), not(9_007_199_254_740_992.0));
    }

    #[test]
    fn plain_values_match_their_own_types() {
        passes("up", "up");
        passes("up".to_owned(), "up");
        passes("up", "up".to_owned());
        passes(4_u64, 4);
        passes(4_usize, 4);
        passes(1.5_f32, 1.5);
        passes(true, true);
        passes('a', 'a');
    }

    #[test]
    fn they_say_what_was_wanted_and_what_was_there() {
        fails(json!("down"), "up", r#"expected is equal to "up", actual "down""#);
        fails(json!("UP"), "up", r#"expected is equal to "up", actual "UP", which differs only in case"#);
        fails(json!(1), "1", r#"expected is equal to "1", actual 1, which is a number"#);
        fails(json!(null), "1", r#"expected is equal to "1", actual null"#);
        fails(json!("1"), 1, r#"expected is equal to 1, actual "1", which is a string"#);
        fails(json!(2), 1, "expected is equal to 1, actual 2");
        fails(json!("true"), true, r#"expected is equal to true, actual "true", which is a string"#);
        fails(
            json!({"a": 1}),
            json!({"a": 2}),
            r#"expected is equal to {"a": 2}, actual {"a": 1}, which differs in 1 place: $.a: expected 2, actual 1"#,
        );
        fails(5_u64, 4, "expected is equal to 4, actual 5");
        fails("down", "up", r#"expected is equal to "up", actual "down""#);
        fails(json!("up"), not("up"), r#"expected is not equal to "up", actual "up""#);
        fails(json!(1.0), not(1), "expected is not equal to 1, actual 1.0");
    }
}
