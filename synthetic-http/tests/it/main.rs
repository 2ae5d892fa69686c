//! The crate through its public API: inside of runs, against real servers on 127.0.0.1.

#![expect(clippy::unwrap_used, reason = "the helpers belong to tests, and a panic is how a test fails")]

mod auth;
mod bodies;
mod captures;
mod connections;
mod creations;
mod expectations;
mod failures;
#[cfg(feature = "golden")]
mod golden;
#[cfg(feature = "html")]
mod html;
mod identity;
#[cfg(feature = "openapi")]
mod openapi;
mod reading;
mod records;
mod redirects;
mod renewal;
mod resources;
#[cfg(feature = "schema")]
mod schema;
mod support;
mod test_hosts;
mod tls;
mod urls;
