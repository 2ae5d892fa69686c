//! What stands in the way of a bucket, in the words of [`StoreError`].

use std::error::Error as _;
use std::fmt::Write as _;

use ::object_store::Error;
use synthetic_core::artifact::{Key, StoreError};

/// The longest text of an error, in bytes: some servers answer with a page.
const LONGEST: usize = 600;

/// What was being done when an error came.
pub(super) struct Doing<'a> {
    pub(super) store: &'a str,
    pub(super) what: &'static str,
    pub(super) key: Option<&'a Key>,
}

impl Doing<'_> {
    pub(super) fn failed(&self, error: &Error) -> StoreError {
        let place = self.key.map_or(String::new(), |key| format!(" {key}"));
        let text = format!("{}: cannot {}{place}: {}", self.store, self.what, shown(error));
        if never_works(error) { StoreError::Refused(text) } else { StoreError::Unavailable(text) }
    }
}

/// The rest is `Generic`, which does not tell a status: a server's own error, one request too many, no network, a wrong
/// setting. It is tried again, and counted as given up when it does not get better.
fn never_works(error: &Error) -> bool {
    matches!(
        error,
        Error::NotFound { .. }
            | Error::InvalidPath { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. }
            | Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. }
            | Error::UnknownConfigurationKey { .. }
    )
}

/// Returns the text of an error on one line, with its causes, bounded, and without the queries of URLs, which may hold a
/// signature.
pub(super) fn shown(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = error.source();
    }
    let mut shown = String::with_capacity(text.len().min(LONGEST) + 8);
    for word in text.split_whitespace() {
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(match word.split_once('?') {
            Some((before, _)) if before.contains("://") => before,
            _ => word,
        });
        if shown.len() > LONGEST {
            let end = shown.char_indices().map(|(at, _)| at).take_while(|at| *at <= LONGEST).last();
            shown.truncate(end.unwrap_or_default());
            shown.push('…');
            break;
        }
    }
    shown
}
