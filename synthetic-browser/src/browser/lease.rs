//! [`Lease`]: a context of its own for a run, until it is given back.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::instance::Instance;
use super::pool::Pool;
use super::seats::Seat;
use crate::engine::{Context, ContextOptions, EngineError, NewTab, World};
use crate::launch::error::LaunchError;

/// How long the browser may take to dispose of a context. One that takes longer has its last runs.
const DISPOSAL: Duration = Duration::from_secs(5);
/// How long a page that was made ready before may take to say that it is.
const READY: Duration = Duration::from_secs(5);
/// How long it may take until it is known why a browser is gone.
const INQUEST: Duration = Duration::from_secs(3);

/// A context and a tab in it, which a run has for itself.
///
/// Dropped, also by a panic, it is given back in the background.
#[derive(Debug)]
pub(crate) struct Lease {
    opened: Opened,
    // The browser stays for as long as a page of it is open.
    pool: Arc<Pool>,
}

impl Lease {
    pub(super) fn new(mut opened: Opened, seat: Seat, pool: Arc<Pool>) -> Self {
        opened.seat = Some(seat);
        Self { opened, pool }
    }

    pub(crate) fn context(&self) -> &Arc<dyn Context> {
        &self.opened.context
    }

    /// Takes the tab that was opened with it; `None` the second time.
    pub(crate) fn take_tab(&mut self) -> Option<NewTab> {
        self.opened.tab.take()
    }

    /// Returns the name and version of the browser.
    pub(crate) fn version(&self) -> &str {
        self.opened.instance.engine.version()
    }

    /// Returns what knows why the browser is gone, if it is.
    pub(crate) fn health(&self) -> Health {
        Health::of(&self.opened.instance)
    }

    /// Gives it back: disposes of the context with all its tabs, and lets the next run have its place, if it was the run's last.
    pub(crate) async fn close(mut self) {
        self.opened.dispose().await;
        self.pool.prepare(&self.opened.instance);
    }
}

/// Knows why a browser is gone. It does not keep it.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    product: String,
    end: watch::Receiver<Option<LaunchError>>,
    instance: Weak<Instance>,
}

impl Health {
    pub(super) fn of(instance: &Arc<Instance>) -> Self {
        Self { product: instance.product.to_string(), end: instance.end(), instance: Arc::downgrade(instance) }
    }

    /// Says that the browser does not answer: no other run is to have it.
    pub(crate) fn hangs(&self) {
        if let Some(instance) = self.instance.upgrade() {
            instance.tire();
        }
    }

    /// Returns why the browser is gone, with its last words, after a command came to [`EngineError::Gone`]. `told` is what that
    /// says, for a browser of which no more is known.
    pub(crate) async fn why_gone(&self, told: &str) -> LaunchError {
        let mut end = self.end.clone();
        let known = timeout(INQUEST, end.wait_for(Option::is_some)).await;
        let known = known.ok().and_then(Result::ok).and_then(|end| end.clone());
        known.unwrap_or_else(|| LaunchError::new(format!("{} is gone: {told}", self.product)))
    }
}

/// A context with its tab, which is disposed of when it is dropped.
#[derive(Debug)]
pub(super) struct Opened {
    context: Arc<dyn Context>,
    tab: Option<NewTab>,
    instance: Arc<Instance>,
    seat: Option<Seat>,
    /// In the folder of the browser, with which it goes when we do.
    downloads: Option<TempDir>,
    disposed: bool,
}

/// One that is being opened, or waits for somebody. Nothing is left in the browser when this is dropped.
pub(super) type Opening = oneshot::Receiver<Result<Opened, EngineError>>;

impl Opened {
    /// Opens one in a task of its own: whoever waits for it may give up at any time.
    pub(super) fn begin(instance: Arc<Instance>, options: ContextOptions) -> Opening {
        let (told, opening) = oneshot::channel();
        tokio::spawn(async move {
            // What nobody waits for any more is dropped, and so disposed of.
            let _ = told.send(Self::open(instance, options).await);
        });
        opening
    }

    async fn open(instance: Arc<Instance>, mut options: ContextOptions) -> Result<Self, EngineError> {
        let downloads = match &mut options.downloads {
            Some(path) => {
                let folder = TempDir::with_prefix_in("downloads-", &instance.folder).map_err(|error| {
                    let method = "a folder for downloads".to_owned();
                    EngineError::Refused { method, message: error.to_string() }
                })?;
                folder.path().clone_into(path);
                Some(folder)
            }
            None => None,
        };
        // Left to themselves, browsers differ, and a site may have another menu in each.
        options.viewport = options.viewport.or(instance.viewport);
        let context = instance.engine.context(&options).await?;
        let mut this = Self { context, tab: None, instance, seat: None, downloads, disposed: false };
        // Dropped when there is no tab.
        this.tab = Some(this.context.tab().await?);
        Ok(this)
    }

    /// Returns whether the page still answers.
    pub(super) async fn is_ready(&self) -> bool {
        let Some(NewTab { tab, .. }) = &self.tab else { return false };
        let frame = tab.main_frame();
        matches!(timeout(READY, tab.call(&frame, World::Ours, "() => true", &[])).await, Ok(Ok(_)))
    }

    async fn dispose(&mut self) {
        let disposal = timeout(DISPOSAL, self.context.dispose()).await;
        self.disposed = true;
        if !matches!(disposal, Ok(Ok(()))) {
            self.instance.tire();
        }
        self.seat = None;
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if self.disposed {
            return;
        }
        // Without a runtime there is no connection to the browser, which ends.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut rest = Self {
            context: Arc::clone(&self.context),
            tab: None,
            instance: Arc::clone(&self.instance),
            seat: self.seat.take(),
            downloads: self.downloads.take(),
            disposed: true,
        };
        runtime.spawn(async move { rest.dispose().await });
    }
}
