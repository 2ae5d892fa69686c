//! `gt`, `ge`, `lt`, `le` and `under`: order.

use std::{
    cmp::Ordering,
    fmt::{self, Debug, Write},
};

use super::{
    Comparable, Matcher, Sense, Show,
    distance::{self, Wrong},
    show, words,
};

/// Matches a value greater than `limit`.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, gt};
///
/// assert_eq!(check(&4, &gt(3)), Ok(()));
/// assert_eq!(check(&3, &gt(3)).unwrap_err().to_string(), "expected is greater than 3, actual 3, which is 1 too few");
/// ```
#[must_use]
pub const fn gt<E>(limit: E) -> Gt<E> {
    Gt { limit }
}

/// Matches a value that is `limit` or greater.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use synthetic_core::expect::{check, ge};
///
/// assert_eq!(check(&json!(21), &ge(21)), Ok(()));
/// assert_eq!(check(&json!(19), &ge(21)).unwrap_err().to_string(), "expected is at least 21, actual 19, which is 2 too few");
/// ```
#[must_use]
pub const fn ge<E>(limit: E) -> Ge<E> {
    Ge { limit }
}

/// Matches a value less than `limit`.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, lt};
///
/// assert_eq!(check(&2.5, &lt(3.0)), Ok(()));
/// assert_eq!(check(&3.5, &lt(3.0)).unwrap_err().to_string(), "expected is less than 3.0, actual 3.5");
/// ```
#[must_use]
pub const fn lt<E>(limit: E) -> Lt<E> {
    Lt { limit }
}

/// Matches a value that is `limit` or less.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, le};
///
/// assert_eq!(check(&3, &le(3)), Ok(()));
/// assert_eq!(check(&5, &le(3)).unwrap_err().to_string(), "expected is at most 3, actual 5, which is 2 too many");
/// ```
#[must_use]
pub const fn le<E>(limit: E) -> Le<E> {
    Le { limit }
}

/// Matches a value less than `limit`: [`lt`] under a name that reads well for times, as in `latency(under(ms(300)))`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use synthetic_core::expect::{check, under};
///
/// let limit = Duration::from_millis(300);
/// assert_eq!(check(&Duration::from_millis(120), &under(limit)), Ok(()));
/// assert_eq!(
///     check(&Duration::from_millis(410), &under(limit)).unwrap_err().to_string(),
///     "expected is less than 300ms, actual 410ms, which is 110ms too long",
/// );
/// ```
#[must_use]
pub const fn under<E>(limit: E) -> Lt<E> {
    lt(limit)
}

/// Matches what is greater than a limit; made by [`gt`].
#[derive(Debug, Clone)]
pub struct Gt<E> {
    limit: E,
}

/// Matches what is at least a limit; made by [`ge`].
#[derive(Debug, Clone)]
pub struct Ge<E> {
    limit: E,
}

/// Matches what is less than a limit; made by [`lt`] and [`under`].
#[derive(Debug, Clone)]
pub struct Lt<E> {
    limit: E,
}

/// Matches what is at most a limit; made by [`le`].
#[derive(Debug, Clone)]
pub struct Le<E> {
    limit: E,
}

macro_rules! order {
    ($matcher:ident, $accepted:pat, $is:literal, $not:literal, $wrong:ident, $strict:literal) => {
        impl<A, E> Matcher<A> for $matcher<E>
        where
            A: Comparable<E> + Debug + ?Sized,
            E: Debug + Send + Sync,
        {
            fn matches(&self, actual: &A) -> bool {
                matches!(actual.compare(&self.limit), Some($accepted))
            }

            fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
                write!(f, "{} {}", sense.pick($is, $not), Show(&self.limit))
            }

            fn explain(&self, actual: &A, f: &mut dyn Write) -> fmt::Result {
                let order = actual.compare(&self.limit);
                explain(order, actual, &self.limit, Wrong::$wrong, $strict, f)
            }
        }
    };
}

order!(Gt, Ordering::Greater, "is greater than", "is not greater than", Low, true);
order!(Ge, Ordering::Greater | Ordering::Equal, "is at least", "is not at least", Low, false);
order!(Lt, Ordering::Less, "is less than", "is not less than", High, true);
order!(Le, Ordering::Less | Ordering::Equal, "is at most", "is not at most", High, false);

/// Says how far a value is from its limit, or why the two cannot be compared.
pub(super) fn explain<A: Debug + ?Sized, E: Debug>(
    order: Option<Ordering>,
    actual: &A,
    limit: &E,
    wrong: Wrong,
    strict: bool,
    f: &mut dyn Write,
) -> fmt::Result {
    let shown = show::whole(actual);
    if order.is_some() {
        let clause = distance::clause(&shown, &show::whole(limit), wrong, strict);
        return f.write_str(&clause.unwrap_or_default());
    }
    match show::is_json::<A>().then(|| show::to_json(&shown)).flatten() {
        // `null, which is null` would help nobody.
        Some(value) if value.is_null() => Ok(()),
        Some(value) => write!(f, "which is {}", words::kind(&value)),
        None => f.write_str("which cannot be compared with it"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{
        super::{
            not,
            testing::{fails, passes},
        },
        *,
    };

    #[test]
    fn they_match_on_their_side_of_the_limit() {
        passes(4, gt(3));
        passes(3, ge(3));
        passes(2, lt(3));
        passes(3, le(3));
        passes(4_u64, ge(3));
        passes(2.5, lt(3.0));
        passes("b", gt("a"));
        passes("b".to_owned(), gt("a"));
        passes(Some(2), gt(Some(1)));
        passes(Duration::from_millis(1), under(Duration::from_secs(1)));
    }

    #[test]
    fn json_numbers_compare_with_any_number() {
        passes(json!(4), gt(3));
        passes(json!(3.5), gt(3));
        passes(json!(3), lt(3.5));
        passes(json!(u64::MAX), gt(u64::MAX - 1));
        passes(json!(3), ge(3_usize));
        passes(json!("b"), gt("a"));
    }

    #[test]
    fn they_say_how_far_off_it_was() {
        fails(1, gt(3), "expected is greater than 3, actual 1, which is 3 too few");
        fails(1, ge(3), "expected is at least 3, actual 1, which is 2 too few");
        fails(3, lt(3), "expected is less than 3, actual 3, which is 1 too many");
        fails(json!(5), le(3), "expected is at most 3, actual 5, which is 2 too many");
        fails(
            Duration::from_millis(1200),
            under(Duration::from_millis(300)),
            "expected is less than 300ms, actual 1.2s, which is 900ms too long",
        );
        fails(
            Duration::from_millis(300),
            ge(Duration::from_secs(1)),
            "expected is at least 1s, actual 300ms, which is 700ms too short",
        );
    }

    #[test]
    fn they_are_negated_in_words() {
        fails(4, not(gt(3)), "expected is not greater than 3, actual 4");
        fails(4, not(ge(3)), "expected is not at least 3, actual 4");
        fails(2, not(lt(3)), "expected is not less than 3, actual 2");
        fails(2, not(le(3)), "expected is not at most 3, actual 2");
    }

    #[test]
    fn what_has_no_order_does_not_match() {
        fails(f64::NAN, gt(1.0), "expected is greater than 1.0, actual NaN, which cannot be compared with it");
        fails(json!("4"), gt(3), r#"expected is greater than 3, actual "4", which is a string"#);
        fails(json!(null), le(3), "expected is at most 3, actual null");
    }
}
