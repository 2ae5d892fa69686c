//! Secrets from the Parameter Store of AWS Systems Manager.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ssm::Client;
use synthetic_core::secret::{Secret, SecretError, SecretStore};

use super::failed::{self, Failed, Rights, arn};
use super::store::{Fetch, Store};
use super::{place, retries, timeouts};

/// Finds secrets in the [Parameter
/// Store](https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html) of AWS Systems
/// Manager.
///
/// The secret `web/password` is the parameter `/web/password`, decrypted; another [prefix](Self::prefix) than `/` may stand
/// before it. [`with`](Self::with) names any other, also one of its versions or labels, or one key of a JSON object.
///
/// What was found is given for 5 minutes; when the target refuses it, it is looked up anew by the next who asks, as
/// [`Cached`](synthetic_core::secret::Cached) says, and a request of `synthetic-http` is sent again with the new value.
///
/// A look-up ends after 10 s, its retries included. The role needs `ssm:GetParameter` on the parameters, and `kms:Decrypt`
/// where they are encrypted with a key of your own. The crates of AWS need Rust 1.94.1.
///
/// # Examples
///
/// ```no_run
/// use synthetic_core::prelude::*;
/// use synthetic_sinks::ParameterStore;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secrets = ParameterStore::from_env().await
///     .prefix("/shop/prod/") // web/password is /shop/prod/web/password
///     .with("partner/key", "/partners/acme/key:stable"); // the version with the label "stable"
/// # let health = canary(Spec::new("api-health"), |run: Run| async move { run.expect("1 + 1", 1 + 1, eq(2)) });
/// let monitor = Monitor::named("shop").secrets(secrets).canary(every(mins(1)), health).build()?;
/// # Ok(()) }
/// ```
pub struct ParameterStore(Store<Api>);

impl ParameterStore {
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
        let place = place("Parameter Store", config);
        let region = config.region().map(ToString::to_string);
        let config =
            aws_sdk_ssm::config::Builder::from(config).retry_config(retries(config)).timeout_config(timeouts()).build();
        let store = Self(Store::new(place, Api { client: Client::from_conf(config), region }));
        store.prefix("/")
    }

    /// Says which parameter the secret `name` is: its name or its ARN, with a version or a label after a `:`
    /// (`/web/password:3`, `/web/password:stable`), and after a `#` the key of the JSON object that it holds
    /// (`/db-login#password`). The prefix is not put before it.
    ///
    /// It is an error when there is no such parameter or no such key, or when the key holds neither text nor a number. The
    /// same name again replaces what was said.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, reference: impl AsRef<str>) -> Self {
        self.0.names.insert(name.into(), reference.as_ref());
        self
    }

    /// Puts `prefix` before every name as it is. A name with a `/` in it must begin with one: `/shop/prod/`.
    ///
    /// # Default
    ///
    /// `/`
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.0.names.prefix = prefix.into();
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
}

#[async_trait]
impl Fetch for Api {
    async fn fetch(&self, id: &str) -> Result<Option<Vec<u8>>, Failed> {
        let missing = ["ParameterNotFound", "ParameterVersionNotFound"];
        // Without effect on what is not encrypted.
        match self.client.get_parameter().name(id).with_decryption(true).send().await {
            Ok(found) => Ok(found.parameter.and_then(|parameter| parameter.value).map(String::into_bytes)),
            Err(error) => failed::of(&error, &missing, &self.rights(id)).map_or(Ok(None), Err),
        }
    }
}

impl Api {
    fn rights(&self, id: &str) -> Rights {
        let resource = if id.starts_with("arn:") {
            id.to_owned()
        } else {
            // Neither the slash at its front nor the version is in the ARN.
            let name = id.trim_start_matches('/').split(':').next().unwrap_or_default();
            arn("ssm", self.region.as_deref(), &format!("parameter/{name}"))
        };
        Rights { action: "ssm:GetParameter", resource }
    }
}

#[async_trait]
impl SecretStore for ParameterStore {
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

impl fmt::Debug for ParameterStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ParameterStore").field(&self.0).finish()
    }
}
