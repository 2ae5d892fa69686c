//! `is_uuid`: a UUID in its usual form.

use std::fmt::{self, Write};

use uuid::fmt::Hyphenated;

use super::{Matcher, Sense, Text};

/// Matches a text, or a JSON string, that is a UUID of any version, written with hyphens in upper or lower case.
///
/// # Examples
///
/// ```
/// use synthetic_core::expect::{check, is_uuid};
///
/// assert_eq!(check("67e55044-10b1-426f-9247-bb680e5fe0c8", &is_uuid()), Ok(()));
/// assert_eq!(
///     check("67e55044", &is_uuid()).unwrap_err().to_string(),
///     r#"expected is a UUID, actual "67e55044", which has 8 characters instead of 36"#,
/// );
/// ```
#[must_use]
pub const fn is_uuid() -> IsUuid {
    IsUuid { _private: () }
}

/// Matches a UUID; made by [`is_uuid`].
#[derive(Debug, Clone)]
pub struct IsUuid {
    _private: (),
}

/// The length of a UUID with hyphens.
const LENGTH: usize = 36;

impl<T: Text + ?Sized> Matcher<T> for IsUuid {
    fn matches(&self, actual: &T) -> bool {
        actual.text().is_ok_and(|text| text.len() == LENGTH && text.parse::<Hyphenated>().is_ok())
    }

    fn describe(&self, sense: Sense, f: &mut dyn Write) -> fmt::Result {
        f.write_str(sense.pick("is a UUID", "is not a UUID"))
    }

    fn explain(&self, actual: &T, f: &mut dyn Write) -> fmt::Result {
        let text = match actual.text() {
            Ok(text) => text,
            Err(kind) => return write!(f, "which is {kind}"),
        };
        let length = text.chars().count();
        if length != LENGTH {
            return write!(f, "which has {length} characters instead of {LENGTH}");
        }
        let wrong = text.chars().enumerate().find(|(at, c)| match at {
            8 | 13 | 18 | 23 => *c != '-',
            _ => !c.is_ascii_hexdigit(),
        });
        match wrong {
            Some((at, c)) => write!(f, "which has {c:?} as character {}", at + 1),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            not,
            testing::{fails, passes},
        },
        *,
    };

    const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

    #[test]
    fn it_matches_the_hyphenated_form_only() {
        passes(ID, is_uuid());
        passes(ID.to_uppercase(), is_uuid());
        passes(json!(ID), is_uuid());
        passes(ID.replace('-', ""), not(is_uuid()));
        passes(format!("{{{ID}}}"), not(is_uuid()));
        passes(format!("urn:uuid:{ID}"), not(is_uuid()));
        passes(ID.replace("10b1-", "10b-1"), not(is_uuid()));
    }

    #[test]
    fn it_says_what_is_wrong_with_it() {
        fails("", is_uuid(), r#"expected is a UUID, actual "", which has 0 characters instead of 36"#);
        fails(
            ID.replace("426f", "426g"),
            is_uuid(),
            r#"expected is a UUID, actual "67e55044-10b1-426g-9247-bb680e5fe0c8", which has 'g' as character 18"#,
        );
        fails(json!(1), is_uuid(), "expected is a UUID, actual 1, which is a number");
        fails(ID, not(is_uuid()), r#"expected is not a UUID, actual "67e55044-10b1-426f-9247-bb680e5fe0c8""#);
    }
}
