//! Expectations: matchers that say what they want, and what was wrong with what they got.
//!
//! A [`Matcher`] is asked three things, and two of them are about words: does the value match
//! ([`matches`](Matcher::matches)), what is wanted ([`describe`](Matcher::describe)), and what is remarkable about
//! this value ([`explain`](Matcher::explain)). The words end up in an alert, so they are written for someone who has
//! neither the source nor a debugger.

mod show;

use std::fmt;

pub use show::Show;

/// Decides whether a value is as it should be, and says so in words.
///
/// # Contract
///
/// - [`matches`](Self::matches) is pure: the same value gives the same answer, nothing is changed, nothing panics.
/// - [`describe`](Self::describe) writes a verb phrase that fits after "expected": `is equal to 3`, and for
///   [`Sense::Not`] its negation in proper words: `is not equal to 3`.
/// - [`explain`](Self::explain) writes a relative clause that fits after the value (`which is 2 too many`), or
///   nothing when there is nothing to add.
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

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, actual {}", self.expected, self.actual)
    }
}

/// Judges `actual` by `matcher`.
///
/// # Errors
///
/// Returns a [`Mismatch`] when the value is not as it should be.
pub fn check<T: fmt::Debug + ?Sized>(actual: &T, matcher: &(impl Matcher<T> + ?Sized)) -> Result<(), Mismatch> {
    if matcher.matches(actual) {
        return Ok(());
    }
    let mut text = Show(actual).to_string();
    let mut clause = String::new();
    if matcher.explain(actual, &mut clause).is_ok() && !clause.is_empty() {
        text.push_str(", ");
        text.push_str(&clause);
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

impl<T: ?Sized, M: Matcher<T> + ?Sized> Matcher<T> for Box<M> {
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
}
