//! Several matchers for one value.

use super::Matcher;

/// Gives several matchers for one value, for [`all_of`](super::all_of) and [`any_of`](super::any_of).
///
/// Tuples of up to eight matchers are, and arrays and `Vec`s of matchers of one type.
pub trait Parts<T: ?Sized>: Send + Sync {
    /// Returns the matchers in order.
    fn parts(&self) -> Vec<&dyn Matcher<T>>;
}

impl<T: ?Sized, M: Matcher<T>> Parts<T> for Vec<M> {
    fn parts(&self) -> Vec<&dyn Matcher<T>> {
        self.iter().map(|part| part as &dyn Matcher<T>).collect()
    }
}

impl<T: ?Sized, M: Matcher<T>, const N: usize> Parts<T> for [M; N] {
    fn parts(&self) -> Vec<&dyn Matcher<T>> {
        self.iter().map(|part| part as &dyn Matcher<T>).collect()
    }
}

macro_rules! tuples {
    ($(($($part:ident)*))*) => {$(
        impl<T: ?Sized, $($part: Matcher<T>),*> Parts<T> for ($($part,)*) {
            #[expect(non_snake_case, reason = "a part of the tuple has the name of its type")]
            fn parts(&self) -> Vec<&dyn Matcher<T>> {
                let ($($part,)*) = self;
                vec![$($part),*]
            }
        }
    )*};
}

tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
}

/// Writes the parts in words, one after the other.
pub(super) fn join<T: ?Sized>(
    parts: &[&dyn Matcher<T>],
    word: &str,
    sense: super::Sense,
    f: &mut dyn std::fmt::Write,
) -> std::fmt::Result {
    if parts.is_empty() {
        return f.write_str("nothing");
    }
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            write!(f, " {word} ")?;
        }
        part.describe(sense, f)?;
    }
    Ok(())
}

/// Returns the first defect among the parts, or that there are none.
pub(super) fn defect<T: ?Sized>(parts: &[&dyn Matcher<T>]) -> Option<String> {
    if parts.is_empty() {
        return Some("there are no matchers to judge it".to_owned());
    }
    parts.iter().find_map(|part| part.defect())
}
