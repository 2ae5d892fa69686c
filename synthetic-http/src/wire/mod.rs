//! The wire: one request out, one answer in, and when each part of it happened.
//!
//! This layer knows reqwest, rustls and hyper, so that nothing above it has to. It follows redirects itself, one hop at a time,
//! and turns every failure into one line that names the phase and the peer ([`WireError`]).
//!
//! - `settings.rs` is what a client is made from, `shared.rs` makes reqwest's clients of it
//! - `client.rs` sends; `journey.rs` keeps what is known of a request while it is under way
//! - `opened.rs` is an answer whose body is still to come
//! - `leg.rs` is what a hop leaves for an archive
//! - `record.rs` holds what the hooks in `connector.rs` and `tls.rs` notice of a connection
//! - `redirect.rs`, `body.rs` and `decode.rs` each know one rule of HTTP
//! - `address.rs`, `proxy.rs` and `identity.rs` hold what was set of a connection; `cipher.rs` tells what TLS agreed on
//! - `diagnose.rs` finds the words for a failure, `way.rs` those for a proxy; `error.rs` has the types
//!
//! Phases have the meaning that `blackbox_exporter` gives them: `resolve` is the lookup of the name, `connect` is TCP alone,
//! `tls` is the handshake, `processing` runs from a ready connection to the head of the answer and `transfer` from there to the
//! end of the body. A phase that was never started is `None`, not zero.

use std::{
    net::{IpAddr, SocketAddr},
    ops::AddAssign,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    Method, StatusCode, Version,
    header::{HeaderMap, HeaderValue},
};
use tokio::time::Instant;
use url::Url;

mod address;
mod body;
mod cert;
mod cipher;
mod client;
mod connector;
#[cfg(feature = "compression")]
mod decode;
pub(crate) mod diagnose;
mod error;
mod identity;
mod journey;
mod leg;
mod opened;
mod proxy;
pub(crate) mod record;
mod redirect;
mod settings;
mod shared;
#[cfg(test)]
mod tests;
mod tls;
mod way;

use crate::test_hosts::TestHosts;
pub(crate) use address::{Family, alternating, literal};
pub(crate) use cert::{CertInfo, Chain, trusted_until};
pub(crate) use cipher::Negotiated;
pub(crate) use client::Client;
pub(crate) use connector::{Lookup, SystemLookup};
pub(crate) use error::{Kind, Phase, WireError, date, shown, shown_text, span};
pub(crate) use identity::Identity;
pub(crate) use journey::Journey;
pub(crate) use leg::Leg;
#[cfg(any(feature = "grpc", feature = "websocket"))]
pub(crate) use opened::within;
pub(crate) use opened::{Opened, Over, chunk, excerpt};
#[cfg(feature = "grpc")]
pub(crate) use opened::{broken, count};
pub(crate) use proxy::Proxy;
pub(crate) use redirect::same_origin;
pub(crate) use settings::ClientSettings;
pub(crate) use tls::{Shows, Tls};

/// One request, as data.
///
/// A `User-Agent` is sent only if it is among the headers. `Accept: */*` is added where there is none, and `Accept-Encoding` where
/// there is neither that nor `Range` and the answer is to be decoded. Userinfo in the URL becomes `Authorization: Basic` unless
/// there is one. A `Host` among the headers is sent as it is; on an https URL it is also the name in TLS, so that a server can be
/// asked by its address, and such a request always has a connection of its own.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// http or https; anything else is refused.
    pub(crate) url: Url,
    /// Values marked sensitive do not follow a redirect to another origin.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// When the answer, to the end of its body, must be there; all hops share it. `None` waits forever.
    pub(crate) deadline: Option<Instant>,
    /// The most bytes of a body, after decoding. 1 MiB unless set.
    pub(crate) max_body: usize,
    /// The most redirects to follow; 0 unless set, and then the first answer is the answer. At a limit above, the answer that
    /// would lead further is the answer, and says so ([`Exchange::redirect_limit_reached`]).
    pub(crate) max_redirects: u32,
    /// Undoes gzip, deflate and br (feature `compression`). The headers of the answer stay as they came.
    pub(crate) decode: bool,
    /// Which versions of HTTP will do; any unless set.
    pub(crate) over: Over,
    /// Keeps what every hop sends and gets ([`Exchange::legs`]).
    pub(crate) keep_legs: bool,
    /// Where cookies come from and go to, at every hop.
    pub(crate) jar: Option<Arc<dyn Jar>>,
    /// Shows the client's certificate at the origin of `url`, which nobody else is shown. Yes unless set.
    pub(crate) identity: bool,
    /// Where a redirect may send a request on that changes something; `None` is everywhere.
    pub(crate) test_hosts: Option<TestHosts>,
}

impl Request {
    /// Makes a request with no headers and no body, that follows no redirect.
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            deadline: None,
            max_body: 1024 * 1024,
            max_redirects: 0,
            decode: true,
            over: Over::Any,
            keep_legs: false,
            jar: None,
            identity: true,
            test_hosts: None,
        }
    }
}

/// A cookie jar.
pub(crate) trait Jar: Send + Sync {
    /// Returns the value of `Cookie` for a request to `url`, if any cookie is for it.
    fn cookies(&self, url: &Url) -> Option<HeaderValue>;
    /// Keeps the cookies that an answer from `url` sets.
    fn keep(&self, url: &Url, headers: &HeaderMap);
}

/// An answer, complete with its body, and how it came.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    /// As they came: a decoded body leaves `Content-Encoding` and `Content-Length` in place.
    pub(crate) headers: HeaderMap,
    /// The body, decoded.
    pub(crate) body: Bytes,
    /// How many bytes of body were received, before decoding and without the framing of chunks.
    pub(crate) wire_size: u64,
    /// The redirects that were followed, in order; the answer itself is not among them.
    pub(crate) hops: Vec<Hop>,
    pub(crate) redirect_limit_reached: bool,
    /// The URL that gave the answer, without userinfo.
    pub(crate) final_url: Url,
    /// The sum over all hops and the answer.
    pub(crate) phases: Phases,
    /// How the connection of the answer was had.
    pub(crate) connection: Connection,
    pub(crate) remote_addr: Option<SocketAddr>,
    pub(crate) tls: Option<TlsInfo>,
    /// From the start to the end of the last body.
    pub(crate) elapsed: Duration,
    /// The value of `Cookie` that the first hop sent.
    pub(crate) cookies: Option<HeaderValue>,
    /// Every hop, if they are kept, the last one included.
    pub(crate) legs: Vec<Leg>,
}

/// A request that was answered with a redirect, which was followed.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) phases: Phases,
    pub(crate) remote_addr: Option<SocketAddr>,
}

/// How long each phase took; `None` for one that was not started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Phases {
    pub(crate) resolve: Option<Duration>,
    pub(crate) connect: Option<Duration>,
    pub(crate) tls: Option<Duration>,
    pub(crate) processing: Option<Duration>,
    pub(crate) transfer: Option<Duration>,
}

impl Phases {
    /// Returns how long all of them took.
    pub(crate) fn total(&self) -> Duration {
        [self.resolve, self.connect, self.tls, self.processing, self.transfer].into_iter().flatten().sum()
    }
}

impl AddAssign for Phases {
    fn add_assign(&mut self, other: Self) {
        let add = |sum: &mut Option<Duration>, more: Option<Duration>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or_default() + more);
            }
        };
        add(&mut self.resolve, other.resolve);
        add(&mut self.connect, other.connect);
        add(&mut self.tls, other.tls);
        add(&mut self.processing, other.processing);
        add(&mut self.transfer, other.transfer);
    }
}

/// How the connection of an answer was had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection {
    New,
    /// It was open from an earlier request of the same client.
    Reused,
    /// It is new, but its TLS session is an earlier one, and the server showed no certificate.
    Resumed,
}

/// What is known of the TLS under an answer.
#[derive(Clone, Debug)]
pub struct TlsInfo {
    /// On a reused connection, what was last agreed on with the same chain.
    pub(crate) negotiated: Option<Negotiated>,
    /// On a reused or resumed connection, what the server last sent with the same certificate of its own.
    pub(crate) chain: Option<Arc<Chain>>,
}

impl TlsInfo {
    /// Returns the certificates that the server sent, its own first.
    pub(crate) fn certs(&self) -> &[CertInfo] {
        self.chain.as_deref().map(Chain::certs).unwrap_or_default()
    }
}

/// A request without an answer: why, and how far it came.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: WireError,
    pub(crate) trail: Trail,
}

/// What is known of a request that failed.
#[derive(Debug)]
pub(crate) struct Trail {
    /// The redirects that were followed before the failure.
    pub(crate) hops: Vec<Hop>,
    /// The URL that was being requested, without userinfo.
    pub(crate) url: Url,
    /// The sum over all hops; the phase that failed counts up to the failure, and later ones are `None`.
    pub(crate) phases: Phases,
    /// The status of an answer whose body failed.
    pub(crate) status: Option<StatusCode>,
    /// Its version and headers.
    pub(crate) head: Option<(Version, HeaderMap)>,
    /// How many bytes of its body came, and the first of them, unless they are encoded.
    pub(crate) received: u64,
    pub(crate) began: Bytes,
    pub(crate) connection: Option<Connection>,
    /// The peer, where it is certain: before an answer, only if there was but one address to try.
    pub(crate) remote_addr: Option<SocketAddr>,
    /// The addresses of the name, if this request looked it up.
    pub(crate) resolved: Vec<IpAddr>,
    /// The certificates, also where they are what failed.
    pub(crate) tls: Option<TlsInfo>,
    pub(crate) elapsed: Duration,
    /// The value of `Cookie` that the first hop sent.
    pub(crate) cookies: Option<HeaderValue>,
    /// Every hop, if they are kept.
    pub(crate) legs: Vec<Leg>,
}
