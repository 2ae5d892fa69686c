//! Tabs that the page opens.

use std::future::{Future, IntoFuture};
use std::panic::Location;

use synthetic_core::{Failure, Result};

use crate::page::Page;
use crate::page::ask::Trouble;
use crate::page::limit::span;
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
            page.count_check();
            let before = page.watch().read(|tally| tally.popups.len());
            doing.await?;
            let limit = page.limit(page.patience());
            let opened = page.watch().until(|tally| tally.popups.remove(before));
            match page.ask(&limit, async { Ok(opened.await) }).await {
                Ok(Popup { tab, watch }) => Ok(page.sibling(tab, watch)),
                Err(Trouble::Silent) => {
                    let failure = Failure::new("popup of the page")
                        .expected("opens")
                        .actual(format!("no tab was opened (waited {})", span(limit.whole())));
                    let failure = page.with_surroundings(failure, page.main(), None).await;
                    Err(page.raise(failure, place))
                }
                Err(trouble) => Err(page.raise(page.troubled("popup of the page", trouble, &limit).await, place)),
            }
        }
    }
}
