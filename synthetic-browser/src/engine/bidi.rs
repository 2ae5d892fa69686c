//! Firefox, by [WebDriver BiDi](https://w3c.github.io/webdriver-bidi/): JSON over a WebSocket that Firefox opens by itself with
//! `--remote-debugging-port`. Parameters and events stay JSON, so that a newer Firefox breaks nothing that we do not read.
//!
//! What Firefox does not have, and what is done instead:
//! - Only one window of the browser has the focus. A tab takes it before it gets input; of runs at the same time that depend on
//!   focus, one may take it from another.
//! - The address of the peer, the body of a request, and what line of a script made one are not told.

mod connection;
mod context;
mod input;
mod log;
mod network;
mod router;
mod script;
mod state;
mod tab;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use self::connection::{Connection, Events};
use self::context::BidiContext;
use self::router::Router;
use super::{Context, ContextOptions, Engine, Result};

/// Events that a session is told of, for every tab.
const EVENTS: &[&str] = &["browsingContext", "log", "network"];

/// A Firefox that is running, and that this connection has a session with.
pub(crate) struct Bidi {
    connection: Arc<Connection>,
    router: Arc<Router>,
    version: String,
}

impl Bidi {
    /// Connects to `ws://127.0.0.1:PORT/session`, and begins a session. It ends when this and all that came of it are dropped.
    pub(crate) async fn connect(url: &str) -> Result<Arc<dyn Engine>> {
        let router = Arc::new(Router::default());
        let events: Arc<dyn Events> = Arc::new(Arc::clone(&router));
        let connection = Arc::new(Connection::open(url, events).await?);
        router.attach(&connection);
        // Dialogs are the page's affair, but for the one that asks for files, which nobody could answer.
        let prompts = json!({ "default": "ignore", "alert": "ignore", "beforeUnload": "ignore", "confirm": "ignore",
            "prompt": "ignore", "file": "dismiss" });
        let capabilities = json!({ "capabilities": { "alwaysMatch": { "unhandledPromptBehavior": prompts } } });
        let session = command(&connection, "session.new", capabilities).await?;
        command(&connection, "session.subscribe", json!({ "events": EVENTS })).await?;
        // Else Firefox would open a dialog for every challenge, and the page would wait for ever.
        command(&connection, "network.addIntercept", json!({ "phases": ["authRequired"] })).await?;
        let version = session["capabilities"]["browserVersion"].as_str().unwrap_or("of an unknown version");
        Ok(Arc::new(Self { connection, router, version: format!("Firefox {version}") }))
    }
}

#[async_trait]
impl Engine for Bidi {
    fn version(&self) -> &str {
        &self.version
    }

    async fn context(&self, options: &ContextOptions) -> Result<Arc<dyn Context>> {
        let context = BidiContext::open(&self.connection, &self.router, options.clone()).await?;
        Ok(Arc::new(context))
    }

    async fn gone(&self) -> String {
        self.connection.gone().await
    }

    async fn close(&self) {
        // Firefox ends the connection as soon as it can, which may be before its answer.
        let _ = self.connection.send("browser.close", json!({})).await;
    }
}

impl fmt::Debug for Bidi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bidi").field("version", &self.version).finish_non_exhaustive()
    }
}

async fn command(connection: &Connection, method: &str, parameters: Value) -> Result<Value> {
    connection.send(method, parameters).await.map_err(|failure| script::error(method, failure))
}
