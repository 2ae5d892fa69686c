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
    Expectation, Phase, body, cert_days_left, cookie, header, http_version, json, latency, phase, redirects, sha256,
    size, status, that,
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
