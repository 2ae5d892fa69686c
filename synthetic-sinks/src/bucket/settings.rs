//! The settings of a bucket, by the names that environment variables have.

use std::collections::BTreeMap;

#[cfg(feature = "s3")]
use ::object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
#[cfg(feature = "azure")]
use ::object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};
#[cfg(feature = "gcs")]
use ::object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder, GoogleConfigKey};
use ::object_store::{Error, RetryConfig};
use synthetic_core::artifact::StoreError;

use super::error::shown;

/// What is set, and not to nothing: tools take an empty variable as none.
pub(super) type Settings = BTreeMap<String, String>;

pub(super) fn read<K: AsRef<str>, V: Into<String>>(settings: impl IntoIterator<Item = (K, V)>) -> Settings {
    let named = settings.into_iter().map(|(name, value)| (name.as_ref().to_owned(), value.into()));
    named.filter(|(_, value)| !value.is_empty()).collect()
}

#[cfg(feature = "s3")]
pub(super) fn s3(bucket: &str, settings: Settings) -> Result<AmazonS3, StoreError> {
    const CREDENTIALS: [&str; 4] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    if let Some(profile) = settings.get("AWS_PROFILE")
        && !CREDENTIALS.iter().any(|name| settings.contains_key(*name))
        && !settings.contains_key("AWS_SKIP_SIGNATURE")
    {
        return Err(StoreError::Refused(format!(
            "s3://{bucket}: AWS_PROFILE is {profile:?}, and profiles are not read here: set the credentials themselves, as \
             `aws configure export-credentials --format env` prints them"
        )));
    }
    let endpoint = settings.get("AWS_ENDPOINT_URL_S3").or_else(|| settings.get("AWS_ENDPOINT_URL"));
    let plain = is_plain(endpoint);
    // One object is deleted at a time, which every server can do that speaks this language.
    let mut builder = AmazonS3Builder::new().with_config(AmazonS3ConfigKey::DisableBulkDelete, "true");
    for (name, value) in settings.iter().filter(|(name, _)| name.starts_with("AWS_")) {
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    if plain {
        builder = builder.with_allow_http(true);
    }
    let built = builder.with_bucket_name(bucket).with_retry(once()).build();
    built.map_err(|error| wrong("s3", bucket, &error))
}

#[cfg(feature = "gcs")]
pub(super) fn gcs(bucket: &str, settings: Settings) -> Result<GoogleCloudStorage, StoreError> {
    let mut builder = GoogleCloudStorageBuilder::new();
    for (name, value) in settings.iter().filter(|(name, _)| name.starts_with("GOOGLE_") || *name == "SERVICE_ACCOUNT") {
        if let Ok(key) = name.to_ascii_lowercase().parse::<GoogleConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if is_plain(settings.get("GOOGLE_BASE_URL")) {
        builder = builder.with_config(GoogleConfigKey::Client(::object_store::ClientConfigKey::AllowHttp), "true");
    }
    let built = builder.with_bucket_name(bucket).with_retry(once()).build();
    built.map_err(|error| wrong("gs", bucket, &error))
}

#[cfg(feature = "azure")]
pub(super) fn azure(container: &str, settings: Settings) -> Result<MicrosoftAzure, StoreError> {
    let mut builder = MicrosoftAzureBuilder::new();
    for (name, value) in settings.iter().filter(|(name, _)| name.starts_with("AZURE_")) {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AzureConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(endpoint) = settings.get("IDENTITY_ENDPOINT") {
        builder = builder.with_config(AzureConfigKey::MsiEndpoint, endpoint);
    }
    if is_plain(settings.get("AZURE_STORAGE_ENDPOINT").or_else(|| settings.get("AZURE_ENDPOINT"))) {
        builder = builder.with_allow_http(true);
    }
    let built = builder.with_container_name(container).with_retry(once()).build();
    built.map_err(|error| wrong("az", container, &error))
}

/// Who names an endpoint without TLS means it.
fn is_plain(endpoint: Option<&String>) -> bool {
    endpoint.is_some_and(|url| url.starts_with("http://"))
}

/// Trying again is the pipeline's business.
fn once() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn wrong(scheme: &str, bucket: &str, error: &Error) -> StoreError {
    StoreError::Refused(format!("{scheme}://{bucket}: a setting is missing or wrong: {}", shown(error)))
}
