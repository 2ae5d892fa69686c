//! `not`: the opposite.

use std::fmt::{self, Write};

use super::{Matcher, Sense};

/// Matches what `matcher` does not match.
///
/// So does a value of another kind: `not(gt(3))` matches the JSON string `"a"`. What cannot be judged at all, because it
/// is missing or the matcher has a [defect](Matcher::defect), fails negated as well; only
/// [`exists`](super::exists) judges what is missing, so that `not(exists())` asks for nothing to be there.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, contains, not};
///
/// assert_eq!(check("welcome", &not(contains("error"))), Ok(()));
/// assert_eq!(
///     check("error 7", &not(contains("error"))).unwrap_err().to_string(),
///     r#"expected does not contain "error", actual "error 7""#,
/// );
/// ```
#[must_use]
pub const fn not<M>(matcher: M) -> Not<M> {
    Not { matcher }
}

/// Matches what another matcher does not; made by [`not`].
#[derive(Debug, Clone)]
pub struct Not<M> {
    matcher: M,
}

impl<T: ?Sized, M: Matcher<T>> Matcher<T> for Not<M> {
    fn matches(&self, actual: &T) -> bool {
        !self.matcher.matches(actual)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        self.matcher.describe(sense.negate(), f)
    }

    fn matches_missing(&self) -> Option<bool> {
        self.matcher.matches_missing().map(|matches| !matches)
    }

    fn defect(&self) -> Option<String> {
        self.matcher.defect()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            eq, exists,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn it_turns_the_verdict_and_the_words_round() {
        passes(1, not(eq(2)));
        passes(1, not(not(eq(1))));
        passes(1, not(2));
        fails(1, not(eq(1)), "expected is not equal to 1, actual 1");
        fails(1, not(not(eq(2))), "expected is equal to 2, actual 1");
    }

    #[test]
    fn what_is_missing_is_judged_by_presence_only() {
        assert_eq!(Matcher::<i32>::matches_missing(&not(exists())), Some(true));
        assert_eq!(Matcher::<i32>::matches_missing(&not(not(exists()))), Some(false));
        assert_eq!(Matcher::<i32>::matches_missing(&not(eq(1))), None);
    }
}
