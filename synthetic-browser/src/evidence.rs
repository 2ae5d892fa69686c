//! What is kept of a page for whoever looks into a failure: pictures, the document, the console, the network.

pub(crate) mod collect;
pub(crate) mod console;
pub(crate) mod names;
pub(crate) mod picture;
pub(crate) mod screenshot;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use synthetic_core::Secret;
pub use synthetic_core::artifact::Keep;
use tokio::task::JoinHandle;

use crate::network::archive::Bodies;
use crate::page::watch::Step;

/// Says what evidence is kept of a page by itself. [`Page::screenshot`](crate::Page::screenshot) takes a picture in any case.
///
/// # Default
///
/// [`on_failure`](Self::on_failure): nothing of a journey that passes.
///
/// # Examples
///
/// ```
/// use synthetic_browser::{Browser, Evidence, Keep};
///
/// let browser = Browser::chromium().evidence(Evidence::each_step().network(Keep::Always));
/// # drop(browser);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it says nothing until it is given to a browser or a page"]
pub struct Evidence {
    pub(crate) pictures: Keep,
    pub(crate) document: Keep,
    pub(crate) console: Keep,
    pub(crate) network: Keep,
    pub(crate) vitals: bool,
}

impl Evidence {
    /// Keeps nothing.
    pub const fn never() -> Self {
        Self::all(Keep::Never)
    }

    /// Keeps, of a journey that fails: a picture, the document as HTML, the console, and the requests as an HTTP archive.
    pub const fn on_failure() -> Self {
        Self::all(Keep::OnFailure)
    }

    /// Keeps a picture of each step, when it has ended; the rest when the journey fails.
    pub const fn each_step() -> Self {
        Self { pictures: Keep::Always, ..Self::on_failure() }
    }

    const fn all(keep: Keep) -> Self {
        Self { pictures: keep, document: keep, console: keep, network: keep, vitals: true }
    }

    /// Sets when pictures are kept: `01-open.png`, with [`Keep::Always`] of each step, and `02-sign-in-failed.png`.
    pub const fn pictures(mut self, keep: Keep) -> Self {
        self.pictures = keep;
        self
    }

    /// Sets when the document is kept, `02-sign-in-failed.html`: as HTML for a person to look at, at most 512 KiB, with what
    /// is in its fields, but for passwords, secrets and hidden fields, and without scripts.
    pub const fn document(mut self, keep: Keep) -> Self {
        self.document = keep;
        self
    }

    /// Sets when the console and what scripts threw are kept, `console.txt`.
    pub const fn console(mut self, keep: Keep) -> Self {
        self.console = keep;
        self
    }

    /// Sets when the requests are kept, `network.har`.
    pub const fn network(mut self, keep: Keep) -> Self {
        self.network = keep;
        self
    }

    /// Says whether the web vitals of the last document are measurements of the run, see [`Vitals`](crate::Vitals).
    ///
    /// # Default
    ///
    /// They are.
    pub const fn vitals(mut self, record: bool) -> Self {
        self.vitals = record;
        self
    }
}

impl Default for Evidence {
    fn default() -> Self {
        Self::on_failure()
    }
}

/// What was filled in as secrets in any page of a run: what one is given, another may show.
#[derive(Debug, Default)]
pub(crate) struct Filled(Mutex<Vec<Secret>>);

/// What is being kept of one page.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    pub(crate) policy: Evidence,
    /// The browser's name and version.
    pub(crate) browser: String,
    /// Held while a picture is taken, and while a secret is filled in: no picture has half of it.
    pub(crate) still: tokio::sync::Mutex<()>,
    filled: Arc<Filled>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// What is being taken.
    pub(crate) underway: Vec<JoinHandle<()>>,
    /// How many pictures were taken by themselves.
    pub(crate) pictures: usize,
    /// The step of the last failure of which evidence was taken, and how many there were.
    pub(crate) failed_in: Option<Option<Arc<Step>>>,
    pub(crate) failures: usize,
    pub(crate) bodies: Bodies,
}

impl Collector {
    pub(crate) fn new(policy: Evidence, browser: String, filled: Arc<Filled>) -> Self {
        Self { policy, browser, filled, ..Self::default() }
    }

    /// Makes that of a page that this one opened.
    pub(crate) fn sibling(&self) -> Self {
        Self::new(self.policy.clone(), self.browser.clone(), Arc::clone(&self.filled))
    }

    /// Keeps a secret out of the pictures of every page of the run, wherever it is shown.
    pub(crate) fn keep_secret(&self, secret: &Secret) {
        let mut secrets = self.filled.0.lock().unwrap_or_else(PoisonError::into_inner);
        if secrets.iter().all(|known| known.expose() != secret.expose()) {
            secrets.push(secret.clone());
        }
    }

    pub(crate) fn secrets(&self) -> Vec<Secret> {
        self.filled.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
