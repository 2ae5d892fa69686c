//! The chain of stores that is asked for a secret.

use std::fmt;
use std::sync::Arc;

use super::{EnvSecrets, MAX_SECRET_BYTES, Redactor, Secret, SecretError, SecretStore, check_name};

/// Finds secrets by asking one store after the other, and sees to it that what was found stays out of reports.
///
/// The first store that has the secret gives it. A store that fails ends the search: whether it has the secret is not
/// known, and the value of a later store might be the wrong one. Nothing is cached but by stores that say so. Every value
/// is registered with the [`Redactor`] before it is handed out.
///
/// # Default
///
/// `Secrets::default()` asks the environment ([`EnvSecrets`]); [`Secrets::new`] asks nobody until it is given a store.
///
/// # Examples
///
/// ```
/// use synthetic_core::secret::{EnvSecrets, FolderSecrets, Secrets};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let environment = EnvSecrets::with_lookup(|name| (name == "WEB_PASSWORD").then(|| "correct horse".into()));
/// let secrets = Secrets::new().store(environment).store(FolderSecrets::at("/nowhere/secrets"));
///
/// assert_eq!(secrets.get("web/password").await?.expose(), "correct horse");
/// assert_eq!(secrets.redactor().redact("sent correct horse"), "sent [redacted:web/password]");
/// assert_eq!(
///     secrets.get("web/user").await.unwrap_err().to_string(),
///     "secret \"web/user\" not found: asked environment (WEB_USER, WEB_USER_FILE), \
///      folder /nowhere/secrets (there is no such folder)",
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Secrets {
    /// Shared: every run has a clone.
    stores: Arc<Vec<Arc<dyn SecretStore>>>,
    redactor: Redactor,
}

impl Secrets {
    /// Asks nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self { stores: Arc::default(), redactor: Redactor::new() }
    }

    /// Asks `store` after all others. A store that is used elsewhere too can be given as an `Arc`.
    #[must_use]
    pub fn store(mut self, store: impl SecretStore + 'static) -> Self {
        Arc::make_mut(&mut self.stores).push(Arc::new(store));
        self
    }

    /// Registers what is found with `redactor` from now on, instead of with a redactor of its own.
    #[must_use]
    pub fn register_with(mut self, redactor: Redactor) -> Self {
        self.redactor = redactor;
        self
    }

    /// Returns the redactor that knows every value that was handed out.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Returns the current value of the secret `name`.
    ///
    /// # Errors
    ///
    /// Fails when the name is no secret name, when no store has it (the message says where it was looked for), when a
    /// store cannot tell, and when the value is shorter than [`MIN_SECRET_CHARS`](super::MIN_SECRET_CHARS) or larger
    /// than [`MAX_SECRET_BYTES`].
    pub async fn get(&self, name: &str) -> Result<Secret, SecretError> {
        check_name(name)?;
        for store in self.stores.iter() {
            let Some(secret) = store.get(name).await? else { continue };
            if secret.expose().len() > MAX_SECRET_BYTES {
                return Err(SecretError::TooLarge { name: name.to_owned(), place: store.name().to_owned() });
            }
            self.redactor.register(&secret)?;
            return Ok(secret);
        }
        let asked = self.stores.iter().map(|store| store.looked_in(name)).collect();
        Err(SecretError::NotFound { name: name.to_owned(), asked })
    }
}

/// # Rotation
impl Secrets {
    /// Tells every store that the target refused a value, so that none gives it from a cache again.
    ///
    /// For who learns of a refusal where the request cannot be sent again, such as a form that was answered with 401.
    pub fn invalidate(&self, refused: &Secret) {
        for store in self.stores.iter() {
            store.invalidate(refused);
        }
    }

    /// Returns the value that is current now that the target has refused `refused`, or nothing when it is the same one.
    ///
    /// A store that caches is asked to look anew, and may decline when it has only just done so.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use synthetic_core::secret::{EnvSecrets, Secrets};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let password = Arc::new(Mutex::new("correct horse"));
    /// let current = Arc::clone(&password);
    /// let secrets = Secrets::new().store(EnvSecrets::with_lookup(move |name| {
    ///     (name == "WEB_PASSWORD").then(|| (*current.lock().unwrap()).into())
    /// }));
    ///
    /// let old = secrets.get("web/password").await?;
    /// assert!(secrets.renew(&old).await?.is_none());
    /// *password.lock().unwrap() = "battery staple";
    /// assert_eq!(secrets.renew(&old).await?.unwrap().expose(), "battery staple");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn renew(&self, refused: &Secret) -> Result<Option<Secret>, SecretError> {
        self.invalidate(refused);
        let current = self.get(refused.name()).await?;
        Ok((!current.is_same_as(refused)).then_some(current))
    }
}

impl Default for Secrets {
    fn default() -> Self {
        Self::new().store(EnvSecrets::new())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.stores.iter().map(|store| store.name()).collect();
        f.debug_struct("Secrets").field("stores", &names).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl<S: SecretStore + ?Sized> SecretStore for Arc<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        (**self).get(name).await
    }

    fn invalidate(&self, refused: &Secret) {
        (**self).invalidate(refused);
    }

    fn looked_in(&self, name: &str) -> String {
        (**self).looked_in(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::check_secret_store_contract;

    /// Has one secret, or fails for everything.
    struct Fake(&'static str, Result<(&'static str, &'static str), ()>);

    #[async_trait::async_trait]
    impl SecretStore for Fake {
        fn name(&self) -> &str {
            self.0
        }

        async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
            check_name(name)?;
            match self.1 {
                Ok((known, value)) => Ok((name == known).then(|| Secret::new(name, value))),
                Err(()) => Err(SecretError::store(self.0, name, "connection refused")),
            }
        }
    }

    #[tokio::test]
    async fn the_first_store_that_has_it_wins() {
        let secrets =
            Secrets::new().store(Fake("one", Ok(("a", "from one")))).store(Fake("two", Ok(("a", "from two"))));
        let secrets = secrets.store(Fake("three", Ok(("b", "from three"))));
        assert_eq!(secrets.get("a").await.unwrap().expose(), "from one");
        assert_eq!(secrets.get("b").await.unwrap().expose(), "from three");
    }

    #[tokio::test]
    async fn a_store_that_fails_ends_the_search() {
        let secrets = Secrets::new().store(Fake("vault", Err(()))).store(Fake("two", Ok(("a", "from two"))));
        assert_eq!(secrets.get("a").await.unwrap_err().to_string(), "secret \"a\" cannot be had from vault");
    }

    #[tokio::test]
    async fn a_missing_secret_says_where_it_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::new()
            .store(EnvSecrets::with_lookup(|_| None))
            .store(super::super::FolderSecrets::at(folder.path()))
            .store(Fake("vault", Ok(("a", "value"))));
        let error = secrets.get("web/password").await.unwrap_err();
        assert!(error.is_not_found());
        assert_eq!(
            error.to_string(),
            format!(
                "secret \"web/password\" not found: asked environment (WEB_PASSWORD, WEB_PASSWORD_FILE), \
                 folder {} (web/password, web-password), vault",
                folder.path().display()
            )
        );
    }

    #[tokio::test]
    async fn a_chain_without_stores_says_so() {
        assert_eq!(
            Secrets::new().get("a").await.unwrap_err().to_string(),
            "secret \"a\" not found: there is no store to ask, add one with `Secrets::store`"
        );
    }

    #[tokio::test]
    async fn a_value_too_short_to_be_scrubbed_is_refused() {
        let secrets = Secrets::new().store(Fake("one", Ok(("pin", " 123\n"))));
        assert_eq!(
            secrets.get("pin").await.unwrap_err().to_string(),
            "secret \"pin\" is too short to keep out of reports: use at least 4 characters, \
             whitespace around it not counted"
        );
        assert_eq!(secrets.redactor().redact("pin 123"), "pin 123");
    }

    #[tokio::test]
    async fn an_oversized_value_is_refused_whatever_the_store_does() {
        let value: &'static str = Box::leak("x".repeat(MAX_SECRET_BYTES + 1).into_boxed_str());
        let error = Secrets::new().store(Fake("one", Ok(("a", value)))).get("a").await.unwrap_err();
        assert_eq!(error.to_string(), "secret \"a\" in one is too large: a secret has at most 65536 bytes");
    }

    #[tokio::test]
    async fn an_invalid_name_asks_nobody() {
        let error = Secrets::new().store(Fake("vault", Err(()))).get("../a").await.unwrap_err();
        assert!(matches!(error, SecretError::InvalidName { .. }), "{error}");
    }

    #[tokio::test]
    async fn what_is_found_is_known_to_the_shared_redactor_and_to_clones() {
        let redactor = Redactor::new();
        let secrets = Secrets::new().store(Fake("one", Ok(("a", "correct horse")))).register_with(redactor.clone());
        secrets.clone().get("a").await.unwrap();
        assert_eq!(redactor.redact("correct horse"), "[redacted:a]");
    }

    #[tokio::test]
    async fn a_shared_store_keeps_the_contract() {
        let store: Arc<dyn SecretStore> = Arc::new(Fake("one", Ok(("a", "correct horse"))));
        check_secret_store_contract(&store, "a", "correct horse").await;
        assert_eq!(Secrets::new().store(store).get("a").await.unwrap().expose(), "correct horse");
    }

    #[test]
    fn debug_names_the_stores() {
        assert_eq!(format!("{:?}", Secrets::default()), "Secrets { stores: [\"environment\"], .. }");
    }
}
