//! [`Leg`]: what one hop sent and got, kept for an archive.

use bytes::Bytes;
use reqwest::{Method, StatusCode, Version, header::HeaderMap};
use std::net::SocketAddr;
use tokio::time::Instant;
use url::Url;

use super::Phases;

/// What one hop sent, and the head of what it got.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub(crate) started: Instant,
    pub(crate) method: Method,
    /// Without userinfo.
    pub(crate) url: Url,
    /// As they were sent, cookies included.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) phases: Phases,
    pub(crate) remote_addr: Option<SocketAddr>,
    pub(crate) answer: Option<(Version, StatusCode, HeaderMap)>,
}
