//! What pages do in real browsers.

mod actions;
mod failures;
mod frames;
mod support;
