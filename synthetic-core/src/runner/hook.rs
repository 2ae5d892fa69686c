//! The panic hook: the one thing that is process-wide in the SDK, because Rust's panic hook is.
//!
//! It remembers where a panic happened in code that belongs to a run, and passes everything on to the hook that was there
//! before.

use std::panic;
use std::sync::Once;

use super::last_words;
use super::panics::{self, Scene, panics_abort};
use crate::failure::panic_message;
use crate::run::Context;

/// Makes sure that the place of a panic is remembered.
pub(super) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if let Some(here) = Context::current() {
                let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
                let scene = Scene { here, place };
                if panics_abort() {
                    last_words::speak(&scene, &panic_message(info.payload()));
                } else {
                    panics::remember(scene);
                }
            }
            before(info);
        }));
    });
}
