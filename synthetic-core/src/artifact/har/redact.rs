//! What is left out of an archive by its name: whatever carries a credential.

/// What stands where a credential was.
pub(super) const REDACTED: &str = "redacted";
/// Parts of the names of headers, cookies and parameters whose values are credentials.
const CREDENTIALS: [&str; 14] = [
    "authorization",
    "cookie",
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "api-key",
    "api_key",
    "apikey",
    "session",
    "signature",
    "credential",
    "otp",
];

/// Returns whether a header, a cookie, a parameter or a field with this name carries a credential, as far as names tell.
///
/// # Examples
///
/// ```
/// use synthetic_core::artifact::har::is_credential;
/// assert!(is_credential("Authorization") && is_credential("refresh_token") && is_credential("X-Api-Key"));
/// assert!(!is_credential("customerId"));
/// ```
#[must_use]
pub fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    CREDENTIALS.iter().any(|part| name.contains(part))
}

/// Returns a URL without userinfo, and without the values of parameters that carry credentials, in its query and in its
/// fragment.
pub(super) fn redacted_url(url: &str) -> String {
    let without_userinfo = match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            match rest[..end].rfind('@') {
                Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
                None => url.to_owned(),
            }
        }
        None => url.to_owned(),
    };
    let start = without_userinfo.find(['?', '#']).unwrap_or(without_userinfo.len());
    let (head, tail) = without_userinfo.split_at(start);
    [head, &redacted_pairs(tail, &['?', '#', '&'])].concat()
}

/// Returns `a=1&token=2` as `a=1&token=redacted`.
pub(super) fn redacted_pairs(text: &str, separators: &[char]) -> String {
    let mut clean = String::with_capacity(text.len());
    for pair in text.split_inclusive(separators) {
        let (pair, end) = match pair.char_indices().next_back() {
            Some((at, last)) if separators.contains(&last) => pair.split_at(at),
            _ => (pair, ""),
        };
        match pair.split_once('=') {
            Some((name, _)) if is_credential(name) => clean.extend([name, "=", REDACTED]),
            _ => clean.push_str(pair),
        }
        clean.push_str(end);
    }
    clean
}

/// Returns a body without the values of fields that carry credentials, where its form is known.
pub(super) fn redacted_text(media_type: &str, text: &str) -> String {
    let media_type = media_type.to_ascii_lowercase();
    if media_type.contains("x-www-form-urlencoded") {
        return redacted_pairs(text, &['&']);
    }
    if media_type.contains("json")
        && let Ok(mut value) = serde_json::from_str::<serde_json::Value>(text)
    {
        return if redact_value(&mut value) { value.to_string() } else { text.to_owned() };
    }
    text.to_owned()
}

/// Replaces what fields with the name of a credential have. Returns whether there was any.
pub(super) fn redact_value(value: &mut serde_json::Value) -> bool {
    match value {
        serde_json::Value::Object(fields) => fields.iter_mut().fold(false, |any, (name, value)| {
            if is_credential(name) && !value.is_null() && !value.is_boolean() {
                *value = REDACTED.into();
                true
            } else {
                redact_value(value) | any
            }
        }),
        serde_json::Value::Array(items) => items.iter_mut().fold(false, |any, item| redact_value(item) | any),
        _ => false,
    }
}
