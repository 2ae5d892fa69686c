//! Where two texts differ, line by line.

use std::fmt::Write;

use similar::{ChangeTag, TextDiff};

/// How many lines of a difference are shown.
const SHOWN: usize = 20;

/// How many characters of a line are shown.
const LONGEST: usize = 120;

/// How long two texts are compared; what is left then is shown as replaced.
const TIME: std::time::Duration = std::time::Duration::from_millis(200);

/// Returns how a text differs from the one that is expected: `-` for what is missing, `+` for what is there instead.
pub(super) fn differences(expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let diff = TextDiff::configure().timeout(TIME).diff_lines(expected, actual);
    let changes: Vec<_> = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal).collect();
    let lines =
        if changes.len() == 1 { "1 line differs".to_owned() } else { format!("{} lines differ", changes.len()) };
    let mut text = format!("{lines} (- expected, + actual)");
    for change in changes.iter().take(SHOWN) {
        let (sign, number) = match change.tag() {
            ChangeTag::Insert => ('+', change.new_index()),
            _ => ('-', change.old_index()),
        };
        let line = change.value();
        let shown = line.trim_end_matches('\n');
        let (shown, rest) = match shown.char_indices().nth(LONGEST) {
            Some((end, _)) => (&shown[..end], " …"),
            None => (shown, ""),
        };
        let end = if line.ends_with('\n') { "" } else { " (without a line end)" };
        let _ = write!(text, "\n{sign} line {}: {shown}{rest}{end}", number.map_or(0, |number| number + 1));
    }
    if changes.len() > SHOWN {
        let _ = write!(text, "\nand {} more", changes.len() - SHOWN);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, actual: &str, told: &str) {
        assert_eq!(differences(expected, actual).unwrap_or_default(), told);
    }

    #[test]
    fn equal_texts_have_no_difference() {
        check("a\nb\n", "a\nb\n", "");
    }

    #[test]
    fn lines_are_named_by_their_numbers() {
        check("a\nb\nc\n", "a\nx\nc\n", "2 lines differ (- expected, + actual)\n- line 2: b\n+ line 2: x");
        check("a\nc\n", "a\nb\nc\n", "1 line differs (- expected, + actual)\n+ line 2: b");
    }

    #[test]
    fn a_missing_line_end_is_seen() {
        check("a\n", "a", "2 lines differ (- expected, + actual)\n- line 1: a\n+ line 1: a (without a line end)");
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let told = differences(&"a\n".repeat(500), &"b ".repeat(10_000)).unwrap();
        assert!(told.len() < 4_000 && told.ends_with("and 481 more"), "{told}");
    }
}
