//! The login journey in a browser that `browser-flow` measures.

pub mod traffic;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use synthetic_browser::Browser;
use synthetic_core::prelude::*;
use synthetic_core::{Report, Runner, Secret};

/// What is timed, in its order. The last one is what the run does when the journey is done: closing the page, the report, and
/// the pictures into files.
pub const PARTS: [&str; 11] =
    ["page", "goto", "picture", "click", "fill", "fill", "picture", "submit", "elements", "picture", "close"];

/// How long each of the [`PARTS`] took.
pub type Laps = [Duration; PARTS.len()];

/// Goes through the journey as a run.
///
/// # Examples
///
/// ```no_run
/// # async fn one() -> std::io::Result<()> {
/// let browser = synthetic_browser::Browser::chromium();
/// let flow = synthetic_benches::flow::Flow::new(&browser, "http://127.0.0.1:18080/index.html");
/// let (laps, report) = flow.run().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Flow {
    browser: Browser,
    url: String,
    runner: Arc<Runner>,
    pictures: PathBuf,
}

impl Flow {
    /// Makes the journey that begins at a URL.
    #[must_use]
    pub fn new(browser: &Browser, url: &str) -> Self {
        Self {
            browser: browser.clone(),
            url: url.to_owned(),
            runner: Arc::new(Runner::new()),
            pictures: std::env::temp_dir(),
        }
    }

    /// Goes through it once, and writes its three pictures into the folder for temporary files.
    ///
    /// # Errors
    ///
    /// Returns an error when a picture cannot be written.
    pub async fn run(&self) -> std::io::Result<(Laps, Report)> {
        let watch = Arc::new(Mutex::new(Watch { last: Instant::now(), laps: Laps::default(), next: 0 }));
        let (browser, url, shared) = (self.browser.clone(), self.url.clone(), Arc::clone(&watch));
        let canary = canary(Spec::new("browser-flow").timeout(secs(60)), move |run: Run| {
            journey(run, browser.clone(), url.clone(), Arc::clone(&shared))
        });
        let report = self.runner.run(canary).await;
        for picture in report.artifacts.iter().filter(|artifact| artifact.media_type == "image/png") {
            std::fs::write(self.pictures.join(format!("canary-flow-{}", picture.name)), &picture.bytes)?;
        }
        let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.lap();
        Ok((watch.laps, report))
    }
}

struct Watch {
    last: Instant,
    laps: Laps,
    next: usize,
}

impl Watch {
    fn lap(&mut self) {
        let now = Instant::now();
        if let Some(lap) = self.laps.get_mut(self.next) {
            *lap = now - self.last;
        }
        self.next += 1;
        self.last = now;
    }
}

async fn journey(run: Run, browser: Browser, url: String, watch: Arc<Mutex<Watch>>) -> Result {
    let lap = || watch.lock().unwrap_or_else(PoisonError::into_inner).lap();
    let page = browser.page(&run).await?;
    lap();
    run.step("open", async {
        page.goto(&url).await?;
        lap();
        page.screenshot("a").await
    })
    .await?;
    lap();
    run.step("sign in", async {
        page.id("login-btn").click().await?;
        lap();
        page.id("username").fill("canary@example.com").await?;
        lap();
        page.id("password").fill_secret(&Secret::new("web/password", "canary-password")).await?;
        lap();
        page.screenshot("b").await?;
        lap();
        page.id("submit-login").click().await?;
        page.expect_url(contains("/dashboard.html")).await
    })
    .await?;
    lap();
    run.step("dashboard", async {
        for id in ["nav-menu", "metrics-panel", "recent-activity"] {
            page.id(id).visible().await?;
        }
        lap();
        page.screenshot("c").await
    })
    .await?;
    lap();
    Ok(())
}
