//! Secrets from a folder into which a platform mounts them.

use std::fs;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::read::{Fault, is_absent, read_text};
use super::{Secret, SecretError, SecretStore, check_name};

/// How often a file is looked up again that went away between being found and being read.
const TRIES: u32 = 3;

/// Finds secrets in a folder with one file for each, as Kubernetes and Docker mount them.
///
/// The secret `web/password` is the file `web/password`, or, where a mount cannot have folders, the file
/// `web-password`; the first that exists is taken. Files are read anew each time, and Kubernetes' `..data` links are
/// followed, so that a rotated value is seen. One newline at the end of a file is not part of the value.
///
/// What is outside stays outside: a link that leads out of the folder is an error, and no name can point to a hidden
/// file or climb ([`check_name`]). A folder that does not exist has no secrets.
///
/// # Examples
///
/// ```
/// use synthetic_core::secret::{FolderSecrets, SecretStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let run_secrets = tempfile::tempdir()?;
/// std::fs::write(run_secrets.path().join("web-password"), "correct horse\n")?;
/// let store = FolderSecrets::at(run_secrets.path());
///
/// assert_eq!(store.get("web/password").await?.unwrap().expose(), "correct horse");
/// assert!(store.get("web/user").await?.is_none());
/// assert!(store.get("../passwd").await.is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FolderSecrets {
    folder: PathBuf,
    name: String,
}

impl FolderSecrets {
    /// Looks into `folder`, for example `/run/secrets`.
    #[must_use]
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { name: format!("folder {}", folder.display()), folder }
    }

    /// Returns the text of `file`, or nothing when it is not there.
    fn read(&self, name: &str, file: &Path) -> Result<Option<String>, SecretError> {
        let unreadable = |path: &Path, source| Fault::Io(source).of(name, path);
        for _ in 0..TRIES {
            let folder = match fs::canonicalize(&self.folder) {
                Ok(folder) => folder,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(unreadable(&self.folder, error)),
            };
            let target = match fs::canonicalize(file) {
                Ok(target) => target,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(unreadable(file, error)),
            };
            if !target.starts_with(&folder) {
                return Err(SecretError::OutsideFolder {
                    name: name.to_owned(),
                    place: format!("file {}", file.display()),
                    folder: self.folder.display().to_string(),
                });
            }
            if target.is_dir() {
                return Ok(None);
            }
            match read_text(&target) {
                Ok(text) => return Ok(Some(text)),
                // Rotated in between: the link now leads elsewhere.
                Err(fault) if fault.is_absent() => {}
                Err(fault) => return Err(fault.of(name, file)),
            }
        }
        Ok(None)
    }
}

/// Returns the files that may hold the secret, in the order in which they are tried, relative to the folder.
fn spellings(name: &str) -> Vec<String> {
    let mut spellings = vec![name.to_owned()];
    if name.contains('/') {
        spellings.push(name.replace('/', "-"));
    }
    spellings
}

#[async_trait]
impl SecretStore for FolderSecrets {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        check_name(name)?;
        for spelling in spellings(name) {
            if let Some(text) = self.read(name, &self.folder.join(spelling))? {
                return Ok(Some(Secret::new(name, text)));
            }
        }
        Ok(None)
    }

    fn looked_in(&self, name: &str) -> String {
        if !self.folder.is_dir() {
            return format!("{} (there is no such folder)", self.name);
        }
        format!("{} ({})", self.name, spellings(name).join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{MAX_SECRET_BYTES, check_secret_store_contract};

    fn folder() -> (tempfile::TempDir, FolderSecrets) {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderSecrets::at(folder.path());
        (folder, store)
    }

    fn write(folder: &tempfile::TempDir, file: &str, bytes: impl AsRef<[u8]>) {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[tokio::test]
    async fn keeps_the_contract_for_both_spellings() {
        let (folder, store) = folder();
        write(&folder, "web-password", "flat\n");
        check_secret_store_contract(&store, "web/password", "flat").await;
        write(&folder, "web/password", "nested\n");
        check_secret_store_contract(&store, "web/password", "nested").await;
        write(&folder, "single", "plain");
        check_secret_store_contract(&store, "single", "plain").await;
    }

    #[tokio::test]
    async fn a_folder_a_missing_folder_and_a_file_in_the_way_are_no_secret() {
        let (folder, store) = folder();
        write(&folder, "web/password", "value");
        assert!(store.get("web").await.unwrap().is_none());
        assert!(store.get("web/password/more").await.unwrap().is_none());
        let nowhere = FolderSecrets::at("/nowhere/secrets");
        assert!(nowhere.get("web/password").await.unwrap().is_none());
        assert_eq!(nowhere.looked_in("web"), "folder /nowhere/secrets (there is no such folder)");
    }

    #[tokio::test]
    async fn says_where_it_looked() {
        let (folder, store) = folder();
        let path = folder.path().display();
        assert_eq!(store.looked_in("web/password"), format!("folder {path} (web/password, web-password)"));
        assert_eq!(store.looked_in("password"), format!("folder {path} (password)"));
    }

    #[tokio::test]
    async fn oversized_and_binary_files_are_errors_that_name_the_file() {
        let (folder, store) = folder();
        write(&folder, "big", vec![b'x'; MAX_SECRET_BYTES + 1]);
        write(&folder, "binary", b"\xff\xfe");
        let path = folder.path().display();
        for (name, message) in [
            ("big", format!("secret \"big\" in file {path}/big is too large: a secret has at most 65536 bytes")),
            (
                "binary",
                format!("secret \"binary\" in file {path}/binary is not UTF-8 text: store binary values in base64"),
            ),
        ] {
            assert_eq!(store.get(name).await.unwrap_err().to_string(), message);
        }
    }

    #[cfg(unix)]
    mod unix {
        use std::os::unix::fs::symlink;

        use super::*;

        /// Puts a value where Kubernetes puts it: a folder named by time, a link `..data` to it, a link for each key.
        fn mount(folder: &tempfile::TempDir, version: &str, value: &str) {
            write(folder, &format!("..{version}/password"), value);
            let next = folder.path().join("..data_tmp");
            symlink(format!("..{version}"), &next).unwrap();
            fs::rename(&next, folder.path().join("..data")).unwrap();
        }

        #[tokio::test]
        async fn the_links_of_kubernetes_are_followed_to_the_current_value() {
            let (folder, store) = folder();
            mount(&folder, "2025_01_01", "before");
            symlink("..data/password", folder.path().join("password")).unwrap();
            check_secret_store_contract(&store, "password", "before").await;

            mount(&folder, "2025_06_01", "after\n");
            fs::remove_dir_all(folder.path().join("..2025_01_01")).unwrap();
            check_secret_store_contract(&store, "password", "after").await;
        }

        #[tokio::test]
        async fn the_folder_itself_may_be_a_link() {
            let (folder, _) = folder();
            write(&folder, "real/password", "value");
            symlink("real", folder.path().join("link")).unwrap();
            let store = FolderSecrets::at(folder.path().join("link"));
            assert_eq!(store.get("password").await.unwrap().unwrap().expose(), "value");
        }

        #[tokio::test]
        async fn a_link_that_leads_out_of_the_folder_is_refused() {
            let (outside, _) = folder();
            write(&outside, "password", "stolen");
            let (folder, store) = folder();
            symlink(outside.path().join("password"), folder.path().join("file")).unwrap();
            symlink(outside.path(), folder.path().join("sub")).unwrap();
            let path = folder.path().display();
            for name in ["file", "sub/password"] {
                assert_eq!(
                    store.get(name).await.unwrap_err().to_string(),
                    format!(
                        "secret {name:?} in file {path}/{name} leads out of {path}: put the file itself into the folder"
                    )
                );
            }
        }

        #[tokio::test]
        async fn a_link_to_nothing_is_no_secret() {
            let (folder, store) = folder();
            symlink("..data/none", folder.path().join("password")).unwrap();
            assert!(store.get("password").await.unwrap().is_none());
        }
    }
}
