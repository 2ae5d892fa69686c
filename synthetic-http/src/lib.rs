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
    Expectation, Phase, body, cert_days_left, cookie, header, http_version, json, latency, phase, redirects, sha256,
    size, status, that,
};
pub use self::http::Http;
pub use self::request::Request;
pub use self::resource::HttpResource;
pub use self::response::Response;
