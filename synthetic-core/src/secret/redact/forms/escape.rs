//! The escapes of JSON, Rust's `Debug` and HTML.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// How a program writes a JSON string, beyond what JSON demands.
#[derive(Clone, Copy, Default)]
struct Json {
    /// Whether everything outside ASCII is escaped.
    ascii: bool,
    /// Whether `/` is `\/`.
    slash: bool,
    /// What is written as `\u00XX` too.
    also: &'static str,
    /// Whether the digits of `\u00XX` are upper-case.
    upper: bool,
}

const PLAIN: Json = Json { ascii: false, slash: false, also: "", upper: false };

const JSONS: [Json; 10] = [
    PLAIN,
    Json { upper: true, ..PLAIN },
    Json { slash: true, ..PLAIN },
    // Python; PHP; both with upper-case digits.
    Json { ascii: true, ..PLAIN },
    Json { ascii: true, slash: true, ..PLAIN },
    Json { ascii: true, upper: true, ..PLAIN },
    Json { ascii: true, slash: true, upper: true, ..PLAIN },
    // Go, Rails.
    Json { also: "<>&\u{2028}\u{2029}", ..PLAIN },
    // Gson.
    Json { also: "<>&='\u{2028}\u{2029}", ..PLAIN },
    // .NET.
    Json { ascii: true, also: "<>&'+\"`\u{7f}", upper: true, ..PLAIN },
];

/// How a program writes a character in HTML or XML; `None` is as it is.
const HTMLS: [fn(char) -> Option<&'static str>; 10] = [
    // Text of an element, as a browser writes it.
    |c| basic(c).filter(|_| c != '"'),
    // An attribute, as browsers wrote it until 2025.
    |c| basic(c).filter(|_| !matches!(c, '<' | '>')),
    basic,
    |c| basic(c).filter(|_| c != '\u{a0}'),
    // Python.
    |c| if c == '\'' { Some("&#x27;") } else { basic(c).filter(|_| c != '\u{a0}') },
    // PHP.
    |c| if c == '\'' { Some("&#039;") } else { basic(c).filter(|_| c != '\u{a0}') },
    // Many, among them JavaScript libraries.
    |c| if c == '\'' { Some("&#39;") } else { basic(c).filter(|_| c != '\u{a0}') },
    // XML.
    |c| if c == '\'' { Some("&apos;") } else { basic(c).filter(|_| c != '\u{a0}') },
    // Go and Jinja; the `+` is Go's templates.
    |c| numeric(c).filter(|_| c != '+'),
    numeric,
];

/// The same by those who escape `/` too, and by those who also escape `=` and `` ` ``.
const SLASHED: [(&str, &str, &str); 4] =
    [("&#x27;", "&#x2F;", "/"), ("&#39;", "&#x2F;", "/"), ("&#39;", "&#x2F;", "/=`"), ("&#x27;", "&#x2F;", "/=`")];

/// Adds `text` in every style.
pub(super) fn add(text: &str, forms: &mut BTreeSet<String>) {
    forms.extend(JSONS.map(|style| json_as(text, style)));
    forms.extend([debug(text), text.escape_debug().to_string(), text.escape_default().to_string()]);
    let bytes = text.as_bytes().escape_ascii().to_string();
    forms.extend([bytes.replace("\\'", "'"), bytes]);
    forms.extend(HTMLS.map(|style| replaced(text, style)));
    for (quote, slash, which) in SLASHED {
        forms.insert(replaced(text, |c| match c {
            '\'' => Some(quote),
            '/' => Some(slash),
            '=' if which.contains(c) => Some("&#x3D;"),
            '`' if which.contains(c) => Some("&#x60;"),
            _ => basic(c).filter(|_| c != '\u{a0}'),
        }));
    }
}

/// Returns `text` as the inside of a JSON string.
pub(super) fn json(text: &str) -> String {
    json_as(text, PLAIN)
}

/// Returns `text` as the inside of Rust's `Debug` of a string.
pub(super) fn debug(text: &str) -> String {
    let quoted = format!("{text:?}");
    quoted[1..quoted.len() - 1].to_owned()
}

/// Returns `text` as the text of an HTML element or attribute.
pub(super) fn html(text: &str) -> String {
    replaced(text, |c| basic(c).filter(|_| c != '\u{a0}'))
}

fn json_as(text: &str, style: Json) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if style.also.contains(c) || (style.ascii && !c.is_ascii()) => escape_units(c, style.upper, &mut out),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '/' if style.slash => out.push_str("\\/"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..' ' => escape_units(c, style.upper, &mut out),
            _ => out.push(c),
        }
    }
    out
}

fn escape_units(c: char, upper: bool, out: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = if upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") };
    }
}

fn basic(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\u{a0}' => Some("&nbsp;"),
        _ => None,
    }
}

fn numeric(c: char) -> Option<&'static str> {
    match c {
        '"' => Some("&#34;"),
        '\'' => Some("&#39;"),
        '+' => Some("&#43;"),
        '\u{a0}' => None,
        _ => basic(c),
    }
}

fn replaced(text: &str, style: impl Fn(char) -> Option<&'static str>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match style(c) {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
    }
    out
}
