//! Secrets from the process environment.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::{MAX_SECRET_BYTES, Secret, SecretError, SecretStore, check_name, read};

/// Finds secrets in environment variables, and in files that environment variables point to.
///
/// The secret `web/password` is the variable `WEB_PASSWORD`: upper case, and `_` for everything that is neither letter
/// nor digit. When there is none, `WEB_PASSWORD_FILE` may hold the path of a file with the value, as in container
/// images: one newline at its end is not part of the value, and it is read anew each time. A path that cannot be read
/// is an error, and so are both variables at once. A variable that is set to nothing counts as not set.
///
/// Names that differ only in punctuation or case (`web/password`, `web-password`) are the same variable.
///
/// # Examples
///
/// ```
/// use synthetic_core::secret::{EnvSecrets, SecretStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = EnvSecrets::with_lookup(|variable| (variable == "SHOP_WEB_PASSWORD").then(|| "correct horse".into()));
/// let store = store.prefix("SHOP_");
///
/// assert_eq!(store.get("web/password").await?.unwrap().expose(), "correct horse");
/// assert!(store.get("web/user").await?.is_none());
/// assert_eq!(store.looked_in("web/user"), "environment (SHOP_WEB_USER, SHOP_WEB_USER_FILE)");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EnvSecrets {
    prefix: String,
    lookup: Arc<Lookup>,
}

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl EnvSecrets {
    /// Looks into the environment of this process.
    #[must_use]
    pub fn new() -> Self {
        Self::with_lookup(|variable| std::env::var_os(variable))
    }

    /// Looks up variables by `lookup` instead: for tests, which cannot change the environment of their process safely.
    #[must_use]
    pub fn with_lookup(lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self { prefix: String::new(), lookup: Arc::new(lookup) }
    }

    /// Puts `prefix` before every variable as it is, so that two services can share an environment.
    ///
    /// # Default
    ///
    /// No prefix.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    fn variable(&self, name: &str) -> String {
        let spelled = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
        self.prefix.chars().chain(spelled).collect()
    }

    fn set(&self, variable: &str) -> Option<OsString> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }
}

impl Default for EnvSecrets {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EnvSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvSecrets").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

#[async_trait]
impl SecretStore for EnvSecrets {
    fn name(&self) -> &str {
        "environment"
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        check_name(name)?;
        let variable = self.variable(name);
        match (self.set(&variable), self.set(&format!("{variable}_FILE"))) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(SecretError::GivenTwice { name: name.to_owned(), variable }),
            (Some(value), None) => {
                let place = format!("variable {variable}");
                if value.len() > MAX_SECRET_BYTES {
                    return Err(SecretError::TooLarge { name: name.to_owned(), place });
                }
                // The error is dropped on purpose: it carries the value.
                let Ok(value) = value.into_string() else {
                    return Err(SecretError::NotText { name: name.to_owned(), place });
                };
                Ok(Some(Secret::new(name, value)))
            }
            (None, Some(path)) => {
                let path = Path::new(&path);
                let value = read::read_text(path).map_err(|fault| fault.of(name, path))?;
                Ok(Some(Secret::new(name, value)))
            }
        }
    }

    fn looked_in(&self, name: &str) -> String {
        let variable = self.variable(name);
        format!("environment ({variable}, {variable}_FILE)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fs;

    use super::*;
    use crate::secret::check_secret_store_contract;

    fn environment(variables: &[(&str, &str)]) -> EnvSecrets {
        let variables: HashMap<String, OsString> =
            variables.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect();
        EnvSecrets::with_lookup(move |variable| variables.get(variable).cloned())
    }

    async fn value(store: &EnvSecrets, name: &str) -> Option<String> {
        store.get(name).await.unwrap().map(|secret| secret.expose().to_owned())
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        let store = environment(&[("WEB_PASSWORD", "correct horse")]);
        check_secret_store_contract(&store, "web/password", "correct horse").await;
        check_secret_store_contract(&store.prefix(""), "web/password", "correct horse").await;
    }

    #[tokio::test]
    async fn a_name_is_spelled_as_variables_are() {
        let store = environment(&[("A_B_C9_D", "value"), ("SHOP_A", "shop")]);
        assert_eq!(value(&store, "a/b-c9.d").await.as_deref(), Some("value"));
        assert_eq!(value(&store, "a").await, None);
        assert_eq!(value(&store.prefix("SHOP_"), "a").await.as_deref(), Some("shop"));
    }

    #[tokio::test]
    async fn the_file_variable_is_followed_each_time_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let store = environment(&[("WEB_PASSWORD_FILE", path.to_str().unwrap())]);
        for text in ["first\n", "second\n"] {
            fs::write(&path, text).unwrap();
            check_secret_store_contract(&store, "web/password", text.trim_end()).await;
        }
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_an_error_and_not_a_missing_secret() {
        let error = environment(&[("WEB_PASSWORD_FILE", "/nowhere/password")]).get("web/password").await.unwrap_err();
        assert_eq!(error.to_string(), "secret \"web/password\" cannot be read from file /nowhere/password");
    }

    #[tokio::test]
    async fn both_variables_at_once_are_refused() {
        let store = environment(&[("WEB_PASSWORD", "value"), ("WEB_PASSWORD_FILE", "/run/secrets/p")]);
        assert_eq!(
            store.get("web/password").await.unwrap_err().to_string(),
            "secret \"web/password\" is given twice: WEB_PASSWORD and WEB_PASSWORD_FILE are both set, \
             unset one of them"
        );
    }

    #[tokio::test]
    async fn an_empty_variable_counts_as_not_set() {
        assert_eq!(value(&environment(&[("A", ""), ("A_FILE", "")]), "a").await, None);
    }

    #[tokio::test]
    async fn an_oversized_value_is_refused() {
        let error = environment(&[("A", &"x".repeat(MAX_SECRET_BYTES + 1))]).get("a").await.unwrap_err();
        assert_eq!(error.to_string(), "secret \"a\" in variable A is too large: a secret has at most 65536 bytes");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_value_that_is_not_text_is_refused_without_showing_it() {
        use std::os::unix::ffi::OsStringExt;

        let store =
            EnvSecrets::with_lookup(|variable| (variable == "A").then(|| OsString::from_vec(b"hunter2\xff".to_vec())));
        let error = store.get("a").await.unwrap_err();
        assert_eq!(format!("{error:?}"), "NotText { name: \"a\", place: \"variable A\" }");
    }

    #[test]
    fn debug_shows_the_prefix_only() {
        assert_eq!(format!("{:?}", EnvSecrets::new().prefix("X_")), "EnvSecrets { prefix: \"X_\", .. }");
    }
}
