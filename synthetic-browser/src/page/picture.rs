//! Pictures of a page.

use std::panic::Location;

use crate::engine::Shot;
use crate::page::Page;
use crate::page::action::Action;

impl Page {
    /// Takes a picture of what the viewport shows, and attaches it to the run as `NAME.png`.
    ///
    /// # Errors
    ///
    /// What stands in the way of any action: the browser is gone, the page crashed or does not answer, a dialog is open.
    #[track_caller]
    pub fn screenshot(&self, name: impl Into<String>) -> Action {
        let (page, name, place) = (self.clone(), name.into(), Location::caller());
        Action::new(async move {
            let limit = page.limit(page.navigation_patience);
            match page.ask(&limit, page.tab().screenshot(&Shot::default())).await {
                Ok(png) => {
                    if let Some(run) = page.run() {
                        run.attach(format!("{name}.png"), "image/png", png);
                    }
                    Ok(())
                }
                Err(trouble) => {
                    Err(page.raise(page.troubled(&format!("screenshot {name:?}"), trouble, &limit).await, place))
                }
            }
        })
    }
}
