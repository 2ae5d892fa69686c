//! [`Variables`]: what stands for the secrets of a command.

use synthetic_core::secret::Redactor;

use super::shell::Word;

/// Names that mean something to shells or to curl.
const TAKEN: [&str; 24] = [
    "PATH",
    "HOME",
    "IFS",
    "PWD",
    "OLDPWD",
    "SHELL",
    "USER",
    "LOGNAME",
    "LANG",
    "TERM",
    "ENV",
    "MAIL",
    "UID",
    "EUID",
    "PPID",
    "PS1",
    "PS2",
    "PS4",
    "OPTARG",
    "OPTIND",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
];
/// The longest name, but for the number behind it.
const LONGEST: usize = 60;

/// The variables of a command, and what each has to be set to.
pub(crate) struct Variables<'a> {
    redactor: Option<&'a Redactor>,
    known: Vec<Variable>,
}

struct Variable {
    name: String,
    /// `the secret "api/token"`.
    told: String,
    /// Tells variables of the same meaning and other values apart; `None` where there is but one value.
    value: Option<Vec<u8>>,
}

/// How what stands around a secret is encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Url,
    Json,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(redactor: Option<&'a Redactor>) -> Self {
        Self { redactor, known: Vec::new() }
    }

    /// Returns the variable of a secret.
    pub(crate) fn secret(&mut self, name: &str) -> Word {
        self.variable(name, format!("the secret {name:?}"), None)
    }

    /// Returns the variable of something else, by a name for it and by what it is.
    pub(crate) fn of(&mut self, name: &str, told: impl Into<String>) -> Word {
        self.variable(name, told.into(), None)
    }

    /// Puts variables in the place of all secrets that are known.
    pub(crate) fn hide(&mut self, text: impl AsRef<[u8]>, form: Form) -> Word {
        let text = text.as_ref();
        let found = self.redactor.map(|redactor| redactor.find(text)).unwrap_or_default();
        let (mut word, mut from) = (Word::default(), 0);
        for secret in found {
            word = word.then_text(&text[from..secret.range.start]);
            from = secret.range.end;
            word = word.then(if secret.plain {
                self.secret(&secret.name)
            } else {
                let how = match form {
                    Form::Plain => "encoded as it was there",
                    Form::Url => "percent-encoded",
                    Form::Json => "escaped as in JSON",
                };
                let told = format!("the secret {:?}, {how}", secret.name);
                self.variable(&secret.name, told, Some(&text[secret.range]))
            });
        }
        word.then_text(&text[from..])
    }

    /// Puts a variable in the place of a value that is secret by its name: that of the secret, if it is a known one.
    pub(crate) fn by_name(&mut self, kind: &str, name: &str, value: &[u8], form: Form) -> Word {
        if value.is_empty() {
            return Word::default();
        }
        let found = self.redactor.map(|redactor| redactor.find(value)).unwrap_or_default();
        if matches!(&*found, [whole] if whole.range == (0..value.len())) {
            return self.hide(value, form);
        }
        let how = match form {
            Form::Url if value.iter().any(|byte| matches!(byte, b'%' | b'+')) => ", percent-encoded",
            Form::Json if value.contains(&b'\\') => ", escaped as in JSON",
            Form::Plain | Form::Url | Form::Json => "",
        };
        let variable = if kind == "cookie" { format!("cookie_{name}") } else { name.to_owned() };
        self.variable(&variable, format!("the value of the {kind} {name:?}{how}"), Some(value))
    }

    /// Returns a comment for each variable: what it has to be set to.
    pub(crate) fn told(&self) -> impl Iterator<Item = String> {
        self.known.iter().map(|Variable { name, told, .. }| format!("# set {name} to {told}"))
    }

    fn variable(&mut self, name: &str, told: String, value: Option<&[u8]>) -> Word {
        let same = |known: &&Variable| known.told == told && known.value.as_deref() == value;
        if let Some(known) = self.known.iter().find(same) {
            return Word::variable(&known.name);
        }
        let name = identifier(name);
        let is_free = |name: &String| self.known.iter().all(|known| known.name != *name);
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        let name = std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name);
        self.known.push(Variable { name: name.clone(), told, value: value.map(<[u8]>::to_vec) });
        Word::variable(name)
    }
}

/// Makes the name of a variable of any name: `api/token` becomes `API_TOKEN`.
fn identifier(name: &str) -> String {
    let parts = name.split(|each: char| !each.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let mut made = parts.collect::<Vec<_>>().join("_").to_ascii_uppercase();
    made.truncate(LONGEST);
    if made.is_empty() {
        return "SECRET".to_owned();
    }
    if made.starts_with(|first: char| first.is_ascii_digit()) {
        made.insert_str(0, "SECRET_");
    }
    if TAKEN.contains(&&*made) || made.starts_with("LD_") || made.starts_with("BASH") || made.starts_with("CURL") {
        made.push_str("_VALUE");
    }
    made
}

#[cfg(test)]
mod tests {
    use synthetic_core::Secret;

    use super::*;

    #[test]
    fn a_variable_is_named_as_its_secret_is() {
        for (name, made) in [
            ("api/token", "API_TOKEN"),
            ("Shop_2/db.password", "SHOP_2_DB_PASSWORD"),
            ("2fa", "SECRET_2FA"),
            ("path", "PATH_VALUE"),
            ("é/", "SECRET"),
            ("token of https://id.example/token", "TOKEN_OF_HTTPS_ID_EXAMPLE_TOKEN"),
        ] {
            assert_eq!(identifier(name), made);
        }
        assert_eq!(identifier(&"x".repeat(300)).len(), LONGEST);
    }

    #[test]
    fn one_value_has_one_variable_and_another_value_another() {
        let redactor = Redactor::new();
        redactor.register(&Secret::new("web/password", "p@ss/1")).unwrap();
        let mut variables = Variables::new(Some(&redactor));
        let written: Vec<String> = [
            variables.secret("web/password"),
            variables.hide("is p@ss/1.", Form::Plain),
            variables.hide("p%40ss%2F1", Form::Url),
            variables.by_name("header", "web-password", b"p@ss/1", Form::Plain),
            variables.by_name("header", "web-password", b"another", Form::Plain),
            variables.by_name("header", "web-password", b"yet another", Form::Plain),
            variables.by_name("header", "web-password", b"another", Form::Plain),
            variables.by_name("header", "web-password", b"", Form::Plain),
        ]
        .iter()
        .map(Word::quoted)
        .collect();
        let expected = [
            "\"$WEB_PASSWORD\"",
            "\"is $WEB_PASSWORD.\"",
            "\"$WEB_PASSWORD_2\"",
            "\"$WEB_PASSWORD\"",
            "\"$WEB_PASSWORD_3\"",
            "\"$WEB_PASSWORD_4\"",
            "\"$WEB_PASSWORD_3\"",
            "''",
        ];
        assert_eq!(written, expected);
        let told: Vec<String> = variables.told().collect();
        assert_eq!(told[0], "# set WEB_PASSWORD to the secret \"web/password\"");
        assert_eq!(told[1], "# set WEB_PASSWORD_2 to the secret \"web/password\", percent-encoded");
        assert_eq!(told[2], "# set WEB_PASSWORD_3 to the value of the header \"web-password\"");
        assert_eq!(told.len(), 4);
    }
}
