//! What is done with a page itself, rather than with what is in it.

use std::future::Future;
use std::panic::Location;

use crate::engine::{MouseAction, Result as EngineResult};
use crate::page::Page;
use crate::page::action::Action;
use crate::page::ask::Trouble;

const CLOSE: &str = "close the page";

/// # The page itself
impl Page {
    /// Gives the viewport another size, in CSS pixels, one of them being one pixel of the device.
    ///
    /// # Errors
    ///
    /// What stands in the way of any action: the browser is gone, the page crashed or does not answer, a dialog is open.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) -> Action {
        let page = self.clone();
        self.told("resize the page", async move { page.tab().set_viewport(width, height, 1.0).await })
    }

    /// Turns the mouse wheel: so many CSS pixels to the right and down, where the mouse is.
    ///
    /// # Errors
    ///
    /// As [`resize`](Self::resize).
    #[track_caller]
    pub fn wheel(&self, right: f64, down: f64) -> Action {
        let page = self.clone();
        self.told(
            "turn the wheel",
            async move { page.tab().mouse(&[MouseAction::Wheel { dx: right, dy: down }]).await },
        )
    }

    /// Sends these headers with every request from now on, of whatever origin, in place of those it was opened with.
    ///
    /// # Errors
    ///
    /// As [`resize`](Self::resize); and what the browser refuses as a header.
    #[track_caller]
    pub fn headers<N, V>(&self, headers: impl IntoIterator<Item = (N, V)>) -> Action
    where
        N: Into<String>,
        V: Into<String>,
    {
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let page = self.clone();
        self.told("set headers", async move { page.tab().set_extra_headers(&headers).await })
    }

    /// Closes the page before its run does: a popup that is done with.
    ///
    /// # Errors
    ///
    /// As [`resize`](Self::resize).
    #[track_caller]
    pub fn close(&self) -> Action {
        let page = self.clone();
        self.told(CLOSE, async move { page.tab().close().await })
    }

    /// Asks for something, within the page's patience, that has no answer but whether it was done.
    #[track_caller]
    fn told(&self, what: &'static str, asking: impl Future<Output = EngineResult<()>> + Send + 'static) -> Action {
        let (page, place) = (self.clone(), Location::caller());
        Action::new(async move {
            let limit = page.limit(page.patience());
            match page.ask(&limit, asking).await {
                Ok(()) => Ok(()),
                // That is what was asked for.
                Err(Trouble::Closed) if what == CLOSE => Ok(()),
                Err(trouble) => Err(page.raise(page.troubled(what, trouble, &limit).await, place)),
            }
        })
    }
}
