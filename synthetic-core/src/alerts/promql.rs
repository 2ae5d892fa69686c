//! Words of PromQL.

use std::fmt::Write as _;
use std::time::Duration;

use crate::schedule::Words;

/// Writes a string literal.
///
/// Source: <https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals>.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Writes a text that a template of Prometheus gives back as it is: what looks like a command of one is none.
///
/// Source: <https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/#templating>.
pub(super) fn literal(text: &str) -> String {
    text.replace("{{", "{{ \"{{\" }}")
}

/// Writes a range of whole seconds, as `1h30m`.
pub(super) fn range(time: Duration) -> String {
    Words(Duration::from_secs(time.as_secs().max(1))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hostile_stays_a_value() {
        assert_eq!(quoted("a\"} or vector(1) #\\\n\u{7}é"), "\"a\\\"} or vector(1) #\\\\\\n\\u0007é\"");
        assert_eq!(literal("{{ $value }}"), "{{ \"{{\" }} $value }}");
        assert_eq!(range(Duration::from_secs(5400)), "1h30m");
    }
}
