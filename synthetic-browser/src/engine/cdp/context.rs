//! A browser context: cookies, downloads, tabs.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::super::{Context, ContextOptions, Cookie, EngineError, NewTab, Result};
use super::browser::Browser;
use super::json::Fields as _;
use super::page::Settings;
use super::setup;

#[derive(Debug)]
pub(super) struct BrowserContext {
    browser: Arc<Browser>,
    settings: Arc<Settings>,
}

impl BrowserContext {
    pub(super) async fn open(browser: &Arc<Browser>, options: &ContextOptions) -> Result<Arc<dyn Context>> {
        let connection = &browser.connection;
        let folder = match &options.downloads {
            Some(folder) => Some(folder.to_str().ok_or_else(|| EngineError::Refused {
                method: "Browser.setDownloadBehavior".to_owned(),
                message: format!("the folder for downloads is not UTF-8: {}", folder.display()),
            })?),
            None => None,
        };
        // `disposeOnDetach`: it goes with the connection, should nobody dispose of it.
        let answer = connection.send(None, "Target.createBrowserContext", json!({ "disposeOnDetach": true })).await?;
        let id: Arc<str> = answer.text("browserContextId").into();
        let settings = Arc::new(Settings { id: Arc::clone(&id), options: options.clone() });
        browser.add_context(&settings);
        let mut downloads = json!({ "behavior": "deny", "browserContextId": &*id, "eventsEnabled": true });
        if let Some(folder) = folder {
            downloads["behavior"] = json!("allowAndName");
            downloads["downloadPath"] = json!(folder);
        }
        let this = Arc::new(Self { browser: Arc::clone(browser), settings });
        let set = connection.send(None, "Browser.setDownloadBehavior", downloads);
        if options.downloads.is_some()
            && let Err(refused) = set.await
        {
            let _ = this.dispose().await;
            return Err(refused);
        }
        Ok(this)
    }
}

#[async_trait]
impl Context for BrowserContext {
    async fn tab(&self) -> Result<NewTab> {
        // A window of its own: only that can have a size, and nothing else is in front of it.
        let mut parameters = json!({ "url": "about:blank", "browserContextId": &*self.settings.id, "newWindow": true });
        if let Some((width, height, _)) = self.settings.options.viewport {
            parameters["width"] = json!(width);
            parameters["height"] = json!(height);
        }
        let pending = self.browser.expect_tab(&self.settings.id);
        let answer = self.browser.connection.send(None, "Target.createTarget", parameters).await?;
        let mut fresh = self.browser.take_fresh(answer.text("targetId")).ok_or_else(|| EngineError::Refused {
            method: "Target.createTarget".to_owned(),
            message: "the browser made a tab without a session".to_owned(),
        })?;
        drop(pending);
        setup::done(fresh.set_up).await?;
        // That the empty document is loaded is no news.
        while fresh.tab.events.try_recv().is_ok() {}
        Ok(fresh.tab)
    }

    async fn cookies(&self) -> Result<Vec<Cookie>> {
        let parameters = json!({ "browserContextId": &*self.settings.id });
        let answer = self.browser.connection.send(None, "Storage.getCookies", parameters).await?;
        Ok(answer.items("cookies").iter().map(read_cookie).collect())
    }

    async fn set_cookies(&self, cookies: &[Cookie]) -> Result<()> {
        let cookies: Vec<Value> = cookies.iter().map(written_cookie).collect();
        let parameters = json!({ "cookies": cookies, "browserContextId": &*self.settings.id });
        self.browser.connection.send(None, "Storage.setCookies", parameters).await?;
        Ok(())
    }

    async fn dispose(&self) -> Result<()> {
        let parameters = json!({ "browserContextId": &*self.settings.id });
        let answer = self.browser.connection.send(None, "Target.disposeBrowserContext", parameters).await;
        self.browser.remove_context(&self.settings.id);
        answer?;
        Ok(())
    }
}

fn read_cookie(cookie: &Value) -> Cookie {
    Cookie {
        name: cookie.text("name").to_owned(),
        value: cookie.text("value").to_owned(),
        domain: cookie.text("domain").to_owned(),
        path: cookie.text("path").to_owned(),
        expires: (!cookie.holds("session")).then(|| cookie.number("expires")),
        http_only: cookie.holds("httpOnly"),
        secure: cookie.holds("secure"),
        same_site: cookie["sameSite"].as_str().map(str::to_owned),
    }
}

fn written_cookie(cookie: &Cookie) -> Value {
    let mut written = json!({
        "name": cookie.name, "value": cookie.value, "domain": cookie.domain, "path": cookie.path,
        "httpOnly": cookie.http_only, "secure": cookie.secure,
    });
    if let Some(expires) = cookie.expires {
        written["expires"] = json!(expires);
    }
    if let Some(same_site) = &cookie.same_site {
        written["sameSite"] = json!(same_site);
    }
    written
}
