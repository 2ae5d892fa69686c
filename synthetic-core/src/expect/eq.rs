//! `eq` and `ne`: equality.

use std::fmt::{self, Debug, Write};

use super::{Matcher, Sense, Show, diff, number, show, text};

/// Matches a value that equals `expected`.
///
/// Whatever Rust compares with `==` can be given: a `String` and a `&str`, a JSON value and a number.
///
/// JSON numbers compare as `serde_json` does it, by value *and* form: `eq(10)` does not match `10.0`. A plain value in
/// the place of a matcher, as in `json("$.total", 10)`, does.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, eq};
///
/// assert_eq!(check(&"confirmed", &eq("confirmed")), Ok(()));
/// assert_eq!(
///     check(&"pending", &eq("confirmed")).unwrap_err().to_string(),
///     r#"expected is equal to "confirmed", actual "pending""#,
/// );
/// ```
#[must_use]
pub const fn eq<E>(expected: E) -> Eq<E> {
    Eq { expected }
}

/// Matches a value that does not equal `unwanted`: [`eq`] negated.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, ne};
///
/// assert_eq!(check(&5, &ne(0)), Ok(()));
/// assert_eq!(check(&0, &ne(0)).unwrap_err().to_string(), "expected is not equal to 0, actual 0");
/// ```
#[must_use]
pub const fn ne<E>(unwanted: E) -> Ne<E> {
    Ne { unwanted }
}

/// Matches what equals a value; made by [`eq`].
#[derive(Debug, Clone)]
pub struct Eq<E> {
    expected: E,
}

/// Matches what does not equal a value; made by [`ne`].
#[derive(Debug, Clone)]
pub struct Ne<E> {
    unwanted: E,
}

impl<A, E> Matcher<A> for Eq<E>
where
    A: PartialEq<E> + Debug + ?Sized,
    E: Debug + Send + Sync,
{
    fn matches(&self, actual: &A) -> bool {
        *actual == self.expected
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        describe(&self.expected, sense, f)
    }

    fn explain(&self, actual: &A, f: &mut dyn Write) -> fmt::Result {
        let (expected, actual) = (show::whole(&self.expected), show::whole(actual));
        f.write_str(&clause(&expected, &actual, show::is_json::<A>()).unwrap_or_default())
    }
}

impl<A, E> Matcher<A> for Ne<E>
where
    A: PartialEq<E> + Debug + ?Sized,
    E: Debug + Send + Sync,
{
    fn matches(&self, actual: &A) -> bool {
        *actual != self.unwanted
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        describe(&self.unwanted, sense.negate(), f)
    }
}

/// Writes `is equal to …` or its negation.
pub(super) fn describe<E: Debug + ?Sized>(expected: &E, sense: Sense, f: &mut dyn Write) -> fmt::Result {
    write!(f, "{} {}", sense.pick("is equal to", "is not equal to"), Show(expected))
}

/// Returns what there is to say about two values that are not equal, going by how they are shown: the two are of types
/// that need to have nothing in common but a `==`.
fn clause(expected: &str, actual: &str, json: bool) -> Option<String> {
    if expected == actual {
        return Some("which looks the same but is not equal".to_owned());
    }
    if let (Some(expected), Some(actual)) = (show::unquoted(expected), show::unquoted(actual)) {
        return text::difference(&expected, &actual);
    }
    if !json {
        return None;
    }
    let (expected, actual) = (show::to_json(expected)?, show::to_json(actual)?);
    if number::same(&expected, &actual) {
        return Some(
            "which only writes numbers in another form; a plain value instead of `eq` compares them by value"
                .to_owned(),
        );
    }
    diff::clause(&expected, &actual, |a, b| a == b)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        super::{
            not,
            testing::{fails, passes},
        },
        *,
    };

    #[derive(Debug, PartialEq)]
    enum State {
        Up,
        Down,
    }

    #[test]
    fn it_matches_what_is_equal() {
        passes("a", eq("a"));
        passes("a".to_owned(), eq("a"));
        passes("a", eq("a".to_owned()));
        passes(4_u64, eq(4));
        passes(1.5, eq(1.5));
        passes(Some(1), eq(Some(1)));
        passes(State::Up, eq(State::Up));
        passes(vec![1, 2], eq([1, 2]));
        passes(json!(10), eq(10));
        passes(json!("a"), eq("a"));
        passes(json!({"a": 1}), eq(json!({"a": 1})));
        passes(1, ne(2));
    }

    #[test]
    fn it_says_what_was_wanted_and_what_was_there() {
        fails(3, eq(4), "expected is equal to 4, actual 3");
        fails(State::Down, eq(State::Up), "expected is equal to Up, actual Down");
        fails("a", not(eq("a")), r#"expected is not equal to "a", actual "a""#);
        fails(3, ne(3), "expected is not equal to 3, actual 3");
        fails(3, not(ne(4)), "expected is equal to 4, actual 3");
    }

    #[test]
    fn a_long_text_says_where_it_differs() {
        let long = "x".repeat(41);
        fails(
            format!("{long}a"),
            eq(format!("{long}b")),
            &format!(
                r#"expected is equal to "{long}b", actual "{long}a", which first differs at character 42: "…a" instead of "…b""#
            ),
        );
        fails(
            json!("one\ntwo"),
            eq("one\nzwei"),
            r#"expected is equal to "one\nzwei", actual "one\ntwo", which first differs at line 2, character 1: "…two" instead of "…zwei""#,
        );
    }

    #[test]
    fn json_says_its_kind_and_its_differences() {
        fails(json!("200"), eq(200), r#"expected is equal to 200, actual "200", which is a string"#);
        fails(json!(200), eq("200"), r#"expected is equal to "200", actual 200, which is a number"#);
        fails(
            json!({"a": 1, "b": [true]}),
            eq(json!({"a": 2, "b": [true]})),
            r#"expected is equal to {"a": 2, "b": [true]}, actual {"a": 1, "b": [true]}, which differs in 1 place: $.a: expected 2, actual 1"#,
        );
    }

    #[test]
    fn a_json_number_in_another_form_is_explained() {
        fails(
            json!(10.0),
            eq(10),
            "expected is equal to 10, actual 10.0, which only writes numbers in another form; \
             a plain value instead of `eq` compares them by value",
        );
    }

    #[test]
    fn what_looks_the_same_says_so() {
        fails(f64::NAN, eq(f64::NAN), "expected is equal to NaN, actual NaN, which looks the same but is not equal");
    }

    #[test]
    fn a_reference_to_json_is_json() {
        let value: &Value = &json!([1]);
        fails(
            value,
            eq(&json!([2])),
            "expected is equal to [2], actual [1], which differs in 1 place: $[0]: expected 2, actual 1",
        );
    }
}
