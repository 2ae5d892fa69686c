//! Secrets from files that are named one by one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;

use super::{Secret, SecretError, SecretStore, check_name, read};

/// Finds secrets in files, each named for one secret.
///
/// A file is read anew each time, so that a rotated value is seen; symbolic links are followed. One newline at its end
/// is not part of the value. A file that was named and cannot be read is an error, also when it is not there.
///
/// # Examples
///
/// ```
/// use synthetic_core::secret::{FileSecrets, SecretStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("db-password.txt");
/// std::fs::write(&path, "correct horse\n")?;
/// let store = FileSecrets::new().with("db/password", &path);
///
/// assert_eq!(store.get("db/password").await?.unwrap().expose(), "correct horse");
/// assert!(store.get("db/user").await?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct FileSecrets {
    files: BTreeMap<String, PathBuf>,
}

impl FileSecrets {
    /// Knows no file yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the secret `name` from the file at `path`. The same name again replaces the path.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.files.insert(name.into(), path.into());
        self
    }
}

#[async_trait]
impl SecretStore for FileSecrets {
    fn name(&self) -> &str {
        "files"
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        check_name(name)?;
        let Some(path) = self.files.get(name) else { return Ok(None) };
        let value = read::read_text(path).map_err(|fault| fault.of(name, path))?;
        Ok(Some(Secret::new(name, value)))
    }

    fn looked_in(&self, name: &str) -> String {
        match self.files.get(name) {
            Some(path) => format!("files ({})", path.display()),
            None => "files (none given for it)".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::secret::check_secret_store_contract;

    #[tokio::test]
    async fn keeps_the_contract_before_and_after_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        let store = FileSecrets::new().with("web/password", &path);
        for value in ["correct horse", "battery staple"] {
            fs::write(&path, format!("{value}\n")).unwrap();
            check_secret_store_contract(&store, "web/password", value).await;
        }
    }

    #[tokio::test]
    async fn a_named_file_that_is_not_there_is_an_error() {
        let store = FileSecrets::new().with("a", "/nowhere/a");
        let error = store.get("a").await.unwrap_err();
        assert_eq!(error.to_string(), "secret \"a\" cannot be read from file /nowhere/a");
        assert!(std::error::Error::source(&error).is_some());
        assert_eq!(store.looked_in("a"), "files (/nowhere/a)");
        assert_eq!(store.looked_in("b"), "files (none given for it)");
    }
}
