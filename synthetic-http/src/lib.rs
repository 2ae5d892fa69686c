#![doc = include_str!("../README.md")]

mod auth;
mod connection;
mod expect;
mod explain;
mod fate;
mod header;
mod http;
mod jar;
mod measure;
mod preflight;
mod renewal;
mod request;
mod resource;
mod response;
mod scope;
mod send;
mod settings;
mod template;
mod test_hosts;
mod totp;
pub(crate) mod wire;

#[cfg(feature = "sigv4")]
pub use self::auth::SigV4;
pub use self::auth::{Credential, OAuth, from_secret};
pub use self::expect::{
    Expectation, Phase, body, cert_days_left, cookie, header, http_version, json, latency, phase, redirects, sha256,
    size, status, that,
};
pub use self::expect::{
    SecurityHeaders, budget, cert_issuer, cert_names, cert_self_signed, cert_subject, cookie_attribute,
    cookie_attributes, cookie_lifetime, header_count, header_each, rate_limit_left, redirect_chain, security_headers,
    tls_cipher, tls_version, trusted_days_left,
};
pub use self::http::Http;
pub use self::preflight::Preflight;
pub use self::request::Request;
pub use self::resource::HttpResource;
pub use self::response::Response;
pub use self::totp::totp;
