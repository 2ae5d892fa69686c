//! Network checks beside HTTP, as steps in the same words: TCP, TLS without HTTP, DNS, ICMP.
//!
//! Each is a value, as a request is: it can be named, cloned and passed around, and does nothing until it is awaited. What is
//! expected of it is judged whole, and one failure lists everything unmet. Within a run it counts as a check, is recorded
//! beside the HTTP requests, and has the time that the run, its step and it itself have; the phase that stood when that was up
//! is named. Outside of any run it works just the same.
//!
//! | | asks | feature |
//! |---|---|---|
//! | [`Tcp`] | is a port open, or closed, and what is said there? | |
//! | [`Tls`] | is the handshake good, and for how long? Also after STARTTLS | |
//! | `Dns` | what does a resolver answer? | `dns` |
//! | `Ping` | does a host answer echo requests? | `icmp` |
//!
//! # Examples
//!
//! ```no_run
//! use synthetic_core::prelude::*;
//! use synthetic_http::cert_days_left;
//! use synthetic_http::net::{StartTls, Tcp, Tls};
//!
//! async fn mail(run: Run) -> Result {
//!     run.step("the cache answers", async {
//!         Tcp::at("cache.internal:6379").send("PING\r\n").expect_line("+PONG").connect().await?;
//!         Ok(())
//!     }).await?;
//!     run.step("the certificate of the mail server is good", async {
//!         Tls::at("mail.example:587").starttls(StartTls::Smtp).expect(cert_days_left(ge(21))).connect().await?;
//!         Ok(())
//!     }).await
//! }
//! ```

mod check;
mod dial;
mod dialogue;
#[cfg(feature = "dns")]
mod dns;
#[cfg(feature = "icmp")]
mod ping;
mod reply;
mod tcp;
mod tls;
mod trail;

#[cfg(feature = "dns")]
pub use self::dns::{
    Dns, DnsAnswer, DnsRecord, Lookup, Record, additional_records, authoritative, authority_records, record_count,
    records, response_code, ttl,
};
#[cfg(feature = "icmp")]
pub use self::ping::{Echoes, Ping, lost, round_trip};
pub use self::tcp::{Conversation, Tcp, said};
pub use self::tls::{Handshake, StartTls, Tls, alpn};
