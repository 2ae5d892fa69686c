//! What pages do in real browsers.

mod actions;
mod evidence;
mod failures;
mod frames;
mod network;
mod support;
mod vitals;
