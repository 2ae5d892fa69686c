//! Percent-encoding, as programs do it.

use std::collections::BTreeSet;

/// How a program percent-encodes.
struct Style {
    /// What stays as it is, besides ASCII letters and digits.
    keeps: &'static str,
    /// Whether a space is `+`.
    plus: bool,
}

const STRICT: Style = Style { keeps: "-._~", plus: false };
const COMPONENT: Style = Style { keeps: "-_.!~*'()", plus: false };
const FORM: Style = Style { keeps: "*-._", plus: true };

const STYLES: [Style; 16] = [
    STRICT,
    // `encodeURIComponent` of JavaScript.
    COMPONENT,
    // `encodeURI` of JavaScript.
    Style { keeps: ";,/?:@&=+$-_.!~*'()#", plus: false },
    // `application/x-www-form-urlencoded` of the URL standard.
    FORM,
    // The same by those who keep `~` instead of `*`: Python, Go.
    Style { keeps: "-._~", plus: true },
    // `quote` of Python.
    Style { keeps: "-._~/", plus: false },
    // Go, in a segment of a path and in user information.
    Style { keeps: "$&+:=@-_.~", plus: false },
    Style { keeps: "$&+,;=-_.~", plus: false },
    // The sets of the URL standard: fragment, query, query of http, path, segment of a path, user information. `^` was
    // added to those of paths in 2024, so they are here twice.
    Style { keeps: "!#$%&'()*+,-./:;=?@[\\]^_{|}~", plus: false },
    Style { keeps: "!$%&'()*+,-./:;=?@[\\]^_`{|}~", plus: false },
    Style { keeps: "!$%&()*+,-./:;=?@[\\]^_`{|}~", plus: false },
    Style { keeps: "!$%&'()*+,-./:;=@[\\]_|~", plus: false },
    Style { keeps: "!$%&'()*+,-./:;=@[\\]^_|~", plus: false },
    Style { keeps: "!$&'()*+,-.:;=@[\\]_|~", plus: false },
    Style { keeps: "!$&'()*+,-.:;=@[\\]^_|~", plus: false },
    Style { keeps: "!$%&'()*+,-._~", plus: false },
];

/// Adds `text` in every style, with upper-case and with lower-case digits.
pub(super) fn add(text: &str, forms: &mut BTreeSet<String>) {
    for style in &STYLES {
        forms.insert(encode(text, style, b"0123456789ABCDEF"));
        forms.insert(encode(text, style, b"0123456789abcdef"));
    }
}

/// Returns `text` with everything encoded but unreserved characters, in both cases of the digits.
pub(super) fn both_cases(text: &str) -> [String; 2] {
    [strict(text), encode(text, &STRICT, b"0123456789abcdef")]
}

/// Returns `text` with everything encoded but unreserved characters.
pub(super) fn strict(text: &str) -> String {
    encode(text, &STRICT, b"0123456789ABCDEF")
}

/// Returns `text` as JavaScript's `encodeURIComponent` does.
pub(super) fn component(text: &str) -> String {
    encode(text, &COMPONENT, b"0123456789ABCDEF")
}

/// Returns `text` as a form does, with `+` for a space.
pub(super) fn form(text: &str) -> String {
    encode(text, &FORM, b"0123456789ABCDEF")
}

fn encode(text: &str, style: &Style, digits: &[u8; 16]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || style.keeps.contains(c) {
            out.push(c);
        } else if c == ' ' && style.plus {
            out.push('+');
        } else {
            out.push('%');
            out.push(char::from(digits[usize::from(byte >> 4)]));
            out.push(char::from(digits[usize::from(byte & 15)]));
        }
    }
    out
}
