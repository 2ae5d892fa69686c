//! `body_captures`: what a regular expression finds in the body.

use std::fmt;

use regex::Regex;
use serde::de::DeserializeOwned;
use synthetic_core::expect::{self, Matcher, Mismatch, Sense};

use super::{Expectation, Judge};
use crate::capture::Texts;
use crate::response::Response;

/// Expects something of what a regular expression captures in the body as text, read as a type:
/// `body_captures::<u32>(r"of (\d+) orders", ge(1))`.
///
/// The first match counts. One group is read as a scalar, several as a tuple, named ones as a struct; without groups it is
/// all that matched. No match, and a text that is not of the type, fail and say what was there. The syntax is that of the
/// `regex` crate; a pattern that is invalid is found before anything is sent.
///
/// [`Response::capture`] reads the same to go on with.
///
/// # Examples
///
/// ```
/// use synthetic_core::prelude::*;
/// use synthetic_http::{Http, body_captures};
///
/// let _page = Http::at("https://shop.example").get("/status.txt")
///     .expect(body_captures::<u32>(r"queue: (\d+)", lt(1_000)))
///     .expect(body_captures::<String>(r"^version (\S+)", starts_with("2.")));
/// ```
pub fn body_captures<T: DeserializeOwned + fmt::Debug + 'static>(
    pattern: impl AsRef<str>,
    matcher: impl Matcher<T> + 'static,
) -> Expectation {
    let pattern = pattern.as_ref().to_owned();
    let regex = compiled(&pattern);
    let defect = regex.as_ref().err().cloned().or_else(|| matcher.defect());
    Expectation::new(BodyCaptures { pattern, regex, matcher, of: std::marker::PhantomData::<fn() -> T> }, defect)
}

/// Returns a pattern ready for use, or why it is none, as [`matches`](expect::matches()) says it.
pub(crate) fn compiled(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|_| Matcher::<String>::defect(&expect::matches(pattern)).unwrap_or_default())
}

struct BodyCaptures<T, M> {
    pattern: String,
    regex: Result<Regex, String>,
    matcher: M,
    of: std::marker::PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + fmt::Debug, M: Matcher<T>> Judge for BodyCaptures<T, M> {
    fn subject(&self) -> String {
        format!("capture of \"{}\" in the body", self.pattern)
    }

    fn judge(&self, answer: &Response) -> Result<(), Mismatch> {
        let wanted = |actual: String| Mismatch::new(expect::described(&self.matcher, Sense::Is), actual);
        let regex = self.regex.as_ref().map_err(|why| wanted(why.clone()))?;
        let text = answer.text();
        match Texts::captured(regex, &text).map(Texts::read::<T>) {
            Some(Ok(value)) => expect::check(&value, &self.matcher),
            Some(Err(why)) => Err(wanted(why)),
            None if self.matcher.matches_missing() == Some(true) => Ok(()),
            None => Err(wanted(nothing_matches(&text))),
        }
    }
}

/// Says that a pattern matches nowhere, and in what.
pub(crate) fn nothing_matches(text: &str) -> String {
    match text.len() {
        0 => "no match: the body is empty".to_owned(),
        bytes => format!("no match in the body of {bytes} bytes"),
    }
}
