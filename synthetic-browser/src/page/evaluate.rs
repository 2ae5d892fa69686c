//! Scripts in a page, and the protocol's own commands.

use std::panic::Location;

use serde::de::DeserializeOwned;
use serde_json::Value;
use synthetic_core::{Failure, Reason, Result};

use crate::engine::World;
use crate::page::Page;
use crate::page::action::Action;
use crate::page::ask::Trouble;
use crate::page::limit::Limit;

/// # Scripts
impl Page {
    /// Returns the page's title, with white space collapsed.
    ///
    /// # Errors
    ///
    /// What stands in the way of any action: a crash, a dialog, a page that does not answer.
    #[track_caller]
    pub fn title(&self) -> Action<String> {
        let place = Location::caller();
        let page = self.clone();
        Action::new(async move {
            let script = "() => canary.surroundings(null).title.trim().replace(/\\s+/g, ' ')";
            let value = page.script("title of the page", World::Ours, script, place).await?;
            Ok(value.as_str().unwrap_or_default().to_owned())
        })
    }

    /// Returns the document as HTML, as it is now.
    ///
    /// # Errors
    ///
    /// What stands in the way of any action: a crash, a dialog, a page that does not answer.
    #[track_caller]
    pub fn content(&self) -> Action<String> {
        let (page, place) = (self.clone(), Location::caller());
        Action::new(async move {
            let value = page.script("content of the page", World::Ours, "() => canary.contentOf()", place).await?;
            Ok(value.as_str().unwrap_or_default().to_owned())
        })
    }

    /// Evaluates an expression in the page, or calls a function, and returns its JSON value: `evaluate("cart.items.length")`,
    /// `evaluate("async () => { … return x; }")`. `undefined` is null.
    ///
    /// # Errors
    ///
    /// What the script throws is a failure of the target. What is no script fails so too.
    #[track_caller]
    pub fn evaluate(&self, script: impl AsRef<str>) -> Action<Value> {
        let (page, place) = (self.clone(), Location::caller());
        // On lines of its own, so that a comment at the end comments nothing else out.
        let function = [
            "async () => { const it = (\n",
            script.as_ref().trim().trim_end_matches(';'),
            "\n); return typeof it === 'function' ? await it() : it; }",
        ]
        .concat();
        Action::new(async move {
            page.count_check();
            page.script("evaluate a script in the page", World::Page, &function, place).await
        })
    }

    /// Evaluates as [`evaluate`](Self::evaluate) does, and reads the value into a type.
    ///
    /// # Errors
    ///
    /// As `evaluate`; and when the value is not of that type.
    #[track_caller]
    pub fn evaluate_as<T: DeserializeOwned>(&self, script: impl AsRef<str>) -> Action<T> {
        let (page, place) = (self.clone(), Location::caller());
        let evaluated = self.evaluate(script);
        Action::new(async move {
            let value = evaluated.await.map_err(|failure| failure.at(place))?;
            serde_json::from_value(value.clone()).map_err(|error| {
                let failure = Failure::new("value of a script in the page");
                page.raise(
                    failure
                        .expected(format!("is read as {}", std::any::type_name::<T>()))
                        .actual(format!("{value}: {error}")),
                    place,
                )
            })
        })
    }

    /// Sends a command of the browser's own protocol in this tab, and returns its result: for what this crate does not
    /// have. Chromium speaks the [DevTools protocol](https://chromedevtools.github.io/devtools-protocol/)
    /// (`command("Page.printToPDF", json!({}))`), Firefox [WebDriver BiDi](https://w3c.github.io/webdriver-bidi/).
    ///
    /// # Errors
    ///
    /// An error of our own when the browser refuses it.
    #[track_caller]
    pub fn command(&self, method: impl Into<String>, parameters: Value) -> Action<Value> {
        let (page, method, place) = (self.clone(), method.into(), Location::caller());
        Action::new(async move {
            let limit = page.limit(page.navigation_patience);
            let sent = page.ask(&limit, page.tab().raw(&method, parameters)).await;
            match sent {
                Ok(value) => Ok(value),
                Err(trouble) => Err(page.raise(page.troubled(&method, trouble, &limit).await, place)),
            }
        })
    }

    async fn script(
        &self,
        what: &str,
        world: World,
        function: &str,
        place: &'static Location<'static>,
    ) -> Result<Value> {
        let limit = self.limit(self.patience);
        loop {
            match self.ask(&limit, self.tab().call(self.main(), world, function, &[])).await {
                Ok(value) => return Ok(value),
                // A script of the author may have done something before its document went away: it is not run again.
                Err(Trouble::Stale) if world == World::Ours && !limit.is_over() => tokio::task::yield_now().await,
                Err(trouble) => return Err(self.script_trouble(what, trouble, &limit, place).await),
            }
        }
    }

    /// Records why a script of the author came to nothing.
    pub(crate) async fn script_trouble(
        &self,
        what: &str,
        trouble: Trouble,
        limit: &Limit,
        place: &'static Location<'static>,
    ) -> Failure {
        let failure = match trouble {
            Trouble::Script(text) => Failure::with_reason(Reason::Unexpected, format!("{what}: {text}")),
            trouble => self.troubled(what, trouble, limit).await,
        };
        self.raise(failure, place)
    }
}
