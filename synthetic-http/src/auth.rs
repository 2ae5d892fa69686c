//! Credentials: where they come from, and how a request carries them.

#[cfg(feature = "digest")]
mod digest;
mod oauth;
#[cfg(feature = "sigv4")]
mod sigv4;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use synthetic_core::{Result, Secret};
use url::Url;

use crate::curl::{Form, Variables, Word};
use crate::header::header_name;
use crate::request::Request;
use crate::scope::Scope;

#[cfg(feature = "digest")]
pub(crate) use self::digest::Digest;
pub use self::oauth::OAuth;
#[cfg(feature = "sigv4")]
pub use self::sigv4::SigV4;

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

impl Credential {
    /// Returns the variable that stands for it in a command.
    fn variable(&self, variables: &mut Variables<'_>) -> Word {
        variables.secret(match &self.0 {
            Source::Known(secret) => secret.name(),
            Source::Named(name) => name,
        })
    }

    /// Finds the value for something that does not go to the target.
    async fn look_up(&self, scope: &mut Scope<'_>) -> Result<Secret> {
        match &self.0 {
            Source::Named(name) => scope.look_up(name).await,
            Source::Known(secret) => {
                scope.keep(secret)?;
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
    OAuth(OAuth),
    #[cfg(feature = "digest")]
    Digest(Digest),
    #[cfg(feature = "sigv4")]
    SigV4(SigV4),
}

impl Auth {
    /// Returns what a user name and a password make, or why they make nothing.
    pub(crate) fn basic(user: String, password: Credential) -> Result<Self, String> {
        if user.contains(':') {
            return Err(format!("the user name {user:?} has a colon, which Basic authentication cannot carry"));
        }
        Ok(Self::Basic(user, password))
    }

    /// Returns what a user name and a password make that are proved, or why they make nothing.
    #[cfg(feature = "digest")]
    pub(crate) fn digest(user: String, password: Credential) -> Result<Self, String> {
        if user.contains(':') || user.chars().any(char::is_control) {
            return Err(format!(
                "the user name {user:?} has a colon or a control character, which Digest cannot carry"
            ));
        }
        Ok(Self::Digest(Digest::new(user, password)))
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
            Self::OAuth(grant) => {
                let token = grant.token(scope).await?;
                let value = HeaderValue::try_from(["Bearer ", token.expose()].concat());
                (AUTHORIZATION, token, value)
            }
            // These depend on what is sent, and sign it when the rest is there.
            #[cfg(feature = "digest")]
            Self::Digest(_) => return Ok(()),
            #[cfg(feature = "sigv4")]
            Self::SigV4(_) => return Ok(()),
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

    pub(crate) fn signs(&self) -> bool {
        match self {
            Self::Bearer(_) | Self::Basic(..) | Self::Key(..) | Self::OAuth(_) => false,
            #[cfg(feature = "digest")]
            Self::Digest(_) => true,
            #[cfg(feature = "sigv4")]
            Self::SigV4(_) => true,
        }
    }
}

/// What a credential is in a command that repeats a request.
impl Auth {
    /// Returns the header that it is sent in.
    pub(crate) fn header(&self) -> HeaderName {
        match self {
            Self::Key(name, _) => name.clone(),
            _ => AUTHORIZATION,
        }
    }

    /// Returns the options of curl that send it, with its secret as a variable, by the header that they stand for.
    pub(crate) fn to_curl(&self, variables: &mut Variables<'_>) -> Vec<(HeaderName, Vec<String>)> {
        let header = |value: Word| vec!["--header".to_owned(), value.quoted()];
        let options = match self {
            Self::Bearer(token) => header(Word::text("authorization: Bearer ").then(token.variable(variables))),
            Self::Basic(user, password) => basic(user, password, variables),
            Self::Key(name, key) => header(Word::text([name.as_str(), ": "].concat()).then(key.variable(variables))),
            Self::OAuth(grant) => {
                let token = variables.of("access token", format!("a token from {}", grant.server()));
                header(Word::text("authorization: Bearer ").then(token))
            }
            #[cfg(feature = "digest")]
            Self::Digest(digest) => digest.to_curl(variables),
            #[cfg(feature = "sigv4")]
            Self::SigV4(keys) => return keys.to_curl(variables),
        };
        vec![(self.header(), options)]
    }
}

/// Returns the options of curl for a user and a password.
fn basic(user: &str, password: &Credential, variables: &mut Variables<'_>) -> Vec<String> {
    let user = variables.hide(user, Form::Plain).then_text(":").then(password.variable(variables));
    vec!["--user".to_owned(), user.quoted()]
}

/// Returns what signs a request: its own, or that of its [`Http`](crate::Http) where it has no other credentials.
pub(crate) fn signer(request: &Request, at_home: bool) -> Option<&Auth> {
    if request.headers.contains_key(AUTHORIZATION) {
        return None;
    }
    match request.auth.last() {
        Some(own) => Some(own).filter(|own| own.signs()),
        None => request.settings.auth.last().filter(|auth| at_home && auth.signs()),
    }
}

/// Signs a request whose headers are all there, if it is to be signed.
pub(crate) async fn sign(
    request: &Request,
    at_home: bool,
    headers: &mut HeaderMap,
    scope: &mut Scope<'_>,
    target: (&Method, &Url, &Bytes),
) -> Result {
    let (method, url, body) = target;
    match signer(request, at_home) {
        #[cfg(feature = "digest")]
        Some(Auth::Digest(digest)) => digest.sign(headers, scope, method, url).await,
        #[cfg(feature = "sigv4")]
        Some(Auth::SigV4(keys)) => keys.sign(headers, scope, method, url, body).await,
        _ => {
            // Without a feature that signs, nothing of this is looked at.
            let _ = (headers, scope, method, url, body);
            Ok(())
        }
    }
}

/// Returns whether an answer refuses a request with a challenge that can be answered; the run is told why it cannot.
#[cfg(feature = "digest")]
pub(crate) fn is_challenged(request: &Request, at_home: bool, headers: &HeaderMap, scope: &Scope<'_>) -> bool {
    let Some(Auth::Digest(digest)) = signer(request, at_home) else { return false };
    digest.challenged(headers).unwrap_or_else(|why| {
        if let Some(run) = scope.run() {
            run.warn(format!("the challenge to {request} cannot be answered: {why}"));
        }
        false
    })
}
