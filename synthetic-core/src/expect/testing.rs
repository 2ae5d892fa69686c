//! What the tests of matchers share.

use std::fmt::Debug;

use super::{Matcher, check};

/// Checks that `matcher` accepts `value`, with the bounds of `run.expect`, so that it tests type inference too.
#[track_caller]
pub(super) fn passes<T: Debug>(value: T, matcher: impl Matcher<T>) {
    if let Err(mismatch) = check(&value, &matcher) {
        panic!("{mismatch}");
    }
}

/// Checks that `matcher` refuses `value` and that the whole failure reads `text`.
#[track_caller]
pub(super) fn fails<T: Debug>(value: T, matcher: impl Matcher<T>, text: &str) {
    match check(&value, &matcher) {
        Ok(()) => panic!("{value:?} should not have matched"),
        Err(mismatch) => assert_eq!(mismatch.to_string(), text),
    }
}
