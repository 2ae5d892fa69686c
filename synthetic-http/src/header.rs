//! Headers, as a canary's author writes them.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::parameters;

/// Reads a header's name and value.
pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = header_name(name)?;
    let value = HeaderValue::try_from(value)
        .map_err(|_| format!("the value of header {name:?} has a line break or another control character in it"))?;
    Ok((parsed, value))
}

/// Returns the media type that a `Content-Type` names, without its parameters.
pub(crate) fn media_type(content_type: &str) -> &str {
    parameters::of(content_type).0
}

/// Makes every value one of UTF-8, so that all of them can be read as [`text`]: what is not UTF-8 is taken as ISO-8859-1, in which
/// every byte is a character (RFC 9110, section 5.5), so that nothing is lost.
pub(crate) fn make_legible(headers: &mut HeaderMap) {
    for value in headers.values_mut() {
        if std::str::from_utf8(value.as_bytes()).is_ok() {
            continue;
        }
        let text: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        if let Ok(legible) = HeaderValue::from_bytes(text.as_bytes()) {
            *value = legible;
        }
    }
}

/// Returns a value as text.
pub(crate) fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

/// Reads a header's name.
pub(crate) fn header_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::try_from(name).map_err(|_| format!("{name:?} is no header name: use letters, digits and -"))
}
