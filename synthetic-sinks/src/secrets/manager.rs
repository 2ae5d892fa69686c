//! Secrets from AWS Secrets Manager.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_secretsmanager::Client;
use synthetic_core::secret::{Secret, SecretError, SecretStore};

use super::failed::{self, Failed, Rights, arn};
use super::store::{Fetch, Store};
use super::{place, retries, timeouts};

/// Finds secrets in [AWS Secrets Manager](https://docs.aws.amazon.com/secretsmanager/latest/userguide/intro.html).
///
/// The secret `web/password` is the one of that name there, after the [prefix](Self::prefix); [`with`](Self::with) names any
/// other, by its name or its ARN, and one key of it when it is a JSON object. It is the version that is current
/// (`AWSCURRENT`), unless [another stage](Self::version_stage) is asked for. A binary secret counts as text if it is UTF-8.
///
/// What was found is given for 5 minutes; when the target refuses it, it is looked up anew by the next who asks, as
/// [`Cached`](synthetic_core::secret::Cached) says, and a request of `synthetic-http` is sent again with the new value. All
/// keys of a JSON object are looked up together, and are of the same version.
///
/// A look-up ends after 10 s, its retries included. The role needs `secretsmanager:GetSecretValue` on the secrets, and
/// `kms:Decrypt` where they are encrypted with a key of your own. The crates of AWS need Rust 1.94.1.
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::SecretsManager;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secrets = SecretsManager::from_env().await
///     .prefix("shop/") // web/password is shop/web/password
///     .with("db/user", "prod/db-login#username")
///     .with("db/password", "prod/db-login#password");
/// # let health = canary(Spec::new("api-health"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
/// let monitor = Monitor::named("shop").secrets(secrets).canary(every(mins(1)), health).build()?;
/// # Ok(()) }
/// ```
pub struct SecretsManager(Store<Api>);

impl SecretsManager {
    /// Takes region, endpoint and credentials from where every tool of AWS takes them: `AWS_REGION`, `AWS_ENDPOINT_URL`,
    /// `AWS_PROFILE`, `AWS_ACCESS_KEY_ID`, the files of profiles, the role of a task, a pod or an instance.
    ///
    /// A setting that is missing is told by the first look-up that misses it.
    pub async fn from_env() -> Self {
        Self::with_config(&aws_config::defaults(BehaviorVersion::latest()).load().await)
    }

    /// Takes them from a configuration that the program has already, for several clients or for a role to assume.
    ///
    /// Its time limits are not used: each try ends after 4 s, and a look-up as [`timeout`](Self::timeout) says.
    #[must_use]
    pub fn with_config(config: &SdkConfig) -> Self {
        let place = place("Secrets Manager", config);
        let region = config.region().map(ToString::to_string);
        let config = aws_sdk_secretsmanager::config::Builder::from(config)
            .retry_config(retries(config))
            .timeout_config(timeouts())
            .build();
        Self(Store::new(place, Api { client: Client::from_conf(config), region, stage: None }))
    }

    /// Says what the secret `name` is there: the name or the ARN of a secret, and after a `#` the key of the JSON object
    /// that it holds: `prod/db-login#password`. The prefix is not put before it.
    ///
    /// It is an error when there is no such secret or no such key, or when the key holds neither text nor a number. The
    /// same name again replaces what was said.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, reference: impl AsRef<str>) -> Self {
        self.0.names.insert(name.into(), reference.as_ref());
        self
    }

    /// Puts `prefix` before every name as it is: `shop/`.
    ///
    /// # Default
    ///
    /// No prefix.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.0.names.prefix = prefix.into();
        self
    }

    /// Takes the last part of a name for a key: `prod/db-login/password` is the key `password` of the JSON object in
    /// `prod/db-login`, as the console makes them for databases. A name of one part is still a secret as a whole.
    #[must_use]
    pub fn last_part_is_key(mut self) -> Self {
        self.0.names.last_part_is_key = true;
        self
    }

    /// Takes the version with another staging label, such as `AWSPENDING` or one of your own.
    ///
    /// # Default
    ///
    /// `AWSCURRENT`.
    #[must_use]
    pub fn version_stage(mut self, stage: impl Into<String>) -> Self {
        self.0.cache.store_mut().fetch.stage = Some(stage.into());
        self
    }

    /// Sets for how long what was found is given before it is looked up again; zero looks it up each time.
    ///
    /// # Default
    ///
    /// 5 minutes.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.0.cache = self.0.cache.ttl(ttl);
        self
    }

    /// Sets how long a look-up may take, its retries included.
    ///
    /// # Default
    ///
    /// 10 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.cache.store_mut().timeout = timeout;
        self
    }
}

/// The service itself.
struct Api {
    client: Client,
    region: Option<String>,
    stage: Option<String>,
}

#[async_trait]
impl Fetch for Api {
    async fn fetch(&self, id: &str) -> Result<Option<Vec<u8>>, Failed> {
        let call = self.client.get_secret_value().secret_id(id).set_version_stage(self.stage.clone());
        match call.send().await {
            Ok(found) => {
                let text = found.secret_string.map(String::into_bytes);
                Ok(text.or_else(|| Some(found.secret_binary?.into_inner())))
            }
            Err(error) => failed::of(&error, &["ResourceNotFoundException"], &self.rights(id)).map_or(Ok(None), Err),
        }
    }
}

impl Api {
    fn rights(&self, id: &str) -> Rights {
        // A policy does not know the six characters that an ARN has after the name.
        let resource = if id.starts_with("arn:") {
            id.to_owned()
        } else {
            arn("secretsmanager", self.region.as_deref(), &format!("secret:{id}-??????"))
        };
        Rights { action: "secretsmanager:GetSecretValue", resource }
    }
}

#[async_trait]
impl SecretStore for SecretsManager {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretError> {
        self.0.get(name).await
    }

    fn invalidate(&self, refused: &Secret) {
        self.0.invalidate(refused);
    }

    fn looked_in(&self, name: &str) -> String {
        self.0.looked_in(name)
    }
}

impl fmt::Debug for SecretsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretsManager").field(&self.0).finish()
    }
}
