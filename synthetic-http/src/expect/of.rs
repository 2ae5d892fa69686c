//! One thing about an answer, and a matcher for it; or why there is no such thing.

use std::fmt;

use synthetic_core::expect::{self, Matcher, Mismatch, Sense};

use super::{Expectation, Judge};

/// Why there is nothing to judge.
pub(crate) enum No {
    /// It is not there, which may be what is wanted.
    Such(String),
    /// What it would be a part of is not there, or cannot be looked at: that it has no such part would be true of nothing.
    Judgement(String),
}

impl From<String> for No {
    fn from(why: String) -> Self {
        Self::Such(why)
    }
}

/// Judges what was found, or that there is nothing.
pub(super) fn judge_found<T: fmt::Debug>(found: Result<T, No>, matcher: &impl Matcher<T>) -> Result<(), Mismatch> {
    match found {
        Ok(value) => expect::check(&value, matcher),
        Err(No::Such(_)) if matcher.matches_missing() == Some(true) => Ok(()),
        Err(No::Such(why) | No::Judgement(why)) => Err(Mismatch::new(expect::described(matcher, Sense::Is), why)),
    }
}

/// One thing about an answer, and a matcher for it.
struct Of<A: ?Sized, T, E, M> {
    /// What is judged: `header`.
    subject: &'static str,
    /// What is looked at, or why it cannot be.
    take: fn(&A, &str) -> Result<T, E>,
    /// What `take` is given: the name of a header, of a cookie, of a phase.
    name: String,
    matcher: M,
}

impl<A: ?Sized, T: fmt::Debug, E: Into<No>, M: Matcher<T>> Judge<A> for Of<A, T, E, M> {
    fn subject(&self) -> String {
        if self.name.is_empty() { self.subject.to_owned() } else { format!("{} {}", self.subject, self.name) }
    }

    fn judge(&self, answer: &A) -> Result<(), Mismatch> {
        judge_found((self.take)(answer, &self.name).map_err(Into::into), &self.matcher)
    }
}

/// Expects something of what is there as a whole, or not at all.
pub(crate) fn of<A: ?Sized + 'static, T: fmt::Debug + 'static>(
    subject: &'static str,
    name: impl Into<String>,
    matcher: impl Matcher<T> + 'static,
    take: fn(&A, &str) -> Result<T, String>,
) -> Expectation<A> {
    of_part(subject, name, matcher, take)
}

/// Expects something of what may be missing for more than one reason.
pub(crate) fn of_part<A: ?Sized + 'static, T: fmt::Debug + 'static, E: Into<No> + 'static>(
    subject: &'static str,
    name: impl Into<String>,
    matcher: impl Matcher<T> + 'static,
    take: fn(&A, &str) -> Result<T, E>,
) -> Expectation<A> {
    let defect = matcher.defect();
    Expectation::new(Of { subject, take, name: name.into(), matcher }, defect)
}
