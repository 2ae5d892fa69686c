//! [`Shared`]: what all clients of the same settings have in common, and how reqwest's are made of it.

use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::{
    WireError,
    connector::{RecordLayer, Resolver, SystemLookup},
    error::{Kind, Phase},
    opened::Over,
    settings::ClientSettings,
    tls::{Shows, Tls},
};

/// What clients of the same settings share.
pub(super) struct Shared {
    pub(super) settings: ClientSettings,
    pub(super) tls: Tls,
    resolver: Arc<Resolver>,
    /// Which URLs are asked for through a proxy, as reqwest decides it.
    proxies: Option<Matcher>,
}

impl Shared {
    /// Nothing is read or connected yet.
    ///
    /// # Errors
    ///
    /// `Kind::Roots` where an extra root is no PEM certificate.
    pub(super) fn new(settings: &ClientSettings) -> Result<Self, WireError> {
        let tls = Tls::new(settings)?;
        let lookup = settings.lookup.clone().unwrap_or_else(|| Arc::new(SystemLookup));
        Ok(Self {
            settings: settings.clone(),
            tls,
            resolver: Arc::new(Resolver { lookup, addresses: settings.addresses.clone() }),
            proxies: proxies(settings),
        })
    }

    /// Returns whether a URL is asked for through a proxy.
    pub(super) fn has_proxy_for(&self, url: &Url) -> bool {
        let Some(proxies) = &self.proxies else { return false };
        url.as_str().parse().is_ok_and(|uri| proxies.intercept(&uri).is_some())
    }

    /// Makes one of reqwest's clients.
    pub(super) fn build(&self, make: &Make) -> Result<reqwest::Client, reqwest::Error> {
        let Make { reuse, over, route, shows } = *make;
        let settings = &self.settings;
        let mut tls = self.tls.config(shows);
        over.offer_in(&mut tls);
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .tls_info(true)
            .connector_layer(RecordLayer)
            .dns_resolver(Arc::clone(&self.resolver))
            // A request that is sent twice in secret is measured wrongly, and creates twice.
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .pool_idle_timeout(settings.idle_timeout)
            // A client has to take them (RFC 9112, section 5.2), and every browser does.
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            // Another crate of the same program may have turned these on in reqwest; decoding is done here, bounded.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd();
        if settings.idle_timeout.is_none() {
            // Six system calls a connection, of no use to one that lives as long as a run.
            builder = builder.tcp_keepalive(None).tcp_keepalive_interval(None).tcp_keepalive_retries(None);
            #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
            {
                builder = builder.tcp_user_timeout(None);
            }
        }
        if !reuse {
            builder = builder.pool_max_idle_per_host(0);
        }
        if route == Route::Direct {
            builder = builder.no_proxy();
        } else if let Some(proxy) = settings.proxy() {
            builder = builder.no_proxy().proxy(proxy.except(&settings.no_proxy)?);
        } else if settings.proxy.is_some() || !settings.use_system_proxy {
            builder = builder.no_proxy();
        }
        match over {
            #[cfg(feature = "http2")]
            Over::Any if !settings.http1 => builder = builder.http2_prior_knowledge(),
            Over::Any if settings.http2 => {}
            #[cfg(feature = "grpc")]
            Over::Http2 => builder = builder.http2_prior_knowledge(),
            _ => builder = builder.http1_only(),
        }
        builder.build()
    }
}

/// What one of reqwest's clients is made for.
pub(super) struct Make {
    pub(super) reuse: bool,
    pub(super) over: Over,
    pub(super) route: Route,
    pub(super) shows: Shows,
}

impl Make {
    /// A client for one request, as all are but for what was set.
    pub(super) const ONE: Self = Self { reuse: false, over: Over::Any, route: Route::AsSet, shows: Shows::Identity };
}

/// How a client goes to its target.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    AsSet,
    /// Through no proxy, whatever is set.
    Direct,
}

pub(super) fn unbuilt(error: &reqwest::Error) -> WireError {
    WireError::new(Phase::Setup, Kind::Other, format!("set up the http client: {error}"))
}

/// Returns what tells which URLs are asked for through a proxy; `None` where none is.
fn proxies(settings: &ClientSettings) -> Option<Matcher> {
    match settings.proxy() {
        Some(proxy) => Some(proxy.matcher(&settings.no_proxy)),
        None => (settings.proxy.is_none() && settings.use_system_proxy).then(Matcher::from_system),
    }
}
