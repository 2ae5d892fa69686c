//! Names in a store: [`Key`], which no text of a target or a canary can turn into a path that leads elsewhere.

use std::fmt;
use std::str::FromStr;

/// The longest part of a key that is made of a name, in bytes, before what tells changed names apart.
const LONGEST_PART: usize = 100;
/// The longest key, in bytes. S3 takes 1,024, of which a store's own prefix needs some.
const LONGEST_KEY: usize = 768;
/// The longest part of a key, in bytes: what a file system takes.
const LONGEST_SEGMENT: usize = 200;

/// Names one stored artifact: parts of `A-Z a-z 0-9 . _ -`, joined by `/`, as `canary/eu/shop/2026/11/21/report.json`.
///
/// No part is empty, or begins or ends with a dot, so that a key is the same safe name in a folder, a bucket and a URL:
/// it climbs nowhere, hides nothing and needs no escaping. A part has at most 200 bytes, a key at most 768.
///
/// # Examples
///
/// ```
/// use synthetic_core::artifact::Key;
///
/// assert_eq!(Key::new("canary/eu/report.json")?.as_str(), "canary/eu/report.json");
/// assert!(Key::new("canary/../../etc/passwd").is_err());
/// # Ok::<(), synthetic_core::artifact::InvalidKey>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Takes a text that is a key.
    ///
    /// # Errors
    ///
    /// Returns which rule it breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        if text.len() > LONGEST_KEY {
            return Err(InvalidKey(format!("a key has at most {LONGEST_KEY} bytes, this one has {}", text.len())));
        }
        if let Some(part) = text.split('/').find(|part| !is_part(part)) {
            return Err(InvalidKey(format!(
                "the key {text:?} has the part {part:?}: a part is 1 to {LONGEST_SEGMENT} of A-Z a-z 0-9 . _ -, and \
                 neither begins nor ends with a dot"
            )));
        }
        Ok(Self(text))
    }

    /// Returns it as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its parts, none of which is empty.
    #[must_use]
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns whether it is below `folder`: whole parts count, so that `a/bc` is not below `a/b`, and neither is `a/b`.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::artifact::Key;
    /// let (file, folder) = (Key::new("canary/eu-1/report.json")?, Key::new("canary/eu")?);
    /// assert!(!file.is_below(&folder));
    /// # Ok::<(), synthetic_core::artifact::InvalidKey>(())
    /// ```
    #[must_use]
    pub fn is_below(&self, folder: &Self) -> bool {
        self.0.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Key {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        Self::new(text)
    }
}

/// Says why a text is no [`Key`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidKey(String);

pub(super) fn is_part(text: &str) -> bool {
    (1..=LONGEST_SEGMENT).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.starts_with('.')
        && !text.ends_with('.')
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// Makes a part of any text: itself where it is one. Else what cannot stand in a key is `_`, what is too long is cut, and
/// the checksum of the text is appended, so that names that differ stay apart.
pub(super) fn part(text: &str) -> String {
    // What stands for "no name" is nobody's name.
    if is_part(text) && text.len() <= LONGEST_PART && text != NO_NAME {
        return text.to_owned();
    }
    format!("{}-{:08x}", plain(text, LONGEST_PART), crc32fast::hash(text.as_bytes()))
}

/// Stands where there is no name.
pub(super) const NO_NAME: &str = "_";

/// Makes the name of a file of any text: what cannot stand in a key is `_`; what is too long is cut before its extension,
/// by which programs know what it is.
pub(super) fn file(text: &str) -> String {
    const LONGEST_EXTENSION: usize = 16;
    match text.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && (1..=LONGEST_EXTENSION).contains(&extension.len()) => {
            let extension = plain(extension, LONGEST_EXTENSION);
            format!("{}.{extension}", plain(stem, LONGEST_PART))
        }
        _ => plain(text, LONGEST_PART),
    }
}

fn plain(text: &str, most: usize) -> String {
    let allowed = |c: char| u8::try_from(c).is_ok_and(is_plain);
    let mut plain: String = text.chars().take(most).map(|c| if allowed(c) { c } else { '_' }).collect();
    if plain.is_empty() {
        plain.push_str(NO_NAME);
    }
    if plain.starts_with('.') {
        plain.replace_range(..1, "_");
    }
    if plain.ends_with('.') {
        plain.replace_range(plain.len() - 1.., "_");
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that somebody may call a canary or an attachment.
    const HOSTILE: [&str; 18] = [
        "",
        ".",
        "..",
        "...",
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\Windows\\system32",
        "a/b",
        "a\0b",
        "a\nb",
        ".hidden",
        "trailing.",
        "%2e%2e%2f",
        "caf\u{e9}",
        "\u{202e}gnp.exe",
        "<script>alert(1)</script>",
        "$(reboot) `id` *",
        "_",
    ];

    #[test]
    fn any_text_becomes_a_part_and_a_file_name() {
        let long = "x".repeat(5000);
        for text in HOSTILE.into_iter().chain([&*long]) {
            for made in [part(text), file(text)] {
                assert!(is_part(&made), "{text:?} became {made:?}");
                assert!(made.len() <= 120, "{made:?}");
            }
        }
    }

    #[test]
    fn names_that_are_parts_stay_as_they_are_and_others_stay_apart() {
        assert_eq!(part("checkout_v2.1-eu"), "checkout_v2.1-eu");
        let made: std::collections::BTreeSet<_> = HOSTILE.into_iter().map(part).collect();
        assert_eq!(made.len(), HOSTILE.len());
        assert_eq!(part("a/b"), "a_b-07f4401c");
        assert_ne!(part(&"x".repeat(101)), part(&"x".repeat(102)));
    }

    #[test]
    fn a_file_keeps_its_extension() {
        let long = format!("{}.png", "x".repeat(5000));
        for (text, expected) in [
            ("cart.json", "cart.json"),
            ("after step 3.png", "after_step_3.png"),
            ("../../cart.json", "_._.._cart.json"),
            (".json", "_json"),
            (&long, &format!("{}.png", "x".repeat(100))),
        ] {
            assert_eq!(file(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_part_that_is_wrong() {
        for text in ["", "/a", "a/", "a//b", "a/./b", "a/../b", ".a", "a/b.", "a b", "a\\b", "\u{e9}", "a/\u{0}"] {
            let error = Key::new(text).unwrap_err().to_string();
            assert!(error.contains("A-Z a-z 0-9 . _ -"), "{text:?}: {error}");
        }
        assert!(Key::new("x".repeat(201)).is_err());
        assert!(Key::new(vec!["x"; 385].join("/")).is_err());
        assert_eq!("a/b.json".parse::<Key>().unwrap().parts().collect::<Vec<_>>(), ["a", "b.json"]);
    }
}
