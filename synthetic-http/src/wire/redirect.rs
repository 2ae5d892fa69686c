//! Redirects: where an answer points, and what of the request goes there.

use bytes::Bytes;
use reqwest::{
    Method, StatusCode,
    header::{
        AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, COOKIE,
        HOST, HeaderMap, LOCATION, PROXY_AUTHORIZATION, TRANSFER_ENCODING,
    },
};
use url::Url;

use super::error::{Kind, Phase, WireError, shown};
use crate::fate::changes_something;
use crate::test_hosts::TestHosts;

/// The longest URL that can be requested, in bytes: what the crate `http` takes.
const LONGEST: usize = u16::MAX as usize - 1;

/// The request as it is sent at one hop.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Outgoing {
    /// Returns where an answer sends this request, or `None` where it does not redirect.
    ///
    /// Redirects are 301, 302, 303, 307 and 308 with a `Location`. Its userinfo is dropped: credentials do not come from a peer.
    ///
    /// # Errors
    ///
    /// `Kind::BadRedirect` where the location cannot be read, is longer than can be requested, or is neither http nor https.
    pub(crate) fn next(&self, status: StatusCode, headers: &HeaderMap) -> Result<Option<Url>, WireError> {
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = headers.get(LOCATION) else { return Ok(None) };
        let refused = |why: String| {
            let message = format!("redirect: {} from {}: {why}", status.as_u16(), shown(&self.url));
            WireError::new(Phase::Redirect, Kind::BadRedirect, message)
        };
        let text =
            std::str::from_utf8(location.as_bytes()).map_err(|_| refused("its Location is not UTF-8".to_owned()))?;
        let mut next = self.url.join(text).map_err(|error| refused(format!("its Location is no URL: {error}")))?;
        if !matches!(next.scheme(), "http" | "https") {
            return Err(refused(format!(
                "it leads to a `{}:` URL, and only http and https are followed",
                next.scheme()
            )));
        }
        if next.port() == Some(0) {
            return Err(refused("it leads to port 0, where nothing can listen".to_owned()));
        }
        if next.as_str().len() > LONGEST {
            let bytes = next.as_str().len();
            return Err(refused(format!("it leads to a URL of {bytes} bytes, and only {LONGEST} can be requested")));
        }
        // Setting them fails only where a URL cannot have them, and an http URL can.
        let _ = next.set_username("");
        let _ = next.set_password(None);
        if next.fragment().is_none() {
            next.set_fragment(self.url.fragment());
        }
        Ok(Some(next))
    }

    /// Turns into the request that follows an answer of `status` to `next`.
    ///
    /// 303 becomes a GET without a body, and so does 301 or 302 on a POST, as in browsers; 307, 308 and the rest are sent as they
    /// were. Towards another scheme, host or port, `Authorization`, `Cookie`, `Proxy-Authorization`, `Host` and every value
    /// marked sensitive ([`HeaderValue::set_sensitive`]) stay behind, for good: from https to http too, which is
    /// followed, but carries no credentials.
    ///
    /// [`HeaderValue::set_sensitive`]: reqwest::header::HeaderValue::set_sensitive
    pub(crate) fn follow(&mut self, status: StatusCode, next: Url) {
        let as_get = match status.as_u16() {
            303 => self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        if as_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            let of_the_body =
                [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, TRANSFER_ENCODING];
            for name in of_the_body {
                self.headers.remove(name);
            }
        }
        if !same_origin(&self.url, &next) {
            for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST] {
                self.headers.remove(name);
            }
            if self.headers.values().any(reqwest::header::HeaderValue::is_sensitive) {
                self.drop_sensitive();
            }
        }
        self.url = next;
    }

    /// Fails where it would change something on a host that is no test host.
    ///
    /// # Errors
    ///
    /// `Kind::NoTestHost`.
    pub(crate) fn may_change(&self, test_hosts: Option<&TestHosts>) -> Result<(), WireError> {
        let hosts = test_hosts.filter(|_| changes_something(&self.method));
        match hosts.and_then(|hosts| hosts.refusal(&self.url)) {
            None => Ok(()),
            Some(refusal) => Err(WireError::new(Phase::Redirect, Kind::NoTestHost, format!("redirect: {refusal}"))),
        }
    }

    fn drop_sensitive(&mut self) {
        let sensitive: Vec<_> =
            self.headers.iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name.clone()).collect();
        for name in sensitive {
            self.headers.remove(name);
        }
    }
}

/// Returns whether two URLs have the same scheme, host and port.
pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}
