//! Canaries for the storefront, one a file.

pub mod api_health;
pub mod custom_matcher;
#[cfg(feature = "browser")]
pub mod login;
pub mod order_workflow;
pub mod reservations;
