//! A real Firefox, on pages of our own.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Bidi;
use crate::engine::{ContextOptions, EngineError, Tab, World, contract};
use crate::launch::firefox_prefs;

/// A Firefox in a process group of its own, which ends with it.
struct Firefox {
    process: Child,
    profile: tempfile::TempDir,
}

impl Firefox {
    /// Starts it, and returns the address of its WebSocket; `None`, with a word, where there is none.
    fn start() -> Option<(Self, String)> {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let names = ["firefox-esr", "firefox"];
        let found: Option<PathBuf> = std::env::split_paths(&folders)
            .flat_map(|folder| names.map(|name| folder.join(name)))
            .find(|path| path.is_file());
        let Some(program) = found else {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "firefox is missing: scripts/test installs it"
            );
            eprintln!("skipped: there is no firefox-esr or firefox here (with CI=true this is a failure)");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        std::fs::write(profile.path().join("user.js"), firefox_prefs::user_js()).unwrap();
        let mut process = Command::new(program)
            .args(["--headless", "--no-remote", "--remote-debugging-port=0", "--profile"])
            .arg(profile.path())
            .envs(firefox_prefs::ENVIRONMENT.iter().copied())
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address =
            lines.find_map(|line| line.unwrap().strip_prefix("WebDriver BiDi listening on ").map(str::to_owned));
        // Someone has to read on, lest it stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let address = format!("{}/session", address.expect("firefox ended without saying where it listens"));
        Some((Self { process, profile }, address))
    }

    /// Kills what renders pages: every process below it that does.
    fn kill_renderers(&self) {
        let output = Command::new("ps").args(["-e", "-o", "pid=,args="]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let ours = format!("-parentPid {} ", self.process.id());
        let renderers = text.lines().filter(|line| line.contains(&ours) && line.trim_end().ends_with(" tab"));
        for line in renderers {
            kill(line.split_whitespace().next().unwrap());
        }
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        kill(&format!("-{}", self.process.id()));
        let _ = self.process.wait();
        let _ = self.profile.path();
    }
}

fn kill(pid: &str) {
    let _ = Command::new("kill").args(["-9", "--", pid]).status();
}

#[tokio::test]
async fn firefox_does_what_every_engine_must() {
    let Some((firefox, address)) = Firefox::start() else { return };
    let engine = Bidi::connect(&address).await.unwrap();
    contract::check_tab(Arc::clone(&engine), async |_| firefox.kill_renderers()).await;
}

#[tokio::test]
async fn a_firefox_that_is_killed_is_gone_and_says_so_to_whoever_waits() {
    let Some((firefox, address)) = Firefox::start() else { return };
    let engine = Bidi::connect(&address).await.unwrap();
    assert!(engine.version().starts_with("Firefox 1"), "{}", engine.version());
    let context = engine.context(&ContextOptions::default()).await.unwrap();
    let tab = context.tab().await.unwrap().tab;
    let frame = tab.main_frame();
    let forever = tab.call(&frame, World::Ours, "() => new Promise(() => {})", &[]);
    let (waited, ()) = tokio::join!(forever, async { drop(firefox) });
    assert!(matches!(waited, Err(EngineError::Gone(_))), "{waited:?}");
    let why = engine.gone().await;
    assert!(why.contains("connection"), "{why}");
    let after = context.tab().await.unwrap_err();
    assert!(matches!(after, EngineError::Gone(_)), "{after:?}");
}

#[tokio::test]
async fn pages_that_are_opened_at_the_same_time_draw_frames_at_the_same_time() {
    let Some((_firefox, address)) = Firefox::start() else { return };
    let engine = Bidi::connect(&address).await.unwrap();
    let options = ContextOptions::default();
    let (one, two) = tokio::join!(engine.context(&options), engine.context(&options));
    let (one, two) = (one.unwrap(), two.unwrap());
    let (one, two) = tokio::join!(one.tab(), two.tab());
    // A tab in the background is hidden; its frames come seconds apart, and ever more seldom.
    let draws = "() => new Promise(done => {
        let frames = 0;
        const draw = () => ++frames < 100 ? requestAnimationFrame(draw) : done(document.visibilityState);
        draw();
    })";
    let drawn = async |tab: Arc<dyn Tab>| {
        let frame = tab.main_frame();
        let drawn = tab.call(&frame, World::Page, draws, &[]);
        tokio::time::timeout(Duration::from_secs(60), drawn).await.expect("frames come").unwrap()
    };
    let (one, two) = tokio::join!(drawn(one.unwrap().tab), drawn(two.unwrap().tab));
    assert_eq!((one, two), ("visible".into(), "visible".into()));
}

#[tokio::test]
async fn a_firefox_that_is_asked_to_close_ends_by_itself() {
    let Some((mut firefox, address)) = Firefox::start() else { return };
    let engine = Bidi::connect(&address).await.unwrap();
    let context = engine.context(&ContextOptions::default()).await.unwrap();
    let _tab = context.tab().await.unwrap();
    engine.close().await;
    engine.gone().await;
    let ended = tokio::task::spawn_blocking(move || firefox.process.wait().unwrap().success());
    assert!(ended.await.unwrap());
}

#[tokio::test]
async fn whoever_stops_waiting_for_a_context_leaves_none_behind() {
    let Some((_firefox, address)) = Firefox::start() else { return };
    let engine = Bidi::connect(&address).await.unwrap();
    let keeper = engine.context(&ContextOptions::default()).await.unwrap().tab().await.unwrap().tab;
    let count = async || {
        let contexts = keeper.raw("browser.getUserContexts", json!({})).await.unwrap();
        contexts["userContexts"].as_array().unwrap().len()
    };
    let before = count().await;
    // It is polled once, and then dropped.
    assert!(tokio::time::timeout(Duration::ZERO, engine.context(&ContextOptions::default())).await.is_err());
    tokio::task::yield_now().await;
    // The command that makes it was sent before the first of these.
    let left = async {
        while count().await > before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), left).await.unwrap();
}
