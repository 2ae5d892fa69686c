//! Expectations: matchers that say what they want, and what was wrong with what they got.
//!
//! A [`Matcher`] is asked three things, and two of them are about words: does the value match
//! ([`matches`](Matcher::matches)), what is wanted ([`describe`](Matcher::describe)), and what is remarkable about
//! this value ([`explain`](Matcher::explain)). The words end up in an alert, so they are written for someone who has
//! neither the source nor a debugger.
//!
//! | about | matchers |
//! |---|---|
//! | equality | [`eq`], [`ne`], [`one_of`], [`near`] |
//! | order | [`gt`], [`ge`], [`lt`], [`le`], [`under`], [`between`] |
//! | text | [`contains`], [`starts_with`], [`ends_with`], [`matches`](fn@matches), [`is_uuid`], [`is_iso_date`] |
//! | lists | [`contains`], [`every`], [`some`], [`len`], [`is_empty`] |
//! | JSON | [`is_null`], [`is_string`], [`is_number`], [`is_integer`], [`is_boolean`], [`is_array`], [`is_object`] |
//! | presence | [`exists`] |
//! | other matchers | [`not`], [`all_of`], [`any_of`] |
//!
//! A plain text, number or boolean is a matcher too: it matches a JSON value, or a value of its own type, that equals
//! it. So is a [`serde_json::Value`] for JSON, and an array or a range of numbers for an HTTP status. Numbers in JSON
//! compare by value: `200` matches `200.0`.
//!
//! [`check`] judges a value, [`check_json`] what is at a [`JsonPath`] in one.

mod all_of;
mod any_of;
mod between;
mod comparable;
mod compare;
mod contains;
mod countable;
mod diff;
mod distance;
mod elements;
mod ends_with;
mod eq;
mod every;
mod exists;
mod is_empty;
mod is_iso_date;
mod is_null;
mod is_uuid;
mod json_path;
mod json_type;
mod len;
mod matches;
mod near;
mod not;
mod number;
mod one_of;
mod parts;
mod plain;
mod plain_status;
mod show;
mod some;
mod starts_with;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::{fmt, sync::Arc};

pub use all_of::{AllOf, all_of};
pub use any_of::{AnyOf, any_of};
pub use between::{Between, between};
pub use comparable::Comparable;
pub use compare::{Ge, Gt, Le, Lt, ge, gt, le, lt, under};
pub use contains::{Container, Contains, contains};
pub use countable::Countable;
pub use elements::Elements;
pub use ends_with::{EndsWith, ends_with};
pub use eq::{Eq, Ne, eq, ne};
pub use every::{Every, every};
pub use exists::{Exists, exists};
pub use is_empty::{IsEmpty, is_empty};
pub use is_iso_date::{IsIsoDate, is_iso_date};
pub use is_null::{IsNull, is_null};
pub use is_uuid::{IsUuid, is_uuid};
#[doc(hidden)]
pub use json_path::push_name;
pub use json_path::{Found, JsonPath, JsonPathError, check_json};
pub use json_type::{JsonType, is_array, is_boolean, is_integer, is_number, is_object, is_string};
pub use len::{Len, len};
pub use matches::{Matches, matches};
pub use near::{Near, near};
pub use not::{Not, not};
pub use one_of::{OneOf, one_of};
pub use parts::Parts;
pub use show::Show;
pub use some::{HasSome, some};
pub use starts_with::{StartsWith, starts_with};
pub use text::Text;

/// Decides whether a value is as it should be, and says so in words.
///
/// # Contract
///
/// - [`matches`](Self::matches) is pure: the same value gives the same answer, nothing is changed, nothing panics.
/// - [`describe`](Self::describe) writes a verb phrase that fits after "expected": `is equal to 3`, and for
///   [`Sense::Not`] its negation in proper words: `is not equal to 3`.
/// - [`explain`](Self::explain) is asked about values that do not match. It writes a relative clause that fits after the
///   value (`which is 2 too many`), or nothing when there is nothing to add.
/// - A matcher that holds others passes on what they say, [`matches_missing`](Self::matches_missing) and
///   [`defect`](Self::defect) included.
///
/// # Examples
///
/// ```
/// use std::fmt;
/// use synthetic_core::expect::{Matcher, Sense, check};
///
/// struct Even;
/// impl Matcher<u32> for Even {
///     fn matches(&self, actual: &u32) -> bool { actual % 2 == 0 }
///     fn describe(&self, sense: Sense, f: &mut dyn fmt::Write) -> fmt::Result {
///         f.write_str(match sense { Sense::Is => "is even", Sense::Not => "is odd" })
///     }
/// }
///
/// assert_eq!(check(&4, &Even), Ok(()));
/// assert_eq!(check(&3, &Even).unwrap_err().to_string(), "expected is even, actual 3");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not match values of type `{T}`",
    note = "use a matcher such as `eq(…)`, `ge(…)` or `contains(…)`, or implement `Matcher<{T}>`",
    note = "for a JSON value, plain strings, numbers, booleans and `json!(…)` are matchers themselves"
)]
pub trait Matcher<T: ?Sized>: Send + Sync {
    /// Returns whether `actual` is as it should be.
    fn matches(&self, actual: &T) -> bool;

    /// Writes what is wanted, as a verb phrase: `is equal to 3`.
    ///
    /// # Errors
    ///
    /// Fails only when the writer does.
    fn describe(&self, sense: Sense, f: &mut dyn fmt::Write) -> fmt::Result;

    /// Writes what is remarkable about this value, as a relative clause (`which is 2 too many`), or nothing.
    ///
    /// # Errors
    ///
    /// Fails only when the writer does.
    fn explain(&self, _actual: &T, _f: &mut dyn fmt::Write) -> fmt::Result {
        Ok(())
    }

    /// Returns what the matcher says of a value that is not there, such as a JSON path that finds nothing.
    ///
    /// # Default
    ///
    /// `None`: it cannot be judged, and what cannot be judged fails, also when negated. Only matchers about presence
    /// itself, like `exists`, answer.
    fn matches_missing(&self) -> Option<bool> {
        None
    }

    /// Returns what is wrong with the matcher itself, such as a pattern that is not a regular expression.
    ///
    /// A matcher with a defect fails every [`check`], also when negated: a typing mistake in a canary must not make it
    /// green for ever. A matcher that holds others passes their defects on.
    ///
    /// # Default
    ///
    /// `None`.
    fn defect(&self) -> Option<String> {
        None
    }

    /// Returns the text, when the matcher is a plain text and nothing else: `contains` looks for a plain text inside of
    /// JSON strings, where it asks any other matcher about elements.
    #[doc(hidden)]
    fn as_text(&self) -> Option<&str> {
        None
    }
}

/// Whether a matcher is described as it stands or negated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// `is equal to 3`
    Is,
    /// `is not equal to 3`
    Not,
}

impl Sense {
    /// Returns the opposite sense.
    #[must_use]
    pub const fn negate(self) -> Self {
        match self {
            Self::Is => Self::Not,
            Self::Not => Self::Is,
        }
    }

    /// Returns the words for this sense.
    #[must_use]
    pub const fn pick<'a>(self, is: &'a str, not: &'a str) -> &'a str {
        match self {
            Self::Is => is,
            Self::Not => not,
        }
    }
}

/// What a matcher wanted and what it got instead, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// What was wanted, as a verb phrase: `is equal to 3`.
    pub expected: String,
    /// What was there: the value, and where it helps, a clause about it: `5, which is 2 too many`.
    pub actual: String,
}

impl Mismatch {
    /// Says what was wanted, as a verb phrase, and what was there instead.
    #[must_use]
    pub fn new(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { expected: expected.into(), actual: actual.into() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, actual {}", self.expected, self.actual)
    }
}

/// Judges `actual` by `matcher`.
///
/// # Errors
///
/// Returns a [`Mismatch`] when the value is not as it should be, or when the matcher itself has a
/// [defect](Matcher::defect).
pub fn check<T: fmt::Debug + ?Sized>(actual: &T, matcher: &(impl Matcher<T> + ?Sized)) -> Result<(), Mismatch> {
    let defect = matcher.defect();
    if defect.is_none() && matcher.matches(actual) {
        return Ok(());
    }
    let mut text = Show(actual).to_string();
    if let Some(defect) = defect {
        text.push_str(", but ");
        text.push_str(&defect);
    } else {
        let clause = explained(matcher, actual);
        if !clause.is_empty() {
            text.push_str(", ");
            text.push_str(&clause);
        }
    }
    Err(Mismatch { expected: described(matcher, Sense::Is), actual: text })
}

/// Returns what `matcher` wants as a string: `is equal to 3`.
#[must_use]
pub fn described<T: ?Sized>(matcher: &(impl Matcher<T> + ?Sized), sense: Sense) -> String {
    let mut text = String::new();
    let _ = matcher.describe(sense, &mut text);
    text
}

/// Returns what `matcher` finds remarkable about `actual`, or an empty string.
fn explained<T: ?Sized>(matcher: &(impl Matcher<T> + ?Sized), actual: &T) -> String {
    let mut clause = String::new();
    let _ = matcher.explain(actual, &mut clause);
    clause
}

/// Makes a pointer to a matcher a matcher.
macro_rules! pointer {
    ($pointer:ty) => {
        impl<T: ?Sized, M: Matcher<T> + ?Sized> Matcher<T> for $pointer {
            fn matches(&self, actual: &T) -> bool {
                (**self).matches(actual)
            }
            fn describe(&self, sense: Sense, f: &mut dyn fmt::Write) -> fmt::Result {
                (**self).describe(sense, f)
            }
            fn explain(&self, actual: &T, f: &mut dyn fmt::Write) -> fmt::Result {
                (**self).explain(actual, f)
            }
            fn matches_missing(&self) -> Option<bool> {
                (**self).matches_missing()
            }
            fn defect(&self) -> Option<String> {
                (**self).defect()
            }
            fn as_text(&self) -> Option<&str> {
                (**self).as_text()
            }
        }
    };
}

pointer!(Box<M>);
pointer!(Arc<M>);
pointer!(&M);
