//! Texts within the limits of those who take them.

use std::borrow::Cow;

/// Cuts a text after `most` characters, the word for what was left out included.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let chars = text.chars().count();
    if chars <= most {
        return Cow::Borrowed(text);
    }
    // The number is never longer than that of all characters.
    let room = most.saturating_sub(left_out(chars).chars().count());
    let kept: String = text.chars().take(room).collect();
    let word: String = left_out(chars - room).chars().take(most - room).collect();
    Cow::Owned(kept + &word)
}

fn left_out(chars: usize) -> String {
    format!("… ({chars} more characters)")
}

/// Puts a text on one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_says_so_within_the_limit() {
        assert_eq!(cut("ünïcode", 7), "ünïcode");
        let text = "ü".repeat(100);
        let short = cut(&text, 40);
        assert_eq!(short.chars().count(), 39, "{short}");
        assert!(short.ends_with("ü… (83 more characters)"), "{short}");
        for most in 0..100 {
            assert!(cut(&text, most).chars().count() <= most);
        }
    }

    #[test]
    fn a_line_has_no_line_ends() {
        assert_eq!(one_line(" a\r\n b\tc\u{2028}d "), "a b c d");
    }
}
