#![doc = include_str!("../README.md")]

mod auth;
mod expect;
mod explain;
mod fate;
mod header;
mod http;
mod jar;
mod measure;
pub mod net;
mod renewal;
mod request;
mod resource;
mod response;
mod scope;
mod send;
mod settings;
mod template;
mod test_hosts;
pub(crate) mod wire;

pub use self::auth::{Credential, from_secret};
pub use self::expect::{
    Expectation, OverTls, Phase, Timed, body, cert_days_left, cert_issuer, cert_names, cert_subject, cookie, header,
    http_version, json, latency, phase, redirects, sha256, size, status, that, tls_version,
};
pub use self::http::Http;
pub use self::request::Request;
pub use self::resource::HttpResource;
pub use self::response::Response;

/// The examples on the pages of the repository about this crate, which are compiled like any other.
#[cfg(doctest)]
mod pages {
    #[cfg(all(feature = "dns", feature = "icmp"))]
    #[doc = include_str!("../../docs/http/net.md")]
    struct Net;
}
