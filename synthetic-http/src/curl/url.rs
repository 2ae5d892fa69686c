//! The URL of a command.

use percent_encoding::percent_decode_str;
use synthetic_core::artifact::har::is_credential;
use url::{Position, Url};

use super::shell::Word;
use super::variables::{Form, Variables};

/// A URL as curl is given it.
pub(super) struct Target {
    pub(super) word: Word,
    /// curl would take it for a pattern.
    pub(super) may_be_globbed: bool,
}

/// Returns the URL without user info and fragment; parameters that carry a credential have a variable for their value.
pub(super) fn target(url: &Url, variables: &mut Variables<'_>) -> Target {
    let scheme = [url.scheme(), "://"].concat();
    let mut word = Word::text(scheme).then(variables.hide(&url[Position::BeforeHost..Position::AfterPath], Form::Url));
    for (at, pair) in url.query().into_iter().flat_map(|query| query.split('&')).enumerate() {
        word = word.then_text(if at == 0 { "?" } else { "&" });
        word = word.then(parameter("query parameter", pair, variables));
    }
    let pattern = url[Position::BeforePath..Position::AfterQuery].contains(['[', ']', '{', '}']);
    Target { may_be_globbed: pattern || word.has_variables(), word }
}

/// Returns `name=value` of a query or a form.
pub(super) fn parameter(kind: &str, pair: &str, variables: &mut Variables<'_>) -> Word {
    let Some((name, value)) = pair.split_once('=') else { return variables.hide(pair, Form::Url) };
    let decoded = percent_decode_str(name).decode_utf8_lossy();
    if !is_credential(&decoded) {
        return variables.hide(pair, Form::Url);
    }
    Word::text([name, "="].concat()).then(variables.by_name(kind, &decoded, value.as_bytes(), Form::Url))
}

/// Returns the user and the password of a URL, if it has any.
pub(super) fn user(url: &Url, variables: &mut Variables<'_>) -> Option<Word> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let name = percent_decode_str(url.username()).collect::<Vec<u8>>();
    let word = variables.hide(name, Form::Plain).then_text(":");
    Some(match url.password() {
        Some(_) => word.then(variables.of("url password", "the password in the URL")),
        None => word,
    })
}
