//! [`ClientSettings`]: what a client is made from.

use std::{sync::Arc, time::Duration};

use super::{address::Addresses, connector::Lookup, identity::Identity, proxy::Proxy};

/// What a [`Client`](super::Client) is made from.
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    /// Keeps connections open for further requests of the same client.
    ///
    /// # Default
    ///
    /// Yes. A fresh client a run then reuses connections within the run and never across runs.
    pub(crate) reuse: bool,
    /// Closes a connection that was idle for so long; also turns TCP keep-alive on, every 15 s.
    ///
    /// # Default
    ///
    /// None: it stays open as long as the client, or until the server closes it.
    pub(crate) idle_timeout: Option<Duration>,
    /// Root certificates, as PEM, that are trusted besides the platform's.
    pub(crate) extra_roots_pem: Vec<Vec<u8>>,
    /// Trusts only those, and nothing of the platform's.
    pub(crate) only_extra_roots: bool,
    /// The certificate that the client shows where it is asked for one.
    pub(crate) identity: Option<Arc<Identity>>,
    /// Offers HTTP/2 in TLS (feature `http2`).
    pub(crate) http2: bool,
    /// Speaks HTTP/1.1 too. Without it, HTTP/2 is spoken without asking, over cleartext as well.
    pub(crate) http1: bool,
    /// Resumes TLS sessions within one client. The certificates are then not shown at every connection.
    pub(crate) resume_tls: bool,
    /// Uses the proxies that the environment or the system names.
    pub(crate) use_system_proxy: bool,
    /// The proxy for all hosts but those in `no_proxy`; it takes the place of the system's.
    pub(crate) proxy: Option<Proxy>,
    /// Hosts, domains and networks that are asked without the proxy.
    pub(crate) no_proxy: Vec<String>,
    /// Which addresses may be asked.
    pub(crate) addresses: Addresses,
    /// Looks names up instead of the operating system.
    pub(crate) lookup: Option<Arc<dyn Lookup>>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            reuse: true,
            idle_timeout: None,
            extra_roots_pem: Vec::new(),
            only_extra_roots: false,
            identity: None,
            http2: true,
            http1: true,
            resume_tls: false,
            use_system_proxy: false,
            proxy: None,
            no_proxy: Vec::new(),
            addresses: Addresses::default(),
            lookup: None,
        }
    }
}

impl ClientSettings {
    /// Returns the proxy that is asked for some hosts at least.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        // To reqwest, `*` is every name, but no address.
        self.proxy.as_ref().filter(|_| !self.no_proxy.iter().any(|host| host.trim() == "*"))
    }
}
