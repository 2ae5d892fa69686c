//! Headers, as a canary's author writes them.

use reqwest::header::{HeaderName, HeaderValue};

/// Reads a header's name and value.
pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = header_name(name)?;
    let value = HeaderValue::try_from(value)
        .map_err(|_| format!("the value of header {name:?} has a line break or another control character in it"))?;
    Ok((parsed, value))
}

/// Returns the media type that a `Content-Type` names, without its parameters.
pub(crate) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Reads a header's name.
pub(crate) fn header_name(name: &str) -> Result<HeaderName, String> {
    HeaderName::try_from(name).map_err(|_| format!("{name:?} is no header name: use letters, digits and -"))
}
