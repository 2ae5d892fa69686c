#![doc = include_str!("../README.md")]

mod engine;
mod launch;
