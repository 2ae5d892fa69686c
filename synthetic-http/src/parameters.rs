//! Parameters of headers: `name=value`, with `;` between them and quotes where need be (RFC 9110, section 5.6.6).

use std::borrow::Cow;

/// One parameter; of those that are switches, such as `includeSubDomains`, only the name is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a str,
    /// Without its quotes.
    pub(crate) value: Option<Cow<'a, str>>,
}

impl<'a> Parameter<'a> {
    /// Reads what stands between two separators.
    pub(crate) fn read(text: &'a str) -> Self {
        let Parameter { name, value } = Self::plain(text);
        let value = value.map(|value| match value {
            Cow::Borrowed(value) => quoted(value).map_or(Cow::Borrowed(value), |(inner, _)| inner),
            owned @ Cow::Owned(_) => owned,
        });
        Parameter { name, value }
    }

    /// Reads it where quotes have no meaning and belong to the value, as in cookies (RFC 6265, section 5.2).
    pub(crate) fn plain(text: &'a str) -> Self {
        match text.split_once('=') {
            Some((name, value)) => Parameter { name: name.trim(), value: Some(Cow::Borrowed(value.trim())) },
            None => Parameter { name: text.trim(), value: None },
        }
    }

    /// Returns whether it has a name, which are compared without case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Splits a value that has parameters into what stands before them, without white space, and them; empty ones are left out.
pub(crate) fn of(text: &str) -> (&str, impl Iterator<Item = Parameter<'_>> + Clone) {
    let mut parts = split(text, ';');
    let first = parts.next().unwrap_or_default().trim();
    (first, parts.filter(|part| !part.trim().is_empty()).map(Parameter::read))
}

/// Splits at a separator that is not within quotes.
pub(crate) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> + Clone {
    let (mut within, mut escaped) = (false, false);
    text.split(move |each: char| {
        let is_end = each == separator && !within;
        match each {
            _ if escaped => escaped = false,
            '\\' if within => escaped = true,
            '"' => within = !within,
            _ => {}
        }
        is_end
    })
}

/// Reads the quoted string that a text begins with (RFC 9110, section 5.6.4), and returns it with what follows; one without an
/// end ends with the text.
pub(crate) fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, each)) = chars.next() {
        match each {
            '"' if value.len() == at => return Some((Cow::Borrowed(&inner[..at]), &inner[at + 1..])),
            '"' => return Some((Cow::Owned(value), &inner[at + 1..])),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    Some((Cow::Owned(value), ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_with_and_without_quotes() {
        let read = |text| {
            let (first, rest) = of(text);
            let rest: Vec<String> = rest.map(|one| format!("{}|{}", one.name, one.value.unwrap_or_default())).collect();
            (first, rest.join(" "))
        };
        for (text, first, rest) in [
            ("text/html", "text/html", ""),
            (" text/html ; charset = utf-8;; q=\"a;\\\"b\"; last", "text/html", "charset|utf-8 q|a;\"b last|"),
            ("\"per;minute\";r=5", "\"per;minute\"", "r|5"),
            ("a;b=\"never ends; c=1", "a", "b|never ends; c=1"),
            ("", "", ""),
        ] {
            assert_eq!(read(text), (first, rest.to_owned()), "{text}");
        }
        assert_eq!(Parameter::plain("Path=\"/\"").value.as_deref(), Some("\"/\""));
        assert!(Parameter::read("Max-Age").is("max-age"));
    }

    #[test]
    fn no_bytes_of_a_server_are_too_odd_to_be_read() {
        let pieces = [";", "=", "\"", "\\", " ", "a", "ü", ",", "\t"];
        let mut rng = fastrand::Rng::with_seed(11);
        for _ in 0..20_000 {
            let text: String = (0..rng.usize(..12)).map(|_| pieces[rng.usize(..pieces.len())]).collect();
            let (_, parameters) = of(&text);
            let _ = (parameters.count(), quoted(&text), split(&text, ',').count());
        }
    }
}
