//! [`Page`]: what a journey does in a tab.

pub(crate) mod action;
pub(crate) mod ask;
pub(crate) mod dialog;
pub(crate) mod download;
pub(crate) mod during;
pub(crate) mod evaluate;
pub(crate) mod fail;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod goto;
pub(crate) mod handle;
pub(crate) mod limit;
pub(crate) mod login;
pub(crate) mod no_answer;
pub(crate) mod open;
pub(crate) mod popup;
pub(crate) mod url;
pub(crate) mod watch;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use ::url::Url;
use synthetic_core::secret::Redactor;
use synthetic_core::{Failure, Result, Run, Secret};

use crate::browser::Health;
use crate::engine::{Context, FrameId, Tab};
use crate::evidence::Collector;
use crate::locator::keys::chord;
use crate::locator::query::{Part, Query};
use crate::locator::{Frame, Locator};
use crate::network::rules::Rules;
use crate::page::action::Action;
use crate::page::dialog::Dialogs;
use crate::page::limit::Limit;
use crate::page::watch::Watch;

/// How long a page waits for an element or for what is expected.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it waits for a navigation.
const NAVIGATION_PATIENCE: Duration = Duration::from_secs(30);

/// A tab of a browser, in an isolated context that only this run has. Cheap to clone.
///
/// It is closed by the run, whatever happens. Whatever is done in it belongs to the run and to the step that is current.
///
/// # Default
///
/// - it waits 5 s for an element to be fit and for an expectation to hold ([`patient`](Self::patient)), and 30 s for a
///   navigation; neither longer than the time of the run or the step, less a tenth of what is left, at most 2 s, so that
///   evidence can still be taken
/// - a dialog that nobody expects fails the action ([`Dialogs`])
///
/// # Examples
///
/// ```no_run
/// # use synthetic_core::prelude::*;
/// # use synthetic_browser::Page;
/// # async fn login(run: Run, page: Page) -> Result {
/// run.step("open", page.goto("https://shop.example")).await?;
/// run.step("sign in", async {
///     page.label("Email").fill("canary@example.com").await?;
///     page.label("Password").fill_secret(&run.secret("web/password").await?).await?;
///     page.button("Sign in").click().await
/// }).await?;
/// run.step("dashboard", page.expect_url(ends_with("/dashboard"))).await
/// # }
/// ```
#[derive(Clone)]
pub struct Page {
    inner: Arc<Inner>,
    patience: Duration,
    navigation_patience: Duration,
}

struct Inner {
    run: Option<Run>,
    /// What knows the secrets that were filled in where there is no run that does.
    redactor: Redactor,
    context: Arc<dyn Context>,
    tab: Arc<dyn Tab>,
    main: FrameId,
    watch: Arc<Watch>,
    /// What knows why the browser is gone, if it is.
    health: Option<Health>,
    base: Option<Url>,
    /// Which requests are blocked, and which are answered by us.
    rules: Rules,
    /// What is kept for whoever looks into a failure.
    collector: Arc<Collector>,
    /// Whether downloads are allowed.
    downloads: bool,
}

/// # Settings
impl Page {
    /// Returns the same page, with another patience for elements and expectations.
    #[must_use]
    pub fn patient(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// Sets what becomes of dialogs from now on.
    pub fn on_dialog(&self, dialogs: Dialogs) {
        self.watch().change(|tally| tally.dialogs = dialogs);
    }

    /// Finds a frame by a CSS selector for its element: `page.frame("iframe#payment").label("Card number")`.
    pub fn frame(&self, selector: impl Into<String>) -> Frame {
        Frame::new(self, &[], selector.into())
    }

    /// Returns the URL that the page has, as the browser last said.
    #[must_use]
    pub fn url(&self) -> String {
        self.watch().read(|tally| tally.main_frame().url.clone())
    }

    /// Presses a key where the focus is: `Escape`, `Control+A`.
    ///
    /// # Errors
    ///
    /// An error of our own for what is no key; and what stands in the way of any action.
    #[track_caller]
    pub fn press(&self, keys: impl Into<String>) -> Action {
        let (page, keys, place) = (self.clone(), keys.into(), Location::caller());
        Action::new(async move {
            let what = format!("press {keys}");
            let actions =
                chord(&keys).map_err(|problem| page.raise(Failure::setup(format!("{what}: {problem}")), place))?;
            let limit = page.limit(page.patience);
            let pressed = page.ask(&limit, page.tab().keys(&actions)).await;
            match pressed {
                Ok(()) | Err(ask::Trouble::Stale) => Ok(()),
                Err(trouble) => Err(page.raise(page.troubled(&what, trouble, &limit).await, place)),
            }
        })
    }
}

/// # For the rest of the crate
impl Page {
    pub(crate) fn run(&self) -> Option<Run> {
        self.inner.run.clone().or_else(Run::current)
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.inner.redactor
    }

    pub(crate) fn tab(&self) -> &Arc<dyn Tab> {
        &self.inner.tab
    }

    pub(crate) fn context(&self) -> &Arc<dyn Context> {
        &self.inner.context
    }

    pub(crate) fn main(&self) -> &FrameId {
        &self.inner.main
    }

    pub(crate) fn watch(&self) -> &Arc<Watch> {
        &self.inner.watch
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.inner.rules
    }

    pub(crate) fn collector(&self) -> &Arc<Collector> {
        &self.inner.collector
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    pub(crate) fn limit(&self, patience: Duration) -> Limit {
        Limit::new(patience, self.run().as_ref())
    }

    pub(crate) fn count_check(&self) {
        if let Some(run) = self.run() {
            run.count_check();
        }
    }

    /// Keeps a secret out of every failure.
    pub(crate) fn keep_secret(&self, secret: &Secret, place: &'static Location<'static>) -> Result {
        let redactor = match self.run() {
            Some(run) => run.secrets().redactor().register(secret),
            None => self.redactor().register(secret),
        };
        redactor.map_err(|error| self.raise(Failure::setup(error.to_string()).causes_of(&error), place))
    }

    pub(crate) fn find(&self, part: Part) -> Locator {
        let none: Arc<[Query]> = Arc::default();
        Locator::new(self, &none, part)
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({})", url::shown(&self.url()))
    }
}
