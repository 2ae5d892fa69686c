//! How requests go to their target, as far as a failure has to tell.

use super::{opened::Over, settings::ClientSettings};

/// How requests go to their target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    /// What is said of a proxy that may have been asked; empty where there is none, or it is certain.
    pub(super) maybe: String,
    /// The proxy that everything goes through.
    pub(super) proxy: Option<String>,
    /// Nothing but HTTP/2 is spoken.
    pub(super) http2_only: bool,
}

impl Way {
    pub(crate) fn of(settings: &ClientSettings, over: Over) -> Self {
        let (mut maybe, mut certain) = (String::new(), None);
        match settings.proxy() {
            Some(proxy) if settings.no_proxy.is_empty() => certain = Some(proxy.to_string()),
            Some(proxy) => maybe = format!(" (the proxy {proxy} may have been asked)"),
            None if settings.proxy.is_none() && settings.use_system_proxy => {
                " (a proxy of the system may have been asked)".clone_into(&mut maybe);
            }
            None => {}
        }
        Self { maybe, proxy: certain, http2_only: over == Over::Any && !settings.http1 }
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.maybe.is_empty() && self.proxy.is_none()
    }
}
