//! `contains`: a part of a text, an element of a list, a key of an object.

use std::{
    borrow::Cow,
    fmt::{self, Debug, Write},
};

use serde_json::Value;

use super::{
    Matcher, Sense, Show, described,
    words::{contents, kind, none_matches},
};

/// Matches a value that contains `part`.
///
/// | in | is contained | `part` is |
/// |---|---|---|
/// | a text | a piece of it | a text |
/// | a list | an element | a matcher, or a plain value that an element equals |
/// | a JSON string | a piece of it | a text |
/// | a JSON array | an element | a matcher, or a plain value that an element equals |
/// | a JSON object | a key | a text that is a key, or a matcher for one |
///
/// In every other JSON value there is nothing contained.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{check, contains, gt};
///
/// assert_eq!(check("no-store, private", &contains("no-store")), Ok(()));
/// assert_eq!(check(&json!(["a", "b"]), &contains("b")), Ok(()));
/// assert_eq!(
///     check(&vec![1, 2], &contains(gt(3))).unwrap_err().to_string(),
///     "expected contains an element that is greater than 3, actual [1, 2], of whose 2 elements none matches",
/// );
/// ```
#[must_use]
pub const fn contains<M>(part: M) -> Contains<M> {
    Contains { part }
}

/// Matches what contains something; made by [`contains`].
#[derive(Debug, Clone)]
pub struct Contains<M> {
    part: M,
}

/// Knows whether it contains a part that is given as an `M`, for [`contains`].
pub trait Container<M: ?Sized> {
    /// Returns whether the part is in here.
    fn holds(&self, part: &M) -> bool;

    /// Writes what is wanted, as [`Matcher::describe`] does.
    ///
    /// # Errors
    ///
    /// Fails only when the writer does.
    fn describe_part(part: &M, sense: Sense, f: &mut dyn Write) -> fmt::Result;

    /// Writes what is in here instead, as [`Matcher::explain`] does.
    ///
    /// # Errors
    ///
    /// Fails only when the writer does.
    fn explain_without(&self, part: &M, f: &mut dyn Write) -> fmt::Result;

    /// Returns what is wrong with the part itself, as [`Matcher::defect`] does.
    #[must_use]
    fn defect_of(_part: &M) -> Option<String> {
        None
    }
}

impl<C: Container<M> + ?Sized, M: Send + Sync> Matcher<C> for Contains<M> {
    fn matches(&self, actual: &C) -> bool {
        actual.holds(&self.part)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        C::describe_part(&self.part, sense, f)
    }

    fn explain(&self, actual: &C, f: &mut dyn Write) -> fmt::Result {
        actual.explain_without(&self.part, f)
    }

    fn defect(&self) -> Option<String> {
        C::defect_of(&self.part)
    }
}

fn describe_text(part: &str, sense: Sense, f: &mut dyn Write) -> fmt::Result {
    write!(f, "{} {}", sense.pick("contains", "does not contain"), Show(part))
}

fn explain_text(text: &str, part: &str, f: &mut dyn Write) -> fmt::Result {
    let in_other_case = text.to_lowercase().contains(&part.to_lowercase());
    f.write_str(if in_other_case { "which contains it in another case" } else { "" })
}

fn describe_element<X>(part: &impl Matcher<X>, sense: Sense, f: &mut dyn Write) -> fmt::Result {
    let contains = sense.pick("contains an element", "contains no element");
    write!(f, "{contains} that {}", described(part, Sense::Is))
}

macro_rules! texts {
    ($($text:ty)*) => {$(
        impl<S: AsRef<str>> Container<S> for $text {
            fn holds(&self, part: &S) -> bool {
                self.contains(part.as_ref())
            }
            fn describe_part(part: &S, sense: Sense, f: &mut dyn Write) -> fmt::Result {
                describe_text(part.as_ref(), sense, f)
            }
            fn explain_without(&self, part: &S, f: &mut dyn Write) -> fmt::Result {
                explain_text(self, part.as_ref(), f)
            }
        }
    )*};
}

texts!(str String Cow<'_, str>);

macro_rules! lists {
    ($($list:ty, ($($generics:tt)*);)*) => {$(
        impl<M: Matcher<X>, $($generics)*> Container<M> for $list {
            fn holds(&self, part: &M) -> bool {
                self.iter().any(|element| part.matches(element))
            }
            fn describe_part(part: &M, sense: Sense, f: &mut dyn Write) -> fmt::Result {
                describe_element(part, sense, f)
            }
            fn explain_without(&self, _: &M, f: &mut dyn Write) -> fmt::Result {
                f.write_str(&none_matches(self.len()))
            }
            fn defect_of(part: &M) -> Option<String> {
                part.defect()
            }
        }
    )*};
}

lists! {
    [X], (X: Debug);
    Vec<X>, (X: Debug);
    [X; N], (X: Debug, const N: usize);
}

impl<M: Matcher<Self>> Container<M> for Value {
    fn holds(&self, part: &M) -> bool {
        match self {
            Self::String(text) => part.as_text().is_some_and(|part| text.contains(part)),
            Self::Array(elements) => elements.iter().any(|element| part.matches(element)),
            Self::Object(object) => match part.as_text() {
                Some(key) => object.contains_key(key),
                None => object.keys().any(|key| part.matches(&Self::String(key.clone()))),
            },
            Self::Null | Self::Bool(_) | Self::Number(_) => false,
        }
    }

    fn describe_part(part: &M, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        match part.as_text() {
            Some(text) => describe_text(text, sense, f),
            None => describe_element(part, sense, f),
        }
    }

    fn explain_without(&self, part: &M, f: &mut dyn Write) -> fmt::Result {
        match (self, part.as_text()) {
            (Self::String(text), Some(part)) => explain_text(text, part, f),
            (Self::Array(elements), _) => f.write_str(&none_matches(elements.len())),
            (Self::Object(_), _) => write!(f, "which {}", contents(self)),
            (Self::Null, _) => Ok(()),
            _ => write!(f, "which is {}", kind(self)),
        }
    }

    fn defect_of(part: &M) -> Option<String> {
        part.defect()
    }
}

impl<M: ?Sized, C: Container<M> + ?Sized> Container<M> for &C {
    fn holds(&self, part: &M) -> bool {
        (**self).holds(part)
    }
    fn describe_part(part: &M, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        C::describe_part(part, sense, f)
    }
    fn explain_without(&self, part: &M, f: &mut dyn Write) -> fmt::Result {
        (**self).explain_without(part, f)
    }
    fn defect_of(part: &M) -> Option<String> {
        C::defect_of(part)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            eq, gt, matches, not, starts_with,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn a_text_contains_a_piece() {
        passes("abc", contains("b"));
        passes("abc".to_owned(), contains("b"));
        let owned = "abc".to_owned();
        passes(&owned, contains("b".to_owned()));
        passes(json!("abc"), contains("b"));
        fails("abc", contains("d"), r#"expected contains "d", actual "abc""#);
        fails(json!("ABC"), contains("b"), r#"expected contains "b", actual "ABC", which contains it in another case"#);
        fails("abc", not(contains("b")), r#"expected does not contain "b", actual "abc""#);
    }

    #[test]
    fn a_list_contains_an_element() {
        passes(vec![1, 2], contains(2));
        passes([1_u64, 2], contains(gt(1)));
        passes(&[1_u8, 2][..], contains(2));
        passes(vec!["a".to_owned()], contains("a"));
        passes(json!([1, "b"]), contains("b"));
        passes(json!([1, 2.0]), contains(2));
        fails(
            vec!["ab"],
            contains("a"),
            r#"expected contains an element that is equal to "a", actual ["ab"], whose only element does not match"#,
        );
        fails(
            Vec::<i32>::new(),
            contains(eq(1)),
            "expected contains an element that is equal to 1, actual [], which is empty",
        );
        fails(
            json!([1, 2]),
            contains(gt(2)),
            "expected contains an element that is greater than 2, actual [1, 2], of whose 2 elements none matches",
        );
        fails(vec![1, 2], not(contains(1)), "expected contains no element that is equal to 1, actual [1, 2]");
    }

    #[test]
    fn an_object_contains_a_key() {
        passes(json!({"db": 1}), contains("db"));
        passes(json!({"db": 1}), contains(starts_with("d")));
        fails(json!({"db": 1}), contains("d"), r#"expected contains "d", actual {"db": 1}, which has the key "db""#);
    }

    #[test]
    fn nothing_is_contained_in_a_scalar() {
        fails(json!(12), contains("1"), r#"expected contains "1", actual 12, which is a number"#);
        fails(json!(null), contains("1"), r#"expected contains "1", actual null"#);
        fails(
            json!("12"),
            contains(1),
            r#"expected contains an element that is equal to 1, actual "12", which is a string"#,
        );
    }

    #[test]
    fn a_defect_of_the_part_is_passed_on() {
        assert!(Matcher::<Vec<String>>::defect(&not(contains(matches("(")))).is_some());
        assert!(Matcher::<Value>::defect(&contains(matches("("))).is_some());
    }
}
