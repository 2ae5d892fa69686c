//! What can be put in order, JSON numbers included.

use std::cmp::Ordering;

use serde_json::Value;

use super::number::Num;

/// Compares a value with a limit, for the matchers [`gt`](super::gt), [`ge`](super::ge), [`lt`](super::lt),
/// [`le`](super::le) and [`between`](super::between).
///
/// Every type that has an order compares with itself. In addition, a text compares with a text of another type, and a
/// JSON value with any number and any text. JSON numbers compare by exact value, however large and however written. A
/// JSON value does not compare with another one: `gt(3)`, not `gt(json!(3))`.
///
/// # Examples
///
/// ```
/// use std::cmp::Ordering;
/// use serde_json::json;
/// use synthetic_core::expect::Comparable;
///
/// assert_eq!(json!(9_007_199_254_740_993_u64).compare(&9_007_199_254_740_992.0), Some(Ordering::Greater));
/// assert_eq!(json!("3").compare(&3), None);
/// ```
pub trait Comparable<E: ?Sized> {
    /// Compares the value with `other`; `None` when the two have no order, as a text and a number.
    fn compare(&self, other: &E) -> Option<Ordering>;
}

impl<T: PartialOrd + ?Sized> Comparable<T> for T {
    fn compare(&self, other: &T) -> Option<Ordering> {
        self.partial_cmp(other)
    }
}

macro_rules! json_numbers {
    ($($number:ty)*) => {$(
        impl Comparable<$number> for Value {
            fn compare(&self, other: &$number) -> Option<Ordering> {
                Num::in_json(self)?.compare(Num::from(*other))
            }
        }
    )*};
}

json_numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

macro_rules! texts {
    ($($text:ty: $other:ty, $value:ident => $str:expr;)*) => {$(
        impl Comparable<$other> for $text {
            fn compare(&self, other: &$other) -> Option<Ordering> {
                let $value = self;
                let text: Option<&str> = $str;
                let other: &str = other;
                Some(text?.cmp(other))
            }
        }
    )*};
}

texts! {
    Value: str, value => value.as_str();
    Value: &str, value => value.as_str();
    Value: String, value => value.as_str();
    String: str, value => Some(value);
    String: &str, value => Some(value);
    &str: String, value => Some(value);
    str: String, value => Some(value);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_compares_with_every_number_type() {
        let three = json!(3);
        let orders = [
            three.compare(&2_i8),
            three.compare(&2_i16),
            three.compare(&2_i32),
            three.compare(&2_i64),
            three.compare(&2_i128),
            three.compare(&2_isize),
            three.compare(&2_u8),
            three.compare(&2_u16),
            three.compare(&2_u32),
            three.compare(&2_u64),
            three.compare(&2_u128),
            three.compare(&2_usize),
            three.compare(&2.5_f32),
            three.compare(&2.5_f64),
        ];
        assert_eq!(orders, [Some(Ordering::Greater); 14]);
    }

    #[test]
    fn texts_compare_with_texts_and_with_nothing_else() {
        assert_eq!(json!("b").compare("a"), Some(Ordering::Greater));
        assert_eq!("b".to_owned().compare(&"a"), Some(Ordering::Greater));
        assert_eq!("b".compare(&"a".to_owned()), Some(Ordering::Greater));
        assert_eq!(json!(1).compare("1"), None);
        assert_eq!(json!(null).compare(&1), None);
    }
}
