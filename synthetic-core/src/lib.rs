//! placeholder

pub mod expect;
