//! Where credentials stand in a JSON text, so that all around them stays as it was sent.

use std::ops::Range;

use serde::de::IgnoredAny;
use synthetic_core::artifact::har::is_credential;

/// Returns the fields whose name says that they carry a credential, in order, each with where its value stands: a string
/// without its quotes. `None` for what is no JSON.
pub(super) fn credentials(text: &str) -> Option<Vec<(String, Range<usize>)>> {
    // From here on, nothing can be but what the grammar allows, nor deeper than the parser goes.
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, found: Vec::new() };
    scan.value(text, None);
    Some(scan.found)
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    found: Vec<(String, Range<usize>)>,
}

impl Scan<'_> {
    /// Passes a value, which is that of a field with a credential's name or of none.
    fn value(&mut self, text: &str, credential: Option<String>) {
        self.blank();
        let (from, before) = (self.at, self.found.len());
        match self.byte() {
            b'"' => self.string(),
            b'{' => self.list(b'}', |scan| {
                let from = scan.at;
                scan.string();
                let name: String = serde_json::from_str(&text[from..scan.at]).unwrap_or_default();
                scan.blank();
                scan.at += 1;
                scan.value(text, Some(name).filter(|name| is_credential(name)));
            }),
            b'[' => self.list(b']', |scan| scan.value(text, None)),
            _ => {
                while !matches!(self.byte(), b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' | 0) {
                    self.at += 1;
                }
            }
        }
        let Some(name) = credential else { return };
        match self.bytes[from] {
            b'"' => self.found.push((name, from + 1..self.at - 1)),
            // Neither true, nor false, nor null tells anything.
            b't' | b'f' | b'n' => {}
            _ => {
                self.found.truncate(before);
                self.found.push((name, from..self.at));
            }
        }
    }

    fn list(&mut self, end: u8, mut item: impl FnMut(&mut Self)) {
        self.at += 1;
        loop {
            self.blank();
            match self.byte() {
                b',' => self.at += 1,
                0 => return,
                byte if byte == end => {
                    self.at += 1;
                    return;
                }
                _ => item(self),
            }
        }
    }

    fn string(&mut self) {
        self.at += 1;
        loop {
            match self.byte() {
                b'\\' => self.at += 2,
                b'"' | 0 => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
    }

    fn blank(&mut self) {
        while self.byte().is_ascii_whitespace() {
            self.at += 1;
        }
    }

    /// Returns the byte that is next; 0 at the end, which no JSON has in it.
    fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = credentials(text).unwrap();
        let found: Vec<(&str, &str)> = found.iter().map(|(name, range)| (&**name, &text[range.clone()])).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values_of_credentials_are_found_where_they_stand() {
        check(r#"{"user":"ann","password":"p\"w"}"#, &[("password", "p\\\"w")]);
        check(
            " { \"a\" : [ { \"apiKey\" : 12.5e3 } , {} , [] ] , \"token\" : \"\" } ",
            &[("apiKey", "12.5e3"), ("token", "")],
        );
        check(
            r#"{"tokens":{"token":"x"},"secrets":[1,"]"],"otp":null,"session":true}"#,
            &[("tokens", r#"{"token":"x"}"#), ("secrets", r#"[1,"]"]"#)],
        );
        check(r#"{"pass\u0077ord":"x"}"#, &[("password", "x")]);
        check("[]", &[]);
        check("7", &[]);
        check("\"password\"", &[]);
        for none in ["", "{", "{\"password\":}", "p=1"] {
            assert_eq!(credentials(none), None);
        }
    }

    proptest::proptest! {
        /// Whatever is sent, what is found is a value in the text.
        #[test]
        fn any_json_is_passed_to_its_end(text in r#"(\{"token":|[\[{"\\:,}\] ]|"a"|1|null){0,24}"#) {
            for (_, range) in credentials(&text).unwrap_or_default() {
                proptest::prop_assert!(text.get(range).is_some());
            }
        }
    }
}
