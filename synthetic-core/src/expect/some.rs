//! `some`: at least one element of a list.

use std::fmt::{self, Write};

use super::{Elements, Matcher, Sense, described, words::none_matches};

/// Matches a list, or a JSON array, with at least one element that matches `element`.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, gt, some};
///
/// assert_eq!(check(&[1, 5], &some(gt(3))), Ok(()));
/// assert_eq!(
///     check(&[1, 2], &some(gt(3))).unwrap_err().to_string(),
///     "expected has an element that is greater than 3, actual [1, 2], of whose 2 elements none matches",
/// );
/// ```
#[must_use]
pub const fn some<M>(element: M) -> HasSome<M> {
    HasSome { element }
}

/// Matches when at least one element does; made by [`some`].
#[derive(Debug, Clone)]
pub struct HasSome<M> {
    element: M,
}

impl<T: Elements + ?Sized, M: Matcher<T::Element>> Matcher<T> for HasSome<M> {
    fn matches(&self, actual: &T) -> bool {
        actual.elements().is_ok_and(|elements| elements.iter().any(|element| self.element.matches(element)))
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        let has = sense.pick("has an element", "has no element");
        write!(f, "{has} that {}", described(&self.element, Sense::Is))
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        match actual.elements() {
            Ok(elements) => f.write_str(&none_matches(elements.len())),
            Err("null") => Ok(()),
            Err(kind) => write!(f, "which is {kind}"),
        }
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
            gt, matches, not,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn it_matches_when_one_element_does() {
        passes(vec![1, 2], some(gt(1)));
        passes([1_u64, 2], some(2));
        passes(json!(["up", "down"]), some("up"));
        passes(vec![1, 2], not(some(gt(2))));
    }

    #[test]
    fn it_says_how_many_elements_there_were() {
        fails(
            json!(["down", "off"]),
            some("up"),
            r#"expected has an element that is equal to "up", actual ["down", "off"], of whose 2 elements none matches"#,
        );
        fails(
            vec![1],
            some(2),
            "expected has an element that is equal to 2, actual [1], whose only element does not match",
        );
        fails(json!([]), some("up"), r#"expected has an element that is equal to "up", actual [], which is empty"#);
        fails(vec![1, 2], not(some(2)), "expected has no element that is equal to 2, actual [1, 2]");
        fails(json!({}), some(2), "expected has an element that is equal to 2, actual {}, which is an object");
    }

    #[test]
    fn a_defect_of_the_element_is_passed_on() {
        assert!(Matcher::<Vec<String>>::defect(&not(some(matches("(")))).is_some());
    }
}
