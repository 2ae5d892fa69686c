//! How an [`Http`] connects: through which proxy, to which addresses, as whom, and trusting whom.

use synthetic_core::Secret;

use crate::http::Http;
use crate::wire::{Family, Identity, Proxy};

/// # Connections
impl Http {
    /// Sends requests through a proxy: `http://proxy.example:3128` or `https://…`, with user info where it wants
    /// credentials, and with the feature `socks` `socks5://…` (names are looked up here) or `socks5h://…` (the proxy does).
    ///
    /// To https targets a tunnel is opened (CONNECT), so that the proxy sees nothing of the request. It takes the place of
    /// [the environment's](Self::use_system_proxy), which is otherwise not looked at. Called again, it replaces the proxy.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::Http;
    ///
    /// let _api = Http::at("https://shop.example").proxy("http://proxy.internal:3128").no_proxy_for(["auth.internal", ".svc"]);
    /// ```
    pub fn proxy(self, url: impl AsRef<str>) -> Self {
        self.with(|settings| match Proxy::parse(url.as_ref()) {
            Ok(proxy) => settings.wire.proxy = Some(proxy),
            Err(problem) => settings.has_problem(problem),
        })
    }

    /// Asks hosts without the [proxy](Self::proxy), as `NO_PROXY` lists them: a domain with all below it (`internal`,
    /// `.internal`), an address (`10.0.0.7`), a network (`10.0.0.0/8`), or everything (`*`). Called again, it adds.
    pub fn no_proxy_for<H: Into<String>>(self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.with(|settings| {
            for host in hosts.into_iter().map(Into::into) {
                if host.trim().is_empty() || host.contains(',') {
                    settings.has_problem(format!("{host:?} is no host to ask without the proxy: write one host each"));
                }
                settings.wire.no_proxy.push(host);
            }
        })
    }

    /// Shows a certificate where a server asks who the client is (mutual TLS): a chain in PEM, the client's own first, and
    /// its key in PEM (PKCS #8, PKCS #1 or SEC 1, not encrypted).
    ///
    /// It is shown to the origin of the base URL, or where there is none to that of each request's URL: to no other one that
    /// a redirect or a full URL leads to, and in no [preflight](Self::preflight), as browsers do by the Fetch standard
    /// (section 4.8, CORS-preflight fetch; credentials include TLS client certificates). Requests for tokens
    /// [through](crate::OAuth::through) this `Http` show it to the token endpoint.
    ///
    /// A pair that does not fit is a problem that is told before anything is sent. The key is in no failure. What is in a
    /// file is read by the caller, and what is in a store is had by [`Run::secret`](synthetic_core::Run::secret), so that a
    /// renewed pair is seen by the next run.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use synthetic_core::prelude::*;
    /// use synthetic_http::Http;
    ///
    /// async fn partner_api(run: Run) -> Result {
    ///     let certificate = run.secret("partner/client-certificate").await?;
    ///     let key = run.secret("partner/client-key").await?;
    ///     let api = Http::at("https://partner.example").client_certificate(certificate.expose(), &key);
    ///     api.get("/health").send().await.map(drop)
    /// }
    /// ```
    pub fn client_certificate(self, chain_pem: impl AsRef<[u8]>, key_pem: &Secret) -> Self {
        self.with(|settings| match Identity::read(chain_pem.as_ref(), key_pem.expose().as_bytes()) {
            Ok(identity) => settings.wire.identity = Some(identity.into()),
            Err(problem) => settings.has_problem(problem),
        })
    }

    /// Trusts a certificate authority instead of the platform's: one or more certificates in PEM. Called again, it adds, and
    /// so does [`trust_pem`](Self::trust_pem).
    ///
    /// For a target whose certificate must come from one authority, whatever the machine trusts besides.
    pub fn trust_only_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        let pem = pem.into();
        self.with(|settings| {
            settings.wire.only_extra_roots = true;
            settings.wire.extra_roots_pem.push(pem);
        })
    }

    /// Takes a host name for an address, whatever DNS says: one back end of many is asked, with the right `Host` and the right
    /// name in TLS.
    ///
    /// The address is `10.0.0.7`, `[fd00::7]`, or has a port with it, which is then that of URLs that name none; a URL that
    /// names another port cannot be sent. Redirects to the same name go there too. The same name again replaces the address.
    /// Nothing is looked up, so the phase `resolve` is not there. A [proxy](Self::proxy) looks names up itself, and knows
    /// nothing of this.
    ///
    /// # Examples
    ///
    /// ```
    /// use synthetic_http::Http;
    ///
    /// for back_end in ["10.0.0.7", "10.0.0.8:8443"] {
    ///     let _each = Http::at("https://api.example.com").resolve("api.example.com", back_end).get("/health");
    /// }
    /// ```
    pub fn resolve(self, host: impl AsRef<str>, address: impl AsRef<str>) -> Self {
        self.with(|settings| {
            if let Err(problem) = settings.wire.addresses.put(host.as_ref(), address.as_ref()) {
                settings.has_problem(problem);
            }
        })
    }

    /// Connects by IPv4 alone: the first such address of a name is asked, and no other. A name or a URL without one fails
    /// the request, with what there was instead.
    ///
    /// # Default
    ///
    /// Every address is tried, and where a name has both families, the second has 300 ms to wait (RFC 8305): what a user
    /// sees, and what hides that one of the families is broken.
    pub fn ipv4_only(self) -> Self {
        self.with(|settings| settings.wire.addresses.family = Some(Family::V4))
    }

    /// Connects by IPv6 alone, as [`ipv4_only`](Self::ipv4_only) does by IPv4.
    pub fn ipv6_only(self) -> Self {
        self.with(|settings| settings.wire.addresses.family = Some(Family::V6))
    }

    /// Speaks HTTP/2 and nothing else: in TLS it alone is offered (ALPN), and over cleartext it is spoken without asking
    /// (prior knowledge, RFC 9113, section 3.3). A server that speaks HTTP/1.1 only fails the request. A WebSocket is
    /// opened over HTTP/1.1 all the same.
    #[cfg(feature = "http2")]
    pub fn http2_only(self) -> Self {
        self.with(|settings| (settings.wire.http2, settings.wire.http1) = (true, false))
    }

    /// Speaks HTTP/1.1 and nothing else, but for gRPC, which has no other version than HTTP/2.
    ///
    /// # Default
    ///
    /// Both are offered in TLS (with the feature `http2`), and over cleartext HTTP/1.1 is spoken.
    pub fn http1_only(self) -> Self {
        self.with(|settings| (settings.wire.http2, settings.wire.http1) = (false, true))
    }
}
