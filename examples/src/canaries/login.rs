//! A journey in a real browser: open the shop, sign in, see the dashboard.

use synthetic_browser::{Browser, Page};
use synthetic_core::prelude::*;

use crate::storefront::USERNAME;

/// Signs in as a person does, and waits for what a person waits for.
///
/// The password is the secret `storefront/password`. Each run has a context of its own in the browser: no cookie of an earlier
/// run signs it in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The browser, warm between runs.
    pub browser: Browser,
    /// Where the shop is.
    pub base: String,
}

impl Canary for Login {
    fn spec(&self) -> Spec {
        Spec::new("login").class("browser").tags(["web", "critical"]).timeout(secs(60))
    }

    async fn run(&self, run: Run) -> Result {
        // Closed by the run, whatever happens.
        let page = self.browser.page(&run).base(&self.base).await?;
        sign_in(&run, &page).await
    }
}

/// Goes through the journey in a page that is open.
///
/// # Errors
///
/// Fails where a person could not go on.
pub async fn sign_in(run: &Run, page: &Page) -> Result {
    run.step("open the shop", async {
        page.goto("/").await?;
        page.expect_title(contains("Example App")).await?;
        page.screenshot("home").await
    })
    .await?;

    run.step("sign in", async {
        page.id("login-btn").click().await?;
        page.label("Username").fill(USERNAME).await?;
        page.label("Password").fill_secret(&run.secret("storefront/password").await?).await?;
        page.screenshot("login-form").await?;
        page.button("Sign in").click().await?;
        page.expect_url(ends_with("/dashboard")).await
    })
    .await?;

    run.step("see the dashboard", async {
        for id in ["nav-menu", "metrics-panel", "recent-activity"] {
            page.id(id).visible().await?;
        }
        page.screenshot("dashboard").await
    })
    .await
}

/// Returns the canary for the shop at a URL.
#[must_use]
pub fn canary(browser: &Browser, url: &str) -> Login {
    Login { browser: browser.clone(), base: url.to_owned() }
}
