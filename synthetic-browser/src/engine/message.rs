//! Reads what browsers write as JSON, which is not always what JSON is.

use serde::de::DeserializeOwned;

/// Reads a message. Where it has half a surrogate pair (`"\ud83d"`, a broken emoji), which is no character in JSON (RFC 8259,
/// section 8.2) and all that a page needs to write, that is read as U+FFFD.
pub(crate) fn read<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(text).or_else(|error| match mended(text) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(error),
    })
}

/// Replaces the halves of surrogate pairs that stand alone. `None` when there are none.
fn mended(text: &[u8]) -> Option<Vec<u8>> {
    let unit = |at: usize| {
        let escape = text.get(at..at + 6)?;
        let hex = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
        u16::from_str_radix(hex, 16).ok()
    };
    let mut mended = None;
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' {
            at += 1;
            continue;
        }
        at += match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                mended.get_or_insert_with(|| text.to_vec())[at + 2..at + 6].copy_from_slice(b"fffd");
                6
            }
            (Some(_), _) => 6,
            (None, _) => 2,
        };
    }
    mended
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn half_a_surrogate_pair_is_a_character_that_says_so_and_a_whole_one_is_what_it_is() {
        let cases = [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ude00x""#, "\u{fffd}x"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\\ud83d\ud83d""#, "\\ud83d\u{fffd}"),
            (r#""\ud83d\n\u0041""#, "\u{fffd}\nA"),
            (r#""\ud83d\ude00""#, "😀"),
        ];
        for (text, expected) in cases {
            assert_eq!(read::<Value>(text.as_bytes()).unwrap(), expected, "{text}");
        }
        for text in [r#""\ud83"#, r#""\"#, r#"{"a":"\ud83d"#, "\"\\u\u{e9}d83\""] {
            assert!(read::<Value>(text.as_bytes()).is_err(), "{text}");
        }
    }
}
