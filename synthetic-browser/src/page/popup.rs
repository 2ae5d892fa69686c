//! Tabs that the page opens.

use std::future::{Future, IntoFuture};
use std::panic::Location;

use synthetic_core::Result;

use crate::page::Page;
use crate::page::during::Awaited;
use crate::page::watch::Popup;

/// # Popups
impl Page {
    /// Does something during which the page is expected to open a tab or a window, and returns that:
    /// `page.popup(page.link("Help").click())`. It is closed with the page.
    ///
    /// # Errors
    ///
    /// What the future fails with; and when nothing was opened in the page's patience.
    #[track_caller]
    pub fn popup<T, F>(&self, doing: F) -> impl Future<Output = Result<Self>> + Send + use<T, F>
    where
        F: IntoFuture<Output = Result<T>>,
        F::IntoFuture: Send,
        T: Send,
    {
        let (page, place, doing) = (self.clone(), Location::caller(), doing.into_future());
        async move {
            let before = page.watch().read(|tally| tally.popups.len());
            let awaited = Awaited { what: "popup of the page", expected: "opens", missing: "no tab was opened" };
            let Popup { tab, watch } = page.during(awaited, doing, |tally| tally.popups.remove(before), place).await?;
            Ok(page.sibling(tab, watch))
        }
    }
}
