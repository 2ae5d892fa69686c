//! What pages do in real browsers.

mod actions;
mod support;
