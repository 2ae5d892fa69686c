//! Credentials: where they come from, and how a request carries them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use synthetic_core::{Result, Secret};

use crate::header::header_name;
use crate::scope::Scope;

/// Names a secret that a request carries: one that is known, or one that is asked for whenever a request is sent.
///
/// Its value is in no failure and in no report, also when the target sends it back. It must have at least four
/// characters: a shorter one cannot be told from the text around it, and the request is not sent.
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

/// Asks the run's secret store for a secret whenever a request is sent, so that a rotated one is seen; outside of any
/// run, asks the environment.
///
/// A store may cache. Where the target answers a run's request with 401, the store is therefore asked anew, once in a run;
/// if its value is another by now, the request is sent once more, with that value, and the report has a warning that says
/// so. That is safe for every method, since 401 says that the request was not applied (RFC 9110, section 15.5.2). It is not
/// done after a redirect, which may have done something, and not where 401 is the status that is expected.
///
/// When it is not there the request is not sent, and the run ends as an error of our own that says where it was looked
/// for.
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, from_secret};
///
/// // From `SHOP_API_TOKEN` or the file that `SHOP_API_TOKEN_FILE` names, unless the runner has another store.
/// let _api = Http::at("https://shop.example").bearer(from_secret("shop/api-token"));
/// ```
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
    async fn resolve(&self, scope: &mut Scope<'_>) -> Result<Secret> {
        match &self.0 {
            Source::Named(name) => scope.find(name).await,
            Source::Known(secret) => {
                scope.carry(secret)?;
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
    Key(HeaderName, Credential),
}

impl Auth {
    /// Returns what a user name and a password make, or why they make nothing.
    pub(crate) fn basic(user: String, password: Credential) -> Result<Self, String> {
        if user.contains(':') {
            return Err(format!("the user name {user:?} has a colon, which Basic authentication cannot carry"));
        }
        Ok(Self::Basic(user, password))
    }

    /// Returns what an API key in a header makes, or why it makes nothing.
    pub(crate) fn key(name: &str, key: Credential) -> Result<Self, String> {
        Ok(Self::Key(header_name(name)?, key))
    }

    /// Adds itself to the headers of a request, marked so that it follows no redirect to another origin.
    pub(crate) async fn add_to(&self, headers: &mut HeaderMap, scope: &mut Scope<'_>) -> Result {
        let (name, secret, value) = match self {
            Self::Bearer(token) => {
                let token = token.resolve(scope).await?;
                let value = HeaderValue::try_from(["Bearer ", token.expose()].concat());
                (AUTHORIZATION, token, value)
            }
            Self::Basic(user, password) => {
                let password = password.resolve(scope).await?;
                let pair = BASE64_STANDARD.encode([user, ":", password.expose()].concat());
                // A part of a short password is not told apart within base64, so the whole is kept out as well.
                scope.keep(&Secret::new(password.name(), pair.as_str()))?;
                (AUTHORIZATION, password, HeaderValue::try_from(["Basic ", &pair].concat()))
            }
            Self::Key(name, key) => {
                let key = key.resolve(scope).await?;
                let value = HeaderValue::try_from(key.expose());
                (name.clone(), key, value)
            }
        };
        let mut value = value.map_err(|_| {
            let name = secret.name();
            scope.setup(&format!(
                "secret {name:?} has a line break or another control character in it, so that no header can carry it"
            ))
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(())
    }
}
