//! The ways in which a value can be written.

mod base64;
mod escape;
mod percent;

use std::collections::BTreeSet;
use std::sync::Arc;

/// The fewest characters of a line that is scrubbed on its own.
const MIN_LINE_CHARS: usize = 8;

/// The longest text that is also looked for in one encoding within another, in bytes.
const MAX_NESTED: usize = 4 * 1024;

/// Returns every text that gives `value` away, each once.
pub(super) fn forms(value: &str) -> Vec<Arc<str>> {
    let mut forms = BTreeSet::new();
    let mut texts = texts(value);
    // A key in an environment variable often has `\n` in letters, for its user to make lines of.
    if value.contains("\\n") {
        texts.extend(self::texts(&value.replace("\\n", "\n")));
    }
    for text in texts {
        add(&text, &mut forms);
    }
    forms.into_iter().map(Arc::from).collect()
}

/// Returns the value as it may arrive before it is encoded: as it is, trimmed, with other line endings, line by line.
fn texts(value: &str) -> BTreeSet<String> {
    let trimmed = value.trim();
    let mut texts = BTreeSet::from([value.to_owned(), trimmed.to_owned()]);
    if trimmed.contains('\n') {
        let unix = value.replace("\r\n", "\n");
        texts.extend([unix.replace('\n', "\r\n"), unix.trim().replace('\n', "\r\n"), unix.trim().to_owned(), unix]);
        let lines = trimmed.lines().map(str::trim);
        let lines = lines.filter(|line| line.chars().count() >= MIN_LINE_CHARS && !is_armor(line));
        texts.extend(lines.map(str::to_owned));
    }
    texts
}

/// Returns whether the line is one that every PEM file has.
fn is_armor(line: &str) -> bool {
    line.starts_with("-----") && line.ends_with("-----")
}

fn add(text: &str, forms: &mut BTreeSet<String>) {
    forms.insert(text.to_owned());
    percent::add(text, forms);
    escape::add(text, forms);

    // What is put into base64 may have been encoded before: OAuth form-encodes a client's secret, a token holds JSON.
    let form = percent::form(text);
    let mut sources = BTreeSet::from([text.to_owned(), form.clone()]);
    if text.len() <= MAX_NESTED {
        let json = escape::json(text);
        let debug = escape::debug(text);
        for once in [&form, &percent::strict(text), &percent::component(text)] {
            forms.extend(percent::both_cases(once));
        }
        for once in [&json, &debug] {
            forms.extend([escape::json(once), escape::debug(once), escape::html(once)]);
            forms.extend(percent::both_cases(once));
        }
        forms.insert(escape::json(&escape::html(text)));
        sources.extend([json, percent::strict(text)]);
    }
    for source in sources {
        base64::add(source.as_bytes(), forms);
    }
}
