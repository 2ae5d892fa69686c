//! A user context of Firefox.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::connection::Connection;
use super::router::Router;
use super::state::User;
use super::tab::BidiTab;
use super::{command, script};
use crate::engine::{Context, ContextOptions, Cookie, EngineError, NewTab, Result};

/// The largest body of an answer that Firefox keeps for us, in bytes. It keeps 200 MB of them in all, and drops the oldest.
const BODY: u64 = 10_000_000;

pub(super) struct BidiContext {
    connection: Arc<Connection>,
    router: Arc<Router>,
    user: Arc<User>,
    collector: Option<String>,
}

impl BidiContext {
    /// Opens a context. When nobody waits for it any more it is removed again.
    pub(super) async fn open(
        connection: &Arc<Connection>,
        router: &Arc<Router>,
        options: ContextOptions,
    ) -> Result<Self> {
        let (ready, opened) = oneshot::channel();
        let (connection, router) = (Arc::clone(connection), Arc::clone(router));
        tokio::spawn(async move {
            let context = Self::make(connection, router, options).await;
            if let Err(Ok(context)) = ready.send(context) {
                let _ = context.dispose().await;
            }
        });
        opened.await.unwrap_or_else(|_| Err(EngineError::Gone("the context was not made".to_owned())))
    }

    async fn make(connection: Arc<Connection>, router: Arc<Router>, options: ContextOptions) -> Result<Self> {
        let parameters = json!({ "acceptInsecureCerts": options.accept_bad_certificates });
        let created = command(&connection, "browser.createUserContext", parameters).await?;
        let user = Arc::new(User {
            id: created["userContext"].as_str().unwrap_or_default().to_owned(),
            credentials: options.credentials.clone(),
            creating: AtomicUsize::new(0),
        });
        router.add_user(&user);
        let mut context = Self { connection, router, user, collector: None };
        match context.configure(&options).await {
            Ok(()) => Ok(context),
            Err(error) => {
                let _ = context.dispose().await;
                Err(error)
            }
        }
    }

    async fn configure(&mut self, options: &ContextOptions) -> Result<()> {
        let users = json!([self.user.id]);
        let mut commands: Vec<(&str, Value)> = vec![
            (
                "script.addPreloadScript",
                json!({ "functionDeclaration": script::library(), "sandbox": script::sandbox(), "userContexts": users }),
            ),
            (
                "browser.setDownloadBehavior",
                match &options.downloads {
                    Some(folder) => json!({ "downloadBehavior": { "type": "allowed", "destinationFolder": folder },
                        "userContexts": users }),
                    None => json!({ "downloadBehavior": { "type": "denied" }, "userContexts": users }),
                },
            ),
        ];
        if let Some((width, height, scale)) = options.viewport {
            let viewport = json!({ "width": width, "height": height });
            let parameters = json!({ "viewport": viewport, "devicePixelRatio": scale, "userContexts": users });
            commands.push(("browsingContext.setViewport", parameters));
        }
        if let Some(locale) = &options.locale {
            commands.push(("emulation.setLocaleOverride", json!({ "locale": locale, "userContexts": users })));
        }
        if let Some(zone) = &options.time_zone {
            commands.push(("emulation.setTimezoneOverride", json!({ "timezone": zone, "userContexts": users })));
        }
        if let Some(agent) = &options.user_agent {
            commands.push(("emulation.setUserAgentOverride", json!({ "userAgent": agent, "userContexts": users })));
        }
        if !options.headers.is_empty() {
            let headers = headers(&options.headers);
            commands.push(("network.setExtraHeaders", json!({ "headers": headers, "userContexts": users })));
        }
        let collector = json!({ "dataTypes": ["response"], "maxEncodedDataSize": BODY, "userContexts": users });
        let connection = &self.connection;
        let commands = commands.into_iter().map(|(method, parameters)| command(connection, method, parameters));
        // All at once: each takes a round trip, and none needs another's result.
        let (collected, done) = tokio::join!(
            command(connection, "network.addDataCollector", collector),
            futures_util::future::try_join_all(commands),
        );
        self.collector = collected?["collector"].as_str().map(str::to_owned);
        done.map(|_| ())
    }

    fn partition(&self) -> Value {
        json!({ "type": "storageKey", "userContext": self.user.id })
    }
}

#[async_trait]
impl Context for BidiContext {
    async fn tab(&self) -> Result<NewTab> {
        // A tab in the background of a window draws no frames, so tabs that are open at once have a window each. A tab is
        // faster: some 100 ms instead of 230 ms on the machine that this was written on.
        let creating = Creating::begin(&self.user, &self.router);
        let kind = if creating.only { "tab" } else { "window" };
        let parameters = json!({ "type": kind, "userContext": self.user.id });
        let created = command(&self.connection, "browsingContext.create", parameters).await?;
        let id = created["context"].as_str().unwrap_or_default();
        let (state, events) = self.router.claim(&self.user, id);
        drop(creating);
        self.router.activate(&state.main);
        let tab = BidiTab::new(Arc::clone(&self.connection), Arc::clone(&self.router), state);
        Ok(NewTab { tab: Arc::new(tab), events })
    }

    async fn cookies(&self) -> Result<Vec<Cookie>> {
        let parameters = json!({ "partition": self.partition() });
        let result = command(&self.connection, "storage.getCookies", parameters).await?;
        let cookies = result["cookies"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(cookies.iter().map(read_cookie).collect())
    }

    async fn set_cookies(&self, cookies: &[Cookie]) -> Result<()> {
        let commands = cookies.iter().map(|cookie| {
            let parameters = json!({ "cookie": write_cookie(cookie), "partition": self.partition() });
            command(&self.connection, "storage.setCookie", parameters)
        });
        futures_util::future::try_join_all(commands).await.map(|_| ())
    }

    async fn dispose(&self) -> Result<()> {
        // What was collected is freed with the collector, not with the context.
        let forgotten = match &self.collector {
            Some(collector) => {
                let parameters = json!({ "collector": collector });
                command(&self.connection, "network.removeDataCollector", parameters).await.map(drop)
            }
            None => Ok(()),
        };
        let parameters = json!({ "userContext": self.user.id });
        let removed = command(&self.connection, "browser.removeUserContext", parameters).await;
        self.router.remove_user(&self.user.id);
        removed.map(drop).and(forgotten)
    }
}

impl fmt::Debug for BidiContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BidiContext").field("id", &self.user.id).finish_non_exhaustive()
    }
}

/// Tells that a tab was asked for, for as long as it lives.
struct Creating<'a> {
    user: &'a User,
    router: &'a Router,
    /// No other tab of the browser was open, or asked for, when this one was.
    only: bool,
}

impl<'a> Creating<'a> {
    fn begin(user: &'a User, router: &'a Router) -> Self {
        user.creating.fetch_add(1, Ordering::Relaxed);
        Self { user, router, only: router.asks_for_the_only() }
    }
}

impl Drop for Creating<'_> {
    fn drop(&mut self) {
        self.user.creating.fetch_sub(1, Ordering::Relaxed);
        self.router.was_opened();
    }
}

pub(super) fn headers(headers: &[(String, String)]) -> Value {
    headers.iter().map(|(name, value)| json!({ "name": name, "value": { "type": "string", "value": value } })).collect()
}

fn read_cookie(cookie: &Value) -> Cookie {
    let text = |name: &str| cookie[name].as_str().unwrap_or_default().to_owned();
    Cookie {
        name: text("name"),
        value: cookie["value"]["value"].as_str().unwrap_or_default().to_owned(),
        domain: text("domain"),
        path: text("path"),
        expires: cookie["expiry"].as_f64(),
        http_only: cookie["httpOnly"] == true,
        secure: cookie["secure"] == true,
        same_site: match cookie["sameSite"].as_str() {
            Some("strict") => Some("Strict".to_owned()),
            Some("lax") => Some("Lax".to_owned()),
            Some("none") => Some("None".to_owned()),
            _ => None,
        },
    }
}

fn write_cookie(cookie: &Cookie) -> Value {
    let mut written = json!({
        "name": cookie.name,
        "value": { "type": "string", "value": cookie.value },
        "domain": cookie.domain,
        "path": cookie.path,
        "httpOnly": cookie.http_only,
        "secure": cookie.secure,
    });
    if let Some(same_site) = &cookie.same_site {
        written["sameSite"] = same_site.to_ascii_lowercase().into();
    }
    if let Some(expires) = cookie.expires {
        written["expiry"] = seconds(expires).into();
    }
    written
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float to integer cast saturates")]
fn seconds(expires: f64) -> u64 {
    expires.ceil() as u64
}
