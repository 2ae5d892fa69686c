//! Shows the SDK at work: a target to run canaries against, and the programs that do so.
//!
//! [`storefront`] is the target: a small shop that is started inside a test or an example, listens on this machine only,
//! and breaks on demand. The programs of this package need nothing else, no account and no network.
//!
//! # Examples
//!
//! ```
//! use synthetic_examples::storefront::{Faults, Storefront};
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let shop = Storefront::new().start().await?;
//! assert!(shop.url().starts_with("http://127.0.0.1:"));
//! assert!(shop.state().orders.is_empty());
//!
//! shop.set_faults(Faults { lost_answers: 1.0, ..Faults::none() });
//! shop.stop().await;
//! # Ok(())
//! # }
//! ```

pub mod storefront;
