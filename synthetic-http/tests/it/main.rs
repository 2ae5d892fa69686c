//! The crate through its public API: inside of runs, against real servers on 127.0.0.1.

#![expect(clippy::unwrap_used, reason = "the helpers belong to tests, and a panic is how a test fails")]

mod addresses;
mod archive;
mod auth;
mod authority;
#[cfg(all(feature = "compression", feature = "dns", feature = "grpc", feature = "icmp"))]
mod blackbox;
mod bodies;
mod captures;
mod checks;
mod client_certificates;
mod clock;
mod connections;
mod creations;
#[cfg(unix)]
mod curl;
#[cfg(feature = "digest")]
mod digest;
mod events;
mod expectations;
mod failures;
#[cfg(feature = "golden")]
mod golden;
mod graphql;
#[cfg(feature = "grpc")]
mod grpc;
#[cfg(feature = "html")]
mod html;
mod identity;
mod misbehaving;
#[cfg(feature = "dns")]
mod net_dns;
#[cfg(feature = "icmp")]
mod net_ping;
#[cfg(unix)]
mod net_postgres;
mod net_tcp;
mod net_tls;
mod nginx;
mod oauth;
#[cfg(feature = "openapi")]
mod openapi;
mod preflight;
mod proxies;
mod reading;
mod records;
mod redirects;
mod renewal;
mod resources;
#[cfg(feature = "schema")]
mod schema;
mod streams;
mod support;
mod test_hosts;
mod tls;
mod totp;
mod uploads;
mod urls;
#[cfg(feature = "websocket")]
mod websocket;
