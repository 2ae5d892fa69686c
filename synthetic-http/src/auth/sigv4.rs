//! [`SigV4`]: requests signed as AWS wants them.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};
use synthetic_core::{Clock, Result, Run};
use url::Url;

use super::Credential;
use crate::curl::{Variables, Word};
use crate::scope::Scope;

/// Signs requests with AWS Signature Version 4, for [`Http::sigv4`](crate::Http::sigv4) and
/// [`Request::sigv4`](crate::Request::sigv4): API Gateway with IAM, S3, OpenSearch, and what speaks like them.
///
/// Signed are the method, the URL, the body, `Host`, `Content-Type` and every `X-Amz-…` header, at the time of the run's
/// clock; for the service `s3`, its own rules for paths and bodies apply. A redirect to the same origin carries the
/// signature of the first request, which AWS refuses; to another it carries none.
///
/// # Examples
///
/// ```
/// use synthetic_http::{Http, SigV4, from_secret};
///
/// let keys = SigV4::new("eu-central-1", "execute-api", "AKIDEXAMPLE", from_secret("aws/secret-access-key"));
/// let _api = Http::at("https://abc.execute-api.eu-central-1.amazonaws.com").sigv4(keys);
/// ```
#[derive(Debug, Clone)]
#[must_use = "it does nothing until it is given to an `Http` or a request"]
pub struct SigV4 {
    region: String,
    service: String,
    key_id: String,
    secret: Credential,
    token: Option<Credential>,
}

impl SigV4 {
    /// Names the region and the service by their codes, the id of the access key, and its secret.
    pub fn new(
        region: impl Into<String>,
        service: impl Into<String>,
        access_key_id: impl Into<String>,
        secret_access_key: impl Into<Credential>,
    ) -> Self {
        Self {
            region: region.into(),
            service: service.into(),
            key_id: access_key_id.into(),
            secret: secret_access_key.into(),
            token: None,
        }
    }

    /// Adds the session token of temporary credentials.
    pub fn session_token(mut self, token: impl Into<Credential>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Returns the options of curl that sign.
    pub(super) fn to_curl(&self, variables: &mut Variables<'_>) -> Vec<(HeaderName, Vec<String>)> {
        let Self { region, service, key_id, .. } = self;
        let by = Word::text(format!("aws:amz:{region}:{service}")).quoted();
        let mut options = vec!["--aws-sigv4".to_owned(), by];
        options.extend(super::basic(key_id, &self.secret, variables));
        let mut all = vec![(AUTHORIZATION, options)];
        if let Some(token) = &self.token {
            let token = Word::text("x-amz-security-token: ").then(token.variable(variables));
            all.push((HeaderName::from_static("x-amz-security-token"), vec!["--header".to_owned(), token.quoted()]));
        }
        all
    }

    pub(crate) async fn sign(
        &self,
        headers: &mut HeaderMap,
        scope: &mut Scope<'_>,
        method: &Method,
        url: &Url,
        body: &[u8],
    ) -> Result {
        let secret = self.secret.resolve(scope).await?;
        let token = match &self.token {
            Some(token) => Some(token.resolve(scope).await?.expose().to_owned()),
            None => None,
        };
        let now = scope.run().map_or_else(Clock::system, Run::clock).now();
        let credentials = Credentials::new(&self.key_id, secret.expose(), token, None, "synthetic-http");
        let signed = self.signed(credentials, headers, method, url, body, now);
        for (name, value) in signed.map_err(|why| scope.setup(&format!("it cannot be signed: {why}")))? {
            headers.insert(name, value);
        }
        Ok(())
    }

    /// Returns the headers that a signature consists of.
    fn signed(
        &self,
        credentials: Credentials,
        headers: &HeaderMap,
        method: &Method,
        url: &Url,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        if self.service == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(now)
            .settings(settings)
            .build()
            .map_err(|error| error.to_string())?
            .into();
        // What proxies and layers beneath may add or change is left out.
        let covered = headers.iter().filter(|(name, _)| {
            **name == HOST || name.as_str() == "content-type" || name.as_str().starts_with("x-amz-")
        });
        let covered: Result<Vec<_>, _> =
            covered.map(|(name, value)| value.to_str().map(|value| (name.as_str(), value))).collect();
        let covered = covered.map_err(|_| "a header that is to be signed is not text".to_owned())?;
        let request =
            SignableRequest::new(method.as_str(), url.as_str(), covered.into_iter(), SignableBody::Bytes(body));
        let request = request.map_err(|error| error.to_string())?;
        let (instructions, _) = sign(request, &params).map_err(|error| error.to_string())?.into_parts();
        let (headers, _) = instructions.into_parts();
        let headers = headers.into_iter().map(|header| {
            let mut value = HeaderValue::try_from(header.value()).map_err(|error| error.to_string())?;
            value.set_sensitive(true);
            Ok((HeaderName::from_static(header.name()), value))
        });
        headers.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use synthetic_core::Secret;

    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// The published test suite of AWS: of each request its name there, and its signature.
    #[test]
    fn requests_are_signed_as_the_vectors_of_aws_are() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160); // 20150830T123600Z
        let signer = SigV4::new("us-east-1", "service", "AKIDEXAMPLE", Secret::new("key", SECRET));
        let vectors = [
            ("get-vanilla", "GET", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("post-vanilla", "POST", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "get-vanilla-query-order-key-case",
                "GET",
                "?Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
        ];
        for (name, method, query, signature) in vectors {
            let url = Url::parse(&format!("https://example.amazonaws.com/{query}")).unwrap();
            let credentials = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "test");
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let signed = signer.signed(credentials, &HeaderMap::new(), &method, &url, b"", at).unwrap();
            let value =
                |name: &str| signed.iter().find(|(known, _)| known == name).map(|(_, value)| value.to_str().unwrap());
            assert_eq!(value("x-amz-date"), Some("20150830T123600Z"), "{name}");
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature={signature}"
            );
            assert_eq!(value("authorization"), Some(expected.as_str()), "{name}");
        }
    }
}
