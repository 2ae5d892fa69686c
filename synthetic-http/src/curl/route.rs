//! How a command goes to its target: which version of HTTP, through which proxy, to which address, trusting whom, and as whom.

use reqwest::header::{HOST, HeaderMap};
use url::{Host, Url};

use super::shell::Word;
use super::variables::{Form, Variables};
use crate::request::Request;
use crate::wire::{ClientSettings, Family, Over};

pub(super) struct Route {
    /// The URL to name, which is not the one to ask where a `Host` renames a target in TLS.
    pub(super) url: Url,
    /// Short ones, for the first line.
    pub(super) flags: Vec<String>,
    pub(super) options: Vec<String>,
    pub(super) notes: Vec<String>,
}

pub(super) fn route(
    request: &Request,
    url: &Url,
    headers: &HeaderMap,
    over: Over,
    variables: &mut Variables<'_>,
) -> Route {
    let wire = &request.settings.wire;
    let mut route = Route { url: url.clone(), flags: Vec::new(), options: Vec::new(), notes: Vec::new() };
    let is_https = url.scheme() == "https";
    route.flags.extend(version(wire, is_https, over).map(str::to_owned));
    route.flags.extend(wire.addresses.family.map(|family| match family {
        Family::V4 => "--ipv4".to_owned(),
        Family::V6 => "--ipv6".to_owned(),
    }));
    route.through(wire, variables);
    if is_https {
        route.trusts(wire, variables);
        route.is_named_by(headers);
    }
    // A proxy looks names up itself.
    if wire.proxy().is_none() || !wire.no_proxy.is_empty() {
        route.goes_to_an_address(wire);
    }
    route
}

fn version(wire: &ClientSettings, is_https: bool, over: Over) -> Option<&'static str> {
    let prior = if is_https { "--http2" } else { "--http2-prior-knowledge" };
    match over {
        Over::Any if !wire.http1 => Some(prior),
        Over::Any => (is_https && !(wire.http2 && cfg!(feature = "http2"))).then_some("--http1.1"),
        #[cfg(feature = "websocket")]
        Over::Http1 => Some("--http1.1"),
        #[cfg(feature = "grpc")]
        Over::Http2 => Some(prior),
    }
}

impl Route {
    fn through(&mut self, wire: &ClientSettings, variables: &mut Variables<'_>) {
        let Some(proxy) = wire.proxy() else {
            // Unless it is told to, the SDK does not look at the environment, and curl does.
            if wire.proxy.is_some() || !wire.use_system_proxy {
                self.flags.push("--noproxy '*'".to_owned());
            }
            return;
        };
        let url = proxy.url();
        self.options.push(["--proxy ", &Word::text(proxy.to_string()).quoted()].concat());
        if !url.username().is_empty() || url.password().is_some() {
            let decoded = percent_encoding::percent_decode_str(url.username()).collect::<Vec<u8>>();
            let mut user = variables.hide(decoded, Form::Plain).then_text(":");
            if url.password().is_some() {
                user = user.then(variables.of("proxy password", "the password of the proxy"));
            }
            self.options.push(["--proxy-user ", &user.quoted()].concat());
        }
        self.options.push(["--noproxy ", &Word::text(wire.no_proxy.join(",")).quoted()].concat());
    }

    fn trusts(&mut self, wire: &ClientSettings, variables: &mut Variables<'_>) {
        if !wire.extra_roots_pem.is_empty() {
            let roots = if wire.only_extra_roots {
                "a file with the certificates that are trusted"
            } else {
                "a file with the certificates that are trusted besides those of the platform"
            };
            self.options.push(["--cacert ", &variables.of("ca file", roots).quoted()].concat());
        }
        if wire.identity.is_some() {
            let chain = variables.of("client cert", "a file with the client certificate and its chain");
            let key = variables.of("client key", "a file with the key of the client certificate");
            self.options.push(format!("--cert {} --key {}", chain.quoted(), key.quoted()));
        }
    }

    /// A `Host` is also the name in TLS, and the target is asked by the host of its URL.
    fn is_named_by(&mut self, headers: &HeaderMap) {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let named = host.and_then(|host| Url::parse(&format!("https://{host}/")).ok());
        let Some(named) = named.filter(|named| named.host() != self.url.host()) else { return };
        let port = self.url.port_or_known_default().unwrap_or(443);
        let (Some(name), Some(dial)) = (named.host_str(), self.url.host_str().map(str::to_owned)) else { return };
        if self.url.set_host(Some(name)).is_ok() {
            let word = Word::text(format!("{name}:{port}:{dial}:{port}"));
            self.options.push(["--connect-to ", &word.quoted()].concat());
        }
    }

    fn goes_to_an_address(&mut self, wire: &ClientSettings) {
        let Some(Host::Domain(host)) = self.url.host() else { return };
        let Some(address) = wire.addresses.of(host) else { return };
        let port = self.url.port_or_known_default().unwrap_or(80);
        let ip = match address.ip() {
            std::net::IpAddr::V4(ip) => ip.to_string(),
            std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        };
        // The port of the address is that of URLs which name none.
        self.options.push(match address.port() {
            other if other != 0 && other != port => {
                format!("--connect-to {}", Word::text(format!("{host}:{port}:{ip}:{other}")).quoted())
            }
            _ => format!("--resolve {}", Word::text(format!("{host}:{port}:{ip}")).quoted()),
        });
    }
}
