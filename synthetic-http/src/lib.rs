#![doc = include_str!("../README.md")]

mod account;
mod auth;
mod awaited;
mod events;
mod expect;
mod explain;
mod fate;
mod graphql;
#[cfg(feature = "grpc")]
mod grpc;
mod header;
mod http;
mod jar;
mod measure;
mod multipart;
pub mod net;
mod open;
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
mod upload;
#[cfg(feature = "websocket")]
mod websocket;
pub(crate) mod wire;

pub use self::auth::{Credential, from_secret};
pub use self::events::{Event, Events};
pub use self::expect::{
    Expectation, OverTls, Phase, Timed, body, cert_days_left, cert_issuer, cert_names, cert_subject, cookie, header,
    http_version, json, latency, phase, redirects, sha256, size, status, that, tls_version,
};
pub use self::graphql::GraphQl;
#[cfg(feature = "grpc")]
pub use self::grpc::{GrpcHealth, ServingStatus};
pub use self::http::Http;
pub use self::multipart::Multipart;
pub use self::request::Request;
pub use self::resource::HttpResource;
pub use self::response::Response;
pub use self::stream::ResponseStream;
#[cfg(feature = "websocket")]
pub use self::websocket::{Close, Message, WebSocket};

/// The examples on the pages of the repository about this crate, which are compiled like any other.
#[cfg(doctest)]
mod pages {
    #[cfg(all(feature = "dns", feature = "icmp"))]
    #[doc = include_str!("../../docs/http/net.md")]
    struct Net;
}
