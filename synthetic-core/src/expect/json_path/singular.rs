//! Paths of names and indexes only, parsed and followed without a query engine.

use std::{fmt::Write, str::Chars};

use serde_json::Value;

/// One step into a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Segment {
    Name(String),
    /// Counts from the end when it is negative.
    Index(i64),
}

impl Segment {
    /// Returns what this step leads to.
    pub(super) fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match (self, value) {
            (Self::Name(name), Value::Object(object)) => object.get(name),
            (Self::Index(index), Value::Array(array)) => {
                let from_start = usize::try_from(index.unsigned_abs()).ok()?;
                array.get(if *index < 0 { array.len().checked_sub(from_start)? } else { from_start })
            }
            _ => None,
        }
    }

    /// Appends this step to a path.
    pub(super) fn push_to(&self, path: &mut String) {
        match self {
            Self::Name(name) => push_name(path, name),
            Self::Index(index) => {
                let _ = write!(path, "[{index}]");
            }
        }
    }
}

/// Returns the JSON pointer (RFC 6901) of what the segments lead to, if they lead to something.
pub(super) fn pointer(segments: &[Segment], root: &Value) -> Option<String> {
    let (mut pointer, mut value) = (String::new(), root);
    for segment in segments {
        let _ = match (segment, value) {
            (Segment::Index(index @ ..0), Value::Array(array)) => {
                write!(pointer, "/{}", array.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?)
            }
            (Segment::Index(index), _) => write!(pointer, "/{index}"),
            (Segment::Name(name), _) => write!(pointer, "/{}", name.replace('~', "~0").replace('/', "~1")),
        };
        value = segment.of(value)?;
    }
    Some(pointer)
}

/// Appends the step to a name to a path: `.name`, or `['a name']` where that needs quotes.
pub fn push_name(path: &mut String, name: &str) {
    let plain = name.starts_with(is_name_first) && name.chars().all(is_name_char);
    let _ = if plain {
        write!(path, ".{name}")
    } else {
        write!(path, "['{}']", name.escape_debug().to_string().replace("\\\"", "\""))
    };
}

/// Parses a singular query of RFC 9535; `None` for any other and for what is not a query at all.
pub(super) fn parse(path: &str) -> Option<Vec<Segment>> {
    let mut rest = path.strip_prefix('$')?;
    let mut segments = Vec::new();
    while !rest.is_empty() {
        let (segment, tail) = segment(rest.trim_start_matches(is_blank))?;
        segments.push(segment);
        rest = tail;
    }
    Some(segments)
}

fn segment(text: &str) -> Option<(Segment, &str)> {
    if let Some(name) = text.strip_prefix('.') {
        let end = name.find(|c| !is_name_char(c)).unwrap_or(name.len());
        return name.starts_with(is_name_first).then(|| (Segment::Name(name[..end].to_owned()), &name[end..]));
    }
    let selector = text.strip_prefix('[')?.trim_start_matches(is_blank);
    let (segment, rest) = match selector.chars().next()? {
        quote @ ('\'' | '"') => {
            let (name, rest) = quoted(&selector[1..], quote)?;
            (Segment::Name(name), rest)
        }
        _ => {
            let end = selector.find(|c: char| c != '-' && !c.is_ascii_digit())?;
            (Segment::Index(index(&selector[..end])?), &selector[end..])
        }
    };
    Some((segment, rest.trim_start_matches(is_blank).strip_prefix(']')?))
}

/// Reads an integer as RFC 9535 writes it: no leading zeros, no `-0`, within what a JSON number holds exactly.
fn index(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || (digits.starts_with('0') && text != "0") {
        return None;
    }
    text.parse().ok().filter(|index: &i64| index.unsigned_abs() < 1 << 53)
}

/// Reads a string up to its closing quote, and returns what follows that.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            c if c == quote => return Some((name, rest.as_str())),
            '\\' => name.push(match rest.next()? {
                'b' => '\u{8}',
                't' => '\t',
                'n' => '\n',
                'f' => '\u{c}',
                'r' => '\r',
                c @ ('/' | '\\') => c,
                c if c == quote => c,
                'u' => unicode(&mut rest)?,
                _ => return None,
            }),
            '\0'..' ' => return None,
            c => name.push(c),
        }
    }
}

/// Reads the digits of a `\u` escape, and those of a second one if they are a pair.
fn unicode(rest: &mut Chars<'_>) -> Option<char> {
    let unit = |rest: &mut Chars<'_>| {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | u16::try_from(rest.next()?.to_digit(16)?).ok()?))
    };
    let first = unit(rest)?;
    if let Some(c) = char::from_u32(first.into()) {
        return Some(c);
    }
    (rest.next()? == '\\' && rest.next()? == 'u').then_some(())?;
    let second = unit(rest)?;
    char::decode_utf16([first, second]).next()?.ok()
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

const fn is_name_first(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

const fn is_name_char(c: char) -> bool {
    is_name_first(c) || c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Paths that are singular queries.
    const SINGULAR: &[&str] = &[
        "$",
        "$.a",
        "$.a.b",
        "$.a1_b",
        "$._",
        "$.ä",
        "$.☺.b",
        "$['a']",
        "$[\"a\"]",
        "$['']",
        "$['a b']",
        "$['a'].b[0]",
        "$[0]",
        "$[-1]",
        "$[1][-2]",
        "$.list[0]",
        "$.list[-1]",
        "$.list[2]",
        "$.list[-3]",
        "$.list['0']",
        "$[9007199254740991]",
        "$[-9007199254740991]",
        "$ .a",
        "$\n['a']\t[0]",
        "$[ 'a' ]",
        "$[\r\n0\t]",
        r"$['\'']",
        r#"$["\""]"#,
        r#"$['"']"#,
        r#"$["'"]"#,
        r"$['\\\/\b\f\n\r\t']",
        r"$['\u00e4']",
        r"$['\u263A']",
        r"$['\uD83D\uDE00']",
        r"$['😀']",
        "$['$']['.']['*'][',']",
        "$['a'][\"b\"]",
        "$.a['b'].list[1].c",
    ];

    /// What is no singular query, or no query at all.
    const OTHER: &[&str] = &[
        "",
        "a",
        "@.a",
        " $",
        "$ ",
        "$.a ",
        "$.",
        "$. a",
        "$.1",
        "$.a-b",
        "$.-a",
        "$a",
        "$['a'",
        "$['a",
        "$[a]",
        "$[]",
        "$[ ]",
        "$[-]",
        "$[-0]",
        "$[01]",
        "$[+1]",
        "$[1.0]",
        "$[1e2]",
        "$[--1]",
        "$[9007199254740992]",
        "$[-9007199254740992]",
        "$[99999999999999999999]",
        r#"$['\"']"#,
        r#"$["\'"]"#,
        r"$['\x']",
        r"$['\u12']",
        r"$['\uD83D']",
        r"$['\uDE00']",
        r"$['\uD83D\u0041']",
        "$['\t']",
        "$['a','b']",
        "$[0,1]",
        "$[*]",
        "$.*",
        "$..a",
        "$[0:1]",
        "$[:]",
        "$[?@.a]",
        "$.['a']",
        "$.[0]",
        "$.a\u{b}.b",
    ];

    fn values() -> Vec<Value> {
        vec![
            json!({
                "a": {"b": [{"c": 1}], "list": [1]},
                "a1_b": 1,
                "_": 2,
                "ä": 3,
                "☺": {"b": 4},
                "": 5,
                "a b": 6,
                "'": 7,
                "\"": 8,
                "\\/\u{8}\u{c}\n\r\t": 9,
                "😀": 10,
                "☺️": 11,
                "$": {".": {"*": {",": 12}}},
                "list": ["x", "y"],
            }),
            json!({"a": {"b": {"list": [0, {"c": 13}]}}}),
            json!({"a": [14]}),
            json!([["p", "q"], ["r", "s"]]),
            json!("scalar"),
        ]
    }

    #[test]
    fn singular_paths_find_what_the_full_engine_finds() {
        for path in SINGULAR {
            let segments = parse(path).unwrap_or_else(|| panic!("{path}"));
            let full = serde_json_path::JsonPath::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
            for value in values() {
                let found = segments.iter().try_fold(&value, |value, segment| segment.of(value));
                assert_eq!(found, full.query(&value).exactly_one().ok(), "{path} in {value}");
                assert_eq!(found.is_none(), full.query(&value).is_empty(), "{path} in {value}");
                let located = full.query_located(&value);
                let pointers: Vec<String> = located.locations().map(|at| at.to_json_pointer()).collect();
                assert_eq!(pointer(&segments, &value).into_iter().collect::<Vec<_>>(), pointers, "{path} in {value}");
            }
        }
    }

    #[test]
    fn most_paths_of_the_table_find_something() {
        let found = |path: &&&str| {
            let segments = parse(path).unwrap();
            values().iter().any(|value| segments.iter().try_fold(value, |value, segment| segment.of(value)).is_some())
        };
        assert!(SINGULAR.iter().filter(found).count() > 30);
    }

    #[test]
    fn every_other_path_is_left_to_the_full_engine() {
        for path in OTHER {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn what_the_full_engine_takes_besides_is_not_singular() {
        for path in OTHER {
            let Ok(full) = serde_json_path::JsonPath::parse(path) else { continue };
            assert!(
                ["$['a','b']", "$[0,1]", "$[*]", "$.*", "$..a", "$[0:1]", "$[:]", "$[?@.a]"].contains(path),
                "{full}"
            );
        }
    }

    #[test]
    fn the_digits_of_an_escape_may_be_lower_case() {
        assert_eq!(parse(r"$['\ud83d\ude00']"), Some(vec![Segment::Name("😀".to_owned())]));
    }

    #[test]
    fn a_pushed_segment_reads_back() {
        for name in ["a", "ä1", "a b", "it's", "\"", "", "1", "\n"] {
            let mut path = "$".to_owned();
            push_name(&mut path, name);
            assert_eq!(parse(&path), Some(vec![Segment::Name(name.to_owned())]), "{path}");
        }
        let mut path = "$".to_owned();
        Segment::Index(-1).push_to(&mut path);
        assert_eq!(path, "$[-1]");
    }
}
