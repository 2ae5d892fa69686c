//! Credentials: where they come from, and how a request carries them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use synthetic_core::secret::Secrets;
use synthetic_core::{Failure, Result, Run, Secret};

/// A secret that a request carries: one that is known, or the name of one that is asked for when the request is sent.
///
/// # Examples
///
/// ```
/// use synthetic_core::Secret;
/// use synthetic_http::{Credential, from_secret};
///
/// let _known: Credential = Secret::new("shop/api-token", "s3cr3t-token").into();
/// let _asked_for: Credential = from_secret("shop/api-token");
/// ```
#[derive(Debug, Clone)]
pub struct Credential(Source);

#[derive(Debug, Clone)]
enum Source {
    Known(Secret),
    Named(String),
}

/// Asks the run's secret store for a secret when a request is sent; outside of any run, the environment.
#[must_use]
pub fn from_secret(name: impl Into<String>) -> Credential {
    Credential(Source::Named(name.into()))
}

impl From<Secret> for Credential {
    fn from(secret: Secret) -> Self {
        Self(Source::Known(secret))
    }
}

impl From<&Secret> for Credential {
    fn from(secret: &Secret) -> Self {
        Self(Source::Known(secret.clone()))
    }
}

impl Credential {
    async fn resolve(&self, run: Option<&Run>) -> Result<Secret> {
        match (&self.0, run) {
            (Source::Named(name), Some(run)) => run.secret(name).await,
            (Source::Named(name), None) => {
                Secrets::default().get(name).await.map_err(|error| Failure::setup(error.to_string()))
            }
            (Source::Known(secret), run) => {
                if let Some(run) = run {
                    run.keep_secret(secret)?;
                }
                Ok(secret.clone())
            }
        }
    }
}

/// How a request shows who it is.
#[derive(Debug, Clone)]
pub(crate) enum Auth {
    Bearer(Credential),
    Basic(String, Credential),
    Key(String, Credential),
}

impl Auth {
    /// Adds itself to the headers of a request, marked so that it follows no redirect to another host.
    pub(crate) async fn add_to(&self, headers: &mut HeaderMap, run: Option<&Run>) -> Result {
        let (name, credential, value) = match self {
            Self::Bearer(token) => {
                let token = token.resolve(run).await?;
                (AUTHORIZATION, token.name().to_owned(), format!("Bearer {}", token.expose()))
            }
            Self::Basic(user, password) => {
                let password = password.resolve(run).await?;
                let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
                (AUTHORIZATION, password.name().to_owned(), format!("Basic {pair}"))
            }
            Self::Key(name, key) => {
                let key = key.resolve(run).await?;
                let name = HeaderName::try_from(name.as_str())
                    .map_err(|_| Failure::setup(format!("{name:?} is no header name: use letters, digits and -")))?;
                (name, key.name().to_owned(), key.expose().to_owned())
            }
        };
        let mut value = HeaderValue::try_from(value).map_err(|_| {
            Failure::setup(format!("secret {credential:?} has a line break or another control character in it"))
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}
