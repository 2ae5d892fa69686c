//! Why a secret could not be had.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use thiserror::Error;

/// Says why a secret could not be had, without a word about its value.
///
/// A run that meets one has learned nothing about its target: it ends as an error, not as a failure.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The name breaks the rules of [`check_name`](super::check_name).
    #[error("secret name {name:?} {reason}: use letters, digits, `-`, `_`, `.` and `/`, as in web/password")]
    InvalidName {
        /// The name, cut to 60 characters.
        name: String,
        /// What is wrong with it, as a verb phrase.
        reason: &'static str,
    },

    /// No store of the chain has it.
    #[error("secret {name:?} not found: {}", asked_in_words(.asked))]
    NotFound {
        /// The name that was asked for.
        name: String,
        /// Where it was looked for, in order.
        asked: Vec<String>,
    },

    /// The value has fewer than four characters.
    #[error(
        "secret {name:?} is too short to keep out of reports: use at least {} characters, whitespace around it not counted",
        super::MIN_SECRET_CHARS
    )]
    TooShort {
        /// The name of the secret.
        name: String,
    },

    /// The value has more than 64 KiB.
    #[error("secret {name:?} in {place} is too large: a secret has at most {} bytes", super::MAX_SECRET_BYTES)]
    TooLarge {
        /// The name of the secret.
        name: String,
        /// Where the value was found.
        place: String,
    },

    /// The value is not UTF-8 text.
    #[error("secret {name:?} in {place} is not UTF-8 text: store binary values in base64")]
    NotText {
        /// The name of the secret.
        name: String,
        /// Where the value was found.
        place: String,
    },

    /// What should be a file is a folder, a pipe or a device.
    #[error("secret {name:?} in {place} is not a regular file: point to a file that holds the value and nothing else")]
    NotAFile {
        /// The name of the secret.
        name: String,
        /// What was found instead of a file.
        place: String,
    },

    /// A symbolic link leads out of the folder that holds the secrets.
    #[error("secret {name:?} in {place} leads out of {folder}: put the file itself into the folder")]
    OutsideFolder {
        /// The name of the secret.
        name: String,
        /// The link.
        place: String,
        /// The folder that may not be left.
        folder: String,
    },

    /// Both the variable and its `_FILE` twin are set, and nothing says which is right.
    #[error("secret {name:?} is given twice: {variable} and {variable}_FILE are both set, unset one of them")]
    GivenTwice {
        /// The name of the secret.
        name: String,
        /// The variable that holds the value.
        variable: String,
    },

    /// The place is there, or was promised, and cannot be read.
    #[error("secret {name:?} cannot be read from {place}")]
    Unreadable {
        /// The name of the secret.
        name: String,
        /// The place that was tried.
        place: String,
        /// What the system said.
        source: Arc<io::Error>,
    },

    /// So many secrets are in use that this one could not be kept out of reports.
    #[error("secret {name:?} is one too many to keep out of reports: give values that change one name")]
    TooMany {
        /// The name of the secret.
        name: String,
    },

    /// A store of another crate failed.
    #[error("secret {name:?} cannot be had from {store}")]
    Store {
        /// The name of the secret.
        name: String,
        /// The store's name.
        store: String,
        /// What the store said.
        source: Arc<dyn StdError + Send + Sync>,
    },
}

impl SecretError {
    /// Returns the error of a store that could not answer, whatever its own errors are.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_core::secret::SecretError;
    ///
    /// let error = SecretError::store("vault", "web/password", "connection refused");
    /// assert_eq!(error.to_string(), "secret \"web/password\" cannot be had from vault");
    /// assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "connection refused");
    /// ```
    #[must_use]
    pub fn store(
        store: impl Into<String>,
        name: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::Store { name: name.into(), store: store.into(), source: Arc::from(source.into()) }
    }

    /// Returns whether the secret is in none of the stores that were asked.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

fn asked_in_words(asked: &[String]) -> String {
    if asked.is_empty() {
        return "there is no store to ask, add one with `Secrets::store`".to_owned();
    }
    format!("asked {}", asked.join(", "))
}
