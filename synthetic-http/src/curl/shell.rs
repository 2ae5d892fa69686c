//! [`Word`]: an argument of a command, written so that a POSIX shell reads exactly what was meant.

/// An argument: texts, and variables in between.
///
/// Source: POSIX.1-2024, XCU 2.2 (quoting) and `printf`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Word(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(Vec<u8>),
    Variable(String),
}

impl Word {
    pub(crate) fn text(text: impl AsRef<[u8]>) -> Self {
        Self(vec![Piece::Text(text.as_ref().to_vec())])
    }

    pub(crate) fn variable(name: impl Into<String>) -> Self {
        Self(vec![Piece::Variable(name.into())])
    }

    /// Puts another word directly behind.
    pub(crate) fn then(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    /// Puts a text directly behind.
    pub(crate) fn then_text(self, text: impl AsRef<[u8]>) -> Self {
        self.then(Self::text(text))
    }

    /// Changes its texts.
    pub(crate) fn map(self, change: impl Fn(&str) -> String) -> Self {
        let change = |piece| match piece {
            Piece::Text(text) => match std::str::from_utf8(&text) {
                Ok(text) => Piece::Text(change(text).into_bytes()),
                Err(_) => Piece::Text(text),
            },
            variable @ Piece::Variable(_) => variable,
        };
        Self(self.0.into_iter().map(change).collect())
    }

    pub(crate) fn has_variables(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Variable(_)))
    }

    /// Returns whether it can be read on a line: it is text, and has no control character.
    pub(crate) fn is_printable(&self) -> bool {
        self.texts().all(|text| std::str::from_utf8(text).is_ok_and(|text| !text.contains(char::is_control)))
    }

    /// Writes it as one argument.
    pub(crate) fn quoted(&self) -> String {
        if !self.is_printable() {
            return format!("\"$({})\"", self.printf());
        }
        let texts = || self.texts().map(String::from_utf8_lossy);
        if !self.has_variables() {
            let text = texts().collect::<String>();
            return if is_bare(&text) { text } else { single(&text) };
        }
        // In double quotes these mean something, and `!` does where commands are typed in.
        if texts().all(|text| !text.contains(['"', '$', '`', '\\', '!'])) {
            return ["\"", &self.within_double_quotes(), "\""].concat();
        }
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) if text.is_empty() => String::new(),
            Piece::Text(text) => single(&String::from_utf8_lossy(text)),
            Piece::Variable(name) => ["\"$", name, "\""].concat(),
        };
        self.0.iter().map(piece).collect()
    }

    /// Writes the command that prints it, byte by byte.
    pub(crate) fn printf(&self) -> String {
        let (mut format, mut variables) = (String::new(), String::new());
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => print(text, &mut format),
                Piece::Variable(name) => {
                    format.push_str("%s");
                    variables.extend([" \"$", name, "\""]);
                }
            }
        }
        // What begins with a dash would be an option.
        if format.starts_with('-') {
            format.replace_range(..1, "\\055");
        }
        format!("printf {}{variables}", single(&format))
    }

    fn within_double_quotes(&self) -> String {
        let mut written = String::new();
        for (at, piece) in self.0.iter().enumerate() {
            match piece {
                Piece::Text(text) => written.push_str(&String::from_utf8_lossy(text)),
                Piece::Variable(name) => {
                    let goes_on = match self.0[at + 1..].iter().find(|piece| !piece.is_empty()) {
                        Some(Piece::Text(next)) => next.first().is_some_and(|byte| is_of_a_name(*byte)),
                        Some(Piece::Variable(_)) | None => false,
                    };
                    if goes_on { written.extend(["${", name, "}"]) } else { written.extend(["$", name]) }
                }
            }
        }
        written
    }

    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_slice()),
            Piece::Variable(_) => None,
        })
    }
}

impl Piece {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

/// Returns whether a byte may stand in the name of a variable.
fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns whether a text needs no quotes.
fn is_bare(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

fn single(text: &str) -> String {
    ["'", &text.replace('\'', r"'\''"), "'"].concat()
}

/// Writes bytes as a format of `printf`.
fn print(bytes: &[u8], format: &mut String) {
    let octal = |format: &mut String, byte: u8| format.push_str(&format!("\\{byte:03o}"));
    for chunk in bytes.utf8_chunks() {
        for each in chunk.valid().chars() {
            match each {
                '%' => format.push_str("%%"),
                '\\' => format.push_str("\\\\"),
                '\n' => format.push_str("\\n"),
                '\r' => format.push_str("\\r"),
                '\t' => format.push_str("\\t"),
                control if control.is_control() => {
                    control.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| octal(format, byte));
                }
                other => format.push(other),
            }
        }
        chunk.invalid().iter().for_each(|byte| octal(format, *byte));
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Returns what `sh` makes of a line, with the variables `A` and `B` set.
    fn run(line: &str) -> Vec<u8> {
        let ran = Command::new("sh").args(["-c", line]).env("A", "a$A`\\\"'\n!").env("B", "b").output().unwrap();
        assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
        ran.stdout
    }

    #[track_caller]
    fn check(word: &Word, meant: &[u8], written: &str) {
        assert_eq!(word.quoted(), written);
        assert_eq!(run(&format!("printf %s {written}")), meant, "as an argument: {written}");
        assert_eq!(run(&word.printf()), meant, "printed: {}", word.printf());
    }

    #[test]
    fn a_shell_reads_what_was_meant() {
        let a = || Word::variable("A");
        let value = b"a$A`\\\"'\n!";
        let around = |before: &str, after: &str| [before.as_bytes(), value, after.as_bytes()].concat();
        for (text, written) in [
            ("", "''"),
            ("--max-time", "--max-time"),
            ("a b", "'a b'"),
            ("it's $HOME `id` \\ \"!\" *", r#"'it'\''s $HOME `id` \ "!" *'"#),
            ("-v %s %d 100%", "'-v %s %d 100%'"),
            ("größe", "'größe'"),
            ("a\nb\r\tc\u{7f}", r#""$(printf 'a\nb\r\tc\177')""#),
            ("\u{85}x", r#""$(printf '\302\205x')""#),
        ] {
            check(&Word::text(text), text.as_bytes(), written);
        }
        check(&a(), value, "\"$A\"");
        check(&Word::text("token ").then(a()), &around("token ", ""), "\"token $A\"");
        check(&a().then_text("").then_text("_x").then(a()), &[&around("", "_x")[..], value].concat(), "\"${A}_x$A\"");
        check(&Word::text("!'").then(a()).then_text("$A"), &around("!'", "$A"), r#"'!'\'''"$A"'$A'"#);
        check(&Word::text("\t%").then(a()), &around("\t%", ""), r#""$(printf '\t%%%s' "$A")""#);
        check(&a().then(Word::variable("B")), &around("", "b"), "\"$A$B\"");
    }

    #[test]
    fn all_bytes_can_be_printed() {
        let all: Vec<u8> = (0..=255).chain(*b"1\n\n").collect();
        let word = Word::text(&all);
        assert_eq!(run(&word.printf()), all);
        assert!(!word.is_printable());
    }
}
