//! What the script library saw of a query, and the words for it.

use serde::Deserialize;
use serde_json::Value;

use crate::locator::query::Query;

/// What was seen of what a query finds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Seen {
    /// How many elements it found.
    pub(crate) count: u64,
    /// A few of them in a line each, when it is not one.
    pub(crate) matches: Vec<String>,
    /// The part of the query that found nothing.
    pub(crate) failed: Option<usize>,
    /// What was observed.
    pub(crate) value: Value,
    /// It is what was filled into a field as a secret, or a password.
    pub(crate) secret: bool,
    /// Why the element is not fit, as the end of "it is …".
    pub(crate) why: Option<String>,
}

impl Seen {
    /// Says why there is not exactly one element, or `None` when there is.
    pub(crate) fn not_one(&self, query: &Query) -> Option<String> {
        match self.count {
            1 => None,
            0 => Some(query.missing(self.failed.unwrap_or(0))),
            _ => Some(self.many()),
        }
    }

    /// Lists the matches: `2 matches: <a>…</a>, <a>…</a>`.
    pub(crate) fn many(&self) -> String {
        let more = if self.count > self.matches.len() as u64 { ", …" } else { "" };
        format!("{} matches: {}{more}", self.count, self.matches.join(", "))
    }
}

pub(crate) const NONE_THERE: &str = "was it renamed or removed, or is this not the page that was meant to come?";

pub(crate) const WHICH_ONE: &str =
    "say which one is meant: with `exact()`, `has_text(…)`, `nth(…)`, or by looking for it within another element";
