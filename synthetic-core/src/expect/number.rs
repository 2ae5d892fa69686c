//! Numbers of any type, compared by their exact value.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// A number. An integer and a floating-point number compare without rounding either.
#[derive(Debug, Clone, Copy)]
pub(super) enum Num {
    Int(i128),
    /// An integer beyond `i128::MAX`.
    Big(u128),
    Float(f64),
}

impl Num {
    /// Returns the number in a JSON value, if it is one.
    pub(super) fn in_json(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::of(number),
            _ => None,
        }
    }

    fn of(number: &Number) -> Option<Self> {
        if let Some(int) = number.as_i64() {
            return Some(Self::Int(int.into()));
        }
        if let Some(int) = number.as_u64() {
            return Some(Self::Int(int.into()));
        }
        number.as_f64().map(Self::Float)
    }

    /// Returns whether this is a whole number, in whatever form it is written.
    pub(super) fn is_whole(self) -> bool {
        match self {
            Self::Int(_) | Self::Big(_) => true,
            Self::Float(float) => float.is_finite() && float.fract() == 0.0,
        }
    }

    /// Compares two numbers by value; `None` if one is not a number.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (Self::Big(a), Self::Big(b)) => Some(a.cmp(&b)),
            (Self::Big(_), Self::Int(_)) => Some(Ordering::Greater),
            (Self::Int(_), Self::Big(_)) => Some(Ordering::Less),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Int(a), Self::Float(b)) => int_to_float(a, b),
            (Self::Float(a), Self::Int(b)) => int_to_float(b, a).map(Ordering::reverse),
            (Self::Big(a), Self::Float(b)) => big_to_float(a, b),
            (Self::Float(a), Self::Big(b)) => big_to_float(b, a).map(Ordering::reverse),
        }
    }
}

/// 2 to the power of 127, the first number beyond `i128`.
const I128_END: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

fn int_to_float(int: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        None
    } else if float >= I128_END {
        Some(Ordering::Less)
    } else if float < -I128_END {
        Some(Ordering::Greater)
    } else {
        // In this range the cast is exact, and what it drops is the fraction.
        Some(int.cmp(&(float.trunc() as i128)).then_with(|| 0.0_f64.total_cmp(&(float.fract() + 0.0))))
    }
}

fn big_to_float(big: u128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        None
    } else if float >= 2.0 * I128_END {
        Some(Ordering::Less)
    } else if float < I128_END {
        Some(Ordering::Greater)
    } else {
        // Floating-point numbers this large have no fraction.
        Some(big.cmp(&(float as u128)))
    }
}

/// Returns whether two JSON values are equal when numbers compare by value, so that `1` equals `1.0`.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (Num::of(a), Num::of(b)) {
            (Some(a), Some(b)) => a.compare(b) == Some(Ordering::Equal),
            _ => a == b,
        },
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

macro_rules! ints {
    ($($int:ty)*) => {$(
        impl From<$int> for Num {
            fn from(int: $int) -> Self {
                Self::Int(int.into())
            }
        }
    )*};
}

ints!(i8 i16 i32 i64 i128 u8 u16 u32 u64);

impl From<isize> for Num {
    fn from(int: isize) -> Self {
        Self::Int(int as i128)
    }
}

impl From<usize> for Num {
    fn from(int: usize) -> Self {
        Self::Int(int as i128)
    }
}

impl From<u128> for Num {
    fn from(int: u128) -> Self {
        i128::try_from(int).map_or(Self::Big(int), Self::Int)
    }
}

impl From<f32> for Num {
    fn from(float: f32) -> Self {
        Self::Float(float.into())
    }
}

impl From<f64> for Num {
    fn from(float: f64) -> Self {
        Self::Float(float)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{Equal, Greater, Less};

    use serde_json::json;

    use super::*;

    fn check(a: impl Into<Num>, b: impl Into<Num>, expected: Option<Ordering>) {
        let (a, b) = (a.into(), b.into());
        assert_eq!(a.compare(b), expected, "{a:?} {b:?}");
        assert_eq!(b.compare(a), expected.map(Ordering::reverse), "{b:?} {a:?}");
    }

    #[test]
    fn big_integers_and_floats_compare_exactly() {
        check(9_007_199_254_740_993_i64, 9_007_199_254_740_992.0, Some(Greater));
        check(u64::MAX, 18_446_744_073_709_551_616.0, Some(Less));
        check(u64::MAX, i64::MIN, Some(Greater));
        check(i128::MAX, I128_END, Some(Less));
        check(i128::MIN, -I128_END, Some(Equal));
        check(u128::MAX, 2.0 * I128_END, Some(Less));
        check(1_u128 << 127, I128_END, Some(Equal));
        check(u128::MAX, i128::MAX, Some(Greater));
        check(u128::MAX, f64::INFINITY, Some(Less));
        check(0, f64::NEG_INFINITY, Some(Greater));
    }

    #[test]
    fn fractions_count_on_both_sides_of_zero() {
        check(1, 1.5, Some(Less));
        check(2, 1.5, Some(Greater));
        check(-1, -1.5, Some(Greater));
        check(-2, -1.5, Some(Less));
        check(0, -0.5, Some(Greater));
        check(0, -0.0, Some(Equal));
        check(-5, -5.0, Some(Equal));
    }

    #[test]
    fn nothing_compares_to_what_is_not_a_number() {
        check(1, f64::NAN, None);
        check(u128::MAX, f64::NAN, None);
        check(f64::NAN, f64::NAN, None);
    }

    #[test]
    fn json_is_the_same_when_its_numbers_have_the_same_value() {
        assert!(same(&json!({"a": [1, 2.0]}), &json!({"a": [1.0, 2]})));
        assert!(!same(&json!([1]), &json!([1, 2])));
        assert!(!same(&json!({"a": 1}), &json!({"b": 1})));
        assert!(!same(&json!(1), &json!("1")));
    }
}
