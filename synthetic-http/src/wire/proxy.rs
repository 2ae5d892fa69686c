//! The proxy that requests go through.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::NoProxy;
use url::Url;

use super::error::{shown, shown_text};

/// A proxy by its URL, which may hold credentials.
#[derive(Clone)]
pub(crate) struct Proxy(Url);

impl Proxy {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it, without its credentials.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let told = shown_text(text);
        let url = Url::parse(text)
            .map_err(|error| format!("the proxy {told:?} is no URL: {error}; write it as http://proxy.example:3128"))?;
        match url.scheme() {
            "http" | "https" => {}
            "socks5" | "socks5h" if cfg!(feature = "socks") => {}
            "socks5" | "socks5h" => {
                return Err(format!("the proxy {told:?} speaks SOCKS: turn on the feature `socks` of synthetic-http"));
            }
            other => {
                return Err(format!(
                    "the proxy {told:?} cannot be used: only http, https, socks5 and socks5h are spoken to proxies, not {other}"
                ));
            }
        }
        if !url.has_host() {
            return Err(format!("the proxy {told:?} has no host: write it as http://proxy.example:3128"));
        }
        Ok(Self(url))
    }

    /// Returns its URL, with its credentials.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Returns it in reqwest's terms, for all hosts but those listed.
    pub(crate) fn except(&self, hosts: &[String]) -> Result<reqwest::Proxy, reqwest::Error> {
        Ok(reqwest::Proxy::all(self.0.as_str())?.no_proxy(NoProxy::from_string(&hosts.join(","))))
    }

    /// Returns what tells for which URLs it is asked: the same as reqwest makes of [`except`](Self::except).
    pub(crate) fn matcher(&self, hosts: &[String]) -> Matcher {
        Matcher::builder().all(self.0.as_str()).no(hosts.join(",")).build()
    }
}

/// Without credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(shown(&self.0).trim_end_matches('/'))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}
