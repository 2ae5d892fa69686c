#![doc = include_str!("../README.md")]

mod account;
mod archive;
mod auth;
mod awaited;
mod capture;
mod carried;
mod connection;
mod curl;
mod events;
mod expect;
mod explain;
mod fate;
#[cfg(test)]
mod foreign;
mod graphql;
#[cfg(feature = "grpc")]
mod grpc;
mod header;
#[cfg(feature = "html")]
mod html;
mod http;
mod jar;
mod kept;
mod measure;
mod multipart;
pub mod net;
mod open;
mod parameters;
mod preflight;
mod renewal;
mod request;
mod resource;
mod response;
mod scope;
mod send;
mod settings;
mod stream;
mod template;
mod test_hosts;
mod totp;
mod upload;
#[cfg(feature = "websocket")]
mod websocket;
pub(crate) mod wire;

#[cfg(feature = "sigv4")]
pub use self::auth::SigV4;
pub use self::auth::{Credential, OAuth, from_secret};
pub use self::events::{Event, Events};
pub use self::expect::{
    Expectation, OverTls, Phase, SecurityHeaders, Timed, body, body_captures, budget, cert_days_left, cert_issuer,
    cert_names, cert_self_signed, cert_subject, charset, content_encoding, cookie, cookie_attribute, cookie_attributes,
    cookie_lifetime, header, header_count, header_each, http_version, json, latency, phase, rate_limit_left,
    redirect_chain, redirects, security_headers, sha256, size, status, that, tls_cipher, tls_version, transferred,
    trusted_days_left,
};
#[cfg(feature = "golden")]
pub use self::expect::{Golden, golden, golden_json};
#[cfg(feature = "schema")]
pub use self::expect::{JsonSchema, json_schema};
#[cfg(feature = "openapi")]
pub use self::expect::{OpenApi, openapi};
#[cfg(feature = "html")]
pub use self::expect::{html, html_all, html_attribute, html_count};
pub use self::graphql::GraphQl;
#[cfg(feature = "grpc")]
pub use self::grpc::{GrpcHealth, ServingStatus};
pub use self::http::Http;
pub use self::multipart::Multipart;
pub use self::preflight::Preflight;
pub use self::request::Request;
pub use self::resource::HttpResource;
pub use self::response::Response;
pub use self::stream::ResponseStream;
pub use self::totp::totp;
#[cfg(feature = "websocket")]
pub use self::websocket::{Close, Message, WebSocket};
pub use synthetic_core::artifact::Keep;

/// The examples on the pages of the repository about this crate, which are compiled like any other.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../docs/http/blackbox.md")]
    struct Blackbox;
    #[cfg(all(feature = "golden", feature = "html", feature = "openapi"))]
    #[doc = include_str!("../../docs/http/body.md")]
    struct Body;
    #[doc = include_str!("../../docs/http/checks.md")]
    struct Checks;
    #[doc = include_str!("../../docs/http/connections.md")]
    struct Connections;
    #[doc = include_str!("../../docs/http/failures.md")]
    struct Failures;
    #[cfg(all(feature = "digest", feature = "sigv4"))]
    #[doc = include_str!("../../docs/http/identity.md")]
    struct Identity;
    #[cfg(all(feature = "dns", feature = "icmp"))]
    #[doc = include_str!("../../docs/http/net.md")]
    struct Net;
    #[cfg(all(feature = "grpc", feature = "websocket"))]
    #[doc = include_str!("../../docs/http/requests.md")]
    struct Requests;
}
