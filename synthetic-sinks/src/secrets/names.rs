//! What a secret is called in AWS.

use std::collections::BTreeMap;

use synthetic_core::secret::{Secret, SecretError};

/// Says what the secrets of a store are called there.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) prefix: String,
    pub(super) last_part_is_key: bool,
    references: BTreeMap<String, Reference>,
}

/// Names something in AWS, and what of it is the secret.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reference {
    /// Its name or its ARN.
    pub(super) id: String,
    /// The member of the JSON object that it is; without, it is the secret as a whole.
    pub(super) key: Option<String>,
    /// Whether the user has named it: then it is there, or something is wrong.
    pub(super) is_promised: bool,
}

impl Names {
    pub(super) fn insert(&mut self, name: String, reference: &str) {
        // No name and no ARN has one.
        let (id, key) = match reference.split_once('#') {
            Some((id, key)) => (id, Some(key.to_owned())),
            None => (reference, None),
        };
        self.references.insert(name, Reference { id: id.to_owned(), key, is_promised: true });
    }

    pub(super) fn reference(&self, name: &str) -> Reference {
        if let Some(reference) = self.references.get(name) {
            return reference.clone();
        }
        let (path, key) = match name.rsplit_once('/') {
            Some((path, key)) if self.last_part_is_key => (path, Some(key.to_owned())),
            _ => (name, None),
        };
        Reference { id: format!("{}{path}", self.prefix), key, is_promised: false }
    }

    pub(super) fn looked_in(&self, place: &str, name: &str) -> String {
        let Reference { id, key, .. } = self.reference(name);
        match key {
            Some(key) => format!("{place} ({id}, key {key})"),
            None => format!("{place} ({id})"),
        }
    }
}

impl Reference {
    /// Takes the secret `name` out of what was found.
    ///
    /// # Errors
    ///
    /// Fails, without a word of what was found, where it does not hold what the reference says.
    pub(super) fn take(&self, name: &str, found: &Secret, place: &str) -> Result<Option<Secret>, SecretError> {
        let Some(key) = &self.key else { return Ok(Some(Secret::new(name, found.expose()))) };
        let id = &self.id;
        let fail = |what: String| Err(SecretError::store(place, name, what));
        // The error is dropped on purpose: it may show what it stumbled over.
        let Ok(serde_json::Value::Object(object)) = serde_json::from_str(found.expose()) else {
            return fail(format!("{id:?} holds no JSON object, so that it has no key {key:?}"));
        };
        match object.get(key) {
            Some(serde_json::Value::String(text)) => Ok(Some(Secret::new(name, text.as_str()))),
            Some(serde_json::Value::Number(number)) => Ok(Some(Secret::new(name, number.to_string()))),
            Some(_) => fail(format!("the key {key:?} of {id:?} is neither text nor a number")),
            None if self.is_promised => fail(format!("the JSON object in {id:?} has no key {key:?}")),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut names = Names { prefix: "shop/".to_owned(), ..Names::default() };
        names.insert("db/password".to_owned(), "prod/db-login#password");
        names.insert("token".to_owned(), "arn:aws:secretsmanager:eu-west-1:1:secret:token-a1b2c3");
        names
    }

    fn reference(id: &str, key: Option<&str>, is_promised: bool) -> Reference {
        Reference { id: id.to_owned(), key: key.map(ToOwned::to_owned), is_promised }
    }

    #[test]
    fn a_name_is_what_the_user_says_or_the_name_after_the_prefix() {
        let mut names = names();
        assert_eq!(names.reference("web/password"), reference("shop/web/password", None, false));
        assert_eq!(names.reference("db/password"), reference("prod/db-login", Some("password"), true));
        let arn = "arn:aws:secretsmanager:eu-west-1:1:secret:token-a1b2c3";
        assert_eq!(names.reference("token"), reference(arn, None, true));
        names.last_part_is_key = true;
        assert_eq!(names.reference("eu/web/password"), reference("shop/eu/web", Some("password"), false));
        assert_eq!(names.reference("other"), reference("shop/other", None, false));
        assert_eq!(names.looked_in("Vault", "web/password"), "Vault (shop/web, key password)");
        assert_eq!(names.looked_in("Vault", "other"), "Vault (shop/other)");
    }

    #[test]
    fn what_does_not_hold_the_key_says_so_without_showing_what_it_holds() {
        for (found, key, promised, expected) in [
            ("correct horse", None, false, "correct horse"),
            (r#"{"a": "correct horse"}"#, None, false, r#"{"a": "correct horse"}"#),
            (r#"{"a": "correct \"horse\""}"#, Some("a"), false, r#"correct "horse""#),
            (r#"{"a": 54320}"#, Some("a"), true, "54320"),
            (r#"{"b": "hunter22"}"#, Some("a"), false, "nothing"),
            (r#"{"b": "hunter22"}"#, Some("a"), true, "the JSON object in \"id\" has no key \"a\""),
            (r#"{"a": ["hunter22"]}"#, Some("a"), false, "the key \"a\" of \"id\" is neither text nor a number"),
            ("hunter22", Some("a"), false, "\"id\" holds no JSON object, so that it has no key \"a\""),
            (r#"["hunter22"]"#, Some("a"), true, "\"id\" holds no JSON object, so that it has no key \"a\""),
        ] {
            let taken = reference("id", key, promised).take("web/a", &Secret::new("id", found), "Vault");
            let taken = match taken {
                Ok(Some(secret)) => {
                    assert_eq!(secret.name(), "web/a");
                    secret.expose().to_owned()
                }
                Ok(None) => "nothing".to_owned(),
                Err(error) => {
                    assert_eq!(error.to_string(), "secret \"web/a\" cannot be had from Vault");
                    assert!(!format!("{error:?}").contains("hunter22"), "{error:?}");
                    std::error::Error::source(&error).unwrap().to_string()
                }
            };
            assert_eq!(taken, expected, "{found} {key:?} {promised}");
        }
    }
}
