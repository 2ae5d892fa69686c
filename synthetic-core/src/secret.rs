//! Secrets: found by name when they are needed, shown to nobody, scrubbed from everything that leaves a run.
//!
//! A journey asks for a [`Secret`] by name (`web/password`). [`Secrets`] is the ordered chain of [`SecretStore`]s that
//! is asked: the process environment ([`EnvSecrets`]), single files ([`FileSecrets`]), a folder of mounted files
//! ([`FolderSecrets`]), or a store of your own. They cache nothing, so a rotated value is seen at the next request; a
//! store that costs a call is asked through [`Cached`], and anew as soon as the target refuses what it gave.
//!
//! Every value that is found is made known to a [`Redactor`] before anybody holds it. The redactor then replaces it,
//! and the ways in which it is usually encoded, by `[redacted:web/password]` in whatever text it is given.
//!
//! # Names
//!
//! One name works for every store: letters, digits, `-`, `_` and `.`, in parts that are joined by `/`. No part is
//! empty or begins with a dot, and a name has at most 200 characters. [`check_name`] is the rule.

mod cached;
mod chain;
mod contract;
mod env;
mod error;
mod file;
mod folder;
mod name;
mod read;
mod redact;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

pub use cached::Cached;
pub use chain::Secrets;
pub use contract::check_secret_store_contract;
pub use env::EnvSecrets;
pub use error::SecretError;
pub use file::FileSecrets;
pub use folder::FolderSecrets;
pub use name::check_name;
pub use redact::{FoundSecret, Redactor};

/// The most bytes a secret may have: 64 KiB.
pub const MAX_SECRET_BYTES: usize = 64 * 1024;

/// The fewest characters a secret may have, not counting whitespace around it: 4.
///
/// Anything shorter turns up by chance in every text, and could not be kept out of reports without ruining them.
pub const MIN_SECRET_CHARS: usize = 4;

/// Holds a value that must not be shown, and the name by which it was found.
///
/// Printing it gives the name only, cloning it copies a pointer, and the memory is wiped when the last clone goes.
/// It can be neither compared nor serialised, so that it cannot slip into an assertion's text or into a file.
///
/// # Examples
///
/// ```
/// use synthetic_core::secret::Secret;
///
/// let secret = Secret::new("web/password", "correct horse");
/// assert_eq!(secret.expose(), "correct horse");
/// assert_eq!(format!("{secret} {secret:?}"), "Secret(web/password) Secret(web/password)");
/// ```
///
/// Example: a secret cannot be compared
///
/// ```compile_fail,E0369
/// # use synthetic_core::secret::Secret;
/// let _ = Secret::new("a", "correct horse") == Secret::new("a", "correct horse");
/// ```
#[derive(Clone)]
pub struct Secret {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    value: SecretString,
}

impl Secret {
    /// Wraps a value that is already known, such as a session token that the target handed out.
    ///
    /// Neither name nor value is checked here. [`Redactor::register`] keeps the value out of reports.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { inner: Arc::new(Inner { name: name.into(), value: SecretString::from(value.into()) }) }
    }

    /// Returns the name, which is no secret.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Returns the value itself: for the one line that needs it, never for a message.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.inner.value.expose_secret()
    }

    /// Returns whether the other one has the same name and the same value.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.name() == other.name() && self.expose() == other.expose()
    }

    /// Returns whether the value is too short to be told from the text around it.
    fn is_too_short(&self) -> bool {
        self.expose().trim().chars().nth(MIN_SECRET_CHARS - 1).is_none()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.inner.name)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Gives secrets by name.
///
/// # Contract
///
/// - `Ok(None)` says "I do not have it", and nothing else: the next store of the chain is then asked. A store that
///   cannot tell (no permission, no network, a file that is not text) answers with an error.
/// - The secret carries the name that was asked for.
/// - Asking again gives the value that is current then. A store that caches says for how long, so that a rotated value
///   is seen, and stops giving a value that [was refused](Self::invalidate).
/// - A name that [`check_name`] refuses is [`SecretError::InvalidName`], before anything is looked up.
/// - A value has at most [`MAX_SECRET_BYTES`] and is UTF-8; anything else is an error.
/// - No value is ever logged or put into an error, not even a part of it.
/// - Dropping the future of [`get`](Self::get) does no harm, and several may run at the same time.
///
/// [`check_secret_store_contract`] checks what can be checked from outside.
///
/// # Examples
///
/// The smallest store that keeps the contract:
///
/// ```
/// use synthetic_core::secret::{Secret, SecretError, SecretStore, check_name, check_secret_store_contract};
///
/// struct One;
///
/// #[async_trait::async_trait]
/// impl SecretStore for One {
///     fn name(&self) -> &str {
///         "constant"
///     }
///
///     async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
///         check_name(name)?;
///         Ok((name == "web/password").then(|| Secret::new(name, "correct horse")))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// check_secret_store_contract(&One, "web/password", "correct horse").await;
/// # }
/// ```
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// Returns what the store is called in messages: `environment`, `folder /run/secrets`.
    fn name(&self) -> &str;

    /// Returns the current value of the secret `name`, or nothing when the store does not have it.
    ///
    /// # Errors
    ///
    /// Fails when the name is no secret name, or when the store cannot tell whether it has the secret.
    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError>;

    /// Learns that the target refused `refused`, so that a value that is cached, and is this one, is not given again.
    ///
    /// It returns at once: the new value is looked up by whoever asks next. A store may take no notice for a few seconds
    /// after it has looked the value up, so that a password that is plainly wrong does not become a flood of calls.
    ///
    /// # Default
    ///
    /// Does nothing, which is right for a store that caches nothing.
    fn invalidate(&self, _refused: &Secret) {}

    /// Says where [`get`](Self::get) looks for `name`, for the message that it was not found:
    /// `environment (WEB_PASSWORD, WEB_PASSWORD_FILE)`.
    ///
    /// # Default
    ///
    /// The store's name.
    fn looked_in(&self, _name: &str) -> String {
        self.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_printed_by_its_name_only() {
        let secret = Secret::new("web/password", "correct horse");
        assert_eq!(format!("{secret:?} {secret} {secret:#?}"), ["Secret(web/password)"; 3].join(" "));
        assert_eq!(format!("{:?}", Some(secret.clone())), "Some(Secret(web/password))");
        assert_eq!(secret.name(), "web/password");
    }

    #[test]
    fn a_clone_shares_the_value() {
        let secret = Secret::new("web/password", "correct horse");
        assert!(std::ptr::eq(secret.expose(), secret.clone().expose()));
    }

    #[test]
    fn whitespace_around_a_value_does_not_make_it_longer() {
        for (value, too_short) in [("", true), ("abc", true), ("  abc \n", true), ("abcd", false), ("äöüß", false)]
        {
            assert_eq!(Secret::new("s", value).is_too_short(), too_short, "{value:?}");
        }
    }
}
