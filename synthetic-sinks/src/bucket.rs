//! Evidence in a bucket: [`ObjectStore`].

mod error;
mod settings;

use std::fmt;
use std::sync::Arc;

use ::object_store::path::Path;
use ::object_store::{Attribute, Attributes, ObjectStore as Bucket, ObjectStoreExt, PutOptions, PutPayload};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use synthetic_core::artifact::{ArtifactStore, Key, StoreError, Stored};

use self::error::Doing;

/// Keeps artifacts in Amazon S3 (feature `s3`), Google Cloud Storage (`gcs`) or Azure Blob Storage (`azure`).
///
/// The key is the name of the object, after a [prefix](Self::prefix) if there is one. Requests that fail are not tried again
/// here: that is the pipeline's business. One takes at most 30 seconds, and 5 to connect.
///
/// Only static settings are read here; no request is made before the first artifact is stored. TLS is rustls with aws-lc,
/// with the root certificates of the system.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "s3")] {
/// use synthetic_core::artifact::{ArtifactStore, Key};
/// use synthetic_sinks::{Artifacts, ObjectStore};
///
/// let settings = [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "AKIA…"), ("AWS_SECRET_ACCESS_KEY", "…")];
/// let store = ObjectStore::s3("evidence", settings)?.prefix(Key::new("team/shop")?);
/// assert_eq!(store.name(), "s3://evidence/team/shop");
/// let _sink = Artifacts::new(store);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ObjectStore {
    url: String,
    /// The URL, with the prefix.
    name: String,
    prefix: Option<Key>,
    bucket: Arc<dyn Bucket>,
}

impl ObjectStore {
    /// Keeps artifacts in a bucket of S3, or of what speaks its language, with the settings of the environment.
    ///
    /// As every tool of AWS does, it takes `AWS_REGION` or `AWS_DEFAULT_REGION`, `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`
    /// (http only if the URL says so), and credentials: `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY` and
    /// `AWS_SESSION_TOKEN`; a web identity (EKS); those of the container (ECS, EKS pod identity); those of the instance.
    ///
    /// It does **not** read `~/.aws/config` and `~/.aws/credentials`: no profile, no SSO, no `credential_process`. Where
    /// `AWS_PROFILE` is the only hint to credentials, this is an error rather than a search for an instance's: put
    /// `eval "$(aws configure export-credentials --format env)"` in front.
    ///
    /// # Errors
    ///
    /// Returns which setting is missing or wrong.
    #[cfg(feature = "s3")]
    pub fn s3_from_env(bucket: &str) -> Result<Self, StoreError> {
        Self::s3(bucket, std::env::vars())
    }

    /// As [`s3_from_env`](Self::s3_from_env), with settings of the same names that come from elsewhere. Of two of a name the
    /// last counts; what is not known is ignored.
    ///
    /// # Errors
    ///
    /// Returns which setting is missing or wrong.
    #[cfg(feature = "s3")]
    pub fn s3<K: AsRef<str>, V: Into<String>>(
        bucket: &str,
        settings: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, StoreError> {
        settings::s3(bucket, settings::read(settings)).map(|built| Self::new(format!("s3://{bucket}"), Arc::new(built)))
    }

    /// Keeps artifacts in a bucket of Google Cloud Storage, with the settings of the environment.
    ///
    /// It takes `GOOGLE_APPLICATION_CREDENTIALS` (a file), `GOOGLE_SERVICE_ACCOUNT` (a file) or `GOOGLE_SERVICE_ACCOUNT_KEY`
    /// (its JSON), the credentials that `gcloud auth application-default login` leaves in the user's folder, and those of the
    /// instance; `GOOGLE_BASE_URL` for another endpoint (http only if the URL says so). It does not read
    /// `STORAGE_EMULATOR_HOST`.
    ///
    /// # Errors
    ///
    /// Returns which setting is missing or wrong.
    #[cfg(feature = "gcs")]
    pub fn gcs_from_env(bucket: &str) -> Result<Self, StoreError> {
        Self::gcs(bucket, std::env::vars())
    }

    /// As [`gcs_from_env`](Self::gcs_from_env), with settings of the same names that come from elsewhere. Of two of a name the
    /// last counts; what is not known is ignored.
    ///
    /// # Errors
    ///
    /// Returns which setting is missing or wrong.
    #[cfg(feature = "gcs")]
    pub fn gcs<K: AsRef<str>, V: Into<String>>(
        bucket: &str,
        settings: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, StoreError> {
        settings::gcs(bucket, settings::read(settings))
            .map(|built| Self::new(format!("gs://{bucket}"), Arc::new(built)))
    }

    /// Keeps artifacts in a container of Azure Blob Storage, with the settings of the environment.
    ///
    /// It takes `AZURE_STORAGE_ACCOUNT_NAME`, and `AZURE_STORAGE_ACCOUNT_KEY`, `AZURE_STORAGE_SAS_TOKEN`, a client
    /// (`AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`, `AZURE_TENANT_ID`), a workload identity (`AZURE_FEDERATED_TOKEN_FILE`), a
    /// managed identity, or the `az` command where `AZURE_USE_AZURE_CLI=true`; `AZURE_STORAGE_ENDPOINT` for another endpoint
    /// (http only if the URL says so). It does not read `AZURE_STORAGE_CONNECTION_STRING`.
    ///
    /// # Errors
    ///
    /// Returns which setting is missing or wrong.
    #[cfg(feature = "azure")]
    pub fn azure_from_env(container: &str) -> Result<Self, StoreError> {
        Self::azure(container, std::env::vars())
    }

    /// As [`azure_from_env`](Self::azure_from_env), with settings of the same names that come from elsewhere. Of two of a
    /// name the last counts; what is not known is ignored.
    ///
    /// # Errors
    ///
    /// Returns which setting is missing or wrong.
    #[cfg(feature = "azure")]
    pub fn azure<K: AsRef<str>, V: Into<String>>(
        container: &str,
        settings: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, StoreError> {
        settings::azure(container, settings::read(settings))
            .map(|built| Self::new(format!("az://{container}"), Arc::new(built)))
    }

    /// Keeps everything below a prefix, for a bucket that others use too. Of two prefixes the last counts.
    #[must_use]
    pub fn prefix(mut self, prefix: Key) -> Self {
        self.name = format!("{}/{prefix}", self.url);
        self.prefix = Some(prefix);
        self
    }

    fn new(url: String, bucket: Arc<dyn Bucket>) -> Self {
        Self { name: url.clone(), url, prefix: None, bucket }
    }

    /// Returns the name of an object. No character of a key needs to be escaped in it.
    fn path(&self, key: &Key) -> Path {
        match &self.prefix {
            Some(prefix) => Path::from_iter(prefix.parts().chain(key.parts())),
            None => Path::from_iter(key.parts()),
        }
    }

    /// Returns the key of an object; nothing for what nobody stored by a key.
    fn key(&self, path: &Path) -> Option<Key> {
        let mut text = path.as_ref();
        if let Some(prefix) = &self.prefix {
            text = text.strip_prefix(prefix.as_str())?.strip_prefix('/')?;
        }
        Key::new(text).ok()
    }

    fn doing<'a>(&'a self, what: &'static str, key: Option<&'a Key>) -> Doing<'a> {
        Doing { store: &self.name, what, key }
    }
}

#[async_trait]
impl ArtifactStore for ObjectStore {
    fn name(&self) -> &str {
        &self.name
    }

    /// Objects of S3, GCS and Azure appear whole or not at all.
    async fn put(&self, key: &Key, media_type: &str, bytes: Bytes) -> Result<(), StoreError> {
        let options = PutOptions { attributes: attributes(media_type), ..PutOptions::default() };
        let put = self.bucket.put_opts(&self.path(key), PutPayload::from_bytes(bytes), options).await;
        // What is not found when something is stored is the bucket.
        put.map(|_| ()).map_err(|error| self.doing("store", Some(key)).failed(&error))
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        let failed = |error| self.doing("read", Some(key)).failed(&error);
        match self.bucket.get(&self.path(key)).await {
            Ok(found) => found.bytes().await.map(Some).map_err(failed),
            Err(::object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    async fn list(&self, folder: Option<&Key>) -> Result<Vec<Stored>, StoreError> {
        let path = match folder {
            Some(folder) => Some(self.path(folder)),
            None => self.prefix.as_ref().map(|prefix| Path::from_iter(prefix.parts())),
        };
        let mut objects = self.bucket.list(path.as_ref());
        let mut found = Vec::new();
        while let Some(object) = objects.try_next().await.map_err(|error| self.doing("list", folder).failed(&error))? {
            if let Some(key) = self.key(&object.location) {
                found.push(Stored::new(key, object.size));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        match self.bucket.delete(&self.path(key)).await {
            Ok(()) | Err(::object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.doing("delete", Some(key)).failed(&error)),
        }
    }
}

/// Tells a bucket what an object is. What could run as a program in the browser of somebody who looks at it is to be saved
/// instead: the target decides what its answers hold.
fn attributes(media_type: &str) -> Attributes {
    let is_one = !media_type.is_empty() && media_type.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let media_type = if is_one { media_type } else { "application/octet-stream" };
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, media_type.to_owned().into());
    let kind = media_type.to_ascii_lowercase();
    if ["html", "xml", "svg", "script"].iter().any(|active| kind.contains(active)) {
        attributes.insert(Attribute::ContentDisposition, "attachment".into());
    }
    attributes
}

impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectStore").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests;
