#![doc = include_str!("../README.md")]

#[cfg(feature = "stdout")]
mod stdout;

#[cfg(feature = "stdout")]
pub use self::stdout::Stdout;
