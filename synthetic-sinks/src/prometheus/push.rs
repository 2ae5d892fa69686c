//! Pushgateway, for what ends before it can be scraped.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use synthetic_core::sink::DeliveryError;

use super::text::Form;
use crate::client;

/// How long a push may take.
const BOUND: Duration = Duration::from_secs(10);
/// How long to wait where the gateway asks for less traffic, and does not say.
const LATER: Duration = Duration::from_secs(60);
/// How much of what the gateway says is told, in bytes.
const TOLD: usize = 500;

/// Why nothing can be pushed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("cannot push to {url:?}: give the address of a Pushgateway, such as http://127.0.0.1:9091")]
pub struct PushError {
    /// The address, without what may be secret in it.
    pub url: String,
}

/// A gateway to push to.
#[derive(Clone)]
pub(super) struct Gateway {
    url: Url,
    client: OnceLock<Client>,
}

impl Gateway {
    pub(super) fn at(url: &str) -> Result<Self, PushError> {
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        match parsed {
            Some(url) => Ok(Self { url, client: OnceLock::new() }),
            None => Err(PushError { url: url.rsplit('@').next().unwrap_or_default().to_owned() }),
        }
    }

    /// Puts a text in the place of all that was pushed under the same job and location before.
    pub(super) async fn push(&self, job: &str, location: Option<&str>, text: String) -> Result<(), DeliveryError> {
        let request = self.client()?.put(self.group(job, location)).header(CONTENT_TYPE, Form::Plain.content_type());
        let mut answer = request.body(text).send().await.map_err(|error| self.retry(error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let after = answer.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
        let mut said = Vec::new();
        while said.len() < TOLD {
            match answer.chunk().await {
                Ok(Some(chunk)) => said.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        said.truncate(TOLD);
        let why = format!("{self} answered {status}: {}", String::from_utf8_lossy(&said).trim());
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS => {
                DeliveryError::RateLimited { after: after.map_or(LATER, Duration::from_secs), why }
            }
            StatusCode::REQUEST_TIMEOUT => DeliveryError::Retry(why),
            status if status.is_server_error() => DeliveryError::Retry(why),
            _ => DeliveryError::Fatal(why),
        })
    }

    /// Returns the address of a group: <https://github.com/prometheus/pushgateway#url>.
    fn group(&self, job: &str, location: Option<&str>) -> Url {
        let mut path = format!("{}/metrics", self.url.path().trim_end_matches('/'));
        for (name, value) in [("job", Some(job)), ("location", location)] {
            let Some(value) = value else { continue };
            if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
                path.push_str(&format!("/{name}/{value}"));
            } else {
                // Nothing else carries a slash; the sign at the end is how the gateway wants an empty one.
                path.push_str(&format!("/{name}@base64/{}=", BASE64_URL_SAFE_NO_PAD.encode(value)));
            }
        }
        let mut url = self.url.clone();
        url.set_path(&path);
        url
    }

    fn client(&self) -> Result<&Client, DeliveryError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let fatal = |error: &dyn fmt::Display| DeliveryError::Fatal(format!("cannot set up TLS for {self}: {error}"));
        let tls = if self.url.scheme() == "https" { client::tls([]) } else { client::unused_tls() };
        let client = client::builder(tls.map_err(|error| fatal(&error))?, BOUND).no_proxy();
        let client = client.build().map_err(|error| fatal(&error))?;
        Ok(self.client.get_or_init(|| client))
    }

    fn retry(&self, error: reqwest::Error) -> DeliveryError {
        let error = error.without_url();
        let mut why = format!("cannot push to {self}: {error}");
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            why.push_str(&format!(": {error}"));
            cause = error.source();
        }
        DeliveryError::Retry(why)
    }
}

/// Its host and port: the rest of its address may hold a password.
impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the Pushgateway at {}", self.url.host_str().unwrap_or_default())?;
        self.url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gateway").field(&self.to_string()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_named_so_that_any_name_is_one() {
        for (job, location, path) in [
            ("shop", None, "/metrics/job/shop"),
            ("shop", Some("eu-west-1"), "/metrics/job/shop/location/eu-west-1"),
            ("a/b", None, "/metrics/job@base64/YS9i="),
            ("shop", Some(""), "/metrics/job/shop/location@base64/="),
        ] {
            assert_eq!(Gateway::at("http://127.0.0.1:9091").unwrap().group(job, location).path(), path);
        }
        let below = Gateway::at("https://example.org/push/").unwrap().group("shop", None);
        assert_eq!(below.as_str(), "https://example.org/push/metrics/job/shop");
    }

    #[test]
    fn a_password_in_the_address_is_not_shown() {
        let gateway = Gateway::at("https://user:hunter2@example.org:9091").unwrap();
        assert_eq!(
            format!("{gateway} {gateway:?}"),
            "the Pushgateway at example.org:9091 Gateway(\"the Pushgateway at example.org:9091\")"
        );
        let error = Gateway::at("ftp://user:hunter2@example.org").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot push to \"example.org\": give the address of a Pushgateway, such as http://127.0.0.1:9091"
        );
    }
}
