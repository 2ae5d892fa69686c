//! `one_of`: a choice of values.

use std::fmt::{self, Debug, Write};

use super::{Matcher, Sense, words};

/// How many of the options are shown.
const SHOWN: usize = 20;

/// Matches a value that equals one of `options`, as [`eq`](super::eq) does.
///
/// For options that are matchers see [`any_of`](super::any_of).
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, one_of};
///
/// assert_eq!(check(&"paid", &one_of(["paid", "sent"])), Ok(()));
/// assert_eq!(
///     check(&"open", &one_of(["paid", "sent"])).unwrap_err().to_string(),
///     r#"expected is one of "paid", "sent", actual "open""#,
/// );
/// ```
#[must_use]
pub fn one_of<E>(options: impl IntoIterator<Item = E>) -> OneOf<E> {
    OneOf { options: options.into_iter().collect() }
}

/// Matches what equals one of several values; made by [`one_of`].
#[derive(Debug, Clone)]
pub struct OneOf<E> {
    options: Vec<E>,
}

impl<A, E> Matcher<A> for OneOf<E>
where
    A: PartialEq<E> + ?Sized,
    E: Debug + Send + Sync,
{
    fn matches(&self, actual: &A) -> bool {
        self.options.iter().any(|option| *actual == *option)
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        describe(&self.options, sense, f)
    }

    fn defect(&self) -> Option<String> {
        defect(&self.options)
    }
}

/// Writes `is one of …` or its negation.
pub(super) fn describe<E: Debug>(options: &[E], sense: Sense, f: &mut dyn Write) -> fmt::Result {
    write!(f, "{} ", sense.pick("is one of", "is none of"))?;
    words::list(options.iter(), SHOWN, f)
}

/// Says that there is nothing to choose from.
pub(super) fn defect<E>(options: &[E]) -> Option<String> {
    options.is_empty().then(|| "there are no values to choose from".to_owned())
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
    fn it_matches_each_of_the_options() {
        passes("a", one_of(["a", "b"]));
        passes("b".to_owned(), one_of(vec!["a", "b"]));
        passes(3, one_of(1..4));
        passes(json!("a"), one_of(["a", "b"]));
        passes(json!(2), one_of([1, 2]));
        passes(4, not(one_of(1..4)));
    }

    #[test]
    fn it_lists_the_options() {
        fails("c", one_of(["a", "b"]), r#"expected is one of "a", "b", actual "c""#);
        fails("a", not(one_of(["a", "b"])), r#"expected is none of "a", "b", actual "a""#);
        fails(
            0,
            one_of(1..100),
            "expected is one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 and 79 more, actual 0",
        );
    }

    #[test]
    fn no_options_fail_in_both_senses() {
        let none: [i32; 0] = [];
        fails(0, one_of(none), "expected is one of nothing, actual 0, but there are no values to choose from");
        fails(0, not(one_of(none)), "expected is none of nothing, actual 0, but there are no values to choose from");
    }
}
