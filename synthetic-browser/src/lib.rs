#![doc = include_str!("../README.md")]

mod browser;
mod engine;
mod launch;

pub use browser::Browser;
