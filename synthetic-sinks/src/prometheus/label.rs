//! Labels as text.

/// The last label of a line, and the brace after it. Rendered once for many lines.
#[derive(Debug, Clone)]
pub(super) struct Ending(pub(super) String);

impl Ending {
    pub(super) fn new(name: &str, value: &str) -> Self {
        Self::of([(name, value)])
    }

    pub(super) fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(labels(pairs) + "} ")
    }

    /// Returns that of a bucket. Both formats get the canonical number of OpenMetrics (`1.0`), lest a scraper that changes its
    /// mind about the format sees other series.
    pub(super) fn le(bound: f64) -> Self {
        Self(if bound.is_infinite() { "le=\"+Inf\"} ".to_owned() } else { format!("le=\"{bound:?}\"}} ") })
    }
}

/// The most bytes of a label's value; longer ones are cut on a character's boundary.
const MOST: usize = 2048;

/// Adds a label to those that a text holds: `name="value"`.
pub(super) fn push_label(labels: &mut String, name: &str, value: &str) {
    if !labels.is_empty() {
        labels.push(',');
    }
    labels.push_str(name);
    labels.push_str("=\"");
    let mut rest = cut(value);
    while let Some(at) = rest.find(['\\', '"', '\n']) {
        labels.push_str(&rest[..at]);
        labels.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => "\\n",
        });
        rest = &rest[at + 1..];
    }
    labels.push_str(rest);
    labels.push('"');
}

/// Returns labels as text.
pub(super) fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        push_label(&mut text, name, value);
    }
    text
}

/// Cuts a value to what a label may hold.
pub(super) fn cut(value: &str) -> &str {
    let mut end = value.len().min(MOST);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_as_the_format_says() {
        assert_eq!(labels([("a", "\\ \" \n, {ü}"), ("b", "")]), r#"a="\\ \" \n, {ü}",b="""#);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let long = format!("{}ü", "x".repeat(MOST - 1));
        assert_eq!(cut(&long).len(), MOST - 1);
    }
}
