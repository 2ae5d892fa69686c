//! Chromium, by its DevTools protocol: <https://chromedevtools.github.io/devtools-protocol/tot/>.
//!
//! One task reads and one writes. What the browser tells is taken in by the one that reads, at once and in order, so what
//! is known here is what the browser knew when it sent its last message.

mod browser;
mod connection;
mod console;
mod context;
mod events;
mod frames;
mod input;
mod json;
mod keys;
mod network;
mod page;
mod screenshot;
mod script;
mod setup;
mod tab;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;

use self::browser::Browser;
use self::connection::{Connection, Listener};
use self::json::Fields as _;
use super::{Context, ContextOptions, Engine, Result};

/// Speaks to a Chromium over what it reads commands from, and what it writes answers to: its file descriptors 3 and 4 with
/// `--remote-debugging-pipe`.
///
/// Both are closed when the engine is dropped, which ends the browser.
pub(crate) async fn connect(
    reader: impl AsyncRead + Send + Unpin + 'static,
    writer: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<Arc<dyn Engine>> {
    let connection = Connection::new(writer);
    let browser = Browser::new(connection.clone());
    let listener: Arc<dyn Listener> = Arc::clone(&browser) as _;
    let task = connection.read(reader, listener);
    let version = connection.send(None, "Browser.getVersion", json!({}));
    let attach = connection.send(None, "Target.setAutoAttach", setup::auto_attach(&["page"]));
    let mut engine = Cdp { browser, version: String::new(), task };
    // `HeadlessChrome/156.0.8078.79`
    let product = version.await?.text("product").to_owned();
    engine.version = format!("Chromium {}", product.rsplit('/').next().unwrap_or_default());
    attach.await?;
    Ok(Arc::new(engine))
}

struct Cdp {
    browser: Arc<Browser>,
    version: String,
    task: AbortHandle,
}

#[async_trait]
impl Engine for Cdp {
    fn version(&self) -> &str {
        &self.version
    }

    async fn context(&self, options: &ContextOptions) -> Result<Arc<dyn Context>> {
        context::BrowserContext::open(&self.browser, options).await
    }

    async fn gone(&self) -> String {
        self.browser.connection.gone().await
    }

    async fn close(&self) {
        // It fails when the browser is faster with closing than with answering.
        let _ = self.browser.connection.send(None, "Browser.close", json!({})).await;
    }
}

impl Drop for Cdp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Cdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cdp").field("version", &self.version).field("browser", &self.browser).finish_non_exhaustive()
    }
}
