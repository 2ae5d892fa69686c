#![doc = include_str!("../README.md")]

mod auth;
mod capture;
mod expect;
mod explain;
mod fate;
mod header;
#[cfg(feature = "html")]
mod html;
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
#[cfg(feature = "golden")]
pub use self::expect::{Golden, golden, golden_json};
#[cfg(feature = "schema")]
pub use self::expect::{JsonSchema, json_schema};
#[cfg(feature = "openapi")]
pub use self::expect::{OpenApi, openapi};
pub use self::expect::{body_captures, charset, content_encoding, transferred};
#[cfg(feature = "html")]
pub use self::expect::{html, html_all, html_attribute, html_count};
pub use self::http::Http;
pub use self::request::Request;
pub use self::resource::HttpResource;
pub use self::response::Response;

/// The examples on the pages of the repository, which are compiled and run like any other.
#[cfg(all(doctest, feature = "golden", feature = "html", feature = "openapi"))]
mod pages {
    #[doc = include_str!("../../docs/http/body.md")]
    struct Body;
}
