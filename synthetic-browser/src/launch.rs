//! How a browser is found, started, watched and ended. Nothing here knows a protocol.
//!
//! The promise of all of it: a browser and its whole tree of processes never outlive us, and neither does its profile,
//! however we end. [`process`] says how.

pub(crate) mod error;
pub(crate) mod find;
pub(crate) mod firefox_prefs;
pub(crate) mod flags;
pub(crate) mod folder;
pub(crate) mod janitor;
pub(crate) mod memory;
pub(crate) mod process;
pub(crate) mod reap;
pub(crate) mod stderr;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use std::fmt;

/// Which browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    Chromium,
    Firefox,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        })
    }
}
