//! Hundreds of journeys that fail in every way: afterwards everything is as it was.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use synthetic_browser::{Browser, Page};
use synthetic_core::prelude::*;
use tokio::sync::Mutex;

use super::processes::{below, descriptors, is_main, kill};
use super::support::{Site, in_chromium};

const JOURNEYS: usize = 295;
const KILLED_BROWSERS: usize = 20;
const KILLED_OWNERS: usize = 5;
/// How many go on at the same time.
const LANES: usize = 2;
/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);
/// Tells [`owner`] where its browser is to be.
const ROOT: &str = "CANARY_TEST_ROOT";
const URL: &str = "CANARY_TEST_URL";

fn site() -> Site {
    Site::new(
        "<title>Shop</title><button>Delete</button><button>Delete</button><button onclick='alert(1)'>Ask</button>",
    )
    .answer("/broken", (500, "text/html", "<h1>Maintenance</h1>".to_owned(), ms(0)))
    .answer("/slow", (200, "text/html", "late".to_owned(), secs(600)))
    .page("/busy", "<script>setTimeout(() => { for (;;) {} }, 20)</script>")
}

/// Fails in one of several ways.
async fn fail(page: &Page, n: usize) -> Result {
    match n % 8 {
        0 => page.button("Sign in").click().await,
        1 => page.button("Delete").click().await,
        2 => page.goto("/broken").await,
        3 => page.expect_title("Bank").await,
        4 => page.goto("/slow").within(ms(50)).await,
        5 => {
            page.button("Ask").click().await?;
            page.button("Ask").visible().await
        }
        6 => {
            page.goto("/busy").await?;
            tokio::time::sleep(ms(50)).await;
            page.id("x").visible().await
        }
        _ => panic!("a bug of the canary"),
    }
}

async fn journey(browser: &Browser, url: &str, n: usize, kills: Option<PathBuf>) -> Report {
    let (browser, url) = (browser.clone(), url.to_owned());
    once(canary(Spec::new("chaos").timeout(secs(60)), move |run: Run| {
        let (browser, url, kills) = (browser.clone(), url.clone(), kills.clone());
        async move {
            let page = browser.page(&run).base(url).patience(ms(50)).await?;
            page.goto("/").await?;
            if let Some(root) = kills {
                kill(&root, is_main);
                return page.id("x").within(LONG).visible().await;
            }
            fail(&page, n).await
        }
    }))
    .await
}

#[test]
fn three_hundred_failing_journeys_leave_everything_as_it_was() {
    in_chromium(|browser| async move {
        browser.close().await;
        let root = tempfile::tempdir().unwrap();
        let url = site().start().await;
        let browser = browser.profiles(root.path()).max_pages(LANES).restart_after(1000).launch_timeout(LONG);
        let before = (descriptors(), below(root.path()).len(), folders(root.path()));

        // Each owner has a browser of its own, and is killed with it.
        for _ in 0..KILLED_OWNERS {
            killed_owner(root.path(), &url).await;
        }

        let at_first = contexts(&browser, &url).await;
        let next = AtomicUsize::new(0);
        let browsers_killed = AtomicUsize::new(0);
        // Who kills the browser is alone with it: otherwise two would be told of one killing.
        let alone = Arc::new(tokio::sync::RwLock::new(()));
        let lane = || async {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= JOURNEYS {
                    return;
                }
                let kills = n % 10 == 9 && n / 10 < KILLED_BROWSERS;
                let report = if kills {
                    let _alone = alone.write().await;
                    browsers_killed.fetch_add(1, Ordering::Relaxed);
                    journey(&browser, &url, n, Some(root.path().to_owned())).await
                } else {
                    let _together = alone.read().await;
                    journey(&browser, &url, n, None).await
                };
                let expected = if kills || n % 8 == 7 { Outcome::Error } else { Outcome::Failed };
                assert_eq!(report.outcome, expected, "journey {n}: {report:?}");
                assert_eq!(report.cleanup.left_behind(), 0, "journey {n}: {report:?}");
            }
        };
        tokio::join!(lane(), lane());
        assert_eq!(browsers_killed.into_inner(), KILLED_BROWSERS);
        assert_eq!(contexts(&browser, &url).await, at_first);

        browser.close().await;
        let started = Instant::now();
        loop {
            let after = (descriptors(), below(root.path()).len(), folders(root.path()));
            if after == before {
                break;
            }
            assert!(started.elapsed() < LONG, "{before:?} before, {after:?} after: {:#?}", below(root.path()));
            tokio::time::sleep(ms(50)).await;
        }
    });
}

/// Asks the browser how many contexts it has, once there are no more than a page needs.
async fn contexts(browser: &Browser, url: &str) -> usize {
    let (browser, url) = (browser.clone(), url.to_owned());
    let seen = Arc::new(Mutex::new(0));
    let told = Arc::clone(&seen);
    let report = once(canary(Spec::new("contexts").timeout(secs(60)), move |run: Run| {
        let (browser, url, told) = (browser.clone(), url.clone(), Arc::clone(&told));
        async move {
            let page = browser.page(&run).base(url).await?;
            page.goto("/").await?;
            // That of this page, which was the one that was made ready: whatever else there is was given back, and is about
            // to go.
            run.eventually(every(ms(20)).up_to(secs(20)), || async {
                let answer = page.command("Target.getBrowserContexts", serde_json::json!({})).await?;
                let many = answer["browserContextIds"].as_array().map_or(0, Vec::len);
                *told.lock().await = many;
                run.expect("contexts", many, eq(1_usize))
            })
            .await
        }
    }))
    .await;
    report.assert_passed();
    *seen.lock().await
}

fn folders(root: &Path) -> usize {
    std::fs::read_dir(root).unwrap().count()
}

async fn killed_owner(root: &Path, url: &str) {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "browser::chaos::owner", "--nocapture"])
        .env(ROOT, root)
        .env(URL, url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !root.join("is-open").exists() {
        assert!(started.elapsed() < LONG, "it does not open a page");
        assert!(owner.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::time::sleep(ms(20)).await;
    }
    owner.kill().unwrap();
    owner.wait().unwrap();
    std::fs::remove_file(root.join("is-open")).unwrap();
}

/// Nothing by itself: what the test above starts, which fails in a journey until it is killed.
#[test]
fn owner() {
    let (Ok(root), Ok(url)) = (std::env::var(ROOT), std::env::var(URL)) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let browser = Browser::chromium().profiles(&root).launch_timeout(LONG);
        let report = once(canary(Spec::new("owner").timeout(secs(600)), move |run: Run| {
            let (browser, root, url) = (browser.clone(), PathBuf::from(&root), url.clone());
            async move {
                let page = browser.page(&run).base(url).await?;
                page.goto("/").await?;
                std::fs::write(root.join("is-open"), "")?;
                page.goto("/slow").within(secs(500)).await
            }
        }))
        .await;
        panic!("nobody killed it: {report:?}");
    });
}
