//! How foreign text is made fit to be shown.

use std::borrow::Cow;

/// Shows by its number what would command a terminal, break a document or turn the direction of writing: controls but for
/// line breaks and tabs, the separators of lines and paragraphs, and what is no character.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unfit) {
        return Cow::Borrowed(text);
    }
    // A line break of Windows is a line break.
    let text = text.replace("\r\n", "\n");
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unfit(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn is_unfit(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let separates = matches!(c, '\u{2028}' | '\u{2029}');
    let is_none = matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    (c.is_control() && !matches!(c, '\n' | '\t')) || turns || separates || is_none
}

/// Makes one printable line of a text, of at most so many characters.
pub(super) fn line(text: &str, most: usize) -> String {
    let text = printable(text);
    let parts: Vec<&str> = text.split(['\n', '\t']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let line = parts.join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// Returns `1 run` or `2 runs`.
pub(super) fn number(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_command_a_reader_is_shown_by_its_number() {
        let cases = [
            ("plain, ü, 日本, 👩‍👩‍👧, \ttab\nline", "plain, ü, 日本, 👩‍👩‍👧, \ttab\nline"),
            ("\x1b[31mred\x1b[0m", "\\u{1b}[31mred\\u{1b}[0m"),
            ("a\0b\x07\x7f\u{9b}31m", "a\\u{0}b\\u{7}\\u{7f}\\u{9b}31m"),
            ("one\r\ntwo\rthree", "one\ntwo\\u{d}three"),
            ("abc\u{202e}txt.exe\u{2066}\u{200f}", "abc\\u{202e}txt.exe\\u{2066}\\u{200f}"),
            ("\u{feff}a\u{2028}b\u{2029}c\u{ffff}", "\\u{feff}a\\u{2028}b\\u{2029}c\\u{ffff}"),
        ];
        for (text, shown) in cases {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn a_line_is_one_line_and_not_too_long() {
        assert_eq!(line("\n  two\n\n\tlines\r\n", 80), "two lines");
        assert_eq!(line("üüüüü", 5), "üüüüü");
        assert_eq!(line("üüüü üü", 5), "üüüü…");
        assert_eq!(line("", 5), "");
    }
}
