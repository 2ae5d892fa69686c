//! The rule for names.

use super::SecretError;

/// The most characters a name may have.
const MAX_CHARS: usize = 200;

/// The most characters of a refused name that are shown: enough to recognise it, too few for a report to drown in.
const SHOWN_CHARS: usize = 60;

/// Checks that `name` is a secret name: 1 to 200 letters, digits, `-`, `_` and `.`, in parts that are joined by `/`.
///
/// A part is neither empty nor begins with a dot: so no name is absolute, climbs out of a folder, or finds a hidden
/// file, whatever a store makes of it.
///
/// # Errors
///
/// Returns [`SecretError::InvalidName`], which says what is wrong with it.
///
/// # Examples
///
/// ```
/// use synthetic_core::secret::check_name;
///
/// assert!(check_name("web/password").is_ok());
/// assert_eq!(
///     check_name("../etc/passwd").unwrap_err().to_string(),
///     "secret name \"../etc/passwd\" has a part that begins with a dot: \
///      use letters, digits, `-`, `_`, `.` and `/`, as in web/password",
/// );
/// ```
pub fn check_name(name: &str) -> Result<(), SecretError> {
    let Some(reason) = fault(name) else { return Ok(()) };
    Err(SecretError::InvalidName { name: name.chars().take(SHOWN_CHARS).collect(), reason })
}

/// Returns whether `c` may stand in a name.
pub(super) const fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/')
}

fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.chars().nth(MAX_CHARS).is_some() {
        Some("has more than 200 characters")
    } else if name.starts_with('/') {
        Some("is absolute")
    } else if !name.chars().all(is_name_char) {
        Some("has a character that not every store can keep")
    } else if name.split('/').any(str::is_empty) {
        Some("has an empty part")
    } else if name.split('/').any(|part| part.starts_with('.')) {
        Some("has a part that begins with a dot")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_every_store_can_keep_are_accepted() {
        for name in ["a", "web/password", "Shop_2/db.password", "a-b/c/d", &"x".repeat(200)] {
            assert_eq!(fault(name), None, "{name}");
        }
    }

    #[test]
    fn names_that_could_lead_astray_are_refused() {
        for (name, reason) in [
            ("", "is empty"),
            ("/etc/passwd", "is absolute"),
            ("..", "has a part that begins with a dot"),
            ("web/../../etc/passwd", "has a part that begins with a dot"),
            ("web/.hidden", "has a part that begins with a dot"),
            ("..data/password", "has a part that begins with a dot"),
            ("web//password", "has an empty part"),
            ("web/", "has an empty part"),
            ("web password", "has a character that not every store can keep"),
            ("web\\password", "has a character that not every store can keep"),
            ("C:/password", "has a character that not every store can keep"),
            ("web\0", "has a character that not every store can keep"),
            ("pässword", "has a character that not every store can keep"),
            (&"x".repeat(201), "has more than 200 characters"),
        ] {
            assert_eq!(fault(name), Some(reason), "{name:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_in_the_message() {
        assert!(check_name(&"x".repeat(5_000)).unwrap_err().to_string().len() < 200);
    }
}
