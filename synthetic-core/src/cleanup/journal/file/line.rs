//! A line of the journal: a checksum, a blank, and JSON.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cleanup::Entry;
pub(super) use crate::disk::verified;
use crate::disk::{CHECKSUM, append_line};
use crate::report::rfc3339;

/// The longest line, in bytes, without its end. A longer one is not written, and is damaged where it is read.
pub(super) const LONGEST: usize = 64 * 1024;
/// How deep an id or a payload may be nested. What reads JSON stops at 128 levels, and the entry is one of them.
const DEEPEST: usize = 100;
/// What the first line of every journal says; its last part is the version.
pub(super) const FORMAT: &str = "synthetic-journal/1";

/// The first line. What else it says is for people.
#[derive(Serialize)]
struct Header {
    format: &'static str,
    pid: u32,
    #[serde(with = "rfc3339")]
    started_at: SystemTime,
}

/// What is read of a first line.
#[derive(Deserialize)]
struct AnyHeader {
    format: String,
}

/// Appends the first line of a journal that this process starts.
pub(super) fn append_header(lines: &mut Vec<u8>, started_at: SystemTime) -> Result<(), String> {
    append_line(lines, &Header { format: FORMAT, pid: std::process::id(), started_at })
}

/// Appends the line of an entry. On an error, which says why it could not be read back, the lines are not to be used.
pub(super) fn append_entry(lines: &mut Vec<u8>, entry: &Entry) -> Result<(), String> {
    let nested = [&entry.id, &entry.payload].into_iter().flatten().any(|value| !is_nested_at_most(value, DEEPEST));
    if nested {
        return Err(format!("its id or payload is nested deeper than {DEEPEST} levels"));
    }
    let start = lines.len();
    append_line(lines, entry)?;
    let bytes = lines.len() - start - 1;
    if bytes > LONGEST {
        return Err(format!("its line would have {bytes} bytes, which is more than {LONGEST}: keep the payload small"));
    }
    Ok(())
}

fn is_nested_at_most(value: &Value, levels: usize) -> bool {
    let inner = |value: &Value| is_nested_at_most(value, levels - 1);
    match value {
        Value::Array(values) => levels > 0 && values.iter().all(inner),
        Value::Object(fields) => levels > 0 && fields.values().all(inner),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Returns the format that a first line names, of JSON whose checksum is right.
pub(super) fn format_of(json: &[u8]) -> Option<String> {
    serde_json::from_slice(json).ok().map(|AnyHeader { format }| format)
}

/// Returns the entry of JSON whose checksum is right, or why there is none.
pub(super) fn entry_of(json: &[u8]) -> Result<Entry, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

/// Returns whether a line may be the beginning of one: what is left of it when its writer was stopped.
pub(super) fn may_be_torn(line: &[u8]) -> bool {
    line.len() <= LONGEST
        && line.iter().enumerate().take(CHECKSUM + 1).all(|(at, byte)| match at {
            0..8 => byte.is_ascii_hexdigit(),
            8 => *byte == b' ',
            _ => *byte == b'{',
        })
}

/// Returns whether a line may be the beginning of a first line.
pub(super) fn may_be_torn_header(line: &[u8]) -> bool {
    let begins = format!("{{\"format\":\"{FORMAT}\"");
    may_be_torn(line) && line.iter().skip(CHECKSUM).zip(begins.as_bytes()).all(|(is, should)| is == should)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cleanup::State;

    fn entry() -> Entry {
        let mark = "syn1-shop-cart-01JD3QKX7V0000000000000000-1".parse().unwrap();
        Entry::intent(mark, "shop/cart", SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_line_is_a_checksum_a_blank_and_json() {
        let mut lines = Vec::new();
        append_entry(&mut lines, &entry().created(json!(7))).unwrap();
        let json = "{\"mark\":\"syn1-shop-cart-01JD3QKX7V0000000000000000-1\",\"kind\":\"shop/cart\",\
                    \"state\":\"created\",\"intent_at\":\"1970-01-01T00:00:00Z\",\"id\":7}";
        assert_eq!(String::from_utf8(lines).unwrap(), format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())));
    }

    #[test]
    fn a_line_is_read_back_and_no_other_one_is() {
        let mut lines = Vec::new();
        append_entry(&mut lines, &entry().in_state(State::Abandoned)).unwrap();
        let line = lines.strip_suffix(b"\n").unwrap();
        assert_eq!(entry_of(verified(line).unwrap()), Ok(entry().in_state(State::Abandoned)));
        for at in 0..line.len() {
            let mut other = line.to_vec();
            other[at] ^= 1;
            assert_eq!(verified(&other), None, "{at}");
            assert_eq!(verified(&line[..at]), None, "{at}");
            assert!(may_be_torn(&line[..at]), "{at}");
        }
        assert_eq!(verified(b"+1234567 {}"), None);
    }

    #[test]
    fn what_could_not_be_read_back_is_not_written() {
        let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        append_entry(&mut Vec::new(), &entry().with_payload(nested(DEEPEST))).unwrap();
        let error = append_entry(&mut Vec::new(), &entry().with_payload(nested(DEEPEST + 1))).unwrap_err();
        assert_eq!(error, "its id or payload is nested deeper than 100 levels");
        let error = append_entry(&mut Vec::new(), &entry().with_payload(json!("x".repeat(LONGEST)))).unwrap_err();
        assert!(error.ends_with("more than 65536: keep the payload small"), "{error}");
    }

    #[test]
    fn only_the_beginning_of_a_header_counts_as_a_torn_one() {
        let mut lines = Vec::new();
        append_header(&mut lines, SystemTime::UNIX_EPOCH).unwrap();
        for end in 0..lines.len() {
            assert!(may_be_torn_header(&lines[..end]), "{end}");
        }
        for other in ["notes", "00000000 {\"mark\":", "0000000 {"] {
            assert!(!may_be_torn_header(other.as_bytes()), "{other}");
        }
    }
}
