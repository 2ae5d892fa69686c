//! `every`: all elements of a list; or, of a duration, a cadence.

use std::fmt::{self, Write};

use super::{Elements, Matcher, Sense, Show, described, explained};

/// Matches a list, or a JSON array, whose every element matches `element`; or of a duration, makes a cadence.
///
/// The word means what it is given: `every(gt(0))` is about elements, `every(mins(1))` is a
/// [schedule](crate::schedule), and `every(ms(250)).up_to(secs(10))` says how to wait for something.
///
/// An empty list does not match: nothing was judged, and nothing is green on nothing. Where a list may be empty, say so:
/// `any_of((is_empty(), every(…)))`.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, every, lt};
///
/// assert_eq!(check(&[1, 2], &every(lt(3))), Ok(()));
/// assert_eq!(
///     check(&[1, 2, 5], &every(lt(3))).unwrap_err().to_string(),
///     "expected is a list whose every element is less than 3, actual [1, 2, 5], \
///      of which 1 of 3 fails, the first at [2]: 5, which is 3 too many",
/// );
/// ```
#[must_use]
pub const fn every<M>(element: M) -> Every<M> {
    Every { element }
}

/// Matches when all elements do, or, of a duration, is a cadence; made by [`every`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every<M> {
    pub(crate) element: M,
}

impl<T: Elements + ?Sized, M: Matcher<T::Element>> Matcher<T> for Every<M> {
    fn matches(&self, actual: &T) -> bool {
        actual
            .elements()
            .is_ok_and(|elements| !elements.is_empty() && elements.iter().all(|element| self.element.matches(element)))
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        let has = sense.pick("is a list whose every element", "has an element that");
        write!(f, "{has} {}", described(&self.element, sense))
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        let elements = match actual.elements() {
            Ok(elements) => elements,
            Err("null") => return Ok(()),
            Err(kind) => return write!(f, "which is {kind}"),
        };
        if elements.is_empty() {
            return f.write_str("which has no element to judge");
        }
        let mut failing = elements.iter().enumerate().filter(|(_, element)| !self.element.matches(element));
        let Some((at, first)) = failing.next() else {
            return Ok(());
        };
        let count = 1 + failing.count();
        let fail = if count == 1 { "fails" } else { "fail" };
        write!(f, "of which {count} of {} {fail}, the first at [{at}]: {}", elements.len(), Show(first))?;
        let clause = explained(&self.element, first);
        if clause.is_empty() { Ok(()) } else { write!(f, ", {clause}") }
    }

    fn defect(&self) -> Option<String> {
        self.element.defect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            any_of, eq, gt, is_empty, lt, matches, not,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn it_matches_when_all_elements_do() {
        passes(vec![1, 2], every(gt(0)));
        passes([1_u64, 1], every(1));
        passes(vec!["a".to_owned()], every("a"));
        passes(json!(["up", "up"]), every("up"));
        let borrowed = &json!([1, 1.0]);
        passes(borrowed, every(1));
        passes(vec![1, 2], not(every(gt(1))));
    }

    #[test]
    fn an_empty_list_is_not_green() {
        fails(
            Vec::<i32>::new(),
            every(gt(0)),
            "expected is a list whose every element is greater than 0, actual [], which has no element to judge",
        );
        fails(
            json!([]),
            every("up"),
            r#"expected is a list whose every element is equal to "up", actual [], which has no element to judge"#,
        );
        passes(json!([]), any_of((is_empty(), every("up"))));
    }

    #[test]
    fn it_names_the_first_that_fails_and_how_many_do() {
        fails(
            json!(["up", "down", "off"]),
            every("up"),
            r#"expected is a list whose every element is equal to "up", actual ["up", "down", "off"], of which 2 of 3 fail, the first at [1]: "down""#,
        );
        fails(
            vec![1, 7],
            every(lt(5)),
            "expected is a list whose every element is less than 5, actual [1, 7], \
             of which 1 of 2 fails, the first at [1]: 7, which is 3 too many",
        );
        fails(vec![1, 1], not(every(eq(1))), "expected has an element that is not equal to 1, actual [1, 1]");
    }

    #[test]
    fn what_is_not_a_list_does_not_match() {
        fails(
            json!("up"),
            every("up"),
            r#"expected is a list whose every element is equal to "up", actual "up", which is a string"#,
        );
    }

    #[test]
    fn a_defect_of_the_element_is_passed_on() {
        assert!(Matcher::<Vec<String>>::defect(&every(matches("("))).is_some());
    }
}
